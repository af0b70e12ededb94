"""filters: every preset does what its line claims, at any size; the text reads and writes; banks of filters."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cnnviz.filter_presets import PROFILES
from cnnviz.filters import (
    FILTERS,
    MAX_EDITS,
    MAX_FILTERS,
    FilterPreset,
    bank,
    format_edits,
    format_filter,
    parse_edits,
    parse_filter,
)
from cnnviz.functional import conv2d
from cnnviz.kernels import (
    INITIALISATIONS,
    KERNELS,
    MAX_SIDE,
    MAX_TEXT,
    MAX_VALUE,
    KernelError,
    initialise,
)
from tests.fuzzing import examples
from tests.torch_weights import drawn

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = 36  # so that a failed assert abbreviates its pictures: torch writes up to 1000 cells in full, slowly
Y, X = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
EVERYWHERE, RIGHT, LOWER, DISC = X >= 0, X >= 16, Y >= 16, (X - 16) ** 2 + (Y - 16) ** 2 <= 40
DOT = (X == 16) & (Y == 16)
BLACK, GREY, WHITE = (0.0, 0.0, 0.0), (0.4, 0.4, 0.4), (1.0, 1.0, 1.0)
RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
YELLOW, MAGENTA = (1.0, 1.0, 0.0), (1.0, 0.0, 1.0)
COLOURS = (BLACK, GREY, WHITE, RED, GREEN, BLUE, YELLOW, MAGENTA)
NOISE = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))

GREY_NOISE = NOISE[:1, :16, :16]

Colour = tuple[float, float, float]
SIZES = [(3, 3), (5, 5), (4, 4), (3, 6), (9, 7)]


def picture(shape: Tensor, colour: Colour, ground: Colour = BLACK) -> Tensor:
    """A shape (H, W) of one colour on a ground of another, (3, H, W)."""
    return torch.where(shape, torch.tensor(colour)[:, None, None], torch.tensor(ground)[:, None, None])


def respond(preset: FilterPreset, size: tuple[int, int], image: Tensor) -> Tensor:
    """Cross-correlate with a (3, H, W) picture, without padding, in float64 so that only the weights are rounded."""
    return F.conv2d(image[None].double(), preset.values(3, *size)[None].double())[0, 0]


def zero(values: Tensor) -> bool:
    return values.abs().max().item() < 1e-4


def same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol=0, atol=1e-5)


def area(preset: FilterPreset, size: tuple[int, int], colour: Colour) -> float:
    """What the filter says inside an area of one colour, the same everywhere."""
    response = respond(preset, size, picture(EVERYWHERE, colour))
    assert zero(response - response.mean())
    return response.mean().item()


# --- what each preset claims -------------------------------------------------------------------


Claim = Callable[[FilterPreset, tuple[int, int]], None]
CLAIMS: dict[str, Claim] = {}


def claims(*names: str) -> Callable[[Claim], Claim]:
    def register(check: Claim) -> Claim:
        for name in names:
            CLAIMS[name] = check
        return check

    return register


CHANNEL = {"red": 0, "green": 1, "blue": 2}
PURE = {"red": RED, "green": GREEN, "blue": BLUE}


@claims("only-red", "only-green", "only-blue")
def _only(preset: FilterPreset, size: tuple[int, int]) -> None:
    colour = preset.name.removeprefix("only-")
    top, left = ((side - 1) // 2 for side in size)
    response = respond(preset, size, NOISE)
    height, width = response.shape
    assert same(response, NOISE[CHANNEL[colour], top : top + height, left : left + width]), "unchanged"
    for name, pure in PURE.items():
        assert area(preset, size, pure) == (name == colour)
    assert area(preset, size, WHITE) == 1


@claims("green-minus-magenta", "yellow-minus-blue")
def _opponents(preset: FilterPreset, size: tuple[int, int]) -> None:
    plus, minus = {"green-minus-magenta": (GREEN, MAGENTA), "yellow-minus-blue": (YELLOW, BLUE)}[preset.name]
    assert area(preset, size, plus) == pytest.approx(1)
    assert area(preset, size, minus) == pytest.approx(-1)
    assert all(abs(area(preset, size, colour)) < 1e-6 for colour in (BLACK, GREY, WHITE))
    assert all(-1 <= area(preset, size, colour) + 1e-6 <= 2 for colour in COLOURS), "nothing answers more"


def _is_a_blur_of_the_brightness(preset: FilterPreset, size: tuple[int, int]) -> None:
    assert len({round(area(preset, size, pure), 5) for pure in PURE.values()}) == 1, "no colour stands out"
    assert area(preset, size, GREY) == pytest.approx(0.4)
    assert area(preset, size, WHITE) == pytest.approx(1)
    assert respond(preset, size, NOISE).var() < 0.5 * NOISE.mean(0).var(), "a blur"


@claims("brightness")
def _brightness(preset: FilterPreset, size: tuple[int, int]) -> None:
    _is_a_blur_of_the_brightness(preset, size)
    assert same(respond(preset, size, NOISE), F.avg_pool2d(NOISE.mean(0)[None], size, 1)[0])
    for border in (RIGHT, LOWER, DISC):
        assert zero(respond(preset, size, picture(border, RED, GREEN)) - 1 / 3), "cannot be told apart"


@claims("soft-blur")
def _soft_blur(preset: FilterPreset, size: tuple[int, int]) -> None:
    _is_a_blur_of_the_brightness(preset, size)
    soft = respond(preset, size, picture(DOT, WHITE))
    square = respond(FILTERS["brightness"], size, picture(DOT, WHITE))
    assert soft.max() > square.max()
    assert (soft > 0.99 * soft.max()).sum() <= 4 < (square > 0.99 * square.max()).sum(), "peaked, not square"


@claims("red-edges", "green-edges", "blue-edges")
def _channel_edges(preset: FilterPreset, size: tuple[int, int]) -> None:
    own = preset.name.removesuffix("-edges")
    assert all(abs(area(preset, size, colour)) < 1e-4 for colour in COLOURS)
    for shape in (RIGHT, LOWER, DISC):
        for name, pure in PURE.items():
            response = respond(preset, size, picture(shape, pure))
            assert response.abs().max() >= 0.25 if name == own else zero(response), "only where its own colour changes"
        assert zero(respond(preset, size, picture(shape, PURE[own], WHITE))), "no trace on white"
    lit = respond(preset, size, picture(DISC, PURE[own])).abs() > 0.05
    assert lit.any()
    if size == (3, 3):  # a kernel as large as the disc sees its outline from everywhere
        assert not lit[15, 15], "an outline, not an area"


@claims("upright-edges", "level-edges")
def _grey_edges(preset: FilterPreset, size: tuple[int, int]) -> None:
    along, across = (RIGHT, LOWER) if preset.name == "upright-edges" else (LOWER, RIGHT)
    response = respond(preset, size, picture(along, WHITE))
    assert response.max().item() == pytest.approx(1)
    assert response.min().item() > -1e-6, "positive where it gets brighter"
    assert same(respond(preset, size, picture(~along, WHITE)), -response)
    assert zero(respond(preset, size, picture(across, WHITE)))
    assert all(abs(area(preset, size, colour)) < 1e-6 for colour in COLOURS)


@claims("green-to-red")
def _green_to_red(preset: FilterPreset, size: tuple[int, int]) -> None:
    response = respond(preset, size, picture(RIGHT, RED, GREEN))
    assert response.max().item() == pytest.approx(1)
    assert response.min().item() > -1e-6
    assert same(respond(preset, size, picture(RIGHT, GREEN, RED)), -response)
    assert zero(respond(preset, size, picture(LOWER, RED, GREEN))), "vertical edges"
    for shape in (RIGHT, LOWER, DISC):
        assert zero(respond(preset, size, picture(shape, WHITE)))


def _spot(preset: FilterPreset, size: tuple[int, int], colour: Colour, ground: Colour) -> float:
    """What the filter says with its centre on a single pixel of one colour on a ground of another."""
    response = respond(preset, size, picture(DOT, colour, ground))
    return response[16 - (size[0] - 1) // 2, 16 - (size[1] - 1) // 2].item()


@claims("bright-spots")
def _bright_spots(preset: FilterPreset, size: tuple[int, int]) -> None:
    assert all(abs(area(preset, size, colour)) < 1e-6 for colour in COLOURS)
    assert _spot(preset, size, WHITE, BLACK) > 0
    reds, greens, blues = (_spot(preset, size, pure, BLACK) for pure in PURE.values())
    assert (greens, blues) == (pytest.approx(reds), pytest.approx(reds)), "whatever the colour"
    assert _spot(preset, size, BLACK, WHITE) == pytest.approx(-_spot(preset, size, WHITE, BLACK), abs=1e-6)
    response = respond(preset, size, picture(DOT, WHITE))
    assert (response == response.max())[16 - (size[0] - 1) // 2, 16 - (size[1] - 1) // 2]


@claims("red-on-green")
def _red_on_green(preset: FilterPreset, size: tuple[int, int]) -> None:
    assert all(abs(area(preset, size, colour)) < 1e-6 for colour in COLOURS)
    assert _spot(preset, size, RED, GREEN) > 0
    assert _spot(preset, size, GREEN, RED) == pytest.approx(-_spot(preset, size, RED, GREEN), abs=1e-6)
    assert zero(respond(preset, size, picture(DOT, WHITE)))
    assert _spot(preset, size, RED, GREEN) > _spot(preset, size, RED, BLACK), "more than red alone"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FILTERS)
def test_a_preset_does_what_its_line_claims(name: str, size: tuple[int, int]) -> None:
    assert name in CLAIMS, f"“{FILTERS[name].look_for}” is not tested: add a claim for {name}"
    CLAIMS[name](FILTERS[name], size)


def test_no_claim_without_a_preset() -> None:
    assert set(CLAIMS) == set(FILTERS)


def test_no_claim_holds_for_another_preset() -> None:
    """A claim that any filter fulfils would prove nothing."""
    for name, check in CLAIMS.items():
        for other in FILTERS.values():
            if other.name != name:
                with pytest.raises(AssertionError):
                    check(replace(other, name=name), (3, 3))


@pytest.mark.parametrize("name", FILTERS)
def test_presets_are_well_formed(name: str) -> None:
    preset = FILTERS[name]
    assert preset.name == name
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz-")
    assert name not in KERNELS, "a name means one thing"
    assert preset.look_for.endswith(".")
    assert "\n" not in preset.look_for
    assert len(preset.look_for) <= 100
    assert preset.family
    assert preset.profile in PROFILES


def test_there_are_enough_presets_and_no_two_alike() -> None:
    assert len(FILTERS) >= 12
    for size in SIZES:
        assert len({tuple(preset.values(3, *size).flatten().tolist()) for preset in FILTERS.values()}) == len(FILTERS)
    assert {preset.profile for preset in FILTERS.values()} == set(PROFILES)


# --- patterns ----------------------------------------------------------------------------------


def test_patterns_at_three_by_three_are_the_kernels_one_knows() -> None:
    known = {"outline": ("edge", 8), "upright": ("sobel-x", 4), "level": ("sobel-y", 4), "box": ("box", 1),
             "binomial": ("gaussian", 1), "point": ("identity", 1), "blob": ("edge", 8)}  # fmt: skip
    assert set(known) == set(PROFILES)
    for profile, (kernel, over) in known.items():
        assert np.array_equal(PROFILES[profile](3, 3).numpy(), np.array(KERNELS[kernel].values) / over), profile
    assert np.array_equal(PROFILES["binomial"](5, 5).numpy(), KERNELS["gaussian5"].values)
    assert np.array_equal(PROFILES["box"](5, 5).numpy(), KERNELS["box5"].values)


@cache
def _power(a: float, b: float, exponent: int) -> np.ndarray:
    return np.atleast_1d((np.poly1d([a, b]) ** exponent).c)


def _numpy_pattern(profile: str, height: int, width: int) -> np.ndarray:
    """The patterns once more: powers of polynomials, and cells told by their distance from the centre."""
    if profile == "binomial":
        return np.outer(_power(0.5, 0.5, height - 1), _power(0.5, 0.5, width - 1))
    if profile == "upright":
        if width == 1:
            return np.zeros((height, 1))
        slope = np.polymul([-1, 1], _power(1, 1, width - 2))
        return np.outer(_power(0.5, 0.5, height - 1), slope / slope[slope > 0].sum())
    if profile == "level":
        return _numpy_pattern("upright", width, height).T
    y, x = np.mgrid[:height, :width]
    y, x = abs(y - (height - 1) // 2), abs(x - (width - 1) // 2)
    centre, middle = (y == 0) & (x == 0), (y <= (height - 1) // 4) & (x <= (width - 1) // 4)
    around = max(1, np.count_nonzero(~middle))
    return {
        "point": np.where(centre, 1, 0),
        "box": np.full_like(centre, 1, dtype=float) / centre.size,
        "outline": np.where(centre, int(centre.size > 1), -1 / max(1, centre.size - 1)),
        "blob": np.where(middle, 0 if middle.all() else 1 / np.count_nonzero(middle), -1 / around),
    }[profile]


@pytest.mark.parametrize("profile", PROFILES)
def test_patterns_at_every_size(profile: str) -> None:
    for height in range(1, MAX_SIDE + 1):
        for width in range(1, MAX_SIDE + 1):
            pattern = PROFILES[profile](height, width)
            assert pattern.dtype == torch.float64
            assert pattern.shape == (height, width)
            np.testing.assert_allclose(
                pattern.numpy(), _numpy_pattern(profile, height, width), rtol=1e-12, atol=1e-15, err_msg=profile
            )
            total = 1 if profile in ("point", "box", "binomial") else 0
            assert pattern.sum().item() == pytest.approx(total, abs=1e-12)


def test_the_centre_is_where_same_padding_puts_the_pixel() -> None:
    image = torch.arange(48.0).reshape(1, 1, 6, 8)
    for size in [(2, 2), (4, 3), (1, 6), (5, 5)]:
        point = FILTERS["only-red"].values(1, *size)[None]
        assert torch.equal(conv2d(image, point, padding="same"), image)


# --- any number of channels --------------------------------------------------------------------

SIDES = st.integers(1, MAX_SIDE)


@examples(60)
@given(st.sampled_from(list(FILTERS)), st.integers(1, 6), SIDES, SIDES)
def test_presets_of_any_size_and_depth(name: str, channels: int, height: int, width: int) -> None:
    preset = FILTERS[name]
    values = preset.values(channels, height, width)
    assert values.shape == (channels, height, width)
    assert values.dtype == torch.float32
    assert values.isfinite().all()
    assert not values[values == 0].signbit().any(), "-0.0 is no number to show"
    three, other = (
        F.conv2d(GREY_NOISE.expand(n, -1, -1), preset.values(n, height, width)[None]) for n in (3, channels)
    )
    assert torch.allclose(three, other, rtol=1e-4, atol=1e-4), "grey is grey however often it is there"


def test_colour_opponents_are_blind_on_grey() -> None:
    blind = {name for name, preset in FILTERS.items() if not preset.values(1, 3, 3).any()}
    assert blind == {"green-minus-magenta", "yellow-minus-blue", "green-to-red", "red-on-green"}
    assert torch.equal(FILTERS["red-edges"].values(1, 3, 3)[0], torch.tensor(KERNELS["edge"].values) / 8)


@pytest.mark.parametrize("size", [(0, 3, 3), (-1, 3, 3), (3, 0, 3), (3, 3, 16)])
def test_sizes_that_cannot_be(size: tuple[int, int, int]) -> None:
    for make in (FILTERS["only-red"].values, lambda *size: parse_filter("only-red", *size)):
        with pytest.raises(KernelError):
            make(*size)


# --- text --------------------------------------------------------------------------------------


def test_filters_by_name_and_by_planes() -> None:
    assert torch.equal(parse_filter(" Red-Edges ", 3, 5, 4), FILTERS["red-edges"].values(3, 5, 4))
    edge = torch.tensor(KERNELS["edge"].values)
    assert torch.equal(parse_filter("edge", 3, 3, 3), edge.expand(3, 3, 3))
    assert torch.equal(parse_filter("-1,-1,-1;-1,8,-1;-1,-1,-1", 2, 3, 3), edge.expand(2, 3, 3))
    assert parse_filter("1,2/3,4/5,.6", 3, 1, 2).tolist() == torch.tensor([[[1, 2]], [[3, 4]], [[5, 0.6]]]).tolist()
    assert parse_filter(" 1;−2 / 3 ; 4e-1", 2, 2, 1).tolist() == torch.tensor([[[1.0], [-2]], [[3], [0.4]]]).tolist()
    assert torch.equal(parse_filter("Edge/identity/box", 3, 3, 3)[1], torch.tensor(KERNELS["identity"].values))
    assert parse_filter("7", 1, 1, 1).tolist() == [[[7]]]
    assert parse_filter("1/9", 2, 1, 1).tolist() == [[[1]], [[9]]], "planes, not a fraction"


@examples(50)
@given(st.sampled_from(INITIALISATIONS), st.integers(0, 10**10 - 1), st.integers(1, 4), SIDES, SIDES)
def test_chance_can_be_written(method: str, seed: int, channels: int, height: int, width: int) -> None:
    weights = parse_filter(f" {method}:{seed} ", channels, height, width)
    assert torch.equal(weights, initialise(method, (1, channels, height, width), seed)[0])
    assert torch.equal(parse_filter(format_filter(weights), channels, height, width), weights)


THREE = "0,0,0;0,0,0;0,0,0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{THREE}/{THREE}", "The filter has 2 planes; the picture has 3 channels."),
        ("edge/edge", "The filter has 2 planes; the picture has 3 channels."),
        (f"{THREE}/0,0,0,0;0,0,0,0;0,0,0,0/{THREE}", "Plane 2 is 3×4; the filters are 3×3."),
        ("1,2;3,4", "This one is 2×2; the filters are 3×3."),
        ("gaussian5", "This one is 5×5; the filters are 3×3."),
        (f"{THREE}/{THREE}/roberts-x", "Plane 3 is 2×2; the filters are 3×3."),
        (f"{THREE}/0,0,0;0,x,0;0,0,0/{THREE}", "Plane 2: Row 2, column 2: “x” is not a number; "
         "write it like 2, -0.5 or 1e-2."),
        (f"{THREE}/0,0,0;0,0;0,0,0/{THREE}", "Plane 2: Row 2 has 2 cells and row 1 has 3 cells; "
         "all rows need the same number."),
        (f"{THREE}/{THREE}/", "Plane 3: Row 1, column 1: An empty cell is not a number; "
         "write it like 2, -0.5 or 1e-2."),
        (f"{THREE}/laplace/{THREE}", "Plane 2: There is no kernel called “laplace”."),
        ("laplace", "There is no filter called “laplace”."),
        ("only red", "There is no filter called “only red”."),
        ("", "Row 1, column 1: An empty cell is not a number; write it like 2, -0.5 or 1e-2."),
        ("glorot:7", "There is no initialisation called “glorot”; there are " + ", ".join(INITIALISATIONS) + "."),
        ("normal:3x4:1", "This one is 3×4; the filters are 3×3."),
        ("1/9,1/9,1/9;1/9,1/9,1/9;1/9,1/9,1/9", "The filter has 10 planes; the picture has 3 channels. "
         "Each “/” begins a plane: write 1/9 as 0.1111."),
        ("a" * 10**6, "The filter is 1000000 characters long; at most 24000 are read."),
    ],
)  # fmt: skip
def test_filters_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(KernelError) as caught:
        parse_filter(text, 3, 3, 3)
    assert str(caught.value) == message


def test_a_grey_picture_has_one_channel() -> None:
    with pytest.raises(KernelError, match=r"^The filter has 3 planes; the picture has 1 channel\.$"):
        parse_filter("0,0/0,1/1,1", 1, 1, 2)


PIECES = st.sampled_from(
    ["/", ";", ",", "|", "=", "0", "1", "-2.5", "1e9", "edge", "red-edges", "normal:3", ":", " ", "x"]
)


@examples(200)
@given(st.text(max_size=60) | st.lists(PIECES, max_size=30).map("".join), st.integers(1, 4), SIDES, SIDES)
def test_any_text_is_read_or_refused(text: str, channels: int, height: int, width: int) -> None:
    try:
        weights = parse_filter(text, channels, height, width)
        assert weights.shape == (channels, height, width)
        assert weights.isfinite().all()
    except KernelError as error:
        assert str(error).endswith(".")
        assert len(str(error)) < 180
    try:
        edits = parse_edits(text)
        assert parse_edits(format_edits(edits)) == edits
    except KernelError as error:
        assert str(error).endswith(".")
        assert len(str(error)) < 180


CELLS = st.integers(-3, 3).map(float) | st.floats(-MAX_VALUE, MAX_VALUE) | st.floats(-2, 2, width=32)


@st.composite
def filters_of_any_size(draw: st.DrawFn) -> Tensor:
    size = (draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    cells = draw(st.lists(CELLS, min_size=1, max_size=math.prod(size)))
    values = torch.tensor(cells, dtype=torch.float64).repeat(math.prod(size))[: math.prod(size)]
    return values.reshape(size)


@examples(100)
@given(filters_of_any_size())
def test_writing_and_reading_keep_every_float32(weights: Tensor) -> None:
    text = format_filter(weights)
    again = parse_filter(text, *weights.shape)
    assert again.dtype == torch.float32
    assert np.array_equal(again.numpy(), weights.numpy().astype(np.float32))
    assert format_filter(again) == text
    assert not set(text) & set(" +|="), "it travels in an address, among other edits"


def test_the_largest_filter_can_be_written_and_read() -> None:
    weights = torch.full((3, 15, 15), -1.1754944e-38) * torch.linspace(1, 1.9, 675).reshape(3, 15, 15)
    text = format_filter(weights)
    assert torch.equal(parse_filter(text, 3, 15, 15), weights)
    assert len(text) < 3 * MAX_TEXT


@examples(60)
@given(st.sampled_from(list(FILTERS)), st.integers(2, MAX_SIDE), st.integers(3, MAX_SIDE))
def test_a_preset_is_written_by_its_name(name: str, height: int, width: int) -> None:
    values = FILTERS[name].values(3, height, width)
    assert format_filter(values) == format_filter(values.double()) == name
    values[0, 0, 0] += 7
    assert format_filter(values) not in FILTERS


def test_how_filters_are_written() -> None:
    assert format_filter(torch.tensor([[[1.0, -0.0]], [[1 / 9, 0.1]]])) == "1,0/0.11111111,0.1"
    assert format_filter(torch.tensor(KERNELS["edge"].values).expand(3, 3, 3)) == "-1,-1,-1;-1,8,-1;-1,-1,-1"
    assert format_filter(torch.zeros(3, 1, 2)) == "0,0", "no name for a blind filter"
    assert format_filter(torch.tensor([[[-0.0]]])) == "0"
    grey = FILTERS["blue-edges"].values(1, 3, 3)
    assert format_filter(grey) == "red-edges", "the first of those that are alike"
    assert format_filter(torch.tensor([[[1.0, -0.0], [-0.0, 0.0]]])) == "only-red", "-0.0 is 0"


@pytest.mark.parametrize(
    "weights",
    [torch.zeros(3, 3), torch.zeros(1, 1, 3, 3), torch.zeros(0, 3, 3), torch.zeros(1, 0, 3), torch.zeros(1, 3, 16),
     torch.full((1, 1, 1), math.nan), torch.full((1, 1, 1), math.inf), torch.full((1, 1, 1), 2e6)],
)  # fmt: skip
def test_filters_that_cannot_be_written(weights: Tensor) -> None:
    with pytest.raises(KernelError):
        format_filter(weights)


# --- edits -------------------------------------------------------------------------------------


def test_edits() -> None:
    assert parse_edits("") == parse_edits("  ") == {}
    assert parse_edits("0=red-edges|2=0,1,0;1,-4,1;0,1,0/1/2") == {0: "red-edges", 2: "0,1,0;1,-4,1;0,1,0/1/2"}
    assert parse_edits(" 63 = only-red | 07=1 ") == {63: "only-red", 7: "1"}
    assert format_edits({}) == ""
    assert format_edits({10: " b ", 2: "a"}) == "2=a|10=b"


@examples(100)
@given(
    st.dictionaries(
        st.integers(0, MAX_FILTERS - 1), st.sampled_from([*FILTERS, *KERNELS, "normal:3"]) | st.just("0,1;2,-3e-05/1")
    )
)
def test_edits_written_and_read(edits: dict[int, str]) -> None:
    text = format_edits(edits)
    assert parse_edits(text) == edits
    assert format_edits(parse_edits(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("red-edges", "“red-edges” is not an edited filter; write its number and its weights like 0=red-edges."),
        ("0=", "“0=” is not"), ("=edge", "“=edge” is not"), ("a=edge", "“a=edge” is not"), ("0=1=2", "“0=1=2” is not"),
        ("-1=edge", "“-1=edge” is not"), ("0=1|", "An empty part is not"), ("|", "An empty part is not"),
        ("٣=edge", "is not an edited filter"), ("9999999999=edge", "is not an edited filter"),
        ("64=edge", "There is no filter 64; they are counted from 0 to 63."),
        ("1=edge|01=box", "Filter 1 is there twice; say once what it is."),
        ("0=" + "1" * MAX_EDITS, "The edited filters are 100002 characters long; at most 100000 are read."),
    ],
)  # fmt: skip
def test_edits_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(KernelError) as caught:
        parse_edits(text)
    assert message in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "edits", [{-1: "1"}, {64: "1"}, {0: ""}, {0: "1=2"}, {0: "1|2"}, {0: "1|2=3"}, {0: "1" * 10**5}]
)
def test_edits_that_cannot_be_written(edits: dict[int, str]) -> None:
    with pytest.raises(KernelError):
        format_edits(edits)


# --- banks -------------------------------------------------------------------------------------

bank_sizes = st.tuples(st.integers(1, MAX_FILTERS), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))


@examples(70)
@given(st.sampled_from(INITIALISATIONS), bank_sizes, st.integers(0, 2**63 - 1))
def test_a_bank_is_drawn_as_torch_draws_it(method: str, sizes: tuple[int, int, int, int], seed: int) -> None:
    count, channels, *kernel_size = sizes
    size = kernel_size[0], kernel_size[1]
    weight, bias = bank(count, channels, size, method, seed, {})
    right, right_bias = drawn(method, count, channels, size, seed)
    assert weight.dtype == bias.dtype == torch.float32
    assert torch.equal(weight, right)
    assert torch.equal(bias, right_bias)


@examples(40)
@given(bank_sizes, st.integers(1, MAX_FILTERS), st.integers(0, 10**6))
def test_where_weights_are_drawn_evenly_a_larger_bank_begins_with_the_smaller(
    sizes: tuple[int, int, int, int], more: int, seed: int
) -> None:
    count, channels, height, width = sizes
    count, more = sorted((count, more))
    for method in ("uniform", "kaiming_uniform", "pytorch"):
        smaller, larger = (bank(k, channels, (height, width), method, seed, {})[0] for k in (count, more))
        assert torch.equal(larger[:count], smaller)


def test_edited_filters_take_their_places() -> None:
    edits = {0: "red-edges", 2: "1,2/3,4/5,6", 3: "0,1", 8: "cannot be read", 63: "nor this"}
    drawn, drawn_bias = bank(8, 3, (1, 2), "pytorch", 5, {})
    weight, bias = bank(8, 3, (1, 2), "pytorch", 5, edits)
    assert torch.equal(weight[0], FILTERS["red-edges"].values(3, 1, 2))
    assert weight[2].tolist() == [[[1, 2]], [[3, 4]], [[5, 6]]]
    assert weight[3].tolist() == [[[0, 1]]] * 3
    kept = [1, 4, 5, 6, 7]
    assert torch.equal(weight[kept], drawn[kept])
    assert torch.equal(bias[kept], drawn_bias[kept])
    assert drawn_bias.all()
    assert not bias[[0, 2, 3]].any(), "what a person writes has no bias"
    before = torch.get_rng_state()
    assert torch.equal(bank(8, 3, (1, 2), "pytorch", 5, edits)[0], weight)
    assert torch.equal(torch.get_rng_state(), before), "the global random state is left alone"


@pytest.mark.parametrize("method", INITIALISATIONS)
def test_a_filter_that_was_drawn_stays_when_it_is_written_down(method: str) -> None:
    weight, _ = bank(5, 3, (3, 2), method, 1, {})
    again, _ = bank(5, 3, (3, 2), method, 99, {k: format_filter(weights) for k, weights in enumerate(weight)})
    assert torch.equal(again, weight)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 3, (3, 3), "normal", 0, {2: f"{THREE}/{THREE}"}), "Filter 2: The filter has 2 planes; the picture has 3 "),
        ((4, 3, (3, 3), "normal", 0, {3: "laplace"}), "Filter 3: There is no filter called “laplace”."),
        ((0, 3, (3, 3), "normal", 0, {}), "There can be 1 to 64 filters, not 0."),
        ((65, 3, (3, 3), "normal", 0, {}), "There can be 1 to 64 filters, not 65."),
        ((4, 0, (3, 3), "normal", 0, {}), "at least one channel"),
        ((4, 3, (3, 16), "normal", 0, {}), "3×16"),
        ((4, 3, (3, 3), "glorot", 0, {}), "no initialisation"),
        ((4, 3, (3, 3), "normal", -1, {}), "seed"),
    ],
)
def test_banks_that_cannot_be(arguments: tuple, message: str) -> None:
    with pytest.raises(KernelError) as caught:
        bank(*arguments)
    assert message in str(caught.value)


def test_a_bank_is_what_a_convolution_takes() -> None:
    weight, bias = bank(6, 3, (3, 3), "kaiming_normal", 0, {1: "only-green"})
    maps = F.conv2d(NOISE[None], weight, bias)[0]
    assert torch.equal(maps[1], NOISE[1, 1:-1, 1:-1])
