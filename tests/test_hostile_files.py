"""Damaged and hostile files are read or refused in a sentence: thousands here, many more in `bench/fuzz.py`."""

from __future__ import annotations

import io
import json
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cnnviz import image_pixels, images
from cnnviz.images import ImageError, load_image, load_pixels
from tests import hostile_images
from tests.fuzzing import TIMES
from tests.hostile_bombs import zeros
from tests.hostile_corpus import corpus
from tests.hostile_files import HostileFile, hostile_file, try_file
from tests.hostile_formats import png
from tests.hostile_images import BOMBS, HostileImage, hostile_image, try_image
from tests.test_images import _no_hang  # noqa: F401  # a fixture: no file holds a test for minutes

pytestmark = pytest.mark.filterwarnings("ignore")
IMAGES, FILES, PART = 1600 * TIMES, 800 * TIMES, 400


@pytest.mark.parametrize("start", range(0, IMAGES, PART))
def test_damaged_pictures_are_pictures_or_sentences(start: int) -> None:
    for number in range(start, start + PART):
        try:
            try_image(hostile_image(number))
        except Exception as error:
            raise AssertionError(f"picture {number}") from error


@pytest.mark.parametrize("start", range(0, FILES, PART))
def test_damaged_files_are_read_or_refused_by_their_own_readers(start: int) -> None:
    for number in range(start, start + PART):
        try:
            try_file(hostile_file(number))
        except Exception as error:
            raise AssertionError(f"file {number}") from error


# --- that these tests can fail ----------------------------------------------------------------------


def test_all_kinds_of_files_are_damaged_and_some_survive() -> None:
    tried = [hostile_image(number) for number in range(300)]
    assert len({image.name for image in tried}) > 0.9 * len(corpus()), "every file has its turn"
    assert {image.name for image in tried} > {"bomb"} and BOMBS < 300
    assert len({image.data for image in tried}) > 280, "and no two are alike"
    files = [hostile_file(number) for number in range(160)]
    survivors = Counter(file.name for file in files if try_file(file))
    assert set(survivors) == {"network", "JSON", "weights", "data set"}
    assert max(survivors.values()) < 30, "of 40"
    pictures = sum(try_image(image) > 0 for image in tried[:100] if image.name != "bomb")
    assert 10 < pictures < 90


def test_a_case_is_the_same_anywhere() -> None:
    assert [hostile_image(n) for n in (3, 99)] == [hostile_image(n) for n in (3, 99)]
    assert hostile_image(3) != hostile_image(3, seed=1)
    assert hostile_file(7).content == hostile_file(7).content


BROKEN = {
    "another error": lambda *_, **__: (_ for _ in ()).throw(KeyError("x")),
    "a machine's word": lambda *_, **__: (_ for _ in ()).throw(ImageError("PIL.UnidentifiedImageError.")),
    "no sentence": lambda *_, **__: (_ for _ in ()).throw(ImageError("bad")),
    "another shape": lambda *_, **__: torch.zeros(1, 3, 9, 8),
    "another channel": lambda *_, **__: torch.zeros(1, 1, 8, 8),
    "another type": lambda *_, **__: torch.zeros(1, 3, 8, 8, dtype=torch.float64),
    "out of range": lambda *_, **__: torch.full((1, 3, 8, 8), 1.01),
    "no number": lambda *_, **__: torch.full((1, 3, 8, 8), float("nan")),
    "by chance": lambda *_, **__: torch.rand(1, 3, 8, 8),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_loader_is_noticed(broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = {"mode": "RGB", "size": 8, "fit": "crop", "frame": 0}
    image = HostileImage("sound", corpus()["PNG RGB"][1], (ask, None, ask))
    assert try_image(image) == 2
    monkeypatch.setattr(hostile_images, "load_image", broken)
    with pytest.raises((AssertionError, KeyError)):
        try_image(image)


def test_a_broken_reader_is_noticed() -> None:
    for read in (json.loads, lambda content: struct.unpack("<Q", content), lambda content: [][1]):
        with pytest.raises((AssertionError, struct.error, IndexError)):
            try_file(HostileFile("broken", b"[1", read))


# --- what they found --------------------------------------------------------------------------------


def test_a_size_that_cannot_be_is_refused_in_a_sentence() -> None:
    for size in (0, True, float("nan"), (3, 4, 5)):
        with pytest.raises(ImageError, match=r"not .*\.$"):
            load_image(corpus()["PNG RGB"][1], size=size)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(
    "name", ["PNG RGBA", "PNG I;16", "PNG palette with alpha", "TIFF F", "TIFF I", "JPEG CMYK", "PNG 1"]
)
def test_a_picture_in_many_bands_is_the_picture_in_one(name: str, mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = corpus()[name][1]
    whole = load_pixels(data, mode=mode)
    monkeypatch.setattr("cnnviz.image_pixels._BAND", 70)  # two rows of 24, and a half
    assert (load_pixels(data, mode=mode) == whole).all()


def test_large_pictures_are_converted_with_no_copies_of_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    converted = []
    convert = Image.Image.convert

    def noted(image: Image.Image, *arguments: Any, **named: Any) -> Image.Image:
        converted.append(image.width * image.height)
        return convert(image, *arguments, **named)

    side, parts = (
        3000,
        [(b"IHDR", struct.pack(">IIBBBBB", 3000, 3000, 8, 6, 0, 0, 0)), (b"IDAT", zeros(4)), (b"IEND", b"")],
    )
    monkeypatch.setattr(Image.Image, "convert", noted)
    assert load_pixels(png(parts), mode="RGB", size=30).min() == 255, "clear, so white"
    assert 0 < max(converted) < side * side / 10


def test_a_late_frame_of_a_long_animation_is_refused_before_it_takes_seconds() -> None:
    frames = [Image.new("P", (1000, 1000), k) for k in range(110)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert images.frame_count(buffer.getvalue()) == 110
    with pytest.raises(ImageError, match="too far"):
        load_image(buffer.getvalue(), frame=109, size=30)


@pytest.mark.parametrize("shape", [(20, 20_000), (20_000, 20)])
def test_a_long_thin_picture_is_made_short_before_it_is_made_wide(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer, sizes = io.BytesIO(), []
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    wanted = (1000, 2) if shape[1] > shape[0] else (2, 1000)
    weighted = image_pixels._weighted_rows

    def noted(x: Any, parts: int, dtype: type) -> tuple[Any, int]:
        sizes.append((found := weighted(x, parts, dtype))[0].size)
        return found

    monkeypatch.setattr(image_pixels, "_weighted_rows", noted)
    found = load_pixels(buffer.getvalue(), size=wanted, fit="stretch")[0]
    assert max(sizes) == 2000 and len(sizes) == 2, "and never 20 million cells"
    whole = pixels.reshape(20, 2, -1).mean(2) if shape[1] > shape[0] else pixels.reshape(2, -1, 20).mean(1)
    thick = whole.repeat(50, axis=0 if shape[1] > shape[0] else 1)
    assert np.abs(found - thick).max() <= 0.5


@pytest.mark.parametrize(("file_format", "mode"), [("WEBP", "RGB"), ("TIFF", "F"), ("TIFF", "I"), ("JPEG", "CMYK")])
def test_what_takes_longer_for_each_pixel_may_have_fewer(file_format: str, mode: str) -> None:
    options: dict[str, Any] = {"WEBP": {"lossless": True, "method": 0}, "TIFF": {"compression": "tiff_deflate"}}
    for side, refused in ((5100, True), (4900, False)):
        buffer = io.BytesIO()
        Image.new(mode, (side, side)).save(buffer, file_format, **options.get(file_format, {}))
        if refused:
            with pytest.raises(ImageError, match="at most 25 megapixels"):
                load_image(buffer.getvalue(), size=30)
        else:
            assert load_image(buffer.getvalue(), size=30).shape == (1, 1, 30, 30)


def test_the_hang_guard_is_set(_no_hang: Iterator[None]) -> None:  # noqa: F811
    assert _no_hang is None
