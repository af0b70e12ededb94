"""images: every format against values computed another way; what hostile files make it do."""

from __future__ import annotations

import io
import signal
import struct
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from cnnviz import image_files, images
from cnnviz.images import SAMPLES, ImageError, frame_count, load_image, load_pixels
from tests.fuzzing import examples

Array = np.ndarray[Any, Any]


# pytest resets the filters that images sets; Pillow remarks on most of the damaged files below.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """No file holds a test for minutes: that would be a way to stop a server."""

    def stop(*_: object) -> None:
        pytest.fail("a file held the decoder for two minutes")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The sizes of the pictures that Pillow has begun to decode."""
    sizes: list[tuple[int, int]] = []
    load = ImageFile.ImageFile.load

    def noted(image: ImageFile.ImageFile) -> Any:
        if image.tile:  # else it is decoded already
            sizes.append(image.size)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", noted)
    return sizes


def encode(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def noise(*shape: int, seed: int = 0, high: int = 256, dtype: Any = np.uint8) -> Array:
    return np.random.default_rng(seed).integers(0, high, shape).astype(dtype)


def luma(rgb: Array) -> Array:
    """ITU-R 601 in Pillow's fixed point, from its documentation's formula."""
    weighted: Array = rgb.astype(np.int64) @ np.array([19595, 38470, 7471])
    return (weighted + 0x8000) >> 16


def area_average(channel: Array, height: int, width: int) -> Array:
    """Exact rational area-averaging, cell by cell: slow, and nothing like the code under test."""

    def shares(length: int, parts: int) -> list[dict[int, Fraction]]:
        step, result = Fraction(length, parts), []
        for j in range(parts):
            start, stop = j * step, (j + 1) * step
            inside = range(int(start), -int(-stop // 1))
            overlaps = {i: min(stop, Fraction(i + 1)) - max(start, Fraction(i)) for i in inside}
            result.append({i: o / step for i, o in overlaps.items() if o > 0})
        return result

    rows, columns = shares(channel.shape[0], height), shares(channel.shape[1], width)

    def mean(row: dict[int, Fraction], column: dict[int, Fraction]) -> Fraction:
        terms = (a * b * int(channel[i, j]) for i, a in row.items() for j, b in column.items())
        return sum(terms, Fraction())

    half = Fraction(1, 2)
    return np.array([[int(mean(row, column) + half) for column in columns] for row in rows], np.uint8)


# --- formats --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_deflate"}),
    ],
)
def test_lossless_formats_give_their_pixels(file_format: str, options: dict[str, Any]) -> None:
    rgb = noise(23, 31, 3)
    data = encode(Image.fromarray(rgb), file_format, **options)
    colour, grey = load_image(data, mode="RGB"), load_image(data)
    assert colour.shape == (1, 3, 23, 31) and colour.dtype == torch.float32
    assert np.array_equal(colour[0].numpy() * 255, rgb.transpose(2, 0, 1))
    assert grey.shape == (1, 1, 23, 31)
    assert np.array_equal(grey[0, 0].numpy() * 255, luma(rgb))


def test_jpeg_is_close_and_its_grey_is_the_luma_of_its_colours() -> None:
    y, x = np.mgrid[:64, :96]
    rgb = np.stack([x * 2, y * 3, 255 - x], -1).astype(np.uint8)
    data = encode(Image.fromarray(rgb), "JPEG", quality=95, subsampling=0)
    colour = load_pixels(data, mode="RGB").transpose(1, 2, 0)
    assert np.abs(colour.astype(int) - rgb).max() <= 6
    assert np.array_equal(load_pixels(data)[0], luma(colour))


def test_every_value_is_a_whole_number_of_255ths() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    values = load_image(encode(Image.fromarray(ramp), "PNG"))
    assert torch.equal(values.flatten(), torch.arange(256, dtype=torch.float32) / 255)
    assert torch.equal(values * 255, torch.from_numpy(ramp)[None, None].float())
    resized = load_image(encode(Image.fromarray(noise(50, 70, 3)), "PNG"), mode="RGB", size=(17, 23))
    assert torch.equal(resized * 255, (resized * 255).round())
    assert resized.min() >= 0 and resized.max() <= 1


def test_grey_files_have_three_equal_channels_in_rgb() -> None:
    grey = noise(9, 7)
    colour = load_pixels(encode(Image.fromarray(grey), "PNG"), mode="RGB")
    assert all(np.array_equal(channel, grey) for channel in colour)


def test_one_bit() -> None:
    bits = noise(11, 13, high=2) * 255
    image = Image.fromarray(bits.astype(np.uint8)).convert("1")
    for file_format in ("PNG", "BMP", "TIFF", "GIF"):
        assert np.array_equal(load_pixels(encode(image, file_format))[0], bits), file_format


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "BMP", "TIFF"])
def test_palettes(file_format: str) -> None:
    palette, index = noise(16, 3, seed=1), noise(20, 20, high=16)
    image = Image.frombytes("P", (20, 20), index.tobytes())
    image.putpalette(palette.flatten().tolist())
    data = encode(image, file_format)
    assert np.array_equal(load_pixels(data, mode="RGB").transpose(1, 2, 0), palette[index])
    assert np.array_equal(load_pixels(data)[0], luma(palette[index]))


def test_transparent_palette_entry_is_white() -> None:
    image = Image.new("P", (4, 1))
    image.putpalette([10, 20, 30, 200, 100, 0])
    image.putdata([0, 1, 0, 1])
    for file_format in ("PNG", "GIF"):
        colour = load_pixels(encode(image, file_format, transparency=1), mode="RGB")[:, 0].T.tolist()
        assert colour == [[10, 20, 30], [255, 255, 255]] * 2, file_format


def test_transparent_colour_is_white() -> None:
    rgb = np.array([[[1, 2, 3], [9, 9, 9]]], np.uint8)
    data = encode(Image.fromarray(rgb), "PNG", transparency=(1, 2, 3))
    assert load_pixels(data, mode="RGB")[:, 0].T.tolist() == [[255, 255, 255], [9, 9, 9]]
    grey = encode(Image.fromarray(np.array([[4, 9]], np.uint8)), "PNG", transparency=4)
    assert load_pixels(grey)[0].tolist() == [[255, 9]]


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_alpha_lies_on_white(file_format: str) -> None:
    rgba = noise(16, 16, 4)
    options: dict[str, Any] = {"lossless": True, "exact": True} if file_format == "WEBP" else {}
    data = encode(Image.fromarray(rgba), file_format, **options)
    alpha, colour = rgba[..., 3:].astype(int), rgba[..., :3].astype(int)
    over_white = (2 * (alpha * colour + (255 - alpha) * 255) + 255) // 510  # to the nearest
    assert np.array_equal(load_pixels(data, mode="RGB").transpose(1, 2, 0), over_white)
    assert np.array_equal(load_pixels(data)[0], luma(over_white))


def test_grey_with_alpha() -> None:
    pairs = noise(16, 16, 2).astype(int)
    image = Image.merge("LA", [Image.fromarray(pairs[..., k].astype(np.uint8)) for k in (0, 1)])
    over_white = (2 * (pairs[..., 1] * pairs[..., 0] + (255 - pairs[..., 1]) * 255) + 255) // 510
    assert np.array_equal(load_pixels(encode(image, "PNG"))[0], over_white)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bit_grey(file_format: str) -> None:
    values = noise(40, 40, high=65536, dtype=np.uint16)
    values[0, :2] = 0, 65535
    data = encode(Image.fromarray(values), file_format)
    assert np.array_equal(load_pixels(data)[0], np.round(values / 257.0))  # 257 is odd: there are no halves
    dark = encode(Image.fromarray(values // 4096), file_format)
    assert load_pixels(dark).max() == 0, "a dark picture stays dark"


def test_sixteen_bit_grey_with_a_transparent_value() -> None:
    data = encode(Image.fromarray(np.array([[5, 257 * 9]], np.uint16)), "PNG")
    chunk = b"\x00\x00\x00\x02tRNS\x00\x05" + struct.pack(">I", zlib.crc32(b"tRNS\x00\x05"))
    at = data.index(b"IDAT") - 4
    assert load_pixels(data[:at] + chunk + data[at:])[0].tolist() == [[255, 9]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 128, 255]], np.int32), [0, 128, 255]),
        (np.array([[0, 257, 65535]], np.int32), [0, 1, 255]),
        (np.array([[-100, 0, 100]], np.int32), [0, 128, 255]),
        (np.array([[-(2**31), 0, 2**31 - 1]], np.int32), [0, 128, 255]),
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[0, 0.5, 200]], np.float32), [0, 1, 200]),
        (np.array([[-1, 0, 3]], np.float32), [0, 64, 255]),
        (np.array([[np.nan, 0, 1]], np.float32), [0, 0, 255]),
        (np.array([[np.nan, -np.inf, np.inf]], np.float32), [128, 0, 255]),
        (np.array([[-2, -2, -2]], np.float32), [0, 0, 0]),
        (np.zeros((1, 3), np.float32), [0, 0, 0]),
    ],
)
def test_32_bit_and_float_samples(values: Array, expected: list[int]) -> None:
    data = encode(Image.fromarray(values), "TIFF")
    assert load_pixels(data)[0, 0].tolist() == expected
    assert load_pixels(data, mode="RGB")[:, 0].tolist() == [expected] * 3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_tiff_in_which_zero_is_white(dtype: Any) -> None:
    values = np.array([[0, 51, 255], [255, 204, 0]], dtype) * dtype({np.uint16: 257}.get(dtype, 1))
    file = bytearray(encode(Image.fromarray(values), "TIFF"))
    count = int.from_bytes(file[(ifd := int.from_bytes(file[4:8], "little")) : ifd + 2], "little")
    [entry] = [at for at in range(ifd + 2, ifd + 2 + 12 * count, 12) if file[at : at + 2] == bytes((262 % 256, 1))]
    assert load_pixels(bytes(file)).tolist() == [[[0, 51, 255], [255, 204, 0]]]
    file[entry + 8] = 0
    assert load_pixels(bytes(file)).tolist() == [[[255, 204, 0], [0, 51, 255]]]


def test_cmyk() -> None:
    cmyk = Image.merge("CMYK", [Image.new("L", (16, 16), v) for v in (255, 0, 128, 0)])  # cyan, half yellow
    for data in (encode(cmyk, "TIFF"), encode(cmyk, "JPEG", quality=100)):
        red, green, blue = load_pixels(data, mode="RGB")[:, 8, 8].astype(int)
        assert red <= 2 and green >= 253 and abs(blue - 127) <= 2
    adobe = encode(cmyk, "JPEG", quality=100)
    assert b"Adobe" in adobe, "Pillow writes the inverted kind, with Adobe's marker"


# --- orientation, frames --------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(file_format: str, orientation: int) -> None:
    upright = np.zeros((48, 80), np.uint8)
    upright[:16, :16], upright[:16, 64:], upright[32:, :16] = 250, 170, 90  # three corners tell them apart
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.T, 6: upright.T[::-1], 7: upright.T[::-1, ::-1], 8: upright.T[:, ::-1],
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    exact: dict[str, Any] = {"quality": 100, "lossless": True} if file_format in ("JPEG", "WEBP") else {}
    data = encode(Image.fromarray(np.ascontiguousarray(stored)), file_format, exif=exif, **exact)
    found = load_pixels(data)[0].astype(int)
    assert found.shape == upright.shape
    assert np.abs(found - upright).max() <= (8 if file_format == "JPEG" else 0)
    assert load_pixels(data, size=40, fit="keep").shape == (1, 24, 40), "the aspect is the upright one"
    cropped = load_pixels(data, size=(48, 64))[0].astype(int)
    assert np.abs(cropped - upright[:, 8:72]).max() <= (8 if file_format == "JPEG" else 0)


def test_damaged_exif_does_not_cost_the_picture() -> None:
    damaged = b"Exif\x00\x00II*\x00\xff\xff\xff\x7f\x00\x01garbage"
    data = encode(Image.fromarray(noise(8, 8)), "JPEG", exif=damaged)
    assert load_pixels(data).shape == (1, 8, 8)
    exif = Image.Exif()
    exif[0x0112] = 77
    assert load_pixels(encode(Image.fromarray(noise(8, 8)), "PNG", exif=exif)).shape == (1, 8, 8)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_animations(file_format: str) -> None:
    frames = [Image.fromarray(np.full((12, 15), 20 * k, np.uint8)) for k in range(5)]
    for k, frame in enumerate(frames):
        frame.putpixel((k, 3), 255)
    options: dict[str, Any] = {"lossless": True} if file_format == "WEBP" else {}
    data = encode(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
    assert frame_count(data) == 5
    for k in (0, 4, 2):
        assert np.array_equal(load_pixels(data, frame=k)[0], np.asarray(frames[k])), k
    assert np.array_equal(load_pixels(data), load_pixels(data, frame=0))
    for bad in (5, -1, 10**9, True):
        with pytest.raises(ImageError, match="frames 0 to 4"):
            load_image(data, frame=bad)


@pytest.mark.parametrize("size", [True, (True, 5), 0, -1, 1025, (3, 4, 5), "7", 2.0])
def test_a_size_is_one_or_two_whole_numbers(size: Any) -> None:
    with pytest.raises(ImageError, match="whole number"):
        load_image(encode(Image.fromarray(noise(8, 8)), "PNG"), size=size)


def test_stills_have_one_frame() -> None:
    for file_format in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"):
        data = encode(Image.fromarray(noise(8, 8)), file_format)
        assert frame_count(data) == 1, file_format
        with pytest.raises(ImageError, match="only frame 0"):
            load_image(data, frame=1)


def test_a_phones_double_photograph_is_a_still() -> None:
    first, second = (Image.fromarray(np.full((16, 16), v, np.uint8)) for v in (40, 200))
    data = encode(first, "MPO", save_all=True, append_images=[second])
    assert frame_count(data) == 1
    assert np.abs(load_pixels(data).astype(int) - 40).max() <= 1


# --- resizing -------------------------------------------------------------------------------------


@examples(40)
@given(
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
    st.integers(0, 99),
)
def test_stretch_is_the_exact_area_average(inside: tuple[int, int], size: tuple[int, int], seed: int) -> None:
    channel = noise(*inside, seed=seed)
    data = encode(Image.fromarray(channel), "PNG", compress_level=1)
    assert np.array_equal(load_pixels(data, size=size, fit="stretch")[0], area_average(channel, *size))


def test_whole_ratios_are_block_means_and_repeats() -> None:
    rgb = noise(60, 90, 3)
    data = encode(Image.fromarray(rgb), "PNG")
    means = rgb.reshape(20, 3, 30, 3, 3).mean(axis=(1, 3))  # nine pixels: there are no halves
    assert np.array_equal(load_pixels(data, mode="RGB", size=(20, 30)).transpose(1, 2, 0), np.round(means))
    twice = load_pixels(data, mode="RGB", size=(120, 180))
    assert np.array_equal(twice.transpose(1, 2, 0), rgb.repeat(2, axis=0).repeat(2, axis=1))


def test_halves_round_up() -> None:
    data = encode(Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8)), "PNG")
    assert load_pixels(data, size=1).item() == 1


def test_crop_takes_the_centre_and_leaves_unscaled_pixels_alone() -> None:
    wide, tall = noise(30, 47), noise(47, 30)
    assert np.array_equal(load_pixels(encode(Image.fromarray(wide), "PNG"), size=30)[0], wide[:, 8:38])
    assert np.array_equal(load_pixels(encode(Image.fromarray(tall), "PNG"), size=30)[0], tall[8:38])


@examples(60)
@given(
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
    st.one_of(st.integers(1, 300), st.tuples(st.integers(1, 300), st.integers(1, 300))),
    st.sampled_from(["crop", "keep", "stretch"]),
)
def test_shapes(inside: tuple[int, int], size: int | tuple[int, int], fit: images.Fit) -> None:
    data = encode(Image.new("L", inside[::-1], 77), "PNG")
    pixels = load_pixels(data, size=size, fit=fit)
    h, w = size if isinstance(size, tuple) else (size, size)
    assert (pixels == 77).all(), "a plain picture stays plain"
    if fit == "keep":
        scale = min(h / inside[0], w / inside[1])
        assert pixels.shape[1] == h or pixels.shape[2] == w
        for side, length in zip(pixels.shape[1:], inside, strict=True):
            assert side == 1 or abs(side - length * scale) <= 0.5
    else:
        assert pixels.shape == (1, h, w)


def test_a_crop_of_an_extreme_shape_still_works() -> None:
    data = encode(Image.new("L", (20_000, 1), 9), "PNG")
    assert load_pixels(data, size=(1024, 1)).shape == (1, 1024, 1)
    assert load_pixels(data, size=(1, 1024), fit="keep").shape == (1, 1, 1024)


def test_large_photographs_are_shrunk_early_and_true(decoded: list[tuple[int, int]]) -> None:
    with Image.open(SAMPLES["astronaut"].path) as photograph:
        data = encode(photograph.resize((4000, 3000)), "JPEG", quality=90)
    decoded.clear()
    small = load_pixels(data, mode="RGB", size=300).astype(int)
    assert decoded == [(2000, 1500)], "a quarter of the pixels"
    whole = np.asarray(Image.open(io.BytesIO(data)))[:, 500:3500]
    means = whole.reshape(300, 10, 300, 10, 3).mean(axis=(1, 3))
    assert np.abs(small.transpose(1, 2, 0) - means).max() < 3


@pytest.mark.parametrize("size", [0, -1, 1025, 2.5, (3,), (3, 4, 5), (0, 3), (3, 2000), "300", ()])
def test_sizes_that_cannot_be(size: Any) -> None:
    with pytest.raises(ImageError, match="size"):
        load_image(encode(Image.new("L", (4, 4)), "PNG"), size=size)


@pytest.mark.parametrize("argument", [{"mode": "CMYK"}, {"fit": "squash"}, {"frame": 0.5}, {"frame": "1"}])
def test_other_arguments_that_cannot_be(argument: dict[str, Any]) -> None:
    with pytest.raises(ImageError):
        load_image(encode(Image.new("L", (4, 4)), "PNG"), **argument)


def test_paths_and_buffers(tmp_path: Any) -> None:
    pixels = noise(5, 6)
    path = tmp_path / "picture.jpg"  # the extension lies; the content decides
    path.write_bytes(encode(Image.fromarray(pixels), "PNG"))
    for source in (path, str(path), bytearray(path.read_bytes()), memoryview(path.read_bytes())):
        assert np.array_equal(load_pixels(source)[0], pixels)
    for missing in (tmp_path / "none.png", tmp_path, "\0"):
        with pytest.raises(ImageError, match="There is no picture"):
            load_image(missing)
    with pytest.raises(ImageError):
        load_image(None)  # type: ignore[arg-type]


def test_threads_get_what_one_gets() -> None:
    formats = ["JPEG", "PNG", "WEBP"] * 4
    files = [encode(Image.fromarray(noise(90, 120, 3, seed=k)), name) for k, name in enumerate(formats)]
    alone = [load_pixels(data, size=40) for data in files]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda data: load_pixels(data, size=40), files))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


# --- files that are refused -----------------------------------------------------------------------


def refused(data: bytes, match: str = "", **arguments: Any) -> None:
    with pytest.raises(ImageError, match=match) as caught:
        load_image(data, size=300, **arguments)
    message = str(caught.value)
    assert message.endswith(".")
    assert len(message) < 200
    assert "PIL" not in message


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "empty"),
        (b"hello, I am a picture", "text"),
        ("ein schönes Bild\n".encode() * 100, "text"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"\xef\xbb\xbf  <html>", "web page"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
        (b"PK\x03\x04\x14\x00\x00\x00" + bytes(100), "zip"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "PDF"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isom", "film"),
        (bytes(1000), "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "text"),
        (b"P6 2 2 255 " + bytes(12), "not a picture|damaged"),
        (b"\x89PNG\r\n\x1a\n", ""),
        (b"\xff\xd8\xff", ""),
        (b"GIF89a", ""),
        (b"II*\x00", ""),
        (b"BM", ""),
        (b"RIFF\x00\x00\x00\x00WEBP", ""),
    ],
)
def test_what_is_not_a_picture(data: bytes, match: str) -> None:
    refused(data, match)
    with pytest.raises(ImageError):
        frame_count(data)


def test_formats_outside_the_list_are_refused_although_pillow_reads_them() -> None:
    for file_format in ("PPM", "TGA", "ICO", "PCX", "SGI", "DDS", "JPEG2000"):
        refused(encode(Image.new("RGB", (16, 16)), file_format), "can be read|not a picture")


def test_too_many_bytes_are_refused_unread(tmp_path: Any) -> None:
    refused(bytes(image_files.MAX_BYTES + 1), "MB")
    path = tmp_path / "sparse.png"
    with path.open("wb") as file:
        file.truncate(10**11)
    with pytest.raises(ImageError, match="MB"):
        load_image(path)


def png(width: int, height: int, body: bytes = b"", depth: int = 8, colour: int = 2) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        named = name + content
        return struct.pack(">I", len(content)) + named + struct.pack(">I", zlib.crc32(named))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("side", [7_100, 9_600, 12_000, 60_000, 2**31 - 1])
def test_pictures_that_claim_too_many_pixels(side: int, decoded: list[tuple[int, int]]) -> None:
    refused(png(side, side), "megapixels|damaged")
    bmp = b"BM" + struct.pack("<IIIIiiHHIIiiII", 1000, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    refused(bmp)
    gif = b"GIF89a" + struct.pack("<HHBBB", min(side, 65535), min(side, 65535), 0, 0, 0)
    gif += b"," + struct.pack("<HHHHB", 0, 0, min(side, 65535), min(side, 65535), 0) + b"\x08\x01\x00\x00;"
    refused(gif)
    assert decoded == [], "nothing is decoded to find that out"


def test_a_warning_turned_into_an_error_is_still_a_sentence() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(png(9_600, 9_600), "megapixels")


def test_long_thin_pictures_are_refused() -> None:
    refused(png(30_000, 1, bytes(90_001)), "pixels a side")


def test_an_allowed_size_with_no_body_is_refused() -> None:
    refused(png(7_000, 7_000), "damaged")


def test_a_real_bomb_of_allowed_size_is_just_a_picture() -> None:
    data = png(5_000, 5_000, bytes(5_000 * 5_001), colour=0)
    assert len(data) < 40_000
    assert load_image(data, size=300).max() == 0


def gif_of(frames: int, width: int = 1, height: int = 1) -> bytes:
    one = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + one * frames + b";"


def test_frames_without_end() -> None:
    assert frame_count(gif_of(image_files.MAX_FRAMES)) == image_files.MAX_FRAMES
    refused(gif_of(image_files.MAX_FRAMES + 1), "frames")
    refused(gif_of(5_000), "frames")
    refused(gif_of(1_000_000), "frames|too long")


def test_a_late_frame_of_a_large_animation_is_refused() -> None:
    refused(gif_of(200, 4000, 4000), "too far", frame=150)


def test_a_gif_whose_canvas_grows_is_refused() -> None:
    grown = b"," + struct.pack("<HHHHB", 0, 0, 9000, 9000, 0) + b"\x02\x02\x44\x01\x00"
    refused(gif_of(1)[:-1] + grown + b";", "megapixels", frame=1)


def test_tiff_pages_without_end() -> None:
    def page(at: int) -> bytes:  # an IFD with one harmless entry, and the offset of the next
        return struct.pack("<HHHIII", 1, 256, 4, 1, 1, at + 18)

    pages = b"".join(page(8 + 18 * k) for k in range(200_000))
    refused(b"II*\x00" + struct.pack("<I", 8) + pages)
    loop = struct.pack("<HHHIII", 1, 256, 4, 1, 1, 8)
    refused(b"II*\x00" + struct.pack("<I", 8) + loop)


def test_a_tiff_whose_tags_all_point_at_the_whole_file() -> None:
    size = 5_000_000
    entries = b"".join(struct.pack("<HHII", tag, 7, size, 100) for tag in range(1000, 21_000))
    data = b"II*\x00" + struct.pack("<IH", 8, 20_000) + entries + bytes(4)
    refused(data + bytes(size + 1000), "too long|damaged")


def test_a_tiff_with_a_giant_tile() -> None:
    tags = {256: 8, 257: 8, 258: 8, 259: 8, 262: 1, 277: 1, 322: 65_520, 323: 65_520, 324: 300, 325: 10}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    data = b"II*\x00" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    refused(data.ljust(300, b"\0") + zlib.compress(bytes(10)), "megapixels")


def test_a_jpeg_of_endless_passes() -> None:
    data = encode(Image.fromarray(noise(64, 64)), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    refused(data[:-2] + scan * 300 + data[-2:], "passes")


BLANK = Image.new("L", (20, 20))
FILES = {
    "JPEG": encode(Image.fromarray(noise(40, 40, 3)), "JPEG"),
    "JPEG progressive": encode(Image.fromarray(noise(40, 40, 3)), "JPEG", progressive=True),
    "PNG": encode(Image.fromarray(noise(20, 20, 3)), "PNG"),
    "PNG interlaced palette": encode(Image.fromarray(noise(20, 20)).convert("P"), "PNG"),
    "WEBP": encode(Image.fromarray(noise(20, 20, 3)), "WEBP"),
    "WEBP lossless": encode(Image.fromarray(noise(20, 20, 4)), "WEBP", lossless=True),
    "GIF": encode(Image.fromarray(noise(20, 20)), "GIF", save_all=True, append_images=[BLANK]),
    "BMP": encode(Image.fromarray(noise(20, 20, 3)), "BMP"),
    "TIFF": encode(Image.fromarray(noise(20, 20, 3)), "TIFF"),
    "TIFF deflate": encode(Image.fromarray(noise(20, 20, 3)), "TIFF", compression="tiff_deflate"),
    "TIFF lzw 16": encode(Image.fromarray(noise(20, 20, dtype=np.uint16)), "TIFF", compression="tiff_lzw"),
}


def image_or_sentence(data: bytes, **arguments: Any) -> Array | None:
    """What the file gives, or None when it is refused as it should be; anything else fails the test."""
    with suppress(ImageError):
        return load_pixels(data, mode="RGB", **arguments)
    return None


@pytest.mark.parametrize("name", FILES)
def test_truncation_at_every_length(name: str) -> None:
    """A cut file is refused, unless only its last bytes are gone and all of its pixels were there."""
    data, whole = FILES[name], load_pixels(FILES[name], mode="RGB")
    step = max(1, len(data) // 250)
    survivors = []
    for length in [*range(0, len(data) - 40, step), *range(max(0, len(data) - 40), len(data))]:
        found = image_or_sentence(data[:length])
        if found is not None:
            survivors.append(length)
            assert np.array_equal(found, whole), f"{name} cut to {length} of {len(data)} gave other pixels"
    assert not survivors or min(survivors) > len(data) * 0.4, survivors


@settings(examples(250), deadline=5000)
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12),
    st.floats(0, 1),
    st.booleans(),
)
def test_damage_anywhere(name: str, changes: list[tuple[float, int]], kept: float, early: bool) -> None:
    data = bytearray(FILES[name])
    for place, value in changes:
        data[int(place * (min(len(data), 200) if early else len(data)))] = value
    image_or_sentence(bytes(data), size=32)
    image_or_sentence(bytes(data[: int(kept * len(data))]), frame=1)


@settings(examples(150), deadline=5000)
@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\x00", b"RIFF0000WEBPVP8X"]),
    st.binary(max_size=400),
)
def test_random_bytes(mark: bytes, rest: bytes) -> None:
    image_or_sentence(mark + rest)
    with suppress(ImageError):
        frame_count(mark + rest)
