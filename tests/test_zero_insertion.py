"""A transposed convolution as a plain one over zeros, against torch's transposed convolution."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.functional import ShapeError, conv2d
from cnnviz.layers import ConvTranspose2d
from cnnviz.zero_insertion import transposed_as_plain, zeros_between
from tests.fuzzing import examples
from tests.option_space import numbers

small = st.integers(1, 3)


@st.composite
def transposed_layers(draw):
    kernel, stride, dilation = (draw(st.tuples(n, n)) for n in (st.integers(1, 5), st.integers(1, 5), small))
    extra = tuple(draw(st.integers(0, max(stride[a], dilation[a]) - 1)) for a in (0, 1))
    padding = draw(st.tuples(st.integers(0, 4), st.integers(0, 4)))
    return ConvTranspose2d(draw(small), kernel, stride, padding, extra, dilation, bias=False)


@examples(100)
@given(transposed_layers(), st.tuples(small, st.integers(1, 6), st.integers(1, 6)))
def test_a_transposed_convolution_is_a_plain_one_over_zeros(layer, shape):
    weight, x = numbers(0, shape[0], layer.out_channels, *layer.kernel_size), numbers(1, 2, *shape)
    try:
        layer.output_shape(shape)
    except ShapeError:
        with pytest.raises(ShapeError):
            transposed_as_plain(layer, weight, shape)
        return
    expected = F.conv_transpose2d(x, weight, None, layer.stride, layer.padding, layer.output_padding, 1, layer.dilation)
    pads, flipped, step = transposed_as_plain(layer, weight, shape)
    torch.testing.assert_close(conv2d(zeros_between(x, step, pads), flipped, dilation=layer.dilation), expected)
    if min(pads) >= 0:
        around = F.pad(zeros_between(x, step), (pads[2], pads[3], pads[0], pads[1]))
        torch.testing.assert_close(F.conv2d(around, flipped, dilation=layer.dilation), expected)


def test_zeros_go_between_the_cells():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert zeros_between(x, (2, 3))[0, 0].tolist() == [[1, 0, 0, 2], [0, 0, 0, 0], [3, 0, 0, 4]]
    assert zeros_between(x, 1, (-1, 0, 1, -1))[0, 0].tolist() == [[0, 3]]
    assert torch.equal(zeros_between(x, 1), x)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: zeros_between(torch.zeros(1, 1, 2, 2), 0), "stride must be at least 1"),
        (lambda: zeros_between(torch.zeros(1, 1, 2, 2), 1, (-1, -1, 0, 0)), "cuts everything away"),
        (lambda: zeros_between(torch.zeros(2, 2), 1), "x must be"),
        (
            lambda: transposed_as_plain(ConvTranspose2d(2, groups=2), torch.zeros(2, 1, 3, 3), (2, 5, 5)),
            "without groups",
        ),
        (
            lambda: transposed_as_plain(ConvTranspose2d(2), torch.zeros(2, 3, 3, 3), (3, 5, 5)),
            r"must be \(3, 2, 3, 3\)",
        ),
    ],
)
def test_what_cannot_be_spread_is_named(ask, words):
    with pytest.raises(ShapeError, match=words):
        ask()
