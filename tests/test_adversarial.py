"""The fast gradient sign method: its bound, its closed form, and its arithmetic bit for bit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.adversarial import exact, explain_pixel, fgsm
from cnnviz.answers import answers
from cnnviz.datasets import digits
from cnnviz.network_text import parse_network
from cnnviz.network_weights import draw_weights
from cnnviz.shapes import ShapeError
from tests.classifiers import classifiers, digit_net, picture
from tests.fuzzing import examples
from tests.random_networks import Twin

pytestmark = pytest.mark.usefixtures("one_thread")

EPSILONS = [0.0, 0.01, 0.1, 0.5, 2.0]


@examples(20)
@given(classifiers(), st.booleans())
def test_no_pixel_goes_farther_than_epsilon_nor_out_of_range(case, targeted):
    layers, shape = case
    parameters, x = Twin(layers, shape).randomise().parameters_by_layer(), picture(shape, dtype=torch.float32)
    found = fgsm(layers, x, parameters, 1, EPSILONS, targeted)
    assert found.pictures[0].equal(x[0])
    for epsilon, changed, said in zip(EPSILONS, found.pictures, found.after):
        assert float((changed - x[0]).abs().max()) <= epsilon + 1e-7
        assert changed.min() >= 0 and changed.max() <= 1
        torch.testing.assert_close(said, answers(layers, changed[None], parameters)[0], rtol=1e-4, atol=1e-5)
    for at in {(0, 0, 0), tuple(side - 1 for side in shape)}:
        for which in range(len(EPSILONS)):
            lines = explain_pixel(x, found, which, at)
            assert lines[-1][2] == found.pictures[which][at].item()  # bit for bit
            assert [name for name, _, _ in lines] == ["x", "gradient", "sign", "step", "sum", "clipped"]


@pytest.mark.parametrize(
    ("end", "targeted"), [("softmax", False), ("softmax", True), ("sigmoid", False), ("relu", True)]
)
def test_a_linear_network_has_a_closed_form(end, targeted):
    layers = parse_network(f"flatten|linear:3|{end}" if end != "relu" else "flatten|linear:3")
    parameters, x = draw_weights(layers, (1, 3, 4), "normal", 2), picture((1, 3, 4), dtype=torch.float32)
    weight, bias = parameters[1]["weight"], parameters[1]["bias"]
    logits = weight @ x.flatten() + bias
    shares = logits.sigmoid() if end == "sigmoid" else logits.softmax(0)
    gradient = weight.T @ (shares - torch.tensor([0.0, 1.0, 0.0]))
    found = fgsm(layers, x, parameters, 1, [0.1], targeted)
    torch.testing.assert_close(found.gradient.flatten(), gradient)
    step = 0.1 * gradient.sign().reshape(x.shape)
    torch.testing.assert_close(found.pictures, (x - step if targeted else x + step).clamp(0, 1))


def test_a_digit_is_mistaken_from_the_smallest_epsilon_on():
    layers, parameters = digit_net()
    x, label = digits().held_out.images(slice(0, 1)), int(digits().held_out.classes()[0])
    epsilons = [0.4, 0.0, 0.02, 0.05, 0.1, 0.2]
    found = fgsm(layers, x, parameters, label, epsilons)
    assert int(found.before.argmax()) == label
    wrong = [e for e in epsilons if int(fgsm(layers, x, parameters, label, [e]).after.argmax()) != label]
    assert found.smallest == min(wrong) > 0
    other = (label + 1) % 10
    to_it = fgsm(layers, x, parameters, other, epsilons, targeted=True)
    reached = [e for e, said in zip(epsilons, to_it.after) if int(said.argmax()) == other]
    assert to_it.smallest == min(reached, default=None)
    assert fgsm(layers, x, parameters, label, [0.0]).smallest is None


def test_the_arithmetic_of_a_pixel_is_written_out():
    layers = parse_network("flatten|linear:2|softmax")
    weight = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    parameters = [{}, {"weight": weight, "bias": torch.zeros(2)}, {}]
    x = torch.tensor([[[[0.95, 0.25]]]])
    found = fgsm(layers, x, parameters, 1, [0.1])
    lines = explain_pixel(x, found, 0, (0, 0, 0))
    assert [how for _, how, _ in lines[2:]] == [
        "the loss grows with this value",
        "0.1 · 1",
        "0.95 + 0.1",
        "values end at 0 and 1",
    ]
    assert lines[-1][2] == 1
    assert explain_pixel(x, found, 0, (0, 0, 1))[2][1] == "the loss does not change with this value, so it stays"
    lines = explain_pixel(x, fgsm(layers, x, parameters, 1, [0.1], targeted=True), 0, (0, 0, 0))
    assert [how for _, how, _ in lines[3:]] == ["0.1 · 1", "0.95 − 0.1", "it lies in [0, 1]"]
    assert exact(torch.tensor(-0.1)) == "(−0.1)" and float(exact(torch.tensor(1e-7))) == 1e-7


def test_what_cannot_be_says_why():
    layers = parse_network("flatten|linear:2")
    parameters, x = draw_weights(layers, (1, 3, 3), "pytorch", 0), torch.zeros(1, 1, 3, 3)
    with pytest.raises(ShapeError, match="there is no class 2"):
        fgsm(layers, x, parameters, 2, [0.1])
    for epsilons in ([], [-0.1], [float("nan")]):
        with pytest.raises(ValueError, match="ε of at least 0"):
            fgsm(layers, x, parameters, 1, epsilons)
