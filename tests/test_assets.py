"""assets: every file has its row, every row its file, and the made samples can be made again."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from cnnviz.images import ASSETS, DEFAULT_SAMPLE, SAMPLES, Bytes8, frame_count, load_image, load_pixels

PHOTOGRAPHS = ("camera", "chelsea", "coffee", "astronaut", "brick", "grass")


def credits() -> list[list[str]]:
    """The cells of every row of every table in CREDITS.md, without headings."""
    lines = (ASSETS / "CREDITS.md").read_text(encoding="utf-8").splitlines()
    tables = [line.strip()[1:-1].split("|") for line in lines if line.startswith("|")]
    rows = [[cell.strip() for cell in cells] for cells in tables]
    return [row for row in rows if row[0] != "file" and set(row[0]) != {"-"}]


def test_every_file_has_one_row_and_every_row_a_file() -> None:
    files = {path.relative_to(ASSETS).as_posix() for path in ASSETS.rglob("*") if path.is_file()}
    files = {name for name in files if "__pycache__" not in name} - {"CREDITS.md"}
    named = [row[0] for row in credits()]
    assert sorted(named) == sorted(set(named)), "a file has two rows"
    assert set(named) - files == set(), "rows without a file"
    assert files - set(named) == set(), "files without a row"


@pytest.mark.parametrize("row", credits(), ids=lambda row: row[0])
def test_rows_are_complete(row: list[str]) -> None:
    assert len(row) == 6
    _, title, hint, author, source, licence = row
    assert title
    assert author
    assert source
    assert licence
    if row[0].startswith("samples/"):
        assert licence in ("CC0", "public domain")
        assert hint.endswith(".")


def test_the_order_of_the_picker() -> None:
    names = list(SAMPLES)
    assert names[0] == DEFAULT_SAMPLE == "camera"
    assert tuple(names[:6]) == PHOTOGRAPHS
    made = {"impulse", "step", "checkerboard", "gradient", "rings", "digits", "colours", "moving-dot"}
    assert made <= set(names[6:])


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_load_and_are_small(name: str) -> None:
    sample = SAMPLES[name]
    assert sample.name == name == sample.path.stem
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-"), "it stands in a URL"
    assert sample.path.stat().st_size <= 120_000
    with Image.open(sample.path) as image:
        assert max(image.size) <= 512
    picture = load_image(sample.path, mode="RGB", size=300)
    assert picture.shape == (1, 3, 300, 300)
    assert picture.std() > 0.02, "something is to be seen"


def test_photographs_carry_no_notes_of_the_camera() -> None:
    for name in PHOTOGRAPHS:
        with Image.open(SAMPLES[name].path) as image:
            assert not image.getexif()


def test_the_made_samples_can_be_made_again(tmp_path: Path) -> None:
    runpy.run_path(str(ASSETS / "make_samples.py"))["make"](tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    kept = {sample.path.name for sample in SAMPLES.values() if sample.name not in PHOTOGRAPHS}
    assert made == kept
    for name in made:  # pixel for pixel: another zlib may pack the same pixels into other bytes
        with Image.open(tmp_path / name) as new, Image.open(ASSETS / "samples" / name) as old:
            news = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(new)]
            olds = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(old)]
        assert np.array_equal(news, olds), name


def test_what_the_made_samples_promise() -> None:
    def pixels(name: str) -> Bytes8:
        grey: Bytes8 = load_pixels(SAMPLES[name].path, mode="L", size=300)[0]
        return grey

    assert (pixels("impulse") == 255).sum() == 100
    assert np.unique(pixels("step")).tolist() == [51, 204]
    assert np.unique(pixels("checkerboard")).tolist() == [0, 255]
    slope = pixels("gradient").astype(int)
    assert (slope[:, 0].max(), slope[:, -1].min()) == (0, 255)
    assert set(np.unique(np.diff(slope, axis=1))) == {0, 1}
    rings = pixels("rings")
    assert np.array_equal(rings, rings[::-1])
    assert np.array_equal(rings, rings.T)
    corners = load_pixels(SAMPLES["colours"].path, mode="RGB", size=300)[:, 50::100, 50::100]
    assert corners[:, 0].T.tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    moving = SAMPLES["moving-dot"].path
    assert frame_count(moving) == 16
    frames = [load_pixels(moving, frame=k)[0] for k in range(16)]
    places = {tuple(np.argwhere(frame == 255).mean(axis=0).round().astype(int)) for frame in frames}
    assert len(places) == 16, "the dot is somewhere else in every frame"
