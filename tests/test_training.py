"""Training: as a plain loop with torch.nn and torch.optim does it, the same for a seed, and said where it cannot be."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.augmentation import AUGMENTATIONS
from cnnviz.datasets import Dataset, Examples, digits
from cnnviz.kernels import INITIALISATIONS
from cnnviz.layers import Dropout
from cnnviz.network import forward
from cnnviz.network_text import parse_network
from cnnviz.network_weights import draw_weights, named_tensors
from cnnviz.optimisers import OPTIMISERS
from cnnviz.shapes import ShapeError
from cnnviz.training import Measure, Recipe, Training, TrainingError, measure
from cnnviz.training_pass import check_fit
from tests.fuzzing import examples
from tests.random_networks import Twin, networks

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = parse_network("conv:4@3x3,same|norm|relu|max:2|dropout:0.25|flatten|linear:10|softmax")
OPTIM = {
    "sgd": lambda tensors, rate, decay: torch.optim.SGD(tensors, rate, weight_decay=decay),
    "momentum": lambda tensors, rate, decay: torch.optim.SGD(tensors, rate, momentum=0.9, weight_decay=decay),
    "adam": lambda tensors, rate, decay: torch.optim.Adam(tensors, rate, weight_decay=decay),
}


def some_data(shape: tuple[int, ...], classes: int, count: int, seed: int = 0, held_out: int = 5) -> Dataset:
    random = np.random.default_rng(seed)
    parts = [
        Examples(random.integers(0, 256, (n, *shape), np.uint8), random.integers(0, classes, n))
        for n in (count, held_out)
    ]
    return Dataset("some", tuple("abcdefghijkl"[:classes]), *parts)


def trained(layers, data, recipe, steps) -> Training:
    training = Training(layers, data, recipe)
    for _ in range(steps):
        training.step()
    return training


def tensors_of(training) -> dict[str, torch.Tensor]:
    return named_tensors(training.layers, training.snapshot())


def same(one, two) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


# --- against torch.nn and torch.optim


def plain_loop(layers, data, recipe, steps) -> tuple[Twin, list[float]]:
    """What a person would write: a Sequential, a shuffled order anew for each epoch, cross entropy, an optimiser."""
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        twin = Twin(layers, data.shape)
    for module in twin.modules_:
        module.train()
    optimiser = OPTIM[recipe.optimiser](twin.parameters(), recipe.rate, recipe.weight_decay)
    order, losses = torch.Generator().manual_seed(recipe.seed), list[float]()
    batches: list[torch.Tensor] = []
    for _ in range(steps):
        if not batches:
            batches = list(torch.randperm(len(data.training), generator=order).split(recipe.batch))
        which = batches.pop(0)
        x = torch.from_numpy(data.training.pixels).float()[which] / 255
        optimiser.zero_grad()
        *_, before, _shares = twin.stages(x)
        wanted = torch.from_numpy(data.training.labels)[which]
        loss = F.nll_loss(F.log_softmax(before, 1), wanted)
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    return twin, losses


@pytest.mark.parametrize("name", OPTIM)
def test_the_same_as_a_plain_loop_through_the_end_of_an_epoch(name):
    """Batch norm's mean and variance too; the last batch of an epoch is a smaller one."""
    layers = parse_network("conv:6@3x3|norm|relu|max:2|flatten|linear:16|tanh|linear:10|softmax")
    data = some_data((2, 8, 8), 10, 43)
    recipe = Recipe(name, OPTIMISERS[name][1], 8, 3, seed=5, weight_decay=0.01)
    training = Training(layers, data, recipe)
    assert (training.steps_an_epoch, training.steps) == (6, 18)
    found = [training.step() for _ in range(14)]
    twin, losses = plain_loop(layers, data, recipe, 14)
    assert [step.number for step in found] == list(range(1, 15)) == [*range(1, training.number + 1)]
    assert [step.loss for step in found] == pytest.approx(losses, rel=1e-6)
    ours, theirs = tensors_of(training), twin.tensors()
    assert ours.keys() == theirs.keys()
    for key in ours:
        assert torch.allclose(ours[key], theirs[key], rtol=1e-5, atol=1e-6), key


@examples(25)
@given(networks(most=5, side=7), st.sampled_from(list(OPTIM)), st.sampled_from([0.0, 0.1]), st.integers(0, 999))
def test_any_network_as_a_plain_loop(network, name, decay, seed):
    layers = (*(Dropout(0.0) if isinstance(layer, Dropout) else layer for layer in network[0]),
              *parse_network("flatten|linear:3|softmax"))  # fmt: skip
    data = some_data(network[1], 3, 10, seed)
    recipe = Recipe(name, 0.01, 5, seed=seed, weight_decay=decay)
    training = trained(layers, data, recipe, 3)
    twin, _ = plain_loop(layers, data, recipe, 3)
    ours, theirs = tensors_of(training), twin.tensors()
    assert ours.keys() == theirs.keys()
    for key in ours:
        # Adam's first steps are as large whatever the gradient, so a gradient that is rounding alone decides on a sign
        assert torch.allclose(ours[key], theirs[key], rtol=1e-3, atol=0.07 if name == "adam" else 1e-4), key


def test_sigmoid_at_the_end_is_judged_class_by_class():
    layers, data = parse_network("flatten|linear:3|sigmoid"), some_data((1, 3, 3), 3, 6)
    training = trained(layers, data, Recipe("sgd", 0.5, batch=6), 1)
    before = draw_weights(layers, (1, 3, 3), "pytorch", 0)[1]
    x = data.training.images().flatten(1)
    wanted = F.one_hot(data.training.classes(), 3).float()
    # the gradient of the loss is (answer - wanted) / pictures
    error = (torch.sigmoid(x @ before["weight"].T + before["bias"]) - wanted) / 6
    assert torch.allclose(training.parameters[1]["weight"], before["weight"] - 0.5 * error.T @ x, atol=1e-6)
    assert torch.allclose(training.parameters[1]["bias"], before["bias"] - 0.5 * error.sum(0), atol=1e-6)


# --- a step


@pytest.mark.parametrize("name", OPTIM)
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_arithmetic_of_a_watched_weight_is_what_happened(name, decay):
    training = Training(SMALL, some_data((1, 6, 6), 10, 30), Recipe(name, 0.01, 8, weight_decay=decay))
    for watched in [(0, "weight", 5), (6, "bias", 3), (6, "weight", 17), (1, "weight", 2), (0, "weight", 5)]:
        tensor = training.parameters[watched[0]][watched[1]]
        before = tensor.flatten()[watched[2]].item()
        step = training.step(watched)
        assert step.weight is not None
        assert step.weight.before == before
        assert step.weight.after == pytest.approx(tensor.flatten()[watched[2]].item(), rel=1e-5, abs=1e-7)
        assert step.weight.lines[0][2] == tensor.grad.flatten()[watched[2]].item()
    assert training.step().weight is None


def test_what_a_step_shows():
    layers, data = parse_network("flatten|linear:3|softmax"), some_data((1, 2, 2), 3, 7)
    training = Training(layers, data, Recipe("sgd", 0.1, batch=7))
    before = training.snapshot()
    step = training.step()
    shares = forward(layers, data.training.images(), before)[-1].output
    classes = data.training.classes()
    assert step.loss == pytest.approx(-shares[range(7), classes].log().mean().item(), rel=1e-6)
    assert step.accuracy == pytest.approx((shares.argmax(1) == classes).float().mean().item())
    moved = [(training.parameters[1][name] - before[1][name]).detach().flatten() / 0.1 for name in before[1]]
    assert step.norms == (0.0, pytest.approx(torch.cat(moved).norm().item(), rel=1e-4), 0.0)


def test_what_was_taken_as_a_snapshot_stays():
    training = Training(SMALL, some_data((1, 6, 6), 10, 30), Recipe())
    kept = training.snapshot()
    copies = [{name: tensor.clone() for name, tensor in tensors.items()} for tensors in kept]
    training.step()
    assert same(named_tensors(SMALL, kept), named_tensors(SMALL, copies))
    assert not same(named_tensors(SMALL, kept), tensors_of(training))
    assert not any(tensor.requires_grad for tensors in kept for tensor in tensors.values())


def test_every_epoch_sees_every_picture_once():
    data = some_data((1, 6, 6), 10, 23)
    training = Training(SMALL, data, Recipe(batch=5, epochs=2))
    seen = []
    images = data.training.images
    object.__setattr__(data, "training", Watched(data.training.pixels, data.training.labels, seen))
    for _ in range(training.steps):
        training.step()
    assert [len(which) for which in seen] == [5, 5, 5, 5, 3] * 2
    first, second = np.concatenate(seen[:5]), np.concatenate(seen[5:])
    assert sorted(first) == sorted(second) == list(range(23))
    assert list(first) != list(second)
    assert images().shape == (23, 1, 6, 6)


class Watched(Examples):
    """Examples that note which of them are taken."""

    def __init__(self, pixels, labels, seen) -> None:
        super().__init__(pixels, labels)
        object.__setattr__(self, "seen", seen)

    def images(self, which=slice(None)):
        self.seen.append(which)
        return super().images(which)


# --- seeds


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_a_seed_gives_the_same_weights_bit_by_bit_and_another_seed_others(augmentation):
    data = some_data((1, 6, 6), 10, 30)
    recipe = Recipe(batch=8, augmentation=augmentation, seed=3)
    one, two = trained(SMALL, data, recipe, 9), trained(SMALL, data, recipe, 4)
    torch.rand(7)  # the seed of others is not ours
    two.measure()
    for _ in range(5):
        two.step((0, "weight", 0))
    assert same(tensors_of(one), tensors_of(two)), "looking on changes nothing"
    assert not same(tensors_of(one), tensors_of(trained(SMALL, data, replace(recipe, seed=4), 9)))


def test_the_seed_decides_on_dropout_and_augmentation_and_they_matter():
    data = some_data((1, 6, 6), 10, 30)
    found = [
        tensors_of(trained(layers, data, Recipe(augmentation=name), 2))
        for layers in (SMALL, SMALL[:4] + SMALL[5:])
        for name in AUGMENTATIONS
    ]
    assert len({tuple(sorted(float(t.sum()) for t in tensors.values())) for tensors in found}) == len(found)


def test_training_does_not_touch_the_worlds_random_numbers():
    before = torch.random.get_rng_state()
    trained(SMALL, some_data((1, 6, 6), 10, 30), Recipe(augmentation="affine"), 3).measure()
    assert torch.equal(before, torch.random.get_rng_state())


# --- what cannot be


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"optimiser": "lion"}, "There is no optimiser 'lion': there are sgd, momentum, adam."),
        ({"augmentation": "mixup"}, "Pictures are not changed by 'mixup': by none, shift"),
        ({"init": "zeros"}, "Weights are not drawn by 'zeros': by "),
        *(({"rate": rate}, "The rate is a number above 0, up to 100") for rate in (0, -1, math.nan, math.inf, 101)),
        *(({"weight_decay": w}, "Weight decay is a number from 0 to 1") for w in (-0.1, 1.5, math.nan, math.inf)),
        *(({"batch": n}, "at least one picture a step, and one epoch") for n in (0, -3)),
        *(({"epochs": n}, "at least one picture a step, and one epoch") for n in (0, -3)),
        *(({"seed": n}, "The seed is a whole number from 0 to") for n in (-1, 2**63)),
        *(({name: 2.5}, "are whole numbers") for name in ("batch", "epochs", "seed")),
    ],
)
def test_recipes_that_cannot_be_followed_say_so(changed, said):
    with pytest.raises(TrainingError, match=said) as caught:
        Recipe(**changed)
    assert str(caught.value).endswith(".")


def test_the_widest_recipes():
    for changed in ({"rate": 100.0}, {"weight_decay": 1.0}, {"seed": 2**63 - 1}, {"batch": 10**9}):
        trained(SMALL, some_data((1, 6, 6), 10, 12), Recipe(**changed), 1)
    for init in INITIALISATIONS:
        trained(SMALL, some_data((1, 6, 6), 10, 12), Recipe(init=init), 1)


@pytest.mark.parametrize("text", ["flatten|linear:9", "conv:3@9x9|flatten|linear:10", "conv:10@3x3", "", "linear:10"])
def test_a_network_that_does_not_fit_is_refused(text):
    with pytest.raises(ShapeError) as refused:
        check_fit(parse_network(text), (1, 8, 8), 10)
    with pytest.raises(ShapeError) as caught:
        Training(parse_network(text), digits(), Recipe())
    assert str(caught.value) == str(refused.value)


@pytest.mark.parametrize(
    ("count", "batch", "fits"), [(5, 4, False), (5, 1, False), (6, 4, True), (1, 9, False), (5, 9, True)]
)
def test_norm_of_one_number_is_refused_before_the_first_step(count, batch, fits):
    layers = parse_network("conv:3@3x3|global_avg|norm|flatten|linear:10|softmax")
    data = some_data((1, 4, 4), 10, count)
    if fits:
        trained(layers, data, Recipe(batch=batch), 4)
    else:
        with pytest.raises(ShapeError, match="one number has no variance"):
            Training(layers, data, Recipe(batch=batch))


@pytest.mark.parametrize("optimiser", ["sgd", "momentum"])
def test_a_training_that_runs_away_says_so_and_keeps_its_last_weights(optimiser):
    layers = parse_network("conv:4@3x3|flatten|linear:20|linear:10|softmax")
    training = Training(layers, digits(), Recipe(optimiser, 100.0))
    kept = training.snapshot()
    with pytest.raises(
        TrainingError, match=r"After \d+ steps the numbers grew beyond .* A smaller rate may help\."
    ) as caught:
        for _ in range(50):
            kept = training.snapshot()
            training.step()
    assert f"After {training.number} steps" in str(caught.value)
    assert same(tensors_of(training), named_tensors(layers, kept))
    training.parameters[1:2] = [{}]
    with torch.no_grad():
        training.parameters[0]["weight"].fill_(3e38)
    with pytest.raises(TrainingError, match="beyond what a float32 can hold"):
        training.measure()


def test_a_gradient_beyond_all_numbers_is_not_followed():
    layers, data = parse_network("flatten|linear:1|linear:10|softmax"), some_data((1, 2, 2), 10, 6)
    data.training.labels[:] = 0
    training = Training(layers, data, Recipe(batch=6))
    with torch.no_grad():
        for name in ("weight", "bias"):
            training.parameters[1][name].zero_()
        training.parameters[2]["weight"].fill_(3e38)[0] *= -1
    before = tensors_of(training)
    with pytest.raises(TrainingError, match="beyond what a float32 can hold"):
        training.step()  # though its loss is a number
    assert same(tensors_of(training), before)


# --- measures


answers = st.integers(2, 5).flatmap(
    lambda k: st.lists(
        st.tuples(st.lists(st.integers(0, 4), min_size=k, max_size=k), st.integers(0, k - 1)), min_size=1, max_size=12
    )
)


@examples(60)
@given(answers, st.integers(0, 15))
def test_measures_by_plain_python(rows, most):
    k = len(rows[0][0])
    found = Measure(0.0, torch.tensor([row for row, _ in rows]).float(), torch.tensor([right for _, right in rows]))
    taken = [row.index(max(row)) for row, _ in rows]
    assert found.accuracy == pytest.approx(sum(t == r for t, (_, r) in zip(taken, rows)) / len(rows))
    table = [[sum(t == b and r == a for t, (_, r) in zip(taken, rows)) for b in range(k)] for a in range(k)]
    assert found.confusion().tolist() == table
    wrong = sorted((row[right], at) for at, (t, (row, right)) in enumerate(zip(taken, rows)) if t != right)
    assert found.worst(most) == [at for _, at in wrong][:most]


@pytest.mark.parametrize("end", ["softmax", "sigmoid", "tanh", ""])
def test_a_network_is_measured_as_it_answers(end):
    """Without dropout, batch norm by what it kept, in parts as at once."""
    layers = parse_network("conv:4@3x3|norm|relu|dropout|flatten|linear:10" + f"|{end}" * bool(end))
    data = some_data((1, 5, 5), 10, 20, held_out=600)
    training = trained(layers, data, Recipe(batch=10), 3)
    kept = training.snapshot()
    found = measure(layers, kept, data.held_out)
    wanted = forward(layers, data.held_out.images(), kept)[-1].output
    assert torch.allclose(found.answers, wanted, atol=1e-6)
    assert torch.equal(found.classes, data.held_out.classes())
    own = [m.accuracy for m in training.measure()]
    assert own == [measure(layers, kept, data.training).accuracy, found.accuracy]
    right = wanted[range(600), found.classes]
    if end == "softmax":
        assert found.loss == pytest.approx(-right.log().mean().item(), rel=1e-4)
    assert same(tensors_of(training), named_tensors(layers, kept))


def test_of_many_training_pictures_a_thousand_from_all_of_them_are_measured():
    data = some_data((1, 2, 2), 2, 1500)
    layers = parse_network("flatten|linear:2|softmax")
    training = Training(layers, data, Recipe())
    spread = [at * 1500 // 1000 for at in range(1000)]
    first = Examples(data.training.pixels[spread], data.training.labels[spread])
    seen, held_out = training.measure()
    assert torch.equal(seen.answers, measure(layers, training.snapshot(), first).answers)
    assert len(held_out.classes) == 5


def test_a_few_epochs_learn_the_digits():
    training = Training(
        parse_network("conv:8@3x3,same|relu|max:2|flatten|linear:10|softmax"), digits(), Recipe(rate=0.01)
    )
    before = training.measure()
    for _ in range(3 * training.steps_an_epoch):
        training.step()
    seen, held_out = training.measure()
    assert held_out.accuracy > 0.9
    assert before[1].accuracy < 0.4
    assert held_out.loss < 0.4 < before[1].loss
    assert int(held_out.confusion().sum()) == 359
    assert len(held_out.worst(400)) == round(359 * (1 - held_out.accuracy))
    assert seen.accuracy > 0.9
