"""kernels: every preset does what its line claims; the text form reads and writes; starting weights."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.kernels import (
    INITIALISATIONS,
    KERNELS,
    MAX_SIDE,
    MAX_TEXT,
    MAX_VALUE,
    KernelError,
    Rows,
    format_kernel,
    format_rows,
    initial_bias,
    initialise,
    parse_kernel,
    parse_number,
)
from tests.fuzzing import examples

SIDE = 40
Y, X = torch.meshgrid(torch.arange(SIDE).double(), torch.arange(SIDE).double(), indexing="ij")
FLAT = torch.full((SIDE, SIDE), 0.3, dtype=torch.float64)
RIGHT = (X >= 20).double()  # a vertical edge: brighter to the right
DOWN = (Y >= 20).double()  # a horizontal edge: brighter downwards
SLASH = (X + Y >= SIDE).double()  # an edge that runs like /
BACKSLASH = (X - Y >= 0).double()  # an edge that runs like \
RAMP = 0.01 * X + 0.02 * Y
DOT = ((X == 20) & (Y == 20)).double()
LINES = {
    "line-0": (Y == 20).double(),
    "line-45": (X + Y == SIDE).double(),
    "line-90": (X == 20).double(),
    "line-135": (X == Y).double(),
}
NOISE = torch.rand(SIDE, SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def respond(name: str, picture: torch.Tensor) -> torch.Tensor:
    """Cross-correlate a preset with an (H, W) picture, without padding."""
    weight = torch.tensor(KERNELS[name].values, dtype=torch.float64)
    return F.conv2d(picture[None, None], weight[None, None])[0, 0]


def strength(name: str, picture: torch.Tensor) -> float:
    return respond(name, picture).abs().max().item()


def nothing(response: torch.Tensor) -> bool:
    return response.abs().max().item() < 1e-12


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=0, atol=1e-12)


# --- what each preset claims -------------------------------------------------------------------

CLAIMS: dict[str, Callable[[], None]] = {}


def claims(*names: str) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    def register(check: Callable[[str], None]) -> Callable[[str], None]:
        for name in names:
            CLAIMS[name] = lambda name=name: check(name)  # type: ignore[misc]
        return check

    return register


@claims("identity")
def _identity(name: str) -> None:
    assert torch.equal(respond(name, NOISE), NOISE[1:-1, 1:-1])


@claims("edge")
def _edge(name: str) -> None:
    assert KERNELS[name].values == ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1))
    assert nothing(respond(name, FLAT))
    assert all(strength(name, picture) >= 2 for picture in (RIGHT, DOWN, SLASH, BACKSLASH))


def _blurs(name: str) -> None:
    assert math.isclose(sum(map(sum, KERNELS[name].values)), 1, abs_tol=1e-15)
    assert same(respond(name, FLAT), torch.full_like(respond(name, FLAT), 0.3))
    assert respond(name, NOISE).var() < 0.5 * NOISE.var()


@claims("box", "box5")
def _box(name: str) -> None:
    _blurs(name)
    size = KERNELS[name].size[0]
    assert same(respond(name, NOISE), F.avg_pool2d(NOISE[None], size, 1)[0])
    square = respond(name, DOT)
    assert square.max() == 1 / size**2
    assert (square == square.max()).sum() == size**2
    assert respond("box5", NOISE).var() < respond("box", NOISE).var()


@claims("gaussian")
def _gaussian(name: str) -> None:
    _blurs(name)
    peak = respond(name, DOT)
    assert (peak == peak.max()).sum() == 1
    assert peak.max() > respond("box", DOT).max()


@claims("gaussian5")
def _gaussian5(name: str) -> None:
    _blurs(name)
    assert same(respond(name, NOISE), respond_twice("gaussian", NOISE))
    assert respond(name, NOISE).var() < respond("gaussian", NOISE).var()


def respond_twice(name: str, picture: torch.Tensor) -> torch.Tensor:
    return respond(name, respond(name, picture))


@claims("motion-blur")
def _motion_blur(name: str) -> None:
    _blurs(name)
    rows, columns = respond(name, DOT).nonzero().T
    assert len(rows) == 5
    assert torch.equal(rows - rows[0], columns - columns[0]), "the streak falls to the right"
    assert strength(name, LINES["line-135"]) == pytest.approx(1), "a line along it stays as it was"
    for across in ("line-0", "line-45", "line-90"):
        assert strength(name, LINES[across]) == pytest.approx(0.2)


def overshoot(name: str, picture: torch.Tensor) -> torch.Tensor:
    """How far past white each column of a vertical step from 0 to 1 goes: nearest the edge first."""
    return respond(name, picture)[0, 20 - KERNELS[name].size[1] // 2 :] - 1


@claims("sharpen")
def _sharpen(name: str) -> None:
    assert same(respond(name, FLAT), FLAT[1:-1, 1:-1])
    response = respond(name, RIGHT)
    assert (response.max().item(), response.min().item()) == (2, -1)


@claims("unsharp")
def _unsharp(name: str) -> None:
    twice_minus_blur = 2 * NOISE[2:-2, 2:-2] - respond("gaussian5", NOISE)
    assert same(respond(name, NOISE), twice_minus_blur)
    halo, narrow = overshoot(name, RIGHT), overshoot("sharpen", RIGHT)
    assert (halo > 0).sum() > (narrow > 0).sum(), "wider"
    assert 0 < halo.max() < narrow.max(), "softer"


@claims("emboss")
def _emboss(name: str) -> None:
    assert same(respond(name, FLAT), FLAT[1:-1, 1:-1])
    rising, falling = respond(name, SLASH), respond(name, 1 - SLASH)
    assert (rising - SLASH[1:-1, 1:-1]).max() > 1
    assert (rising - SLASH[1:-1, 1:-1]).min() >= 0
    assert (falling - (1 - SLASH)[1:-1, 1:-1]).min() < -1
    assert (falling - (1 - SLASH)[1:-1, 1:-1]).max() <= 0


@claims("sobel-x", "prewitt-x", "scharr-x", "sobel-y", "prewitt-y", "scharr-y")
def _gradients(name: str) -> None:
    family, direction = name.split("-")
    along, across = (RIGHT, DOWN) if direction == "x" else (DOWN, RIGHT)
    response = respond(name, along)
    assert response.max() > 0
    assert response.min() == 0
    assert torch.equal(respond(name, 1 - along), -response), "darker gives the opposite sign"
    assert nothing(respond(name, across))
    assert nothing(respond(name, FLAT))
    weights = torch.tensor(KERNELS[name].values)
    if family == "prewitt":
        assert set(weights.abs().flatten().tolist()) == {0, 1}, "all counted alike"
    if family == "scharr":
        assert torch.equal(response, 4 * respond(f"sobel-{direction}", along))
        assert direction_error("scharr") < direction_error("sobel") < direction_error("prewitt")
    other = torch.tensor(KERNELS[f"{family}-{'y' if direction == 'x' else 'x'}"].values)
    assert torch.equal(weights, other.T)


def direction_error(family: str) -> float:
    """The worst error, in radians, of a pair's edge direction on gratings of ten pixels, at all angles."""
    worst = 0.0
    for degrees in range(0, 91, 5):
        angle = math.radians(degrees)
        grating = torch.sin(2 * math.pi / 10 * (X * math.cos(angle) + Y * math.sin(angle)))
        gx, gy = respond(f"{family}-x", grating), respond(f"{family}-y", grating)
        steep = gx.hypot(gy) > 0.5 * gx.hypot(gy).max()
        found = torch.atan2(gy.abs(), gx.abs())[steep]
        worst = max(worst, (found - angle).abs().max().item())
    return worst


@claims("roberts-x", "roberts-y")
def _roberts(name: str) -> None:
    own, other = (SLASH, BACKSLASH) if name == "roberts-x" else (BACKSLASH, SLASH)
    assert KERNELS[name].size == (2, 2)
    assert nothing(respond(name, FLAT))
    assert nothing(respond(name, other))
    assert respond(name, own).abs().sum() > 0
    assert strength(name, own) == 1
    # The strongest possible: of all edges the most cells answer to its own direction.
    assert all(respond(name, own).abs().sum() >= respond(name, edge).abs().sum() for edge in (RIGHT, DOWN))


@claims("laplacian4", "laplacian8")
def _laplacians(name: str) -> None:
    assert nothing(respond(name, FLAT))
    assert nothing(respond(name, RAMP))
    for edge in (RIGHT, DOWN):
        response = respond(name, edge)
        assert response.max() == -response.min() > 0, "both sides, opposite signs"
    assert respond(name, DOT)[19, 19] < 0
    if name == "laplacian8":
        assert torch.equal(respond(name, NOISE), -respond("edge", NOISE))
        assert (respond(name, DOT) > 0).sum() == 8, "the rim"


@claims("log")
def _log(name: str) -> None:
    assert nothing(respond(name, FLAT))
    assert nothing(respond(name, RAMP))
    blob = (((X - 20) ** 2 + (Y - 20) ** 2) <= 1).double()
    response = respond(name, blob)
    inside = blob[2:-2, 2:-2] > 0
    around = (F.max_pool2d(blob[None], 3, 1, 1)[0, 2:-2, 2:-2] > 0) & ~inside
    assert (response[inside] > 0).all()
    assert (response[around] < 0).all(), "dark all around"
    assert strength(name, blob) > 2 * strength(name, RIGHT), "more than an edge"


@claims("line-0", "line-45", "line-90", "line-135")
def _lines(name: str) -> None:
    answers = {angle: strength(name, line) for angle, line in LINES.items()}
    own = answers.pop(name)
    assert own == respond(name, LINES[name]).max() == 6, "bright, so a plus"
    assert own >= 2 * max(answers.values())
    assert nothing(respond(name, FLAT))
    if name in ("line-0", "line-90"):
        assert nothing(respond(name, LINES["line-90" if name == "line-0" else "line-0"]))


@claims("gabor")
def _gabor(name: str) -> None:
    def answer(period: float, degrees: float) -> float:
        angle = math.radians(degrees)
        phase = 2 * math.pi / period * (X * math.cos(angle) + Y * math.sin(angle))
        return max(strength(name, torch.cos(phase)), strength(name, torch.sin(phase)))

    assert nothing(respond(name, FLAT))
    own = answer(4, 0)
    stripes = torch.cos(2 * math.pi / 4 * (X - 20))
    assert respond(name, stripes)[10, 17] == pytest.approx(own), "bright is a plus"
    assert max(answer(4, degrees) for degrees in (45, 90, 135)) < own / 4
    assert max(answer(period, 0) for period in (2.2, 12, 20)) < own / 3
    assert max((answer(period / 2, 0), period / 2) for period in range(5, 30))[1] in (3.5, 4, 4.5)


@pytest.mark.parametrize("name", KERNELS)
def test_a_preset_does_what_its_line_claims(name: str) -> None:
    assert name in CLAIMS, f"“{KERNELS[name].look_for}” is not tested: add a claim for {name}"
    CLAIMS[name]()


def test_no_claim_without_a_preset() -> None:
    assert set(CLAIMS) == set(KERNELS)


@pytest.mark.parametrize("name", KERNELS)
def test_presets_are_well_formed(name: str) -> None:
    kernel = KERNELS[name]
    assert kernel.name == name
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert kernel.look_for.endswith(".")
    assert "\n" not in kernel.look_for
    assert len(kernel.look_for) <= 100
    assert kernel.family
    assert all(type(value) is float for row in kernel.values for value in row)
    assert (len(kernel.values), len(kernel.values[0])) == kernel.size


def test_there_are_enough_presets_and_no_two_alike() -> None:
    assert len(KERNELS) >= 20
    assert len({kernel.values for kernel in KERNELS.values()}) == len(KERNELS)
    assert KERNELS["box"].values[0][0] == 1 / 9
    assert KERNELS["box5"].values[0][0] == 1 / 25
    assert KERNELS["gaussian5"].values[0][:3] == (1 / 256, 4 / 256, 6 / 256)


# --- text --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2), ("-1", -1), ("+3", 3), (".5", 0.5), ("5.", 5), ("0.5", 0.5), ("0,5", 0.5), (",5", 0.5),
        ("-1e-2", -0.01), ("1E3", 1000), ("1/9", 1 / 9), ("-1/9", -1 / 9), ("1 / 9", 1 / 9), ("1/-4", -0.25),
        ("0,5/2", 0.25), ("−1", -1), ("–1", -1), ("  7\t", 7), ("1000000", 1e6), ("-0", 0), ("1e-400", 0),
        ("007", 7), ("1/3", 1 / 3),
    ],
)  # fmt: skip
def test_numbers_as_people_type_them(text: str, value: float) -> None:
    assert parse_number(text) == value
    assert math.copysign(1, parse_number(text)) == (1 if value == 0 else math.copysign(1, value))


HOSTILE = [
    "", " ", "abc", "nan", "inf", "-inf", "infinity", "1e999", "1e7", "-1000001", "1/0", "1/0.0", "1/1e-400",
    "1/9/3", "--1", "1-1", "1+1", "2*3", "1_000", "0x10", "1,2,3", "1.2.3", "1,2.3", ".", ",", "-", "e5",
    "1e", "/3", "3/", "٣", "１", "½", "1\x00", "()", "((((1))))", "__import__('os')", "9" * 1000,
    "1" + " " * 1000, "\u202e1", "1\n2", "1;2", "√2", "1e1e1", "True", "None", "[1]", "'1'",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_not_a_number(text: str) -> None:
    with pytest.raises(KernelError) as caught:
        parse_number(text)
    message = str(caught.value)
    assert message.endswith(".")
    assert len(message) < 130
    assert message.isprintable()


def test_kernels_by_name_and_by_rows() -> None:
    assert parse_kernel("edge") == KERNELS["edge"].values == parse_kernel("-1,-1,-1;-1,8,-1;-1,-1,-1")
    assert parse_kernel(" Sobel-X ") == KERNELS["sobel-x"].values
    assert parse_kernel("1/9,1/9,1/9;1/9,1/9,1/9;1/9,1/9,1/9") == KERNELS["box"].values
    assert parse_kernel(".5, -1e-2 ,1/9") == ((0.5, -0.01, 1 / 9),)
    assert parse_kernel("1;2;3") == ((1,), (2,), (3,))
    assert parse_kernel(";".join([",".join(["1"] * 15)] * 15)) == ((1,) * 15,) * 15


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("1,2;3,x", "Row 2, column 2: “x”"),
        ("1,,3", "Row 1, column 2"),
        ("1,2;", "Row 2 has 1 cell and row 1 has 2 cells"),
        ("1;", "Row 2, column 1"),
        ("1,2;3", "Row 2 has 1 cell"),
        ("1;2,3", "Row 2 has 2 cells and row 1 has 1 cell;"),
        ("1,1e99", "Row 1, column 2: .* too large"),
        ("0,1/0", "divides by zero"),
        (",".join(["1"] * 16), "1×16"),
        (";".join(["1"] * 16), "16×1"),
        ("laplace", "no kernel called “laplace”"),
        ("1," * MAX_TEXT, "characters"),
        ("a" * 10**7, "characters"),
        (";" * 5000, "each side"),
    ],
)
def test_kernels_that_cannot_be_read(text: str, match: str) -> None:
    with pytest.raises(KernelError, match=match) as caught:
        parse_kernel(text)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_cells_inside_a_kernel(text: str) -> None:
    if text not in ("1;2", "1,2,3"):
        with pytest.raises(KernelError):
            parse_kernel(f"1,{text};3,4")


@examples(150)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (parse_number, parse_kernel):
        try:
            read(text)
        except KernelError as error:
            assert str(error)


NUMBERS = st.one_of(
    st.integers(-20, 20).map(float),
    st.floats(-MAX_VALUE, MAX_VALUE),
    st.floats(-2, 2, width=32),
    st.fractions(-1, 1, max_denominator=25).map(float),
)
KERNEL_ROWS = st.tuples(st.integers(1, 15), st.integers(1, 15)).flatmap(
    lambda size: st.lists(st.lists(NUMBERS, min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0])
)


@examples(100)
@given(KERNEL_ROWS)
def test_writing_and_reading_keep_every_float32(rows: list[list[float]]) -> None:
    text = format_kernel(rows)
    again = parse_kernel(text)
    assert np.array_equal(np.array(again, np.float32), np.array(rows, np.float32))
    assert format_kernel(again) == text
    assert len(text) <= MAX_TEXT
    assert " " not in text
    assert "+" not in text, "it would read as a space in a URL"


@pytest.mark.parametrize("name", KERNELS)
def test_a_preset_is_written_by_its_name(name: str) -> None:
    values = KERNELS[name].values
    assert format_kernel(values) == name
    assert format_kernel(torch.tensor(values).tolist()) == name, "as float32 too"
    assert format_kernel(parse_kernel(format_rows(values))) == name
    assert format_rows(values) not in KERNELS
    changed = [list(row) for row in values]
    changed[0][0] += 7
    text = format_kernel(changed)
    assert text not in KERNELS
    assert format_kernel(parse_kernel(text)) == text


def test_how_cells_are_written() -> None:
    rows: Rows = ((1.0, -0.0, 0.5, 1 / 9, -1e-7, 1e6, float(np.float32(0.1))),)
    assert format_kernel(rows) == "1,0,0.5,0.11111111,-1e-07,1000000,0.1"


@pytest.mark.parametrize(
    "rows", [[], [[]], [[1.0], []], [[1.0, 2.0], [3.0]], [[math.nan]], [[math.inf]], [[2e6]], [[1.0] * 16]]
)
def test_kernels_that_cannot_be_written(rows: list[list[float]]) -> None:
    with pytest.raises(KernelError):
        format_kernel(rows)


# --- starting weights --------------------------------------------------------------------------

SHAPE = (24, 16, 5, 3)
FAN_IN, FAN_OUT = 16 * 5 * 3, 24 * 5 * 3
BOUNDS = {
    "uniform": 1.0,
    "kaiming_uniform": math.sqrt(6 / FAN_IN),
    "pytorch": 1 / math.sqrt(FAN_IN),
    "xavier_uniform": math.sqrt(6 / (FAN_IN + FAN_OUT)),
}
DEVIATIONS = {
    "normal": 1.0,
    "kaiming_normal": math.sqrt(2 / FAN_IN),
    "xavier_normal": math.sqrt(2 / (FAN_IN + FAN_OUT)),
}


@pytest.mark.parametrize("method", [method for method in INITIALISATIONS if method != "pytorch"])
def test_starting_weights_are_torchs(method: str) -> None:
    arguments: dict[str, object] = {"uniform": {"a": -1, "b": 1}}.get(method, {})  # type: ignore[assignment]
    if method.startswith("kaiming"):
        arguments = {"nonlinearity": "relu"}
    expected = torch.empty(SHAPE)
    getattr(torch.nn.init, f"{method}_")(expected, generator=torch.Generator().manual_seed(7), **arguments)
    weights = initialise(method, SHAPE, 7)
    assert torch.equal(weights, expected)
    assert weights.dtype == torch.float32
    assert not weights.requires_grad


@examples(50)
@given(
    st.tuples(st.integers(1, 20), st.integers(1, 4), st.integers(1, 7), st.integers(1, 7)),
    st.sampled_from([1, 2]),
    st.integers(0, 2**63 - 1),
)
def test_pytorch_is_a_convolution_that_nobody_initialised(
    shape: tuple[int, int, int, int], groups: int, seed: int
) -> None:
    out, depth, *size = shape
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layer = torch.nn.Conv2d(depth * groups, out * groups, tuple(size), groups=groups)
    shape = (out * groups, *shape[1:])
    assert torch.equal(initialise("pytorch", shape, seed), layer.weight)
    assert torch.equal(initial_bias("pytorch", shape, seed), layer.bias)


@pytest.mark.parametrize("method", INITIALISATIONS)
def test_starting_biases(method: str) -> None:
    before = torch.get_rng_state()
    bias = initial_bias(method, SHAPE, 7)
    assert bias.shape == (SHAPE[0],)
    assert bias.dtype == torch.float32
    assert not bias.requires_grad
    assert bias.any().item() == (method == "pytorch")
    assert bias.abs().max() <= BOUNDS["pytorch"]
    assert torch.equal(torch.get_rng_state(), before), "the global random state is left alone"


@pytest.mark.parametrize("method", INITIALISATIONS)
def test_starting_weights_have_their_closed_form(method: str) -> None:
    weights = initialise(method, SHAPE, 1)
    assert set(BOUNDS) | set(DEVIATIONS) == set(INITIALISATIONS)
    deviation = BOUNDS[method] / math.sqrt(3) if method in BOUNDS else DEVIATIONS[method]
    assert weights.std().item() == pytest.approx(deviation, rel=0.03)
    assert abs(weights.mean().item()) < 0.05 * deviation
    if method in BOUNDS:
        assert 0.99 * BOUNDS[method] < weights.abs().max().item() <= BOUNDS[method] * (1 + 1e-6)


def test_seeds() -> None:
    before = torch.get_rng_state()
    assert torch.equal(initialise("normal", SHAPE, 3), initialise("normal", SHAPE, 3))
    assert not torch.equal(initialise("normal", SHAPE, 3), initialise("normal", SHAPE, 4))
    assert torch.equal(torch.get_rng_state(), before), "the global random state is left alone"


@examples(100)
@given(st.sampled_from(INITIALISATIONS), st.integers(0, 10**10 - 1), st.integers(1, MAX_SIDE), st.integers(1, MAX_SIDE))
def test_chance_can_be_written(method: str, seed: int, height: int, width: int) -> None:
    rows = parse_kernel(f" {method}:{height}x{width}:{seed}")
    weights = initialise(method, (1, 1, height, width), seed)[0, 0]
    assert weights.new_tensor(rows).equal(weights), "to the last bit"
    assert np.array_equal(np.float32(parse_kernel(format_kernel(rows))), weights.numpy())


@pytest.mark.parametrize("text", ["normal:3x3", "normal:0x3:1", "normal:16x3:1", "chance:3x3:1", "normal:3x3:-1"])
def test_chance_that_cannot_be(text: str) -> None:
    with pytest.raises(KernelError):
        parse_kernel(text)


@pytest.mark.parametrize(
    ("method", "shape", "seed"),
    [
        ("glorot", (1, 1, 3, 3), 0),
        ("normal", (3, 3), 0),
        ("normal", (1, 1, 0, 3), 0),
        ("normal", (1, 1, 3, 3), -1),
        ("normal", (1, 1, 3, 3), 2**63),
    ],
)
def test_starting_weights_that_cannot_be(method: str, shape: tuple[int, ...], seed: int) -> None:
    for draw in (initialise, initial_bias):
        with pytest.raises(KernelError):
            draw(method, shape, seed)
