"""A network while it learns: as torch.nn does it in training, and gradients as finite differences have them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.layers import Dropout, Layer, Linear
from cnnviz.network import forward
from cnnviz.network_text import parse_network
from cnnviz.network_weights import draw_weights
from cnnviz.shapes import ShapeError
from cnnviz.skip_layers import Off
from cnnviz.training_pass import check_fit, ending, loss_of, to_logits, training_pass
from tests.fuzzing import examples
from tests.random_networks import Twin, networks

pytestmark = pytest.mark.usefixtures("one_thread")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def silent(layer: Layer) -> Layer:
    """Without what chance decides."""
    return Dropout(0.0) if isinstance(layer, Dropout) else layer


@examples(40)
@given(networks(), st.integers(0, 99))
def test_as_torch_in_training(network, seed):
    """Outputs, and what batch norm keeps of the batch."""
    layers, shape = tuple(map(silent, network[0])), network[1]
    twin = Twin(layers, shape).randomise(seed)
    ours = [{name: tensor.clone() for name, tensor in tensors.items()} for tensors in twin.parameters_by_layer()]
    twin.train()
    for module in twin.modules_:
        module.train()
    x = torch.randn(3, *shape, generator=seeded(seed))
    for _ in range(2):
        wanted = twin.stages(x)[-1]
        assert torch.allclose(training_pass(layers, x, ours, seeded()), wanted, rtol=1e-4, atol=1e-5, equal_nan=True)
    for mine, theirs in zip(ours, twin.parameters_by_layer()):
        assert mine.keys() == theirs.keys()
        for name, tensor in mine.items():
            assert torch.allclose(tensor, theirs[name], rtol=1e-4, atol=1e-5, equal_nan=True), name


@examples(15)
@given(networks(side=6, most=5), st.integers(0, 99))
def test_a_network_that_only_answers_is_another_thing_only_with_norm_or_dropout(network, seed):
    layers, shape = network
    parameters = Twin(layers, shape).randomise(seed).parameters_by_layer()
    x = torch.randn(2, *shape, generator=seeded(seed))
    if not any(type(layer).__name__ == "BatchNorm2d" for layer in layers):
        found = training_pass(tuple(map(silent, layers)), x, parameters, seeded())
        assert torch.allclose(found, forward(layers, x, parameters)[-1].output, rtol=1e-5, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize(
    "text",
    [
        "conv:3@3x3,same|norm|tanh|avg:2|flatten|linear:4|softmax",
        "separable:3@2x2,s2|elu|conv:3@3x3,same|add:2|transposed:2@2x2|flatten|linear:4|sigmoid",
        "conv:2@3x3,d2,p2,g2|gelu|l2:2|norm|global_avg|flatten|linear:4",
    ],
)
def test_gradients_as_finite_differences_have_them(text):
    layers = to_logits(parse_network(text))
    how = ending(parse_network(text))
    x = torch.rand(3, 2, 6, 6, generator=seeded(1), dtype=torch.float64)
    classes = torch.tensor([0, 3, 1])
    drawn = draw_weights(layers, (2, 6, 6), "pytorch", 3)
    parameters = [{name: tensor.double() for name, tensor in tensors.items()} for tensors in drawn]
    learned = [t for tensors in parameters for name, t in tensors.items() if not name.startswith("running")]
    for tensor in learned:
        tensor.requires_grad_()

    def loss() -> torch.Tensor:
        return loss_of(training_pass(layers, x, parameters, seeded()), classes, how)

    gradients = torch.autograd.grad(loss(), learned)
    step = 1e-6
    for tensor, gradient in zip(learned, gradients):
        flat = tensor.detach().view(-1)
        for at in range(0, len(flat), max(1, len(flat) // 4)):
            kept, sides = float(flat[at]), []
            for moved in (kept + step, kept - step):
                flat[at] = moved
                sides.append(loss().item())
            flat[at] = kept
            assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(float(gradient.view(-1)[at]), rel=1e-5, abs=1e-8)


def test_batch_norm_by_hand():
    layers = parse_network("norm")
    parameters = draw_weights(layers, (1, 1, 2), "pytorch", 0)
    x = torch.tensor([1.0, 2.0, 4.0, 9.0]).reshape(2, 1, 1, 2)  # mean 4, variance (9 + 4 + 0 + 25) / 4
    found = training_pass(layers, x, parameters, seeded())
    assert torch.allclose(found.flatten(), torch.tensor([-3.0, -2.0, 0.0, 5.0]) / (9.5 + 1e-5) ** 0.5)
    assert parameters[0]["running_mean"].item() == pytest.approx(0.4)
    assert parameters[0]["running_var"].item() == pytest.approx(0.9 + 0.1 * 38 / 3), (
        "the unbiased one, as torch keeps it"
    )


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9, 1.0])
def test_dropout_silences_its_share_and_scales_the_rest(p):
    x = torch.ones(1, 20_000)
    found = training_pass([Dropout(p)], x, [{}], seeded())
    assert set(found.unique().tolist()) <= {0.0, float(torch.tensor(1.0) / max(1 - p, 1e-12))}
    assert abs((found == 0).float().mean() - p) < 0.01
    assert torch.equal(found, training_pass([Dropout(p)], x, [{}], seeded()))
    if 0 < p < 1:
        assert not torch.equal(found, training_pass([Dropout(p)], x, [{}], seeded(1)))
        assert abs(found.mean() - 1) < 0.05


def test_dropout_lets_the_gradient_through_where_the_values_went():
    x = torch.rand(2, 50, generator=seeded(), requires_grad=True)
    found = training_pass([Dropout(0.5)], x, [{}], seeded(4))
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert torch.equal(gradient != 0, found != 0)


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("flatten|linear:3|softmax", "softmax"),
        ("flatten|linear:3|softmax,over=all", "softmax"),
        ("flatten|linear:3|sigmoid", "sigmoid"),
        ("flatten|linear:3", "none"),
        ("flatten|linear:3|tanh", "none"),
        ("flatten|linear:3|-softmax", "none"),
        ("flatten|softmax|linear:3", "none"),
        ("", "none"),
    ],
)
def test_the_ending(text, how):
    layers = parse_network(text)
    assert ending(layers) == how
    assert to_logits(layers) == (layers if how == "none" else layers[:-1])


def test_losses():
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]])
    classes = torch.tensor([0, 2])
    shares = logits.exp() / logits.exp().sum(1, keepdim=True)
    by_hand = -(shares[0, 0].log() + shares[1, 2].log()) / 2
    for how in ("softmax", "none"):
        assert loss_of(logits, classes, how).item() == pytest.approx(by_hand.item(), rel=1e-6)
    yes = 1 / (1 + (-logits).exp())
    wanted = F.one_hot(classes, 3).bool()
    by_hand = -torch.where(wanted, yes, 1 - yes).log().sum() / 2
    assert loss_of(logits, classes, "sigmoid").item() == pytest.approx(by_hand.item(), rel=1e-6)
    assert torch.isfinite(loss_of(torch.tensor([[-400.0, 400.0]]), torch.tensor([0]), "softmax"))
    assert torch.isfinite(loss_of(torch.tensor([[-400.0, 400.0]]), torch.tensor([0]), "sigmoid"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("conv:4@40x40|flatten|linear:10", r"It does not fit pictures of 3×32×32: layer 1 cannot work. kernel 40×40"),
        (
            "conv:4@3x3|linear:10",
            r"layer 2 cannot work. Linear takes a vector, not maps 4×30×30: put Flatten before it",
        ),
        ("flatten|linear:9|softmax", r"It has to end with 10 numbers, one for each class; it ends with 9\."),
        ("conv:10@3x3|softmax", r"It has to end with 10 numbers, one for each class; it ends with 10×30×30\."),
        ("", r"it ends with 3×32×32\."),
        ("conv:10@3x3|-conv:10@3x3|add:1|-flatten", r"it ends with 10×30×30\."),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(text, said):
    with pytest.raises(ShapeError, match=said) as caught:
        check_fit(parse_network(text), (3, 32, 32), 10)
    assert str(caught.value).endswith(".")


def test_there_has_to_be_something_to_learn():
    with pytest.raises(ShapeError, match=r"None of its layers has anything to learn\."):
        check_fit((*parse_network("adaptive_max:1x10|flatten|softmax"), Off(Linear(3))), (1, 8, 8), 10)
    check_fit(parse_network("adaptive_max:1x10|norm|flatten|softmax"), (1, 8, 8), 10)


def test_one_number_has_no_variance():
    layers = parse_network("conv:4@3x3,same|global_avg|norm|flatten|linear:10|softmax")
    check_fit(layers, (1, 8, 8), 10, 2)
    with pytest.raises(ShapeError, match="Layer 3 norms maps of one cell, and a batch has one picture only"):
        check_fit(layers, (1, 8, 8), 10, 1)
    check_fit(parse_network("norm|flatten|linear:10"), (1, 8, 8), 10, 1)


@examples(30)
@given(networks(), st.integers(1, 3))
def test_what_fits_can_take_a_step(network, batch):
    """Whatever check_fit lets pass gives a loss whose gradient reaches every weight."""
    layers, shape = (*network[0], *parse_network("flatten|linear:3|softmax")), network[1]
    try:
        check_fit(layers, shape, 3, batch)
    except ShapeError:
        return
    parameters = draw_weights(layers, shape, "pytorch", 0)
    learned = [t.requires_grad_() for p in parameters for name, t in p.items() if not name.startswith("running")]
    x = torch.rand(batch, *shape, generator=seeded())
    loss = loss_of(
        training_pass(to_logits(layers), x, parameters, seeded()), torch.zeros(batch, dtype=torch.int64), "softmax"
    )
    assert all(gradient is not None for gradient in torch.autograd.grad(loss, learned))
