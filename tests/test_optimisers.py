"""One weight's step, written out: it is what torch's optimiser really does, step after step."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.optimisers import OPTIMISERS, Before, Optimiser, explain_step, look_before
from tests.fuzzing import examples

pytestmark = pytest.mark.usefixtures("one_thread")

TORCHS = {
    "sgd": lambda tensors, rate, decay: torch.optim.SGD(tensors, rate, weight_decay=decay),
    "momentum": lambda tensors, rate, decay: torch.optim.SGD(tensors, rate, momentum=0.9, weight_decay=decay),
    "adam": lambda tensors, rate, decay: torch.optim.Adam(tensors, rate, weight_decay=decay),
}
rates, decays = st.floats(1e-4, 10), st.sampled_from([0.0, 0.0, 1e-3, 0.1, 1.0])
numbers = st.floats(-10, 10) | st.floats(-1e-4, 1e-4) | st.just(0.0)


@pytest.mark.parametrize("name", OPTIMISERS)
@examples(40)
@given(rates, decays, st.integers(0, 2**40), st.integers(1, 6))
def test_steps_are_torchs_to_the_last_bit(name, rate, decay, seed, steps):
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(shape, generator=generator) for shape in ((3, 2, 3, 3), (17,))]
    ours, theirs = ([tensor.clone().requires_grad_() for tensor in drawn] for _ in range(2))
    mine, torchs = Optimiser(name, ours, rate, decay), TORCHS[name](theirs, rate, decay)
    for _ in range(steps):
        mine.zero_grad()
        assert all(tensor.grad is None for tensor in ours)
        for one, other in zip(ours, theirs):
            gradient = torch.randn(one.shape, generator=generator) * 10 ** (6 * torch.rand(1, generator=generator) - 5)
            one.grad, other.grad = gradient.clone(), gradient.clone()
        mine.step()
        torchs.step()
        for one, other in zip(ours, theirs):
            assert torch.equal(one, other)
            assert one.requires_grad
            assert one.grad is not None


def test_less_momentum():
    ours, theirs = (torch.ones(3, requires_grad=True) for _ in range(2))
    mine, torchs = Optimiser("momentum", [ours], 0.1, 0.0, 0.5), torch.optim.SGD([theirs], 0.1, momentum=0.5)
    for number in range(4):
        ours.grad = theirs.grad = torch.tensor([1.0, 0.3, -number])
        mine.step()
        torchs.step()
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_tensor_without_a_gradient_stays(name):
    tensors = [torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)]
    optimiser = Optimiser(name, tensors, 0.1, 0.1)
    tensors[0].grad = torch.ones(2)
    optimiser.step()
    assert (tensors[0] < 1).all()
    assert torch.equal(tensors[1], torch.ones(2))


@pytest.mark.parametrize("name", OPTIMISERS)
@examples(40)
@given(rates, decays, st.lists(st.tuples(numbers, numbers), min_size=1, max_size=6), st.floats(-2, 2))
def test_a_step_explained_is_the_step_done(name, rate, decay, gradients, start):
    """Of one of two weights, in doubles, several steps in a row."""
    weights = torch.tensor([[start], [1.0]], dtype=torch.float64, requires_grad=True)
    optimiser = Optimiser(name, [weights], rate, decay)
    for number, gradient in enumerate(gradients):
        weights.grad = torch.tensor(gradient, dtype=torch.float64).reshape(2, 1)
        steps = []
        for at in range(2):
            before = look_before(optimiser, weights, at)
            assert before.value == weights[at].item()
            assert before.gradient == gradient[at]
            assert before.steps == number
            steps.append(explain_step(name, rate, decay, before))
        optimiser.step()
        for at, step in enumerate(steps):
            assert step.after == pytest.approx(weights[at].item(), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_step_looked_at_is_not_changed(name):
    def run(look: bool) -> torch.Tensor:
        weights = torch.linspace(-1, 1, 6).reshape(2, 3).requires_grad_()
        optimiser = Optimiser(name, [weights], 0.1, 0.01)
        for number in range(4):
            weights.grad = torch.sin(torch.arange(6.0).reshape(2, 3) + number)
            if look:
                explain_step(name, 0.1, 0.01, look_before(optimiser, weights, 4))
            optimiser.step()
        return weights.detach()

    assert torch.equal(run(True), run(False))


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_lines_are_read_from_above(name, decay):
    """The gradient first, the new weight last, and each line is used in one below it."""
    buffers = {"sgd": {}, "momentum": {"velocity": 0.75}, "adam": {"mean": 0.5, "square": 0.125}}[name]
    step = explain_step(name, 0.25, decay, Before(-0.5, 0.375, buffers, 3))
    names = [line[0] for line in step.lines]
    assert names[0] == "gradient"
    assert names[-2:] == ["step", "new weight"]
    assert ("with decay" in names) == bool(decay)
    assert len(set(names)) == len(names)
    assert step.lines[-1][2] == step.after
    assert step.before == -0.5
    assert step.before - step.lines[-2][2] == step.after
    for title, how, _ in step.lines:
        assert title
        assert "-" not in how.replace("e-", ""), "a minus is a minus"


OWN = {"²": "**2", "−": "-", "·": "*", "√": "root", "^": "**"}


@pytest.mark.parametrize("name", OPTIMISERS)
@examples(25)
@given(rates, decays, numbers, numbers, st.integers(0, 20))
def test_the_arithmetic_on_a_line_comes_to_what_stands_beside_it(name, rate, decay, weight, gradient, steps):
    """Read as Python, up to the four digits that are shown."""
    buffers = {"sgd": {}, "momentum": {"velocity": 1.5}, "adam": {"mean": -0.5, "square": 0.5}}[name]
    for title, how, value in explain_step(name, rate, decay, Before(weight, gradient, buffers, steps)).lines[1:]:
        text = re.sub(r"√([\d.e−+]+)", r"(\1) ** 0.5", how)
        for own, pythons in OWN.items():
            text = text.replace(own, pythons)
        parts = [abs(float(part)) for part in re.findall(r"(?<![\w*.])[\d.]+(?:e[-+]\d+)?", text)]
        if title == "step" and name == "adam" and value and abs(value / rate) < 1e-6:
            continue
        assert eval(text) == pytest.approx(value, rel=2e-3, abs=1e-3 * max(parts)), (title, how)


def test_first_steps_by_hand():
    assert explain_step("sgd", 0.5, 0.0, Before(1.0, 0.25, {}, 0)).after == 0.875
    assert explain_step("sgd", 0.5, 0.5, Before(1.0, 0.25, {}, 0)).after == 0.625
    first = explain_step("momentum", 0.5, 0.0, Before(1.0, 0.25, {}, 0))
    assert first.after == 0.875
    assert first.lines[1] == ("velocity", "the first gradient", 0.25)
    assert explain_step("momentum", 0.5, 0.0, Before(1.0, 0.25, {"velocity": 1.0}, 1)).after == pytest.approx(0.425)
    # Adam's first step is the rate, whatever the gradient
    for gradient in (1e-3, 5.0, -70.0):
        step = explain_step("adam", 0.01, 0.0, Before(1.0, gradient, {}, 0))
        assert 1 - step.after == pytest.approx(0.01 if gradient > 0 else -0.01, rel=1e-4)


def test_every_optimiser_says_what_it_does_and_where_to_begin():
    assert set(OPTIMISERS) == {"sgd", "momentum", "adam"}
    for words, rate in OPTIMISERS.values():
        assert words.endswith(".")
        assert 0 < rate < 1


def test_a_weight_without_a_gradient():
    weights = torch.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match="no gradient yet"):
        look_before(Optimiser("adam", [weights], 0.1, 0.0), weights, 0)
