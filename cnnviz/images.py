"""Turn any file a person may upload into an exact tensor, or say in one sentence why not.

Nothing here trusts the file: its size is checked before it is opened, its pixel count before it is decoded,
its format by its content and never by its name. Nothing is kept between calls, so threads may share it all.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch

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

Source = bytes | bytearray | memoryview | str | Path
Mode = Literal["L", "RGB"]
Fit = Literal["crop", "keep", "stretch"]
Size = int | tuple[int, int] | None
Bytes8 = np.ndarray[Any, np.dtype[np.uint8]]

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_BYTES: Final = 20_000_000
MAX_PIXELS: Final = 50_000_000  # a 48-megapixel phone photograph passes
MAX_SIDE: Final = 20_000  # also keeps the sums of _weighted_rows exact in float32
MAX_SIZE: Final = 1024  # of a result, in each direction
MAX_FRAMES: Final = 1000
MAX_ANIMATION_PIXELS: Final = 200_000_000  # frame k of an animation needs frames 0 to k decoded
_MAX_SCANS: Final = 60  # a progressive JPEG has about ten; each pass over a large picture costs 30 ms

# Everything that Pillow's decoders are known to raise on damaged or hostile files. Warnings are here for
# programs that turn them into errors; the pixel limit above is stricter than Pillow's own.
_PILLOW_RAISES: Final = (
    OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError,
    AssertionError, RuntimeError, MemoryError, struct.error, zlib.error, Image.DecompressionBombError,
    Warning,
)  # fmt: skip

_UPRIGHT: Final = {  # EXIF orientation -> what turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip


# Pillow's remarks about a damaged file go to the log; a stranger could fill it with them.
warnings.filterwarnings("ignore", module=r"PIL\.")


class ImageError(ValueError):
    """A picture cannot be used. The message is a sentence for the person who chose the file."""


def load_image(
    source: Source, *, mode: Mode = "L", size: Size = None, fit: Fit = "crop", frame: int = 0
) -> torch.Tensor:
    """Decode a picture, turn it upright, and bring it to a size.

    Grey is ITU-R 601 luma, as Pillow's "L": (299 R + 587 G + 114 B) / 1000. Transparency lies on white.
    Sixteen grey bits become eight by dividing by 257; 32-bit and float samples count as 0-1 (floats), 0-255
    or 0-65535, the smallest range that holds them all; where none does, darkest becomes 0 and brightest 1.
    Colour with sixteen bits a channel loses its lower eight; colour profiles are not applied.

    Resizing is area-averaging in both directions: every input pixel is a small square, and an output pixel is
    the mean of what it covers, fractions included, rounded to the nearest of 256 steps (halves up). Only JPEG
    photographs at least eight times too large are first halved, once or more, by the JPEG decoder itself,
    which is twice as fast and differs by a step or two.

    Args:
        source: the file's bytes; or a path, for the samples that we ship.
        mode: "L" for one grey channel, "RGB" for three.
        size: None for the picture's own; 300 for 300×300; or (height, width). Each 1 to ``MAX_SIZE``.
        fit: how the picture's shape meets ``size``: "crop" cuts the sides off around the centre; "keep" cuts
            nothing and keeps the aspect, so that the picture just fits inside ``size``; "stretch" distorts.
        frame: which frame of an animated GIF, PNG or WebP, or which page of a TIFF, from 0.
    Returns:
        (1, C, H, W) float32 in [0, 1]; every value is exactly v / 255 for a whole v.
    Raises:
        ImageError: the file, or an argument, is not one that can be used.
    """
    pixels = load_pixels(source, mode=mode, size=size, fit=fit, frame=frame)
    return torch.from_numpy(pixels.astype(np.float32) / np.float32(255))[None]


def load_pixels(source: Source, *, mode: Mode = "L", size: Size = None, fit: Fit = "crop", frame: int = 0) -> Bytes8:
    """Do what ``load_image`` does, up to the division.

    Returns:
        (C, H, W) uint8, contiguous.
    Raises:
        ImageError: as ``load_image``.
    """
    if mode not in ("L", "RGB"):
        raise ImageError(f"A picture is read as L (grey) or RGB, not as {mode!r:.20}.")
    if fit not in ("crop", "keep", "stretch"):
        raise ImageError(f"A picture is fitted by crop, keep or stretch, not by {fit!r:.20}.")
    wanted = _height_width(size)
    data = _read(source)
    try:
        image, _ = _open(data, frame)
        if wanted:
            # A square, because the picture may lie on its side. Four times as large, because the decoder's
            # halving is not a plain mean: left with less to average, values would be off by up to 15 steps.
            image.draft(None, (4 * max(wanted),) * 2)
        image.load()
        image = _upright(image)
        pixels = _eight_bit(image, mode)
    except ImageError:
        raise
    except _PILLOW_RAISES as error:
        raise _sentence(error, data) from None
    if wanted:
        pixels = _average(*_fitted(pixels, wanted, fit))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def frame_count(source: Source) -> int:
    """How many frames (GIF, PNG, WebP) or pages (TIFF) a file has: 1 for a still, at most ``MAX_FRAMES``.

    Raises:
        ImageError: the file cannot be used.
    """
    data = _read(source)
    try:
        return _open(data, 0)[1]
    except ImageError:
        raise
    except _PILLOW_RAISES as error:
        raise _sentence(error, data) from None


def _height_width(size: Size) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = size if isinstance(size, tuple) else (size, size)
    if len(sides) != 2 or not all(type(n) is int and 1 <= n <= MAX_SIZE for n in sides):
        raise ImageError(f"A size is a whole number from 1 to {MAX_SIZE}, or two, not {size!r:.40}")
    return sides


def _read(source: Source) -> bytes:
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


def _open(data: bytes, frame: int) -> tuple[Image.Image, int]:
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
    for width, height in (image.size, tile):
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE and width * height <= MAX_PIXELS):
            raise ImageError(
                f"The picture is {width}×{height} pixels; at most {MAX_PIXELS // 10**6} megapixels and "
                f"{MAX_SIDE} pixels a side are read. Make it smaller first."
            )


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(0x0112)
    except _PILLOW_RAISES:  # damaged notes about a picture are no reason to refuse the picture
        return image
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _eight_bit(image: Image.Image, mode: Mode) -> Bytes8:
    """(H, W, C) uint8: a decoded picture's samples in 256 steps, over white, grey or RGB."""
    if image.mode[0] in "IF":
        grey = _full_scale(np.asarray(image), "16" in image.mode)
        if isinstance(clear := image.info.get("transparency"), int):
            grey = np.where(np.asarray(image) == clear, np.uint8(255), grey)
        return np.repeat(grey[:, :, None], len(mode), axis=2)
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(colours, mask=colours.getchannel("A"))
    if mode == "L" and image.mode not in ("L", "1"):
        image = image.convert("RGB")  # from a palette or CMYK straight to grey, Pillow rounds differently
    pixels = np.asarray(image.convert(mode))
    return pixels[:, :, None] if mode == "L" else pixels


def _full_scale(samples: np.ndarray[Any, Any], sixteen: bool) -> Bytes8:
    values = np.nan_to_num(samples).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    whole = samples.dtype.kind != "f"
    scales = (65535.0,) if sixteen else (255.0, 65535.0) if whole else (1.0, 255.0, 65535.0)
    scale = next((s for s in scales if low >= 0 and high <= s), None)
    if scale is None:
        values, scale = values - low, high - low  # float32 and int32 samples: the span is a fine double
    eight: Bytes8 = np.floor(values / (scale or 1) * 255 + 0.5).astype(np.uint8)
    return eight


def _fitted(pixels: Bytes8, wanted: tuple[int, int], fit: Fit) -> tuple[Bytes8, int, int]:
    """Cut what "crop" cuts, and say how high and wide the result is."""
    (height, width), (h, w) = pixels.shape[:2], wanted
    if fit == "crop":
        tall, wide = min(height, round(width * h / w)) or 1, min(width, round(height * w / h)) or 1
        top, left = (height - tall) // 2, (width - wide) // 2
        return pixels[top : top + tall, left : left + wide], h, w
    if fit == "keep":
        scale = min(h / height, w / width)
        return pixels, min(h, max(1, round(height * scale))), min(w, max(1, round(width * scale)))
    return pixels, h, w


def _average(pixels: Bytes8, height: int, width: int) -> Bytes8:
    """Area-average (H, W, C) uint8 to (height, width, C), exactly: all sums are whole numbers."""
    if pixels.shape[:2] == (height, width):
        return pixels
    rows, over_rows = _weighted_rows(pixels, height, np.float32)
    both, over_columns = _weighted_rows(rows.swapaxes(0, 1), width, np.float64)
    sums, over = both.swapaxes(0, 1).astype(np.int64), over_rows * over_columns
    return ((2 * sums + over) // (2 * over)).astype(np.uint8)


def _weighted_rows(x: np.ndarray[Any, Any], parts: int, dtype: type) -> tuple[np.ndarray[Any, Any], int]:
    """Share the rows of x, (H, W, C), out among ``parts`` equal intervals.

    Measured in a ``parts``-th of a row every border is a whole number, and so is every overlap.

    Returns:
        Weighted sums, (parts, W, C), and the weight of each.
    """
    length, units = x.shape[0], parts
    length, units = length // math.gcd(length, units), units // math.gcd(length, units)
    flat_width = x.shape[1] * x.shape[2]
    out = np.empty((parts, flat_width), dtype)
    for j in range(parts):
        start, stop = j * length, (j + 1) * length
        first, last = start // units, -(-stop // units)
        edges = np.arange(first, last + 1) * units
        overlap: np.ndarray[Any, Any] = np.diff(edges.clip(start, stop)).astype(dtype)
        out[j] = overlap @ x[first:last].astype(dtype).reshape(last - first, flat_width)
    return out.reshape(parts, *x.shape[1:]), length


def _sentence(error: BaseException, data: bytes) -> ImageError:
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


@dataclass(frozen=True)
class Sample:
    """A picture that we ship, with what it is good for."""

    name: str
    title: str
    look_at: str
    path: Path


ASSETS: Final = Path(__file__).parents[1] / "assets"
DEFAULT_SAMPLE: Final = "camera"


def _samples() -> dict[str, Sample]:
    """One sample for every row of CREDITS.md whose file lies in samples/, in the order of the rows."""
    found = {}
    for line in (ASSETS / "CREDITS.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if line.startswith("| samples/") and len(cells) == 6:
            path = ASSETS / cells[0]
            found[path.stem] = Sample(path.stem, cells[1], cells[2], path)
    return found


SAMPLES: Final = _samples()
