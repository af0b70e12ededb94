"""Sound files to damage: every format and kind of file that `load_image` reads, and some that it has to refuse."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from tests.hostile_tiff import tiff

SIDES = (24, 20)  # width, height: small, so that thousands are tried in a minute


def encode(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def noise(mode: str, seed: int = 0) -> Image.Image:
    """A picture whose every pixel is another."""
    rng, (width, height) = np.random.default_rng(seed), SIDES
    deep: dict[str, Any] = {
        "I;16": rng.integers(0, 65536, (height, width)).astype(np.uint16),
        "I": rng.integers(-(2**31), 2**31, (height, width)).astype(np.int32),
        "F": rng.normal(size=(height, width)).astype(np.float32),
    }
    if mode in deep:
        return Image.fromarray(deep[mode])
    if mode == "1":
        return Image.fromarray((rng.integers(0, 2, (height, width)) * 255).astype(np.uint8)).convert("1")
    bands = len(Image.new(mode, (1, 1)).getbands())
    image = Image.frombytes(mode, SIDES, rng.integers(0, 256, width * height * bands).astype(np.uint8).tobytes())
    if mode == "P":
        image.putpalette(rng.integers(0, 256, 768).astype(np.uint8).tolist())
    return image


@cache
def corpus() -> dict[str, tuple[str, bytes]]:
    """By name: the format, and the file."""
    return {name: (kind, data) for kind, name, data in _files()}


def _files() -> Iterator[tuple[str, str, bytes]]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "cnnviz"
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0hello"
    rgb, frames = noise("RGB"), [noise("RGBA", seed) for seed in range(4)]
    jpegs: dict[str, dict[str, Any]] = {
        "plain": {}, "progressive": {"progressive": True}, "exif": {"exif": exif}, "4:4:4": {"subsampling": 0},
        "restarts": {"restart_marker_blocks": 1}, "profile": {"icc_profile": bytes(200)}, "comment": {"comment": b"hi"},
    }  # fmt: skip
    for name, options in jpegs.items():
        yield "JPEG", f"JPEG {name}", encode(rgb, "JPEG", **options)
    for mode in ("L", "CMYK"):
        yield "JPEG", f"JPEG {mode}", encode(noise(mode), "JPEG", progressive=mode == "CMYK")
    yield "JPEG", "MPO", encode(rgb, "MPO", save_all=True, append_images=[noise("RGB", 1)])
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        yield "PNG", f"PNG {mode}", encode(noise(mode), "PNG")
    yield "PNG", "PNG palette with alpha", encode(noise("P"), "PNG", transparency=bytes(range(256)))
    yield "PNG", "PNG with a clear colour", encode(rgb, "PNG", transparency=(1, 2, 3))
    yield "PNG", "PNG exif", encode(rgb, "PNG", exif=exif, icc_profile=bytes(200))
    for disposal in range(3):
        many: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "disposal": disposal}
        yield "PNG", f"APNG {disposal}", encode(frames[0], "PNG", **many, blend=disposal % 2)
    yield "PNG", "APNG with a cover", encode(rgb, "PNG", save_all=True, append_images=frames, default_image=True)
    webps: dict[str, dict[str, Any]] = {"lossy": {}, "lossless": {"lossless": True}, "exif": {"exif": exif}}
    for name, options in webps.items():
        yield "RIFF", f"WebP {name}", encode(frames[0] if name == "lossless" else rgb, "WEBP", **options)
    for lossless in (False, True):
        many = {"save_all": True, "append_images": frames[1:], "lossless": lossless, "duration": 20}
        yield "RIFF", f"WebP animated {lossless}", encode(frames[0], "WEBP", **many)
    yield "GIF", "GIF", encode(noise("P"), "GIF")
    yield "GIF", "GIF clear", encode(noise("P"), "GIF", transparency=3, interlace=True)
    for disposal in range(4):
        many = {"save_all": True, "append_images": frames[1:], "disposal": disposal, "duration": 10}
        yield "GIF", f"GIF animated {disposal}", encode(frames[0], "GIF", **many)
    yield "GIF", "GIF with a frame beyond its canvas", _gif_with_offsets()
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield "BMP", f"BMP {mode}", encode(noise(mode), "BMP")
    yield "BMP", "BMP RLE8", _bmp(8, 1, bytes((8, 5, 0, 0)) * 7 + bytes((4, 1, 0, 3, 1, 2, 3, 0, 1, 9, 0, 1)))
    yield "BMP", "BMP RLE4", _bmp(4, 2, bytes((8, 0x31, 0, 0)) * 7 + bytes((4, 0x12, 0, 4, 0x12, 0x30, 0, 1)))
    yield "BMP", "BMP 4", _bmp(4, 0, bytes(range(32)))
    yield "BMP", "BMP 16", _bmp(16, 0, bytes(range(128)))
    yield "BMP", "BMP OS/2", b"BM" + struct.pack("<IIIIHHHH", 98, 0, 26, 12, 8, 8, 1, 24) + bytes(range(192))
    compressions = {
        "RGB": ("raw", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma"),
        "1": ("raw", "group3", "group4", "tiff_ccitt"),
    }
    for mode, names in compressions.items():
        for name in names:
            yield "TIFF", f"TIFF {mode} {name}", encode(noise(mode), "TIFF", compression=name)
    for mode in ("L", "LA", "P", "RGBA", "CMYK", "LAB", "YCbCr", "I", "I;16", "F"):
        yield "TIFF", f"TIFF {mode}", encode(noise(mode), "TIFF", compression="tiff_lzw" if mode == "F" else None)
    yield "TIFF", "TIFF pages", encode(rgb, "TIFF", save_all=True, append_images=[noise("L"), noise("F")], exif=exif)
    yield "TIFF", "TIFF big", encode(rgb, "TIFF", big_tiff=True)
    for order in "<>":
        yield "TIFF", f"TIFF tiles {order}", tiff(order, tiled=True)
        yield "TIFF", f"TIFF planes {order}", tiff(order, planar=True)
    for name in ("ICO", "PPM", "JPEG2000", "TGA", "AVIF", "PDF"):
        yield "other", name, encode(rgb, name)
    yield "other", "HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(range(200))
    yield "other", "SVG", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"
    yield "other", "text", b"a picture, believe me\n" * 9
    yield "other", "page", b"<!doctype html><html><body><img src=x onerror=alert(1)></body></html>"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../picture.png", bytes(99))
    yield "other", "zip", packed.getvalue()
    yield "other", "empty", b""


def _gif_with_offsets() -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 12, 10, 0x80, 0, 0) + bytes(6)
    boxes = ((0, 0, 12, 10), (9, 8, 6, 5), (2, 3, 4, 4))
    frames = [
        b"!\xf9\x04" + bytes(((disposal << 2) | 1, 0, 0, 1, 0))
        + b"," + struct.pack("<HHHHB", *box, 0) + gif_body(box[2] * box[3])
        for disposal, box in enumerate(boxes, 1)
    ]  # fmt: skip
    return head + b"".join(frames) + b";"


def gif_body(pixels: int) -> bytes:
    """As many pixels of the colours 0 and 1, packed without a dictionary: it is cleared before it grows."""
    codes = [code for k in range(0, pixels, 2) for code in (4, 0, 1)[: 1 + min(2, pixels - k)]] + [5]
    bits = sum(code << 3 * place for place, code in enumerate(codes))
    packed = bits.to_bytes(-(-3 * len(codes) // 8), "little")
    blocks = [packed[at : at + 255] for at in range(0, len(packed), 255)]
    return b"\x02" + b"".join(bytes((len(block),)) + block for block in blocks) + b"\0"


def _bmp(depth: int, compression: int, body: bytes) -> bytes:
    palette = bytes(range(4 * 2**depth % 1025)) if depth == 4 else bytes(1024) if depth == 8 else b""
    start = 54 + len(palette)
    head = struct.pack("<IIIIiiHHIIiiII", start + len(body), 0, start, 40, 8, 8, 1, depth, compression, len(body),
                       0, 0, len(palette) // 4, 0)  # fmt: skip
    return b"BM" + head + palette + body
