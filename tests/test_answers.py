"""Answers and gradients against torch.nn, finite differences, and themselves a few at a time."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given

from cnnviz import answers as answers_module
from cnnviz.answers import answers, logits_and_gradients, logits_of
from cnnviz.network_text import parse_network
from cnnviz.network_weights import draw_weights
from cnnviz.shapes import ShapeError
from tests.classifiers import CLASSES, SMOOTH, classifiers, picture, twin_logits
from tests.fuzzing import examples
from tests.random_networks import Twin

pytestmark = pytest.mark.usefixtures("one_thread")


@examples(20)
@given(classifiers())
def test_answers_and_gradients_are_those_of_torchs_modules(case):
    layers, shape = case
    twin = Twin(layers, shape).double().randomise()
    parameters, x = twin.parameters_by_layer(), picture(shape, count=2)
    pixels = x.clone().requires_grad_()
    wanted = twin_logits(twin, pixels)
    (gradient,) = torch.autograd.grad(wanted[:, 1].sum(), pixels, allow_unused=True)
    gradient = torch.zeros_like(x) if gradient is None else gradient
    assume(gradient.isfinite().all())
    torch.testing.assert_close(logits_of(layers, x, parameters), wanted.detach())
    torch.testing.assert_close(answers(layers, x, parameters), twin.stages(x)[-1].detach())
    logits, found = logits_and_gradients(layers, x, parameters, 1)
    torch.testing.assert_close(logits, wanted[:, 1].detach())
    torch.testing.assert_close(found, gradient, atol=1e-9 * (1 + float(gradient.abs().max())), rtol=1e-7)


@examples(10)
@given(classifiers(pools=("avg",), activations=SMOOTH))
def test_gradients_are_finite_differences(case):
    layers, shape = case
    parameters, x = Twin(layers, shape).double().randomise().parameters_by_layer(), picture(shape)
    gradient = logits_and_gradients(layers, x, parameters, 2)[1].flatten()
    scale = 1e-5 * (1 + float(gradient.abs().max()))
    for at in range(0, x.numel(), 1 + x.numel() // 4):
        step = torch.zeros(x.numel(), dtype=x.dtype)
        step[at] = 1e-5
        up, down = (logits_of(layers, x + s * step.reshape(x.shape), parameters)[0, 2] for s in (1, -1))
        assert float((up - down) / 2e-5) == pytest.approx(float(gradient[at]), abs=scale, rel=1e-4)


def test_a_few_at_a_time_are_as_good_as_all_at_once(monkeypatch):
    layers = parse_network("conv:3@3x3|relu|flatten|linear:4|softmax")
    parameters, x = draw_weights(layers, (1, 6, 6), "pytorch", 0), picture((1, 6, 6), count=7, dtype=torch.float32)
    whole = answers(layers, x, parameters)
    monkeypatch.setattr(answers_module, "_BYTES", 1)
    torch.testing.assert_close(answers(layers, x, parameters), whole)


def test_what_cannot_answer_says_why():
    maps = parse_network("conv:3@3x3|relu")
    parameters, x = draw_weights(maps, (1, 6, 6), "pytorch", 0), picture((1, 6, 6), dtype=torch.float32)
    with pytest.raises(ShapeError, match="the network ends with maps 3×4×4"):
        answers(maps, x, parameters)
    layers = parse_network(f"flatten|linear:{CLASSES}")
    parameters = draw_weights(layers, (1, 6, 6), "pytorch", 0)
    with pytest.raises(ShapeError, match="there is no class 4: the network tells 4 apart"):
        logits_and_gradients(layers, x, parameters, 4)
