"""The page Train: what it shows of a training is that training; what cannot be trained says why."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from cnnviz.attribution_words import say_share
from cnnviz.beginnings import BEGINNINGS
from cnnviz.datasets import digits
from cnnviz.network import forward
from cnnviz.network_text import parse_network
from cnnviz.number_words import written
from cnnviz.prepared_networks import NETWORKS
from cnnviz.training import Recipe, Training
from cnnviz.training_job import Job
from cnnviz.training_news import Order
from cnnviz.training_pool import BUSY
from cnnviz.ui import PAGES, training
from cnnviz.ui.settings import TRAIN, escaped
from cnnviz.ui.training_results import confusion_table, fingerprint
from cnnviz.ui.training_view import pack, thinned
from tests.fuzzing import examples
from tests.test_dataset_files import idx
from tests.test_network_page import unpack as unpack_row
from tests.test_pages import Lab
from tests.training_here import PoolHere

pytestmark = pytest.mark.usefixtures("one_thread")
NET = "conv:3@3x3|relu|max:2|flatten|linear:10|softmax"
QUICK = {"layers": NET, "epochs": "1", "batch": "240", "rate": "0.01"}
RECIPE = Recipe(rate=0.01, batch=240, epochs=1)


@pytest.fixture(autouse=True)
def pool(monkeypatch: pytest.MonkeyPatch) -> PoolHere:
    """Trainings in this process, each page with its own."""
    pool = PoolHere()
    monkeypatch.setattr(training, "POOL", pool)
    monkeypatch.setattr("cnnviz.ui.training_live.POOL", pool)
    return pool


def unpack(data: bytes) -> dict[str, Any]:
    """What the curves and filters were told."""
    (length,) = struct.unpack("<I", data[:4])
    told: dict[str, Any] = json.loads(data[4 : 4 + length])
    raw = np.frombuffer(data, "<f4", offset=4 + length + 768 * len(told["scales"]))
    points, columns = told["points"]
    told["rows"] = raw[: points * columns].reshape(points, columns)
    told["weights"] = raw[points * columns :].reshape(len(told["frames"]), *told["filters"]) if told["frames"] else []
    return told


class Train(Lab):
    script = PAGES / "network" / "train.py"

    def part(self, key: str) -> bytes:
        return next(part for part in self.at.get("bidi_component") if part.key == key).proto.bytes

    @property
    def curves(self) -> dict[str, Any]:
        return unpack(self.part("training-curves"))

    @property
    def row(self) -> list[dict[str, Any]]:
        return unpack_row(self.part("network"))["columns"]

    @property
    def words(self) -> str:
        return "\n".join(text.value for text in (*self.at.markdown, *self.at.caption))

    @property
    def html(self) -> str:
        return "\n".join(part.proto.body for part in self.at.get("html"))


def alone(text: str = NET, recipe: Recipe = RECIPE) -> Training:
    """The same training without the page."""
    trained = Training(parse_network(text), digits(), recipe)
    while trained.number < trained.steps:
        trained.step()
    return trained


def test_what_it_shows_of_a_training_is_that_training() -> None:
    page = Train(**QUICK, example="5").press("train")
    wanted = alone()
    curves = page.curves
    assert curves["steps"] == 6 and curves["rows"][:, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert curves["frames"] == [0, 1, 2, 3, 4, 5, 6]
    assert np.array_equal(curves["weights"][-1], wanted.snapshot()[0]["weight"].numpy())
    assert [score[0] for score in curves["scores"]] == [0, 6]
    learned, held_out = wanted.measure()
    assert curves["scores"][-1][1:] == [learned.loss, learned.accuracy, held_out.loss, held_out.accuracy]
    assert [name for _, name in curves["norms"]] == ["1 conv", "5 linear"]
    metrics = {metric.label: metric.value for metric in page.at.metric}
    assert metrics["Held out, right"] == say_share(held_out.accuracy) and metrics["Steps"] == "6"
    assert fingerprint(wanted.snapshot()) in page.words
    assert confusion_table(held_out.confusion().numpy(), digits().classes) in page.html
    image = digits().held_out.images(slice(5, 6))
    outputs = [stage.output[0] for stage in forward(parse_network(NET), image, wanted.snapshot())]
    for column, output in zip(page.row, outputs, strict=True):
        assert column["shape"] == list(output.shape)
        assert column["high"] == pytest.approx(float(output.max()))
    assert not page.at.error and not page.at.warning


def test_the_worst_mistakes_are_those_of_the_measure() -> None:
    page = Train(**QUICK).press("train")
    held_out = alone().measure()[1]
    links = [link.proto for link in page.at.get("page_link") if "mistake=" in link.proto.query_string]
    for link, i in zip(links, held_out.worst(18), strict=True):
        assert link.label.startswith(f"{int(held_out.classes[i])} → **{int(held_out.answers[i].argmax())}** ")
        assert link.query_string == f"network=mine&mistake={i}"


def test_values_that_are_no_shares_are_not_said_to_be() -> None:
    page = Train(**QUICK | {"layers": "flatten|linear:10|relu", "rate": "0.001"}).press("train")
    said = re.search(r"It takes this picture for \*\*\d\*\*(.*)", page.words)
    assert said and "%" not in said[1]
    links = [link.proto.label for link in page.at.get("page_link") if "→" in link.proto.label]
    assert links and not any("%" in label for label in links)


def test_one_may_look_back_at_any_step_that_was_kept() -> None:
    page = Train(**QUICK).press("train")
    now = page.row[-1]["numbers"]
    page.choose(at=2)
    assert page.curves["at"] == 2
    two = Training(parse_network(NET), digits(), RECIPE)
    two.step(), two.step()
    image = digits().held_out.images(slice(0, 1))
    wanted = forward(parse_network(NET), image, two.snapshot())[-1].output[0].tolist()
    assert page.row[-1]["numbers"] == pytest.approx(wanted) and wanted != pytest.approx(now)
    page.choose(at=17)  # the nearest that was kept
    assert page.row[-1]["numbers"] == pytest.approx(now)
    page.choose(at=2).press("train")
    assert page.widget("at").value is None and page.row[-1]["numbers"] == pytest.approx(now)


def test_step_by_step_with_the_arithmetic_of_the_watched_weight(pool: PoolHere) -> None:
    page = Train(**QUICK, watched="4:bias:7").press("first step")
    assert "4 + 1" not in page.words and "layer 5, bias[7]" in page.words
    page.press("one step")
    job = pool.submitted[0]
    assert job.news and job.news.number == 2 and job.state == "paused"
    page.choose(watched="0:weight:8")
    assert "layer 5, bias[7]" in page.words and "layer 1, weight[0, 0, 2, 2] is watched now" in page.words
    page.press("one step")
    step = job.news.weight
    assert step and "layer 1, weight[0, 0, 2, 2]" in page.words
    assert written(step.after, 6) in page.words and page.curves["weight"] == 8
    page.press("go on")
    while job.state != "over":
        job.wait(job.version, 1)
    page.run()
    assert fingerprint(alone().snapshot()) in page.words  # the same as in one go


def test_where_the_queue_is_full_nothing_was_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(order: Order, is_wanted: Any) -> Job:
        job = Job(order, is_wanted)
        job.end(BUSY)
        return job

    page = Train(**QUICK)
    monkeypatch.setattr(training.POOL, "submit", refuse)
    page.press("train")
    assert escaped(BUSY) in [warning.value for warning in page.at.warning]
    labels = {button.label: button.disabled for button in page.at.button}
    assert "Train again" not in labels and not labels["Train"] and not labels["One step"]


def test_settings_that_changed_since_are_said() -> None:
    page = Train(**QUICK).press("train")
    assert "Train again" in [button.label for button in page.at.button]
    page.choose(seed=4)
    assert "The settings are others" in page.words and "other settings than the address" in page.words
    assert page.at.metric, "what was learned stays"
    page.choose(layers="conv:2@3x3|relu|flatten|linear:10")
    assert not page.at.metric, "another network has not learned it"
    assert page.curves["rows"].size and "another network than the one that you see" in page.words
    page.choose(data="shapes").press("put back")
    assert page.at.metric and page.widget("data").value == "digits" and page.widget("layers").value == NET


def test_the_same_settings_give_the_same_weights() -> None:
    prints = [re.search(r"fingerprint: `(\w+)`", Train(**QUICK, seed=s).press("train").words) for s in "110"]
    first, again, other = (found[1] for found in prints if found)
    assert first == again != other


@pytest.mark.parametrize(
    ("layers", "why", "mend"),
    [
        ("conv:4@3x3|relu|flatten|linear:7", "ends with 7", "Let it end with 10 outputs"),
        ("conv:4@3x3|relu", "ends with 4×6×6", "Add flatten, linear:10, softmax at its end"),
        ("conv:4@9x9|flatten|linear:10", "layer 1 cannot work", "Take the network “For digits”"),
        ("flatten", "ends with 64", "Add linear:10, softmax at its end"),
    ],
)
def test_what_does_not_fit_says_why_and_what_would_help(layers: str, why: str, mend: str) -> None:
    page = Train(layers=layers)
    assert why in page.at.error[0].value.replace("\\", "")
    assert next(button for button in page.at.button if button.key == "train").disabled
    page.press(f"put-{mend}")
    assert not page.at.error
    assert not next(button for button in page.at.button if button.key == "train").disabled


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"layers": "flatten|linear:9999|linear:200|linear:10"}, "parameters; up to 1,000,000"),
        ({"epochs": "200", "batch": "1"}, "287,600 steps"),
        ({"data": "own"}, "no pictures of your own"),
        ({"layers": "conv:800@1x1|mish|mish|global_avg|flatten|linear:10", "batch": "1"}, "measured after each epoch"),
        ({"layers": "conv:48@1x1|max:8,s1,same|max:8,s1,same|flatten|linear:10", "batch": "500"}, "A batch of"),
        ({"layers": "flatten|linear:9|relu|flatten|linear:10", "batch": "512"}, ""),
    ],
)
def test_what_is_too_much_is_refused_with_its_figures(query: dict[str, str], why: str) -> None:
    page = Train(**query)
    assert [why in error.value.replace("\\", "") for error in page.at.error] == ([True] if why else [])


def test_what_runs_away_says_so_and_keeps_what_there_was() -> None:
    page = Train(layers="flatten|linear:10|linear:10", optimiser="sgd", rate="10", epochs="2", batch="64").press(
        "train"
    )
    assert "smaller rate" in page.at.warning[0].value
    assert page.curves["rows"].size and not page.at.metric


def test_every_beginning_and_every_network_that_is_offered_can_be_trained() -> None:
    page = Train()
    for title in ("Shapes", "Shapes, with the lesson's network", "Digits"):
        page.press(f"begin-{title}")
        assert not page.at.error
        titles = page.widget("prepared").options
        assert len(titles) >= 3 and set(titles) <= {"For digits", "For shapes", *(n.title for n in NETWORKS.values())}
        page.choose(prepared=titles[-1])
        assert not page.at.error and page.widget("prepared").value is None
    assert page.widget("epochs").value == BEGINNINGS["digits"].recipe.epochs


class OwnPictures(Train):
    def __init__(self, **query: str) -> None:
        super().__init__(**QUICK | {"data": "own", "layers": "flatten|linear:3", "batch": "10"} | query)

    @property
    def uploader(self) -> Any:
        return next(box for box in self.at.file_uploader if box.key.startswith("brought pictures"))

    def bring(self, *files: tuple[str, bytes]) -> None:
        self.uploader.set_value([(name, data, "application/octet-stream") for name, data in files])
        self.run()


def some_pictures(count: int = 50) -> list[tuple[str, bytes]]:
    images = np.random.default_rng(0).integers(0, 256, (count, 6, 5), np.uint8)
    return [("images-idx3-ubyte", idx(images)), ("labels-idx1-ubyte", idx(np.arange(count, dtype=np.uint8) % 3))]


def test_own_pictures_are_learned_from(pool: PoolHere) -> None:
    page = OwnPictures()
    page.bring(*some_pictures())
    assert "40 pictures to learn from, 10 held out, 1×6×5, 3 classes" in page.words
    page.press("train")
    assert pool.submitted[0].order.dataset().shape == (1, 6, 5) and page.at.metric
    page.bring(("labels", b"no such thing"))
    assert page.at.error and page.at.metric, "what cannot be read changes nothing"


def test_the_classes_of_own_pictures_can_be_called_otherwise_later(pool: PoolHere) -> None:
    page = OwnPictures(layers="flatten|linear:10")
    page.bring(*some_pictures())
    assert page.at.error, "ten outputs for three classes"
    own = page.at.session_state["own pictures"]
    page.choose(classes="fashion")
    assert "10 classes" in page.words and not page.at.error
    assert page.at.session_state["own pictures"].training is own.training
    page.press("train")
    assert "T-shirt/top" in pool.submitted[0].order.dataset().classes and "Trouser" in page.html
    page.choose(classes="numbers")
    assert page.at.session_state["own pictures"] is own
    page.choose(classes="fashion")
    assert page.at.metric, "the same pictures as were trained with"


def test_names_that_are_too_few_are_refused_and_the_old_ones_stay() -> None:
    page = OwnPictures(layers="flatten|linear:12", classes="digits")
    (images, data), (labels, _) = some_pictures()
    page.bring((images, data), (labels, idx(np.arange(50, dtype=np.uint8) % 12)))
    assert "a label 11, and 10 names" in page.at.error[0].value and "12 classes" in page.words
    page.choose(classes="numbers")
    assert not page.at.error


def test_files_that_were_read_are_kept_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[str] = []
    remove = MemoryUploadedFileManager.remove_file
    monkeypatch.setattr(
        MemoryUploadedFileManager,
        "remove_file",
        lambda self, session_id, file_id: (forgotten.append(file_id), remove(self, session_id, file_id)),
    )
    page = OwnPictures()
    first = page.uploader.key
    page.bring(some_pictures()[0])
    assert page.uploader.key == first and not forgotten, "their labels may follow"
    page.bring(*some_pictures())
    assert len(set(forgotten)) == 2 and page.uploader.key != first
    assert page.uploader.value in (None, []) and first not in page.at.session_state
    page.run()
    assert "40 pictures" in page.words and not page.at.error


def test_what_is_kept_of_own_pictures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnviz.ui.own_pictures.MOST_BYTES", 600)  # of 30 each
    page = OwnPictures()
    page.bring(*some_pictures())
    assert "Kept are 20 of 50 pictures, evenly spaced in each class" in page.words
    own = page.at.session_state["own pictures"]
    assert own.training.pixels.nbytes + own.held_out.pixels.nbytes == 600


@examples(15)
@given(st.dictionaries(st.sampled_from([s.name for s in TRAIN]), st.text(max_size=12) | st.sampled_from(
    ["0", "1", "-1", "inf", "nan", "own", "shapes", "adam", "flip", "0:weight:3", "9:x:9", "9999", "flatten|linear:10"]
), max_size=6))  # fmt: skip
def test_any_address_gives_a_page(query: dict[str, str]) -> None:
    Train(**query | {"task": "network"})


@given(st.integers(0, 3000), st.integers(1, 500))
def test_curves_of_many_steps_are_means(count: int, most: int) -> None:
    rows = np.arange(3.0 * count).reshape(count, 3)
    few = thinned(rows, most)
    assert len(few) <= most
    assert count == 0 or few[0, 0] == rows[: -(-count // most), 0].mean()
    assert few.size == 0 or few[-1].max() <= rows[-1].max()


def test_a_message_without_filters_or_steps() -> None:
    told = unpack(pack(np.zeros((0, 5)), [], [], steps=3))
    assert told["rows"].shape == (0, 5) and told["filters"] == [0, 0, 0, 0] and told["steps"] == 3
