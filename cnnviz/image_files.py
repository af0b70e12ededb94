"""Open a stranger's picture: every limit is checked before anything is decoded, every failure is a sentence."""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from pathlib import Path
from typing import Final

# The plugins are named so that they are loaded now, and not by the first visitors' threads at the same time.
from PIL import (  # noqa: F401
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from cnnviz.hosting import HOSTING

Source = bytes | bytearray | memoryview | str | Path

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_BYTES: Final = HOSTING.upload_mb * 1_000_000
MAX_PIXELS: Final = HOSTING.megapixels * 1_000_000  # a 48-megapixel phone photograph passes
MAX_SLOW_PIXELS: Final = MAX_PIXELS // 2  # where a pixel takes twice as long: WebP, four inks, 32-bit samples
MAX_SIDE: Final = 20_000  # also keeps the sums of _weighted_rows exact in float32
MAX_FRAMES: Final = 1000
MAX_ANIMATION_PIXELS: Final = 100_000_000  # frame k of an animation needs frames 0 to k decoded
_MAX_SCANS: Final = 60  # a progressive JPEG has about ten; each pass over a large picture costs 30 ms


# Everything that Pillow's decoders are known to raise on damaged or hostile files. Warnings are here for
# programs that turn them into errors; the pixel limit above is stricter than Pillow's own.
PILLOW_RAISES: Final = (
    OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError,
    AssertionError, RuntimeError, MemoryError, struct.error, zlib.error, Image.DecompressionBombError,
    Warning,
)  # fmt: skip

# Pillow's remarks about a damaged file go to the log; a stranger could fill it with them.
warnings.filterwarnings("ignore", module=r"PIL\.")


class ImageError(ValueError):
    """A picture cannot be used. The message is a sentence for the person who chose the file."""


def read_source(source: Source) -> bytes:
    if isinstance(source, str | Path):
        try:
            length = Path(source).stat().st_size
            data = Path(source).read_bytes() if length <= MAX_BYTES else b""
        except (OSError, ValueError):
            raise ImageError(f"There is no picture called {Path(source).name!r:.60}.") from None
    elif isinstance(source, bytes | bytearray | memoryview):
        length = memoryview(source).nbytes
        data = bytes(source) if length <= MAX_BYTES else b""
    else:
        raise ImageError("A picture is given as the bytes of its file.")
    if length > MAX_BYTES:
        raise ImageError(f"The file has {length / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read.")
    if not data:
        raise ImageError("The file is empty.")
    return data


class _Metered(io.BytesIO):
    """A file that stops a parser which keeps coming back: a hostile one can make Pillow read terabytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._calls = 600_000
        self._bytes = 4 * len(data) + MAX_FRAMES * 65_536  # each frame of a GIF may fetch a block of 64 kB

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self._calls -= 1
        self._bytes -= len(chunk)
        if self._calls < 0 or self._bytes < 0:
            raise ImageError("The file is built so that reading it would take too long.")
        return chunk


def open_image(data: bytes, frame: int) -> tuple[Image.Image, int]:
    """Read the headers, check every limit, go to the frame: the picture, not decoded, and how many frames."""
    image = Image.open(_Metered(data), formats=FORMATS)
    _check_area(image)
    if image.format in ("JPEG", "MPO") and data.count(b"\xff\xda") > _MAX_SCANS:
        raise ImageError("This JPEG is built of so many passes that reading it would take too long.")
    frames = _frames(image)
    if frames > MAX_FRAMES:
        raise ImageError(f"The file has more than {MAX_FRAMES} frames; shorten it first.")
    if type(frame) is not int or not 0 <= frame < frames:
        there = "is only frame 0" if frames == 1 else f"are frames 0 to {frames - 1}"
        raise ImageError(f"There is no frame {frame!r:.20}: in this file there {there}.")
    if image.format != "TIFF" and (frame + 1) * math.prod(image.size) > max(MAX_ANIMATION_PIXELS, MAX_PIXELS):
        raise ImageError(f"Frame {frame} lies too far into such a large animation; choose an earlier one.")
    for i in range(1, frame + 1):  # one by one, because a GIF's canvas may grow on the way
        image.seek(i)
        _check_area(image)
    return image, frames


def _frames(image: Image.Image) -> int:
    if image.format == "MPO":  # a phone's photograph with a preview or a depth map behind it
        return 1
    if image.format != "TIFF":
        return int(getattr(image, "n_frames", 1))
    count = 1  # all pages of a hostile TIFF would take n_frames quadratic time
    try:
        while count <= MAX_FRAMES:
            image.seek(count)
            count += 1
    except EOFError:
        pass
    image.seek(0)
    return count


def _check_area(image: Image.Image) -> None:
    tags = getattr(image, "tag_v2", {})
    tile = (tags.get(322, 1), tags.get(323, 1))  # a TIFF's tile can be far larger than its picture
    most = MAX_SLOW_PIXELS if image.format == "WEBP" or image.mode in ("CMYK", "I", "F") else MAX_PIXELS
    for width, height in (image.size, tile):
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE and width * height <= most):
            raise ImageError(
                f"The picture is {width}×{height} pixels; at most {most // 10**6} megapixels and "
                f"{MAX_SIDE} pixels a side are read of its kind. Make it smaller first."
            )


def sentence(error: BaseException, data: bytes) -> ImageError:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return ImageError(f"The picture has over {MAX_PIXELS // 10**6} megapixels; make it smaller first.")
    if isinstance(error, MemoryError):
        return ImageError("The picture needs more memory than there is; make it smaller first.")
    if isinstance(error, UnidentifiedImageError):
        return ImageError(f"This is {_looks_like(data)}. JPEG, PNG, WebP, GIF, BMP and TIFF can be read.")
    return ImageError("The picture is damaged or incomplete and cannot be read.")


_MARKS: Final = (
    (b"%pdf", "a PDF document, not a picture"),
    (b"pk\x03\x04", "a zip archive or an office document, not a picture"),
    (b"<!doctype html", "a web page, not a picture"),
    (b"<html", "a web page, not a picture"),
    (b"<svg", "an SVG drawing, which has no pixels yet"),
)


def _looks_like(data: bytes) -> str:
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, what in _MARKS:
        if head.startswith(mark) or (mark == b"<svg" and mark in head):  # an XML header may come first
            return what
    if data[4:8] == b"ftyp":
        heic = data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis")
        return "a HEIC or AVIF photograph; export it as JPEG first" if heic else "a film, not a picture"
    if all(byte >= 32 or byte in b"\t\r\n\f" for byte in data[:512]):
        return "text, not a picture"
    return "not a picture that can be read, or a damaged one"
