"""The networks that are shipped: small, of the plans that they were made by, and as good as is said of them."""

from __future__ import annotations

import json
import runpy
from dataclasses import asdict, replace

import pytest
import torch

from cnnviz.beginnings import BEGINNINGS
from cnnviz.datasets import DATASETS
from cnnviz.figures import as_png
from cnnviz.images import ASSETS, load_image
from cnnviz.network import forward
from cnnviz.network_text import format_network, parse_network
from cnnviz.network_weights import named_tensors
from cnnviz.trained_networks import FOLDER, TRAINED, TrainedNetwork, write
from cnnviz.training import Recipe, Training, measure
from cnnviz.training_pass import check_fit
from tests.clean_shapes import OUTLINES, clean_shape
from tests.test_assets import credits

pytestmark = pytest.mark.usefixtures("one_thread")

MADE = runpy.run_path(str(ASSETS / "train_networks.py"))
BARS = {"digits": 0.97, "shapes": 0.95, "shapes-lesson": 0.0}  # of the lesson's small network nothing is asked


@pytest.mark.parametrize("name", TRAINED)
def test_the_accuracy_written_is_the_one_measured_now(name):
    network = TRAINED[name]
    found = measure(network.layers, network.parameters(), network.data().held_out)
    assert found.accuracy == pytest.approx(network.accuracy, abs=1.01 / len(found.classes)), "but for one picture"
    assert found.accuracy >= BARS[name]


def test_the_lessons_network_is_the_honest_contrast():
    assert TRAINED["shapes-lesson"].accuracy < TRAINED["shapes"].accuracy - 0.2


@pytest.mark.parametrize("name", TRAINED)
def test_each_was_made_by_its_plan(name):
    """Who changes a plan has to make the weights again: `make weights`."""
    network, plan = TRAINED[name], MADE["PLANS"][name]
    assert network.name == name
    assert {key: getattr(network, key) for key in vars(plan)} == vars(plan)
    assert format_network(network.layers) == network.text
    data = network.data()
    assert (network.shape, network.classes) == (data.shape, data.classes)
    check_fit(network.layers, network.shape, len(network.classes))


def test_all_plans_are_made_and_the_files_are_small():
    assert TRAINED.keys() == MADE["PLANS"].keys() == BARS.keys()
    files = [path for path in FOLDER.iterdir() if path.is_file()]
    assert {path.stem for path in files} == TRAINED.keys()
    assert sum(path.stat().st_size for path in files) <= 1_000_000
    named = [row[0] for row in credits() if row[0].startswith("trained/")]
    assert sorted(named) == sorted(path.relative_to(ASSETS).as_posix() for path in files)


def test_parameters_are_read_once():
    network = TRAINED["digits"]
    assert network.parameters() is network.parameters() is replace(network).parameters()
    assert not any(tensor.requires_grad for tensors in network.parameters() for tensor in tensors.values())


def test_what_is_written_is_read_again(tmp_path, monkeypatch):
    made, plan = MADE["train"], MADE["PLANS"]["digits"]
    short = replace(plan, text="conv:2@3x3,s2|norm|flatten|linear:10|softmax", recipe=Recipe(batch=200, epochs=1))
    network = made("short", short, tmp_path / "new")
    monkeypatch.setattr("cnnviz.trained_networks.FOLDER", tmp_path / "new")
    training = Training(network.layers, network.data(), short.recipe)
    for _ in range(training.steps):
        training.step()
    ours, theirs = (named_tensors(network.layers, p) for p in (network.parameters(), training.parameters))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs), "bit for bit, from its settings alone"
    told = json.loads((tmp_path / "new" / "short.json").read_text(encoding="utf-8"))
    assert told == json.loads(json.dumps(asdict(network)))
    assert told["version"] == torch.__version__.split("+")[0]
    # weights of another network are no weights
    write(replace(network, name="other"), training, tmp_path / "new")
    wrong: TrainedNetwork = replace(network, name="other", text="conv:3@3x3,s2|norm|flatten|linear:10|softmax")
    with pytest.raises(ValueError, match=r"no weights of its network: 0\.weight is 2×1×3×3, but has to be 3×1×3×3"):
        wrong.parameters()


def test_digits_shipped_know_those_of_an_unsure_hand():
    """Held-out digits half a cell off, as a drawn one may be."""
    network = TRAINED["digits"]
    images = network.data().held_out.images()
    off = (images + images.roll(1, 3)) / 2
    taken = forward(network.layers, off, network.parameters())[-1].output.argmax(1)
    assert (taken == network.data().held_out.classes()).float().mean() > 0.95


# Brush and paper: the pad's own, and what else a person may take.
PAPER = (255, 255, 255)
COLOURS = {
    "pad": ((232, 176, 74), (51, 65, 92)), "white on black": (PAPER, (0, 0, 0)), "black": ((0, 0, 0), PAPER),
    "red": ((220, 40, 40), PAPER), "green": ((40, 160, 60), PAPER), "blue": ((40, 60, 220), PAPER),
}  # fmt: skip


@pytest.mark.parametrize("colours", COLOURS)
@pytest.mark.parametrize("is_outline", [False, True])
def test_shapes_shipped_know_those_that_a_person_draws(colours, is_outline):
    """Large and clean, on plain paper, as the pad makes them; a circle that is only outlined is a ring."""
    network, (ink, paper) = TRAINED["shapes"], COLOURS[colours]
    pictures, names = [], []
    for name in OUTLINES:
        for fills in (0.5, 0.65, 0.8, 0.85, 0.9, 0.95):
            for turn in (-15, 0, 15, 40, 190) if name != "circle" or not is_outline else ():
                drawn = clean_shape(name, fills, ink, paper, turn=turn, is_outline=is_outline)
                pictures.append(load_image(as_png(drawn), mode="RGB", size=(32, 32)))
                names.append(name)
    said = forward(network.layers, torch.cat(pictures), network.parameters())[-1].output.argmax(1)
    right = [network.classes[number] == name for number, name in zip(said, names)]
    assert sum(right) / len(right) >= 0.98
    for name in OUTLINES.keys() & set(names):
        of_it = [is_right for is_right, each in zip(right, names) if each == name]
        assert sum(of_it) / len(of_it) >= 0.9, name


def test_there_is_a_beginning_for_every_dataset():
    assert BEGINNINGS.keys() == DATASETS.keys()
    for name, beginning in BEGINNINGS.items():
        layers = parse_network(beginning.text)
        assert format_network(layers) == beginning.text
        check_fit(layers, DATASETS[name]().shape, 10, 1)
