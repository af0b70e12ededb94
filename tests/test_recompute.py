"""A cell computed again: against NumPy loops, and against stages that were tampered with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from cnnviz import recompute as module
from cnnviz.activations import ACTIVATIONS
from cnnviz.functional import ShapeError
from cnnviz.layers import Activation, AdaptivePool2d, Conv2d, GlobalPool2d, Layer, Pool2d
from cnnviz.network import Stage, forward
from cnnviz.recompute import EPSILON, ROUNDING, Parameters, Recomputed, recompute
from tests.fuzzing import examples
from tests.option_space import both, convolutions, naive_conv, naive_geometry, naive_pool, numbers
from tests.test_stages import activated, activations, pools

whole_space = examples(50)
where = st.floats(0, 1)  # a place in an output, from its first to its last row, column or channel
softmaxes = st.sampled_from(["channels", "all"]).map(lambda over: Activation("softmax", {"over": over}))
Case = tuple[torch.Tensor, list[Layer], list[dict[str, torch.Tensor]], dict[str, Any]]


def tensors_for(
    layers: Sequence[Layer], shape: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> list[dict[str, torch.Tensor]]:
    wanted = layers[0].parameter_shapes(shape)
    first = {name: numbers(seed, *size, dtype=dtype) for seed, (name, size) in enumerate(wanted.items(), 1)}
    return [first, *({} for _ in layers[1:])]


@st.composite
def experiments(draw: st.DrawFn) -> Case:
    """An image, the layers of the Lab, what they are given, and the convolution's options."""
    shape, out_channels, options = draw(convolutions())
    layers: list[Layer] = [Conv2d(out_channels, **options, bias=draw(st.booleans()))]
    layers += [draw(st.one_of(activations(), softmaxes))] if draw(st.booleans()) else []
    try:
        maps = layers[0].output_shape(shape)
    except ShapeError:
        assume(False)
    if draw(st.integers(0, 2)):
        pool = draw(pools)
        # small maps have no room for most pools: "same" makes some
        fitting = (wanted for wanted in (pool, replace(pool, padding="same")) if fits(wanted, maps))
        layers += list(fitting)[:1]
    dtype = draw(st.sampled_from([torch.float32, torch.float32, torch.float64]))
    return numbers(0, 1, *shape, dtype=dtype), layers, tensors_for(layers, shape, dtype), options


def fits(pool: Pool2d, maps: tuple[int, ...]) -> bool:
    try:
        return bool(pool.output_shape(maps))
    except ShapeError:
        return False


def options_of(pool: Pool2d) -> dict[str, Any]:
    return {name: getattr(pool, name) for name in ("kernel_size", "stride", "padding", "dilation")}


def naive_stages(case: Case) -> dict[str, np.ndarray]:
    """Each stage behind the convolution, (C, H, W), by loops in double precision."""
    x, layers, parameters, options = case
    weight = parameters[0]["weight"].double().numpy()
    bias = parameters[0].get("bias", torch.zeros(len(weight))).double().numpy()
    maps = naive_conv(x[0].double().numpy(), weight, bias, options)
    assert maps is not None
    made = {"conv": maps}
    for layer in layers[1:]:
        if isinstance(layer, Pool2d):
            pooled = naive_pool(maps, layer.kind, options_of(layer))
            assert pooled is not None
            maps = pooled
        elif isinstance(layer, Activation):
            maps = naive_activation(maps, layer)
        made[layer.stage] = maps
    return made


def naive_activation(maps: np.ndarray, layer: Activation) -> np.ndarray:
    defaults = {name: parameter.default for name, parameter in ACTIVATIONS[layer.name].parameters.items()}
    how: dict[str, Any] = {"name": layer.name, "parameters": defaults | dict(layer.parameters)}
    if how["parameters"].get("over") == "all":
        how["shift"] = np.log(np.exp(maps - maps.max()).sum()) + maps.max()
    return activated(maps, how)


def behind(layers: Sequence[Layer], name: str, maps: tuple[int, ...], cell: tuple[int, int, int]) -> np.ndarray:
    """A bool for each cell of the convolution, maps = (C, H, W): whether the pinned cell depends on it."""
    channel, *place = cell
    seen = [{place[0]}, {place[1]}]
    if name == "pool":
        (options,) = [options_of(layer) for layer in layers if isinstance(layer, Pool2d)]
        sides, starts = naive_geometry((maps[1], maps[2]), options)
        for axis in (0, 1):
            k, d = both(options["kernel_size"])[axis], both(options["dilation"])[axis]
            first = starts[axis][place[axis]] - sides[axis][0]
            seen[axis] = {first + d * i for i in range(k)} & set(range(maps[1 + axis]))
    mask = np.zeros(maps, bool)
    softmax = [layer for layer in layers if isinstance(layer, Activation) and layer.name == "softmax"]
    over = {dict(layer.parameters)["over"] for layer in softmax if name != "conv"}
    if not over:
        mask[channel][np.ix_(sorted(seen[0]), sorted(seen[1]))] = True
    elif over == {"channels"}:
        mask[np.ix_(range(maps[0]), sorted(seen[0]), sorted(seen[1]))] = True
    else:
        mask[:] = True
    return mask


def place_in(shape: tuple[int, ...], fractions: tuple[float, float, float]) -> tuple[int, int, int]:
    channel, row, col = (round(fraction * (size - 1)) for fraction, size in zip(fractions, shape))
    return channel, row, col


def tampered(stages: Sequence[Stage], name: str, cell: tuple[int, int, int], by: float) -> list[Stage]:
    changed = []
    for stage in stages:
        output = stage.output.clone()
        if stage.name == name:
            output[0, *cell] += by
        changed.append(replace(stage, output=output))
    return changed


def again(stages: Sequence[Stage], parameters: Parameters, name: str, cell: tuple[int, int, int]) -> Recomputed:
    found = recompute(stages, parameters, name, *cell)
    assert found is not None
    return found


@whole_space
@given(experiments(), st.tuples(where, where, where))
def test_every_cell_is_what_loops_say(case: Case, fractions: tuple[float, float, float]) -> None:
    x, layers, parameters, _ = case
    stages = forward(layers, x, parameters)
    held = {stage.name: stage.output[0].double().numpy() for stage in stages}
    truth = naive_stages(case)
    for name, maps in truth.items():
        last_row_and_col = (fractions[0], 1.0, 1.0)
        for cell in {place_in(maps.shape, fractions), place_in(maps.shape, last_row_and_col)}:
            found = again(stages, parameters, name, cell)
            mask = behind(layers, name, truth["conv"].shape, cell)
            # of float32 stages too the value is known to double precision
            assert found.value == pytest.approx(maps[cell], rel=1e-9, abs=1e-9)
            assert found.sums == mask.sum()
            errors = np.abs(truth["conv"] - held["conv"])[mask].max(), abs(maps[cell] - held[name][cell])
            assert found.delta == pytest.approx(max(errors), abs=1e-9)
            assert found.agrees


@whole_space
@given(experiments(), st.tuples(where, where, where), st.tuples(where, where, where), st.data())
def test_a_changed_cell_shows(
    case: Case, fractions: tuple[float, float, float], elsewhere: tuple[float, float, float], data: st.DataObject
) -> None:
    x, layers, parameters, _ = case
    # in double precision, so that the stages' own rounding hides nothing
    parameters = [{key: tensor.double() for key, tensor in tensors.items()} for tensors in parameters]
    stages = forward(layers, x.double(), parameters)
    name = data.draw(st.sampled_from([layer.stage for layer in layers]))
    shapes = {stage.name: tuple(stage.output.shape[1:]) for stage in stages}
    cell, other = place_in(shapes[name], fractions), place_in(shapes["conv"], elsewhere)
    assert again(stages, parameters, name, cell).delta < 1e-9
    assert again(tampered(stages, name, cell, 1e-3), parameters, name, cell).delta == pytest.approx(1e-3, abs=1e-9)
    slack = again(stages, parameters, name, cell).tolerance
    assert again(tampered(stages, name, cell, 0.5 * slack), parameters, name, cell).agrees or name == "conv"
    assert not again(tampered(stages, name, cell, 1.5 * slack + 1e-9), parameters, name, cell).agrees
    # of the convolution a cell counts where it stands behind the pinned one
    delta = again(tampered(stages, "conv", other, -1e-3), parameters, name, cell).delta
    counts = behind(layers, name, shapes["conv"], cell)[other]
    assert delta == pytest.approx(1e-3 if counts else 0, abs=1e-9)


@pytest.mark.parametrize("kind", ["max", "avg", "min", "l2"])
@pytest.mark.parametrize("out", [None, (1, 1), (3, 2), (5, 7), (9, 11)])
def test_windows_that_follow_from_the_outputs_size(kind: str, out: tuple[int, int] | None) -> None:
    pool: Layer = AdaptivePool2d(kind, out) if out else GlobalPool2d(kind)
    layers = [Conv2d(2), Activation("tanh"), pool]
    parameters = tensors_for(layers, (1, 9, 12))
    stages = forward(layers, numbers(0, 1, 1, 9, 12, dtype=torch.float32), parameters)
    maps = np.tanh(stages[1].output[0].double().numpy())
    _, height, width = maps.shape
    rows, columns = out or (1, 1)
    summary = {"max": np.max, "avg": np.mean, "min": np.min, "l2": np.linalg.norm}[kind]
    for row, col in np.ndindex(rows, columns):
        (top, left), (bottom, right) = (
            (row * height // rows, col * width // columns),
            (-(-(row + 1) * height // rows), -(-(col + 1) * width // columns)),
        )
        window = maps[1, top:bottom, left:right]
        found = again(stages, parameters, "pool", (1, row, col))
        assert found.sums == window.size
        assert found.value == pytest.approx(summary(window), abs=1e-6)
        assert found.agrees
        assert not again(tampered(stages, "pool", (1, row, col), 1e-2), parameters, "pool", (1, row, col)).agrees


@pytest.mark.parametrize("stage", ["conv", "pool"])
def test_a_cell_that_is_no_number_shows(stage: str) -> None:
    layers = [Conv2d(), Pool2d()]
    parameters = tensors_for(layers, (1, 8, 8))
    stages = forward(layers, numbers(0, 1, 1, 8, 8, dtype=torch.float32), parameters)
    assert np.isnan(again(tampered(stages, stage, (0, 0, 0), np.nan), parameters, "pool", (0, 0, 0)).delta)


def test_a_pool_of_nothing_but_zeros_agrees_beside_one_that_rounds() -> None:
    x = torch.zeros(1, 1, 8, 8)
    x[..., 4:, :] = numbers(3, 1, 1, 4, 8, dtype=torch.float32)
    layers = [Conv2d(1, 3, padding="same"), Activation(), Pool2d("max", 4)]
    parameters = [{"weight": -torch.rand(1, 1, 3, 3), "bias": torch.zeros(1)}, {}, {}]
    stages = forward(layers, x, parameters)
    for row in range(2):
        found = again(stages, parameters, "pool", (0, row, 0))
        assert found.agrees and found.delta <= 1e-6


def test_a_corner_by_hand() -> None:
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    parameters = [{"weight": torch.ones(1, 1, 3, 3), "bias": torch.tensor([-10.0])}, {}, {}]
    stages = forward([Conv2d(padding="same"), Activation(), Pool2d("avg")], x, parameters)
    # under the window 8, 15, 21 and 36, less 10; ReLU makes the first 0
    for name, value, sums, slack, own in (
        ("conv", -2.0, 1, 18 + 2, 0),  # what is added up, bias and all; and the value itself
        ("activation", 0.0, 1, 0, 1 + 2),  # ReLU is flat there
        ("pool", (0 + 5 + 11 + 26) / 4, 4, (0 + 25 + 31 + 46) / 4 + 42 / 4, 1 + (2 + 5 + 11 + 26) / 4),
    ):
        found = again(stages, parameters, name, (0, 0, 0))
        assert (found.value, found.sums, found.delta, found.agrees) == (value, sums, 0.0, True)
        assert found.tolerance == pytest.approx(ROUNDING * slack + EPSILON * own)


@pytest.mark.parametrize("activation", [Activation("tanh"), Activation("softmax", {"over": "all"})])
@pytest.mark.parametrize("kind", ["max", "avg", "min", "l2"])
def test_no_convolution_and_no_pool_is_called(
    activation: Activation, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a dilated average is a convolution where the stages are made
    layers = [Conv2d(2, padding="same"), activation, Pool2d(kind, 2, dilation=2)]
    parameters = tensors_for(layers, (1, 9, 9))
    x = numbers(0, 1, 1, 9, 9, dtype=torch.float32)
    stages = forward(layers, x, parameters)

    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("not this way")

    calls = [(F, "conv2d"), (F, "max_pool2d"), (F, "avg_pool2d"), (torch, "conv2d"), (torch, "convolution")]
    for owner, call in calls:
        monkeypatch.setattr(owner, call, refuse)
    with pytest.raises(AssertionError, match="not this way"):
        forward(layers, x, parameters)
    for name in ("conv", "activation", "pool"):
        assert again(stages, parameters, name, (1, 2, 3)).delta < 1e-5


def test_the_largest_window_unfolds_what_it_needs_and_little_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [Conv2d(1, 15, padding="same"), Activation(), Pool2d("max", 64, 1)]
    parameters = tensors_for(layers, (3, 150, 160))
    stages = forward(layers, numbers(0, 1, 3, 150, 160, dtype=torch.float32), parameters)
    sizes = []
    unfold = F.unfold

    def watched(*args: Any, **options: Any) -> torch.Tensor:
        patches = unfold(*args, **options)
        sizes.append(patches.numel())
        return patches

    monkeypatch.setattr(F, "unfold", watched)
    assert again(stages, parameters, "pool", (0, 40, 50)).sums == 64 * 64
    assert sum(sizes) == 64 * 64 * 15 * 15 * 3
    assert max(sizes) * 8 <= 10_000_000, "bytes"


@pytest.mark.parametrize("layers", [[Conv2d(padding="same")], [Conv2d(), Activation(), Pool2d()]])
def test_no_convolution_stands_behind_the_input(layers: list[Layer]) -> None:
    parameters = tensors_for(layers, (3, 8, 8))
    stages = forward(layers, numbers(0, 1, 3, 8, 8, dtype=torch.float32), parameters)
    before = [stage.name for stage in stages if stage.name in ("input", "padded")]
    assert len(before) == (2 if layers[0].padding == "same" else 1)  # type: ignore[attr-defined]
    assert [recompute(stages, parameters, name, 2, 7, 7) for name in before] == [None] * len(before)
    assert recompute(stages[:1], [], "input", 0, 0, 0) is None, "where no layer can work"


def test_a_softmax_over_all_may_cost_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [Conv2d(2, padding="same"), Activation("softmax", {"over": "all"}), Pool2d()]
    parameters = tensors_for(layers, (3, 8, 8))
    stages = forward(layers, numbers(0, 1, 3, 8, 8, dtype=torch.float32), parameters)
    cost = 2 * 8 * 8 * 3 * 3 * 3
    monkeypatch.setattr(module, "BUDGET", cost)
    assert [again(stages, parameters, name, (1, 3, 3)).sums for name in ("conv", "activation", "pool")] == [1, 128, 128]
    monkeypatch.setattr(module, "BUDGET", cost - 1)
    assert again(stages, parameters, "conv", (1, 3, 3)).sums == 1, "no softmax stands behind a sum"
    assert [recompute(stages, parameters, name, 1, 3, 3) for name in ("activation", "pool")] == [None, None]


@pytest.mark.parametrize(
    ("name", "cell", "words"),
    [
        ("dropout", (0, 0, 0), "no stage 'dropout', only input, conv, activation, pool"),
        ("padded", (0, 0, 0), "no stage 'padded'"),
        ("input", (1, 0, 0), "the input stage has 1 channels: there is no channel 1"),
        ("input", (0, 8, 0), r"the input stage has 8 rows and 9 columns: there is no cell \(8, 0\)"),
        ("conv", (2, 0, 0), "the conv stage has 2 channels: there is no channel 2"),
        ("conv", (-1, 0, 0), "there is no channel -1"),
        ("conv", (0, 6, 0), r"the conv stage has 6 rows and 7 columns: there is no cell \(6, 0\)"),
        ("activation", (0, 0, -1), r"there is no cell \(0, -1\)"),
        ("pool", (0, 0, 3), r"the pool stage has 3 rows and 3 columns: there is no cell \(0, 3\)"),
    ],
)
def test_what_is_not_there_is_named(name: str, cell: tuple[int, int, int], words: str) -> None:
    layers = [Conv2d(2), Activation(), Pool2d()]
    parameters = tensors_for(layers, (1, 8, 9))
    stages = forward(layers, numbers(0, 1, 1, 8, 9, dtype=torch.float32), parameters)
    with pytest.raises(ShapeError, match=words):
        recompute(stages, parameters, name, *cell)
