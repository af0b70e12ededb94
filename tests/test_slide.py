"""The slide's GIF, decoded by Pillow and compared, pixel by pixel, with maps enlarged and coloured by NumPy."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageFont

from cnnviz import figures, slide
from cnnviz.functional import conv2d
from cnnviz.images import SAMPLES, load_image
from cnnviz.slide import FRAMES, LIMIT, REST, SIDE, STEP, Slide, gif, seconds, shown_cells
from cnnviz.slide_frames import LINE, MARGIN, SHADES, SMALLEST, layout
from tests.fuzzing import examples

WHITE, BLACK, PENDING = (255, 255, 255), (0, 0, 0), (213, 210, 222)
GRAY = figures.ColorRange("gray", 0.0, 1.0)


def made(what: Slide) -> bytes:
    return gif(what, progress=lambda share: None)


def decoded(data: bytes) -> tuple[list[np.ndarray], list[int]]:
    """Every frame as a viewer shows it, (height, width, 3), and how long each stays."""
    frames, durations = [], []
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "GIF"
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")).astype(int))
            durations.append(image.info["duration"])
    return frames, durations


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


def simple(height: int, width: int, **changes: Any) -> Slide:
    """A 3×3 window over a random map."""
    after = random(height - 2, width - 2, seed=1) - np.float32(0.5)
    colors = figures.color_range(after.min(), after.max())
    return replace(Slide(random(1, height, width), after, GRAY, colors, (3, 3), (1, 1)), **changes)


def photograph() -> Slide:
    """The Lab's worked example."""
    x = load_image(SAMPLES["camera"].path.read_bytes(), mode="L", size=(300, 300))
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1))
    weight = torch.tensor([[[[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]]])
    after = conv2d(padded, weight)[0].numpy()
    return Slide(padded[0].numpy(), after[0], GRAY, figures.color_range(after.min(), after.max()), (3, 3), (1, 1))


@st.composite
def slides(draw: st.DrawFn) -> Slide:
    """Any window on a small map, of a convolution or of a pool with padding."""
    pair = lambda low, high: st.tuples(st.integers(low, high), st.integers(low, high))  # noqa: E731
    kernel, stride, dilation, pads = draw(pair(1, 3)), draw(pair(1, 3)), draw(pair(1, 2)), draw(pair(0, 1))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    size = [max(1, r - 2 * p) + extra for r, p, extra in zip(reach, pads, draw(pair(0, 5)))]
    out = [(n + 2 * p - r) // s + 1 for n, p, r, s in zip(size, pads, reach, stride)]
    seed = draw(st.integers(0, 99))
    after = random(*out, seed=seed) - np.float32(draw(st.sampled_from([0, 0.5])))
    start = draw(st.integers(0, after.size - 1))
    before = random(1, *size, seed=seed + 1)
    colors = draw(st.sampled_from([GRAY, figures.color_range(before.min(), before.max())]))
    return Slide(
        before, after, colors, figures.color_range(after.min(), after.max()), kernel, stride, dilation, pads, start
    )


def nearest_shades(pixels: np.ndarray, scale: str) -> np.ndarray:
    """Each colour (..., 3) replaced by the nearest of a scale's SHADES evenly spaced ones."""
    shades = figures.palette(scale)[np.rint(np.linspace(0, 255, SHADES)).astype(int)].astype(float)
    distance = np.linalg.norm(pixels[..., None, :] - shades, axis=-1)
    return shades[distance.argmin(axis=-1)].astype(int)


def enlarged(channel: np.ndarray, colors: figures.ColorRange, factor: int) -> np.ndarray:
    """A map (H, W) as it is to be seen, so many pixels a cell."""
    cells = nearest_shades(figures.colored(channel, colors), colors.scale)
    return cells.repeat(factor, axis=0).repeat(factor, axis=1)


def mark(canvas: np.ndarray, top: int, left: int, height: int, width: int) -> None:
    """White, 2 px, inside this box, and a black line around it; what is inside stays."""
    inside = canvas[top + 2 : top + height - 2, left + 2 : left + width - 2].copy()
    canvas[top - 1 : top + height + 1, left - 1 : left + width + 1] = BLACK
    canvas[top : top + height, left : left + width] = WHITE
    canvas[top + 2 : top + height - 2, left + 2 : left + width - 2] = inside


# --- what is in the file ----------------------------------------------------------------------------


@examples(20)
@given(slides())
@example(simple(5, 5, dilation=(1, 1)))
@example(Slide(random(1, 12, 12), random(8, 8), GRAY, GRAY, (3, 3), (1, 1), (2, 2)))
@example(Slide(random(1, 5, 4), random(3, 2), GRAY, GRAY, (3, 3), (2, 2), pads=(1, 1)))
def test_every_pixel_of_every_frame(what: Slide) -> None:
    frames, _ = decoded(made(what))
    rows, columns = what.after.shape
    height, width = what.before.shape[1:]
    reach = [d * (k - 1) + 1 for k, d in zip(what.kernel_size, what.dilation)]
    ends = [(out - 1) * s + r for out, s, r in zip(what.after.shape, what.stride, reach)]
    one = SIDE // max(end if end > n + p else n + p for end, n, p in zip(ends, (height, width), what.pads))
    other = SIDE // max(rows, columns)
    before, after, size = layout(what, SIDE)
    assert before.size == (one * height, one * width)
    assert after.size == (other * rows, other * columns)
    assert len(frames) == rows * columns - what.start

    paper = np.full((*size, 3), 255)
    paper[before.pixels] = enlarged(what.before[0], what.before_colors, one)
    output = enlarged(what.after, what.after_colors, other)
    order = np.arange(rows * columns).reshape(rows, columns).repeat(other, axis=0).repeat(other, axis=1)
    for cell, frame in enumerate(frames, what.start):
        expected = paper.copy()
        expected[after.pixels] = np.where(order[..., None] <= cell, output, PENDING)
        row, column = divmod(cell, columns)
        mark(expected, after.corner[0] + other * row, after.corner[1] + other * column, other, other)
        top = before.corner[0] + one * (row * what.stride[0] - what.pads[0])
        left = before.corner[1] + one * (column * what.stride[1] - what.pads[1])
        if what.dilation == (1, 1):
            mark(expected, top, left, one * reach[0], one * reach[1])
        else:  # what is between the cells that it reads is not marked
            for i in range(what.kernel_size[0]):
                for j in range(what.kernel_size[1]):
                    mark(expected, top + one * i * what.dilation[0], left + one * j * what.dilation[1], one, one)
        text = size[0] - MARGIN // 2 - LINE
        assert np.array_equal(frame[:text], expected[:text])
        ink = (frame[text:] != 255).any(axis=-1)
        assert ink.any(), "the line says which cell"
        assert not ink[:, :MARGIN].any()
        assert not ink[:, -MARGIN:].any()


@pytest.mark.parametrize("start", [0, 7, 11])
def test_frames_stay_as_long_as_they_should(start: int) -> None:
    data = made(simple(5, 6, start=start))
    _, durations = decoded(data)
    assert durations == [STEP] * (11 - start) + [REST]
    assert seconds(data) == sum(durations) / 1000
    assert Image.open(io.BytesIO(data)).info["loop"] == 0, "forever"


def test_a_photograph_is_small_and_short() -> None:
    what = photograph()
    data = made(what)
    frames, durations = decoded(data)
    assert len(frames) == FRAMES == 120
    assert durations == [STEP] * 119 + [REST]
    assert len(data) < LIMIT / 5
    before, after, size = layout(what, SIDE)
    assert before.size == after.size == (SIDE, SIDE)
    assert frames[0].shape[:2] == size

    # Reduced, a pixel is the average of the cells under it.
    average = Image.fromarray(figures.colored(what.after, what.after_colors)).resize((SIDE, SIDE), Image.Resampling.BOX)
    expected = nearest_shades(np.asarray(average).astype(float), what.after_colors.scale)
    shown = frames[-1][after.pixels]
    assert np.array_equal(shown[:-9, :-9], expected[:-9, :-9]), "all but the last cell's mark"
    left = Image.fromarray(figures.colored(what.before[0], GRAY)).resize((SIDE, SIDE), Image.Resampling.BOX)
    assert np.abs(frames[-1][before.pixels][:-9, :-9] - np.asarray(left)[:-9, :-9]).max() <= 2

    # On the way a pixel is filled when the last of the cells that it shows is: no cell is seen before it is computed.
    last = np.ceil(np.arange(1, SIDE + 1) * 300 / SIDE) - 1
    order = last[:, None] * 300 + last
    for number in (30, 90, 110):
        cell = shown_cells(0, what.after.size, FRAMES)[number]
        marked = np.zeros((SIDE, SIDE), bool)
        row, column = (round(place * SIDE / 300) for place in divmod(cell, 300))
        marked[max(0, row - 6) : row + 7, max(0, column - 6) : column + 7] = True
        pending = (frames[number][after.pixels] == PENDING).all(axis=-1)
        assert np.array_equal(pending[~marked], (order > cell)[~marked])

    # The window is 2.6 px large, but its outline can be seen.
    one, other = frames[5], frames[115]
    row, column = divmod(shown_cells(0, what.after.size, FRAMES)[115], 300)
    ys, xs = np.nonzero((one != other).any(axis=-1)[before.pixels])
    far = ys > 20  # the other frame's window is at the top
    for places, cell in ((ys[far], row), (xs[far], column)):
        assert SMALLEST <= np.ptp(places) - 1 <= SMALLEST + 2
        assert abs((places.max() + places.min() + 1) / 2 - (cell + 1.5) * SIDE / 302) <= 1


def test_an_output_of_one_cell_is_one_frame() -> None:
    data = made(simple(3, 3))
    frames, durations = decoded(data)
    assert len(frames) == 1
    assert durations == [REST]
    assert seconds(data) == REST / 1000


@pytest.mark.parametrize(("height", "width"), [(3, 1024), (1024, 3), (1024, 1024), (3, 4), (260, 261), (130, 131)])
def test_pictures_are_no_larger_than_they_may_be(height: int, width: int) -> None:
    what = simple(height, width)
    before, after, size = layout(what, SIDE)
    for pane in (before, after):
        assert SIDE // 2 < max(pane.size) <= SIDE
        assert min(pane.size) >= SMALLEST
    data = made(what)
    assert len(data) < LIMIT
    assert Image.open(io.BytesIO(data)).size == size[::-1]


def test_room_for_a_pool_that_begins_far_outside() -> None:
    what = Slide(random(1, 1, 3), random(2, 2), GRAY, GRAY, (64, 64), (1, 1), pads=(32, 32))
    before, _, size = layout(what, SIDE)
    assert max(before.size) <= SIDE
    frames, _ = decoded(made(what))
    assert frames[0].shape[:2] == size
    assert max(size) <= 2 * SIDE + 100
    assert (frames[0][before.corner[0] - round(32 * before.scale[0]), MARGIN] == WHITE).all(), "the first window's edge"


def test_a_picture_is_shown_in_colour_and_of_other_maps_the_first_channel() -> None:
    ramp = np.linspace(0, 1, 40, dtype=np.float32)
    picture = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], np.float32(0.5)))
    rgb = simple(40, 40, before=picture)
    before, _, _ = layout(rgb, SIDE)
    shown = decoded(made(rgb))[0][-1][before.pixels][:200, :200]
    wanted = (picture * 255).transpose(1, 2, 0).repeat(6, axis=0).repeat(6, axis=1)[:200, :200]
    assert np.abs(shown - wanted).mean() < 8
    assert np.abs(shown - wanted).max() < 40
    sequential = figures.ColorRange("sequential", 0, 1)
    several, first = (replace(rgb, before=maps, before_colors=sequential) for maps in (picture, picture[:1]))
    assert made(several) == made(first)
    assert made(several) != made(replace(several, before=picture[::-1]))


def test_the_line_says_the_value() -> None:
    values = [np.float32(0.25), np.float32(0.25), np.float32(-123.456)]
    lines = []
    for value in values:
        after = np.full((2, 2), value)
        colors = figures.ColorRange("diverging", -200, 200)
        lines.append(decoded(made(simple(4, 4, after=after, after_colors=colors)))[0][2][-LINE:])
    assert np.array_equal(lines[0], lines[1])
    assert not np.array_equal(lines[0], lines[2])


def test_there_is_room_for_the_longest_line() -> None:
    (*_, (_, width)) = layout(simple(1024, 3), SIDE)
    font = ImageFont.load_default(13)
    assert font.getlength("row 1023, column 1023: -1.234e+38") <= width - 2 * MARGIN


def test_what_is_still_to_come_looks_like_no_value() -> None:
    for scale in ("sequential", "diverging"):
        distance = np.linalg.norm(figures.palette(scale).astype(float) - PENDING, axis=1)
        assert distance.min() > 20


# --- which cells get a frame ------------------------------------------------------------------------


@examples(80)
@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(2, 200))
@example(0, 90_000, 120)
@example(0, 121, 120)
@example(0, 3, 2)
def test_the_slide_begins_slowly_and_arrives(start: int, count: int, frames: int) -> None:
    cells = shown_cells(start, start + count, frames)
    assert 1 <= len(cells) <= frames
    assert (cells[0], cells[-1]) == (start, start + count - 1)
    steps = np.diff(cells)
    assert (steps >= 1).all()
    if count <= frames:
        assert len(cells) == count
    else:
        assert (steps[: frames // 3 - 1] == 1).all(), "a third of the frames go cell by cell"
        assert (steps[1:] >= steps[:-1] - 1).all(), "then it only gets faster, but for rounding"
        assert steps.max() == steps[-1] or steps.max() - steps[-1] <= 1


def test_the_worked_example_takes_most_of_its_frames() -> None:
    assert len(shown_cells(0, 90_000, 120)) == 120
    assert len(shown_cells(0, 150, 120)) > 80


# --- how it is made ---------------------------------------------------------------------------------


def test_progress_runs_from_none_to_all() -> None:
    shares: list[float] = []
    gif(simple(6, 6), progress=shares.append)
    assert shares == [number / 16 for number in range(17)]


def test_what_is_too_large_is_made_again_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    what = simple(60, 60)
    whole = made(what)
    limit = len(whole) // 4
    monkeypatch.setattr(slide, "LIMIT", limit)
    shares: list[float] = []
    data = gif(what, progress=shares.append)
    assert len(data) < limit
    frames, durations = decoded(data)
    assert 2 <= len(frames) < len(decoded(whole)[0])
    assert durations[-1] == REST
    assert not (frames[-1] == PENDING).all(axis=-1).any(), "it still arrives"
    assert (shares[0], shares[-1]) == (0, 1)
    assert (np.diff(shares) >= 0).all()


def test_what_progress_raises_ends_the_work() -> None:
    shares: list[float] = []

    def cancel(share: float) -> None:
        shares.append(share)
        if share >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gif(simple(6, 6), progress=cancel)
    assert shares[-1] == 0.5


@pytest.mark.parametrize("start", [-1, 16])
def test_a_start_that_is_no_cell(start: int) -> None:
    with pytest.raises(ValueError, match="one of 16 cells"):
        made(simple(6, 6, start=start))


def test_the_same_slide_is_the_same_file() -> None:
    one = simple(6, 6)
    again = replace(one, before=one.before.copy(), after=one.after.copy())
    assert one.is_same(again)
    assert made(one) == made(again)
    others = {
        "before": one.before + np.float32(0.1), "after": one.after[:3], "start": 3, "stride": (2, 2), "pads": (1, 0),
        "kernel_size": (2, 3), "dilation": (1, 2), "after_colors": GRAY,
        "before_colors": figures.ColorRange("gray", 0, 2),
    }  # fmt: skip
    assert others.keys() == vars(one).keys()
    for name, value in others.items():
        assert not one.is_same(replace(one, **{name: value})), name
