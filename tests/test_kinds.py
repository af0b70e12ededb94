"""The kinds of convolution against torch.nn, torch's flop counter, autograd and each other."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnviz.functional import ShapeError
from cnnviz.kernels import KERNELS, KernelError, initialise
from cnnviz.kind_costs import cost
from cnnviz.kind_plans import Step, group_counts, plan
from cnnviz.kinds import KINDS, Kind, layers_of
from cnnviz.layers import Activation, Conv2d, ConvTranspose2d
from cnnviz.network import forward
from tests.fuzzing import examples
from tests.option_space import MODES, both, naive_sides, numbers, pairs

EDGE = KERNELS["edge"].values
most = examples(60)
some = examples(25)
for_each_kind = examples(12)  # there are ten
small = st.integers(1, 3)


@st.composite
def plans(draw):
    """A plan whose groups divide both channel counts, and an image size, which fits most of the time."""
    groups = draw(small)
    rows = [[0.5] * draw(st.integers(1, 4))] * draw(st.integers(1, 4))
    made = plan(
        rows,
        groups * draw(st.integers(1, 2)),
        groups * draw(st.integers(1, 2)),
        weights="random",
        method="normal",
        seed=draw(st.integers(0, 99)),
        stride=draw(pairs(small)),
        dilation=draw(pairs(small)),
        groups=groups,
        padding=draw(st.sampled_from(["same", "same", "valid", 0, 1, (2, 1)])),
    )
    return made, (made.channels, draw(st.integers(1, 14)), draw(st.integers(1, 14)))


def run(kind, made, x):
    """What each step of a kind makes of x, (N, C, H, W); the weights take its dtype."""
    steps = kind.steps(made)
    tensors = [{name: tensor.to(x.dtype) for name, tensor in step.parameters.items()} for step in steps]
    stages = forward([step.layer for step in steps], x, tensors)
    return [stage.output for stage in stages if stage.name not in ("input", "padded")]


def fits(kind, made, shape):
    try:
        cost(kind, made, shape)
    except ShapeError:
        with pytest.raises(ShapeError):
            run(kind, made, numbers(0, 1, *shape))
        return False
    return True


# --- each kind is what torch.nn makes of the same options


def twin(name, made, shape):
    """The kind built from torch.nn, and nothing of ours but the plan's options."""
    c, k, kernel = made.channels, made.out_channels, tuple(made.weight.shape[2:])
    d = both(made.dilation)
    near = tuple(max(n - 1, 1) for n in d)
    far = tuple(n + 1 for n in d)

    def one(c=c, k=k, stride=1, dilation=1, groups=1):
        return padded(made.padding, nn.Conv2d(c, k, kernel, stride, 0, dilation, groups, bias=False))

    modules = {
        "plain": lambda: [one()],
        "strided": lambda: [one(stride=made.stride)],
        "dilated": lambda: [one(dilation=made.dilation)],
        "grouped": lambda: [one(groups=made.groups)],
        "depthwise": lambda: [one(k=c, groups=c)],
        "separable": lambda: [one(k=c, groups=c), nn.Conv2d(c, k, 1, bias=False)],
        "pointwise": lambda: [nn.Conv2d(c, k, 1, bias=False)],
        "transposed": lambda: [enlarging(c, k, kernel, both(made.stride))],
        "stacked": lambda: [one(dilation=d), one(k, dilation=d), one(k, dilation=d)],
        "sawtooth": lambda: [one(dilation=near), one(k, dilation=d), one(k, dilation=far)],
    }
    return nn.Sequential(*modules[name]()).double()


def padded(padding, module):
    """Padding by hand: torch has no "same" at a stride."""

    class Padded(nn.Sequential):
        def forward(self, x):
            k, s, d = module.kernel_size, both(module.stride), both(module.dilation)
            top, left = (naive_sides(x.shape[2 + a], k[a], s[a], d[a], padding, a) for a in (0, 1))
            return super().forward(F.pad(x, (*left, *top)))

    return Padded(module)


def enlarging(c, k, kernel, stride):
    """The padding that cuts least of what is too much, found by trying."""
    chosen = []
    for size, step in zip(kernel, stride):
        options = [(p, extra) for p in range(size + 1) for extra in range(step)]
        chosen.append(next((o for o in options if size - 2 * o[0] + o[1] == step), ((size - 1) // 2, 0)))
    return nn.ConvTranspose2d(c, k, kernel, stride, *zip(*chosen), bias=False)


@pytest.mark.parametrize("name", KINDS)
@for_each_kind
@given(plans())
def test_a_kind_is_its_torch_twin_and_costs_what_torch_counts(name, case):
    made, shape = case
    assume(fits(KINDS[name], made, shape))
    module, x = twin(name, made, shape), numbers(1, 1, *shape)
    steps = KINDS[name].steps(made)
    for parameter, step in zip(module.parameters(), steps, strict=True):
        parameter.data.copy_(step.parameters["weight"])
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        expected = module(x)
    outputs = run(KINDS[name], made, x)
    assert len(outputs) == len(steps) == len(layers_of(KINDS[name], made))
    torch.testing.assert_close(outputs[-1], expected)
    said = cost(KINDS[name], made, shape)
    assert said.output_shape == tuple(expected.shape[1:])
    assert said.parameters == sum(parameter.numel() for parameter in module.parameters())
    assert 2 * said.macs == flops.get_total_flops()


@pytest.mark.parametrize("name", KINDS)
@for_each_kind
@given(plans(), st.sampled_from(MODES))
def test_the_centre_reads_the_cells_that_its_gradient_reaches(name, case, mode):
    made, shape = case
    made = replace(made, padding_mode=mode)
    assume(fits(KINDS[name], made, shape))
    x = numbers(1, 1, *shape).requires_grad_()
    out = run(KINDS[name], made, x)[-1]
    (read,) = views(out, x, [(out.shape[2] // 2, out.shape[3] // 2)])
    said = cost(KINDS[name], made, shape)
    if name == "transposed":
        assert said.cells[0] <= int(read.sum()) <= said.cells[1]
    else:
        assert said.cells == (int(read.sum()),) * 2
    if mode == "zeros" and read.any():
        assert all(extent <= span for extent, span in zip(extents(read), said.spans[1]))


@pytest.mark.parametrize("name", KINDS)
def test_the_gradient_spans_what_the_centre_spans(name):
    made = plan([[1.0] * 3] * 4, 2, 2, weights="random", stride=(2, 3), dilation=(3, 2), groups=2)
    x = numbers(1, 1, 2, 41, 37).requires_grad_()
    out = run(KINDS[name], made, x)[-1]
    (read,) = views(out, x, [(out.shape[2] // 2, out.shape[3] // 2)])
    least, most = cost(KINDS[name], made, (2, 41, 37)).spans
    if name == "transposed":  # of 4 rows at a stride of 2 each cell reads 2; of 3 columns at a stride of 3 each reads 1
        assert (least, most) == ((2, 1), (2, 1))
    assert least == most == extents(read)


@pytest.mark.parametrize("size", [(11, 12), (12, 11)])
@pytest.mark.parametrize("stride", [1, 2, 3, (2, 5)])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 5), (1, 4)])
def test_stamps_overlap_between_least_and_most(kernel, stride, size):
    made = plan([[1.0] * kernel[1]] * kernel[0], 1, 1, stride=stride)
    x = numbers(1, 1, 1, *size).requires_grad_()
    (out,) = run(KINDS["transposed"], made, x)
    # away from the edge, where stamps are missing
    rows, columns = (range(n // 3 + 1, n - n // 3 - 1) for n in out.shape[2:])
    read = list(views(out, x, [(row, column) for row in rows for column in columns]))
    said = cost(KINDS["transposed"], made, (1, *size))
    counts, sides = [int(one.sum()) for one in read], [extents(one) for one in read]
    assert said.cells == (min(counts), max(counts))
    assert said.spans == tuple(tuple(which(side[axis] for side in sides) for axis in (0, 1)) for which in (min, max))


def test_the_view_behind_a_large_stride_is_found_at_once():
    def one_stamp(made):
        layer = ConvTranspose2d(1, (3, 3), made.stride, dilation=(2, 1), bias=False)
        return (Step("stamps", layer, {"weight": made.weight}),)

    kind = Kind("stamps", "Stamps", "Made up.", ("stride",), one_stamp)
    said = cost(kind, plan(EDGE, 1, 1, stride=(1, 64)), (1, 16, 1024))
    # in a column of cells three stamps meet, two apart; in a row there are gaps between the stamps
    assert (said.output_shape, said.cells) == ((1, 20, 1023 * 64 + 3), (0, 3))
    assert said.spans == ((0, 0), (5, 1))


def views(out, x, cells):
    """For each cell, the input cells that it reads, all channels together: those that its gradient reaches."""
    for row, column in cells:
        (gradient,) = torch.autograd.grad(out[0, :, row, column].sum(), x, retain_graph=True)
        yield gradient[0].abs().amax(0) > 0


def extents(read):
    """Rows and columns from the first to the last cell that is read."""
    touched = (torch.nonzero(read.any(1 - axis)).flatten() for axis in (0, 1))
    return tuple(int(cells[-1] - cells[0]) + 1 if len(cells) else 0 for cells in touched)


@pytest.mark.parametrize("name", KINDS)
@for_each_kind
@given(plans(), pairs(small), pairs(small), small)
def test_a_kind_heeds_its_knobs_and_no_others(name, case, stride, dilation, groups):
    made, _ = case
    kind = KINDS[name]
    given_knobs = {"stride": stride, "dilation": dilation, "groups": groups}
    others = {knob: value for knob, value in given_knobs.items() if knob not in kind.knobs}
    assert layers_of(kind, replace(made, **others)) == layers_of(kind, made)
    for knob in kind.knobs:
        one, three = replace(made, **{knob: 1}), replace(made, **{knob: 3})
        if knob == "groups" and (made.channels % 3 or made.out_channels % 3):
            with pytest.raises(ShapeError, match="do not split into 3 groups"):
                layers_of(kind, three)
        else:
            assert layers_of(kind, one) != layers_of(kind, three)
    none, some = replace(made, padding="valid"), replace(made, padding=(1, 2))
    assert (layers_of(kind, none) != layers_of(kind, some)) == kind.pads


# --- how the kinds are related


@some
@given(plans(), st.integers(0, 99), st.sampled_from(MODES))
def test_a_separable_convolution_imitates_plain_filters_of_one_kernel(case, seed, mode):
    drawn, shape = case
    rows = numbers(seed, *drawn.weight.shape[2:]).tolist()
    made = plan(rows, drawn.channels, drawn.out_channels, seed=seed, padding=drawn.padding, padding_mode=mode)
    assume(fits(KINDS["plain"], made, shape))
    x = numbers(1, 2, *shape, dtype=torch.float32)
    torch.testing.assert_close(
        run(KINDS["separable"], made, x)[-1], run(KINDS["plain"], made, x)[-1], rtol=1e-4, atol=1e-5
    )


def test_a_separable_convolution_cannot_imitate_random_filters():
    made = plan(EDGE, 3, 4, weights="random")
    # for each channel all filters would have to be multiples of one: a matrix of rank 1
    assert all(torch.linalg.matrix_rank(made.weight[:, c].flatten(1)) == 4 for c in range(3))
    x = numbers(1, 1, 3, 9, 9, dtype=torch.float32)
    separable, plain = (run(KINDS[name], made, x)[-1] for name in ("separable", "plain"))
    assert (separable - plain).abs().max() > 0.1


@some
@given(plans())
def test_separable_is_depthwise_then_pointwise(case):
    made, shape = case
    assume(fits(KINDS["separable"], made, shape))
    x = numbers(1, 1, *shape)
    outputs = run(KINDS["separable"], made, x)
    (maps,) = run(KINDS["depthwise"], made, x)
    torch.testing.assert_close(outputs[0], maps, rtol=0, atol=0)
    torch.testing.assert_close(outputs[1], run(KINDS["pointwise"], made, maps)[0], rtol=0, atol=0)


@some
@given(plans())
def test_grouped_is_plain_without_the_other_groups_channels(case):
    made, shape = case
    assume(fits(KINDS["grouped"], made, shape))
    weight = made.weight.clone()
    k, c = (torch.arange(n) * made.groups // n for n in (made.out_channels, made.channels))
    weight[k[:, None] != c] = 0
    x = numbers(1, 1, *shape)
    grouped, masked = run(KINDS["grouped"], made, x), run(KINDS["plain"], replace(made, weight=weight), x)
    torch.testing.assert_close(grouped, masked)


@pytest.mark.parametrize("weights", ["kernel", "random"])
def test_grouping_ends_at_depthwise(weights):
    made = plan(EDGE, 4, 4, weights=weights, seed=5)
    x = numbers(1, 1, 4, 9, 9)
    walk = [replace(made, groups=groups) for groups in group_counts(4, 4)]
    costs = [cost(KINDS["grouped"], step, (4, 9, 9)) for step in walk]
    assert [said.parameters for said in costs] == [144, 72, 36]
    assert costs[0] == cost(KINDS["plain"], made, (4, 9, 9))
    assert costs[-1] == cost(KINDS["depthwise"], made, (4, 9, 9))
    for groups, kind in ((walk[0], "plain"), (walk[-1], "depthwise")):
        torch.testing.assert_close(run(KINDS["grouped"], groups, x), run(KINDS[kind], made, x), rtol=0, atol=0)


@pytest.mark.parametrize("weights", ["kernel", "random"])
@pytest.mark.parametrize(("channels", "filters"), [(4, 4), (5, 2), (2, 5), (3, 1), (1, 3)])
def test_a_depthwise_filter_is_the_part_of_a_plain_one_on_its_channel(weights, channels, filters):
    made = plan(EDGE, channels, filters, weights=weights, seed=2)
    for c in range(channels):
        assert torch.equal(made.depthwise[c, 0], made.weight[c % filters, c])


@most
@given(plans())
def test_transposed_is_the_gradient_of_a_strided_convolution(case):
    made, shape = case
    assume(fits(KINDS["transposed"], made, shape))
    (layer,) = layers_of(KINDS["transposed"], made)
    g = numbers(1, 1, *shape)
    (enlarged,) = run(KINDS["transposed"], made, g)
    # the plain convolution that goes the other way: from K maps to C, so the weights change places
    x = torch.zeros(enlarged.shape, dtype=g.dtype, requires_grad=True)
    back = F.conv2d(x, made.weight.transpose(0, 1).double(), None, layer.stride, layer.padding)
    assert back.shape == g.shape
    (gradient,) = torch.autograd.grad((back * g).sum(), x)
    torch.testing.assert_close(enlarged, gradient)


@pytest.mark.parametrize("stride", [1, 2, 3, 4, (2, 3)])
@pytest.mark.parametrize("kernel", [(1, 2), (3, 3), (5, 4), (2, 7)])
def test_transposed_makes_maps_larger_by_the_stride(stride, kernel):
    made = plan([[1.0] * kernel[1]] * kernel[0], 2, 3, stride=stride)
    rows, cols = (5 * s + (s == 1 and k % 2 == 0) for s, k in zip(both(stride), kernel))
    assert cost(KINDS["transposed"], made, (2, 5, 5)).output_shape == (3, rows, cols)


# --- holes


@pytest.mark.parametrize("weights", ["kernel", "random"])
def test_equal_dilations_leave_holes_and_unequal_ones_none(weights):
    made = plan(EDGE, 2, 3, weights=weights, dilation=2)
    stacked, sawtooth = (cost(KINDS[name], made, (2, 32, 32)) for name in ("stacked", "sawtooth"))
    assert (stacked.spans[1], stacked.cells[1]) == ((13, 13), 49)
    assert (sawtooth.spans[1], sawtooth.cells[1]) == ((13, 13), 169)
    assert stacked.parameters == sawtooth.parameters
    assert stacked.macs == sawtooth.macs


@pytest.mark.parametrize("dilation", range(1, 8))
def test_how_much_unequal_dilations_fill(dilation):
    made = plan(EDGE, 1, 1, dilation=dilation)
    said = {name: cost(KINDS[name], made, (1, 99, 99)) for name in ("stacked", "sawtooth")}
    for name, steps in (("stacked", (dilation,) * 3), ("sawtooth", (max(dilation - 1, 1), dilation, dilation + 1))):
        read = {sum(offsets) for offsets in product(*((-step, 0, step) for step in steps))}
        assert said[name].cells == (len(read) ** 2,) * 2
        assert said[name].spans[1] == (max(read) - min(read) + 1,) * 2
    (rows, columns), about = said["sawtooth"].spans[1], KINDS["sawtooth"].about
    if dilation == 2:
        assert said["sawtooth"].spans == said["stacked"].spans
        assert f"d = 2 all {said['sawtooth'].cells[0]} that are spanned" in about and rows * columns == 169
        assert f"read {said['stacked'].cells[0]} of them" in about
    if dilation == 3:
        assert (
            f"with d = 3 there are holes again, and {said['sawtooth'].cells[0]} of {rows * columns} are read" in about
        )
    assert (said["sawtooth"].cells[0] < rows * columns) == (dilation > 2), "as long as d is small"


def test_grouped_minus_plain_is_minus_what_other_groups_would_have_added():
    made, x = plan(EDGE, 4, 4, weights="random", groups=2), numbers(1, 1, 4, 9, 9)
    weight = made.weight.clone()
    weight[:2, :2] = weight[2:, 2:] = 0
    others = F.conv2d(x, weight.double(), padding=1)
    (grouped,), (plain,) = run(KINDS["grouped"], made, x), run(KINDS["plain"], made, x)
    torch.testing.assert_close(grouped - plain, -others)


def test_a_dot_shows_the_holes():
    made = plan(KERNELS["box"].values, 1, 1, dilation=2)
    x = torch.zeros(1, 1, 21, 21)
    x[0, 0, 10, 10] = 1
    touched = {name: int((run(KINDS[name], made, x)[-1] > 1e-6).sum()) for name in ("stacked", "sawtooth")}
    assert touched == {"stacked": 49, "sawtooth": 169}


def test_the_deeper_layers_of_one_kernel_keep_to_their_own_map():
    made = plan(EDGE, 2, 3)
    x = numbers(1, 1, 2, 9, 9, dtype=torch.float32)
    first, second, third = run(KINDS["stacked"], made, x)
    own = torch.tensor(EDGE).repeat(3, 1, 1, 1)
    torch.testing.assert_close(second, F.conv2d(first, own, padding=1, groups=3))
    torch.testing.assert_close(third, F.conv2d(second, own, padding=1, groups=3), rtol=1e-4, atol=1e-3)


# --- plans


def test_one_filter_adds_the_channels_up():
    made = plan(EDGE, 3, 1)
    kernel = torch.tensor(EDGE)
    assert torch.equal(made.weight, kernel.expand(1, 3, 3, 3))
    assert torch.equal(made.depthwise, kernel.expand(3, 1, 3, 3))
    assert torch.equal(made.pointwise, torch.ones(1, 3, 1, 1))


def test_what_filters_take_from_other_channels_is_about_as_bright_as_one():
    made = plan(EDGE, 64, 64, seed=3)
    assert torch.equal(made.weight, made.pointwise * torch.tensor(EDGE))
    own = torch.eye(64, dtype=torch.bool)
    mix = made.pointwise[:, :, 0, 0]
    assert (mix[own] == 1).all()
    assert mix[~own].std().item() == pytest.approx(1 / 8, rel=0.05)


@pytest.mark.parametrize("weights", ["kernel", "random"])
def test_a_seed_gives_the_same_weights_again_and_others_give_others(weights):
    def tensors(seed):
        made = plan(EDGE, 2, 3, weights=weights, seed=seed)
        return made.weight, made.pointwise, made.depthwise, *made.deeper

    state = torch.get_rng_state()
    assert all(map(torch.equal, tensors(7), tensors(7)))
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(tensors(7)[0], tensors(8)[0])
    assert not torch.equal(tensors(7)[1], tensors(8)[1])
    assert all(tensor.dtype == torch.float32 for tensor in tensors(7))
    shapes = [(3, 2, 3, 3), (3, 2, 1, 1), (2, 1, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)]
    assert [tuple(tensor.shape) for tensor in tensors(7)] == shapes


def test_random_plain_weights_are_those_that_the_seed_draws_everywhere():
    made = plan([[0.0] * 5], 2, 3, weights="random", method="xavier_normal", seed=11)
    assert torch.equal(made.weight, initialise("xavier_normal", (3, 2, 1, 5), 11))
    assert not torch.equal(*made.deeper)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"weights": "ones"}, ValueError, "kernel, random, not 'ones'"),
        ({"channels": 0}, ShapeError, "at least one channel"),
        ({"out_channels": 0}, ShapeError, "at least one channel"),
        ({"kernel_rows": [[1.0] * 16]}, KernelError, "1×16"),
        ({"kernel_rows": []}, KernelError, "0×0"),
        ({"kernel_rows": [[1.0], [1.0, 2.0]]}, KernelError, "same number of cells"),
        ({"weights": "random", "method": "zeros"}, KernelError, "no initialisation"),
        ({"weights": "random", "seed": -1}, KernelError, "seed"),
        ({"seed": -1}, KernelError, "seed"),
    ],
)
def test_plans_that_cannot_work_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        plan(**{"kernel_rows": EDGE, "channels": 2, "out_channels": 3} | options)


def test_group_counts_divide_both():
    for channels in range(1, 25):
        for out_channels in range(1, 25):
            counts = [n for n in range(1, 25) if channels % n == 0 and out_channels % n == 0]
            assert group_counts(channels, out_channels) == counts


# --- the table


def test_the_kinds_are_in_order_and_say_what_they_are():
    assert list(KINDS) == [
        "plain", "strided", "dilated", "grouped", "depthwise", "separable", "pointwise", "transposed", "stacked",
        "sawtooth",
    ]  # fmt: skip
    for name, kind in KINDS.items():
        assert kind.name == name
        assert set(kind.knobs) <= {"stride", "dilation", "groups"}
        assert 2 <= len(re.findall(r"\.(?= [A-Z]|$)", kind.about)) <= 3
        assert "Look " in kind.about


def test_a_further_kind_is_one_entry(monkeypatch):
    def steps(made):
        layer = Conv2d(made.out_channels, tuple(made.weight.shape[2:]), made.stride, bias=False)
        return Step("convolution", layer, {"weight": made.weight}), Step("ReLU", Activation("relu"), {})

    monkeypatch.setitem(KINDS, "rectified", Kind("rectified", "Rectified", "Made up.", ("stride",), steps))
    made, x = plan(EDGE, 2, 3, stride=2), numbers(1, 2, 2, 9, 9)
    outputs = run(KINDS["rectified"], made, x)
    expected = F.conv2d(x, made.weight.double(), stride=2)
    torch.testing.assert_close(outputs, [expected, expected.relu()])
    said = cost(KINDS["rectified"], made, (2, 9, 9))
    assert (said.output_shape, said.parameters, said.macs) == ((3, 4, 4), 54, 16 * 54)
    assert (said.spans, said.cells) == (((3, 3), (3, 3)), (9, 9))


def test_errors_name_the_layer_or_the_channels():
    made = plan(EDGE, 2, 3, groups=2)
    with pytest.raises(ShapeError, match="2 input and 3 output channels do not split into 2 groups"):
        cost(KINDS["grouped"], made, (2, 9, 9))
    with pytest.raises(ShapeError, match="the weights take 2 channels, the input has 3"):
        cost(KINDS["plain"], made, (3, 9, 9))
    tight = replace(made, padding="valid", dilation=3)
    for ask in (
        lambda: cost(KINDS["stacked"], tight, (2, 12, 12)),
        lambda: run(KINDS["stacked"], tight, torch.zeros(1, 2, 12, 12)),
    ):
        with pytest.raises(ShapeError, match="layer 2, Conv2d: "):
            ask()
