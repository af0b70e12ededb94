"""Networks against nn.Sequential, the lesson's numbers, and layers run one by one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnviz.functional import ShapeError, pad2d
from cnnviz.layers import (
    Activation,
    Conv2d,
    ConvTranspose2d,
    DepthwiseSeparableConv2d,
    Flatten,
    Linear,
    Pool2d,
)
from cnnviz.network import forward, summary
from tests.fuzzing import examples
from tests.option_space import both, convolutions, numbers

LESSON = (
    Conv2d(12, padding="same"),
    Activation("relu"),
    Pool2d("max", 2),
    Flatten(),
    Linear(10),
    Activation("softmax"),
)


def tensors_for(layers, shape):
    tensors = []
    for index, layer in enumerate(layers):
        tensors.append({name: numbers(index, *size) for name, size in layer.parameter_shapes(shape).items()})
        shape = layer.output_shape(shape)
    return tensors


def test_the_lessons_stack_has_the_lessons_numbers():
    result = summary(LESSON, (3, 32, 32))
    shapes = [row.output_shape for row in result.rows]
    assert shapes == [(12, 32, 32), (12, 32, 32), (12, 16, 16), (3072,), (10,), (10,)]
    assert [row.parameters for row in result.rows] == [12 * 27 + 12, 0, 0, 0, 30730, 0]
    assert result.parameters == 31066
    assert result.macs == 32 * 32 * 12 * 27 + 30720
    assert result.rows[3].formula == r"12 \times 16 \times 16 = 3072"


def test_forward_is_nn_sequential_and_keeps_every_stage():
    twin = nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(3072, 10),
        nn.Softmax(1),
    ).double()
    tensors = [{name: tensor.detach() for name, tensor in module.named_parameters()} for module in twin]
    x = numbers(0, 2, 3, 32, 32)
    stages = forward(LESSON, x, tensors)
    names = ["input", "padded", "conv", "activation", "pool", "flatten", "linear", "activation"]
    assert [stage.name for stage in stages] == names
    assert [stage.layer for stage in stages] == [None, LESSON[0], *LESSON]
    assert stages[0].output is x
    expected = x
    for module, stage in zip(twin, stages[2:]):
        expected = module(expected).detach()
        torch.testing.assert_close(stage.output, expected)
    assert summary(LESSON, (3, 32, 32)).parameters == sum(p.numel() for p in twin.parameters())


@examples(50)
@given(convolutions(tiny=True), st.booleans())
def test_the_padded_stage_is_what_the_convolution_saw(case, separable):
    shape, out_channels, options = case
    if separable:
        options.pop("groups")
    layer = (DepthwiseSeparableConv2d if separable else Conv2d)(out_channels, **options)
    x = numbers(0, 2, *shape)
    try:
        layer.output_shape(shape)
    except ShapeError:
        with pytest.raises(ShapeError, match=f"layer 1, {type(layer).__name__}: "):
            forward([layer], x, [{}])
        return
    tensors = tensors_for([layer], shape)
    stages = forward([layer], x, tensors)
    torch.testing.assert_close(stages[-1].output, layer(x, **tensors[0]))
    padding = layer.padding4(shape)
    assert [stage.name for stage in stages] == ["input", *(["padded"] if any(padding) else []), "conv"]
    if any(padding):
        expected = pad2d(x, padding, layer.padding_mode, layer.padding_value)
        torch.testing.assert_close(stages[1].output, expected, rtol=0, atol=0)
        d, k = both(layer.dilation), both(layer.kernel_size)
        assert all(stages[1].output.shape[2 + a] >= d[a] * (k[a] - 1) + 1 for a in (0, 1))


def test_nothing_is_computed_twice():
    layers = (
        Conv2d(4, padding="same", padding_mode="reflect"),
        DepthwiseSeparableConv2d(6, padding=2),
        *LESSON,
    )
    shape = (3, 16, 16)
    with FlopCounterMode(display=False) as flops:
        forward(layers, numbers(0, 1, *shape), tensors_for(layers, shape))
    assert flops.get_total_flops() == 2 * summary(layers, shape).macs


def test_only_convolutions_padding_is_a_stage():
    layers = (Pool2d("max", 3, 1, "same"), ConvTranspose2d(1, 3, 2, 1), Conv2d())
    stages = forward(layers, numbers(0, 1, 1, 9, 9), tensors_for(layers, (1, 9, 9)))
    assert [stage.name for stage in stages] == ["input", "pool", "conv_transpose", "conv"]


def test_gradients_flow_through_every_stage():
    x = numbers(0, 1, 3, 32, 32).requires_grad_()
    stages = forward(LESSON, x, tensors_for(LESSON, (3, 32, 32)))
    scores = stages[-2].output  # before the softmax, which these large scores saturate
    for stage in stages[:-1]:
        (gradient,) = torch.autograd.grad(scores[0, 3], stage.output, retain_graph=True)
        assert gradient.abs().sum() > 0, stage.name


def test_an_error_says_which_layer():
    layers = (Conv2d(padding="same"), Pool2d("max", 2), Conv2d(kernel_size=7))
    words = "layer 3, Conv2d: kernel 7×7 does not fit the input 4×4"
    with pytest.raises(ShapeError, match=words):
        summary(layers, (1, 8, 8))
    tensors = [*tensors_for(layers[:2], (1, 8, 8)), {}]
    with pytest.raises(ShapeError, match=words):
        forward(layers, numbers(0, 1, 1, 8, 8), tensors)
    with pytest.raises(ValueError, match="3 layers need as many sets of parameters, not 2"):
        forward(layers, numbers(0, 1, 1, 8, 8), tensors[:2])


def test_no_layers_is_the_input():
    x = numbers(0, 1, 1, 2, 2)
    assert [stage.output for stage in forward((), x, ())] == [x]
    assert summary((), (1, 2, 2)).rows == ()
