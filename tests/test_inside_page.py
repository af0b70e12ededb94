"""The page Inside: what it shows against the library's own results; drawings and files that are none."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from cnnviz.adversarial import fgsm
from cnnviz.answers import answers
from cnnviz.attribution import METHODS, grad_cam, saliency
from cnnviz.attribution_words import say_number, say_pixel, say_share
from cnnviz.datasets import Dataset, Examples, digits
from cnnviz.drawing import digit_picture
from cnnviz.exciting_pictures import most_exciting
from cnnviz.integrated_gradients import integrated_gradients
from cnnviz.network import forward
from cnnviz.network_text import parse_network
from cnnviz.network_weights import draw_weights
from cnnviz.occlusion import occlusion
from cnnviz.perturbations import Perturbation
from cnnviz.photographed import digit_from_photo
from cnnviz.trained_networks import TRAINED
from cnnviz.ui import PAGES, inside
from cnnviz.ui.answer_bars import MOST, answer_bars, short_share
from cnnviz.ui.answer_curves import answer_curves
from cnnviz.ui.inside_picture import read_drawing
from cnnviz.ui.inside_why import steps_of
from cnnviz.ui.keeping import MOST as KEPT
from cnnviz.ui.keeping import kept
from cnnviz.ui.settings import INSIDE, escaped
from tests.fuzzing import examples
from tests.test_network_page import unpack
from tests.test_pages import Lab
from tests.test_settings import HOSTILE

SETTINGS = {setting.name: setting for setting in INSIDE}
SHAPES, DIGITS = TRAINED["shapes"], TRAINED["digits"]


def row_of(data: bytes) -> tuple[dict[str, Any], list[np.ndarray]]:
    """What a row of pictures was told, and the values of each."""
    (length,) = struct.unpack("<I", data[:4])
    told: dict[str, Any] = json.loads(data[4 : 4 + length])
    at, found = 4 + length + 768 * len(told["scales"]), []
    for each in told["shown"]:
        kind: Any = "<f4" if len(each["shape"]) == 2 else np.uint8
        values = np.frombuffer(data, kind, int(np.prod(each["shape"])), at)
        at += values.nbytes
        found.append(values.reshape(each["shape"]))
    assert at == len(data)
    return told, found


def png(draw: Callable[[ImageDraw.ImageDraw], Any], side: int = 256) -> bytes:
    sheet = Image.new("RGB", (side, side))
    draw(ImageDraw.Draw(sheet))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


EMPTY = base64.b64encode(png(lambda pen: None)).decode()


def seven(pen: ImageDraw.ImageDraw) -> None:
    pen.line([(70, 50), (190, 50), (110, 220)], fill="white", width=20, joint="curve")


class Inside(Lab):
    script = PAGES / "network" / "inside.py"

    def row(self, key: str) -> tuple[dict[str, Any], list[np.ndarray]]:
        part = next(part for part in self.at.get("bidi_component") if part.key == key)
        return row_of(part.proto.bytes)

    @property
    def keys(self) -> set[str]:
        return {part.key for part in self.at.get("bidi_component")}

    @property
    def columns(self) -> list[dict[str, Any]]:
        return unpack(next(part for part in self.at.get("bidi_component") if part.key == "row").proto.bytes)["columns"]

    def draw(self, told: Any) -> Inside:
        self.at.session_state["drawing"] = told
        self.run()
        return self

    @property
    def texts(self) -> str:
        return "\n".join(each.value for each in self.at.markdown)

    @property
    def bars(self) -> str:
        return next(each.value for each in self.at.get("html") if "answer-bars" in each.value)

    @property
    def said(self) -> list[str]:
        return [each.value for kind in (self.at.error, self.at.warning) for each in kind]


def held_out(name: str, index: int) -> torch.Tensor:
    return TRAINED[name].data().held_out.images(slice(index, index + 1))


def test_answers_and_row_are_those_of_the_network() -> None:
    page = Inside(network="shapes", example="7")
    x = held_out("shapes", 7)
    stages = [stage.output[0] for stage in forward(SHAPES.layers, x, SHAPES.parameters()) if stage.name != "padded"]
    for column, output in zip(page.columns, stages, strict=True):
        assert tuple(column["shape"]) == tuple(output.shape)
        assert column["low"] == float(output.min()) and column["high"] == float(output.max())
    right = SHAPES.classes[int(SHAPES.data().held_out.labels[7])]
    shares = stages[-1].tolist()
    for name, share in zip(SHAPES.classes, shares):
        assert f">{name}" in page.bars and short_share(share) in page.bars
    assert f"It takes it for **{right}**" in page.texts and "**right**" in page.texts
    assert any(say_share(SHAPES.accuracy) in caption for caption in page.captions)
    assert page.said == []


@pytest.mark.usefixtures("one_thread")
def test_the_four_maps_and_their_sentences_are_the_librarys() -> None:
    page = Inside(
        network="shapes", example="3", pixel="9,20", baseline="0.5", patch="4", layer="3", **{"class": "ring"}
    )
    x, target = held_out("shapes", 3), SHAPES.classes.index("ring")
    about = SHAPES.layers, x, SHAPES.parameters(), target
    found = {
        "saliency": saliency(*about),
        "integrated": integrated_gradients(*about, 0.5, steps_of(inside.shipped("shapes"))),
        "grad_cam": grad_cam(*about, 3),
        "occlusion": occlusion(*about, 4, 2),
    }
    told, values = page.row("why")
    assert told["at"] == [9, 20] and told["box"] == "pixel"
    np.testing.assert_array_equal(values[0], np.rint(255 * x[0].numpy()).astype(np.uint8))
    np.testing.assert_allclose(values[1], found["saliency"].abs().amax(0), rtol=1e-6)
    np.testing.assert_allclose(values[2], found["integrated"].attributions.sum(0), atol=1e-6)
    np.testing.assert_allclose(values[3], found["grad_cam"].resized, rtol=1e-5)
    np.testing.assert_allclose(values[4], found["occlusion"].resized(), atol=1e-6)
    for method, each in found.items():
        sentence = say_pixel(each, 9, 20, "ring")
        assert f"**{METHODS[method].title}.** {escaped(sentence)}" in page.texts
        assert sentence in told["said"]
    assert f"{found['integrated'].steps} steps" in told["shown"][2]["note"]
    assert escaped("rows 8 to 11") in page.texts or "rows 8 to 11" in page.texts


def test_every_method_says_what_it_hides() -> None:
    page = Inside()
    for method in METHODS.values():
        assert method.shows in page.texts and method.hides in page.texts


def test_the_open_layer_is_shown_as_on_the_page_network() -> None:
    page = Inside(view="layer", layer="1")
    assert page.header["stages"][-1]["name"] == "1"
    page.choose(layer="8")
    assert "dense" in page.keys
    page.choose(view="why")
    told, _ = page.row("why")
    assert "of layer 7" in told["shown"][3]["note"], "a vector has no maps: the last are taken"


def test_a_filter_has_a_picture_and_those_that_excite_it() -> None:
    page = Inside(view="filters", layer="3", unit="5")
    told, _ = page.row("exciting")
    best = most_exciting(DIGITS.layers, DIGITS.parameters(), digits().held_out, 3, 5, len(told["shown"]))
    assert [each["choose"] for each in told["shown"]] == [str(each.index) for each in best]
    first = best[0]
    assert told["shown"][0]["outline"] == [first.rows[0], first.cols[0], first.rows[1], first.cols[1]]
    told_made, (made,) = page.row("made")
    assert made.shape == (1, 8, 8)
    # the same of both: the largest cell of the map that the network makes of them
    picture = torch.from_numpy(made[None].astype(np.float32) / 255)
    row = [stage.output for stage in forward(DIGITS.layers[:4], picture, DIGITS.parameters()[:4])][-1][0, 5]
    words = re.fullmatch(r"strongest cell (\S+) · mean (\S+)", told_made["shown"][0]["note"])
    assert words and [float(words[i]) for i in (1, 2)] == pytest.approx([float(row.max()), float(row.mean())], abs=0.02)
    assert told["shown"][0]["note"] == f"strongest cell {say_number(first.value)}"
    page.choose(unit=6.0)
    assert not np.array_equal(page.row("made")[1][0], made)
    page.choose(layer="8", unit=999.0)
    assert "output 9 " in page.texts and page.row("exciting")[0]["shown"][0]["outline"] == [0, 0, 8, 8]
    assert page.says("up the gradient of its one number") == 1 and page.says("mean") == page.says("middle cell") == 0
    assert page.row("made")[0]["shown"][0]["note"].startswith("answers ")


def test_the_weights_of_a_filter_have_the_colours_of_their_layer() -> None:
    page = Inside(view="filters", layer="0", unit="5")
    weight = DIGITS.parameters()[0]["weight"]
    told, (plane,) = page.row("weights")
    np.testing.assert_array_equal(plane, weight[5, 0])
    reach = float(weight.abs().max())
    assert told["shown"][0]["ends"] == [-reach, reach] and not told["shown"][0]["hasScale"]
    assert any(f"−{reach:.3g}" in each.value for each in page.at.get("html") if "scale-bar" in each.value)
    page.choose(layer="4")  # norm after the second convolution, of 16 maps
    told, planes = page.row("weights")
    weight = DIGITS.parameters()[3]["weight"][5]
    heaviest = sorted(range(16), key=lambda at: -float(weight[at].abs().max()))[:12]
    assert [each["title"] for each in told["shown"]] == [f"map {at}" for at in sorted(heaviest)]
    np.testing.assert_array_equal(np.stack(planes), weight[sorted(heaviest)])
    page.choose(network="shapes", layer="0")
    assert [each["title"] for each in page.row("weights")[0]["shown"]] == ["red", "green", "blue"]


def test_what_is_kept_is_bounded_and_keeps_what_was_asked_for_last() -> None:
    store: dict[Any, Any] = {}
    made: list[int] = []

    def ask(number: int) -> int:
        return kept(store, (number,), lambda: made.append(number) or number)  # type: ignore[func-returns-value]

    assert [ask(number) for number in [*range(KEPT), 0, KEPT]] == [*range(KEPT), 0, KEPT]
    assert len(store) == KEPT and made == list(range(KEPT + 1))
    assert ask(0) == 0 and made[-1] == KEPT, "it was asked for lately"
    assert ask(1) == 1 and made[-1] == 1


def test_what_is_done_to_the_picture_is_what_the_whole_page_sees() -> None:
    page = Inside(view="perturb", network="shapes", turn="30", noise="0.1", cover="5", cover_row="3", seed="4")
    x = held_out("shapes", 0)
    changed = Perturbation(degrees=30, edge="replicate", row=3, size=5, noise=0.1, seed=4)(x)
    before, after = page.row("perturbed")[1]
    np.testing.assert_array_equal(before, np.rint(255 * x[0].numpy()).astype(np.uint8))
    np.testing.assert_array_equal(after, torch.round(255 * changed[0]).byte().numpy())
    old, new = answers(SHAPES.layers, torch.cat([x, changed]), SHAPES.parameters())
    for i in range(10):
        assert f"{short_share(float(old[i]))}</span> → <span>{short_share(float(new[i]))}" in page.bars
    page.choose(view="why")
    np.testing.assert_array_equal(page.row("why")[1][0], after)
    page.press("undo")
    assert page.widget("turn").value == 0 and page.widget("cover").value == 0
    np.testing.assert_array_equal(page.row("why")[1][0], before)


def test_a_step_that_fools_it_and_its_arithmetic() -> None:
    page = Inside(view="fool", example="2", epsilon="0.2", pixel="3,4", aim="towards", **{"class": "3"})
    x = held_out("digits", 2)
    epsilons = [0.2, *(0.5 * i / 100 for i in range(101))]
    attack = fgsm(DIGITS.layers, x, DIGITS.parameters(), 3, epsilons, targeted=True)
    _, (before, step, after) = page.row("fooled")
    np.testing.assert_array_equal(before, np.rint(255 * x[0].numpy()).astype(np.uint8))
    np.testing.assert_array_equal(step, (-0.2 * attack.gradient[0].sign()).numpy())
    np.testing.assert_array_equal(after, torch.round(255 * attack.pictures[0]).byte().numpy())
    table = next(each.value for each in page.at.get("html") if "pixel-sum" in each.value)
    value = attack.pictures[0, 0, 3, 4].item()
    assert np.format_float_positional(np.float32(value), trim="-") in table
    assert "the loss of **3** falls" in page.texts
    moves = np.abs(attack.pictures[0].numpy().astype(np.float64) - x[0].numpy())
    measured = f"{np.count_nonzero(moves)} of 64 values changed; over all of them by {moves.mean():.3g} on average"
    assert measured in page.texts and f"{moves.max():.3g} at most" in page.texts
    smallest = attack.smallest
    assert (f"an ε of {smallest:.3g}" in page.texts) == (smallest not in (None, 0))


def test_a_step_away_leaves_the_right_class() -> None:
    page = Inside(view="fool", network="shapes", example="1")
    right = SHAPES.classes[int(SHAPES.data().held_out.labels[1])]
    assert f"the loss of **{right}** grows" in page.texts
    assert page.row("fooled")[1][1].shape == (3, 32, 32)


# --- pictures of one's own --------------------------------------------------------------------------


def test_a_drawn_digit_becomes_what_the_library_makes_of_it() -> None:
    page, data = Inside(), png(seven)
    page.draw({"png": base64.b64encode(data).decode()})
    bitmap = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    found = digit_picture(bitmap)
    _, steps = page.row("steps")
    np.testing.assert_array_equal(steps[1][0], 255 * found.evened)
    np.testing.assert_array_equal(steps[-1][0], np.rint(255 * found.picture[0, 0].numpy()))
    shares = answers(DIGITS.layers, found.picture, DIGITS.parameters())[0]
    assert f"It takes it for **{int(shares.argmax())}** · {say_share(float(shares.max()))}." in page.texts
    assert any("does not carry your drawing" in caption for caption in page.captions)
    page.draw({"png": ""})
    assert "steps" not in page.keys and "which is **right**" in page.texts


def test_a_drawn_shape_is_averaged() -> None:
    page = Inside(network="shapes")
    page.draw({"png": base64.b64encode(png(lambda pen: pen.ellipse((60, 60, 200, 200), fill="#d0a030"))).decode()})
    (averaged,) = page.row("steps")[1]
    assert averaged.shape == (3, 32, 32) and averaged[:, 16, 16].tolist() == [0xD0, 0xA0, 0x30]
    page.press("back_to_sample")
    assert "steps" not in page.keys


def test_another_picture_held_out_takes_the_place_of_a_drawing() -> None:
    page = Inside().draw({"png": base64.b64encode(png(seven)).decode()})
    page.choose(example=4.0)
    assert "steps" not in page.keys and page.row("thumbnails")[0]["shown"][4]["isChosen"]


@pytest.mark.parametrize(
    "told",
    [
        5, "x", [], {}, {"png": 5}, {"png": None}, {"png": "%%%"}, {"png": "QUJD"}, {"png": "A" * 500_000},
        {"png": base64.b64encode(png(seven)[:200]).decode()}, {"png": "ü" * 9}, {"png": EMPTY},
    ],
    ids=range(12),
)  # fmt: skip
def test_what_is_no_drawing_is_said(told: Any) -> None:
    page = Inside().draw(told)
    assert len(page.at.error) == 1
    assert "which is **right**" in page.texts, "the picture held out is looked at"


def test_hostile_words_of_a_pad_are_no_drawing() -> None:
    for text in HOSTILE:
        own = read_drawing({"png": text})
        assert own is None or own.data == b"" or isinstance(own.data, bytes)


def test_a_photograph_of_a_digit() -> None:
    def dark_on_light(pen: ImageDraw.ImageDraw) -> None:
        pen.rectangle((0, 0, 640, 640), fill="#d8d4c8")
        pen.line([(180, 160), (460, 160), (300, 500)], fill="#22252a", width=40)

    data = png(dark_on_light, 640)
    page = Inside()
    page.upload("my seven.png", data)
    found = digit_from_photo(np.asarray(Image.open(io.BytesIO(data)).convert("L")))
    np.testing.assert_array_equal(page.row("steps")[1][-1][0], np.rint(255 * found.picture[0, 0].numpy()))
    assert any("your picture" in caption for caption in page.captions)
    page.upload("no.png", b"MZ\x90")
    assert len(page.at.error) == 1


def test_mistakes_are_found_one_after_another() -> None:
    page = Inside(network="shapes-lesson")
    entry = TRAINED["shapes-lesson"]
    said = answers(entry.layers, entry.data().held_out.images(), entry.parameters()).argmax(1).numpy()
    wrong = np.flatnonzero(said != entry.data().held_out.labels)
    later = [int(index) for index in wrong if index > 0][:2]
    for index in later:
        page.press("mistake")
        assert page.widget("example").value == index
        assert "but it is **" in page.texts


def test_a_link_to_a_mistake_opens_it() -> None:
    page = Inside(network="shapes-lesson", mistake="42")
    assert page.widget("example").value == 42 and page.said == []
    lesson = TRAINED["shapes-lesson"]
    wanted = answers(lesson.layers, held_out("shapes-lesson", 42), lesson.parameters())
    assert short_share(float(wanted.max())) in page.bars
    assert Inside(mistake="-1").widget("example").value == Inside(mistake="٣").widget("example").value == 0


# --- networks of one's own --------------------------------------------------------------------------


def own(text: str, shape: tuple[int, int, int], classes: int = 3, *, spoiled: bool = False) -> inside.Trained:
    layers, chance = parse_network(text), np.random.default_rng(1)
    pixels = chance.integers(0, 256, (12, *shape), dtype=np.uint8)
    part = Examples(pixels, np.arange(12) % classes)
    data = Dataset("Mine <b>", tuple(f"kind {i} *" for i in range(classes)), part, part)
    parameters = draw_weights(layers, shape, "pytorch", 3)
    if spoiled:
        for tensors in parameters:
            for tensor in tensors.values():
                tensor.fill_(3e38)
    return inside.Trained(layers, parameters, data, "Mine *")


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("conv:4@3x3|relu|flatten|linear:3|softmax", (1, 9, 7)),
        ("flatten|linear:3|softmax", (3, 6, 6)),
        ("conv:4@3x3,same|relu|flatten|linear:3", (1, 8, 8)),
        ("conv:2@3x3|flatten|linear:3|sigmoid", (3, 5, 5)),
        ("conv:3@3x3|flatten|linear:20|softmax", (1, 6, 6)),
    ],
)
def test_a_network_of_ones_own_is_looked_into(text: str, shape: tuple[int, int, int]) -> None:
    page = Inside(network="mine")
    assert len(page.at.info) == 1, "nothing is trained yet"
    classes = 20 if ":20" in text else 3
    trained = page.at.session_state["trained"] = own(text, shape, classes)
    page.run()
    assert len(page.columns) == len(trained.layers) + 1 and page.at.info == []
    count = sum(int(trained.said[i].argmax() == i % classes) for i in range(12))
    assert any(say_share(count / 12) in caption for caption in page.captions)
    assert escaped("Mine *") in "".join(page.captions)
    for view in SETTINGS["view"].options:
        page.choose(view=view)
        assert page.said == []
    page.draw({"png": base64.b64encode(png(seven)).decode()})
    assert page.row("steps")[1][0].shape == shape
    assert page.bars.count("<tr") <= MOST + 2 and "kind 0 *" in page.bars


def test_numbers_beyond_all_bounds_are_said() -> None:
    page = Inside()
    page.at.session_state["trained"] = own("conv:4@3x3|relu|flatten|linear:3|softmax", (1, 8, 8), spoiled=True)
    page.choose(network="mine")
    assert len(page.at.warning) == 1 and "float32" in page.at.warning[0].value


def test_a_class_that_the_network_does_not_know_is_said() -> None:
    page = Inside(**{"class": "banana"})
    assert page.says("knows no banana") == 1
    assert page.row("why")[0]["shown"][1]["title"] == METHODS["saliency"].title


# --- words ------------------------------------------------------------------------------------------


def test_bars_are_safe_and_say_what_is_right() -> None:
    html = answer_bars(
        {"<old>": torch.tensor([0.2, 0.8]), "now": torch.tensor([0.5, 0.5])}, ["<a>", "b"], 0, are_shares=True
    )
    assert "<a>" not in html and "&lt;a&gt;" in html and "&lt;old&gt;" in html
    assert html.count("✓") == 1 and "width:50.00%" in html


def test_orange_is_for_what_is_wrong_alone() -> None:
    said = {"now": torch.tensor([0.2, 0.8])}
    wrong, right, unknown = (answer_bars(said, "ab", known, are_shares=True) for known in (0, 1, None))
    assert wrong.count("ab-wrong") == wrong.count("ab-key-wrong") == 1 and wrong.count("ab-right") == 1
    for html in (right, unknown):
        assert "ab-wrong" not in html and "ab-key-wrong" not in html and "wrong" not in html
    assert "ab-key-right" not in unknown and unknown.count("ab-bar ab-best") == 2, "its own colour, and what that means"
    page = Inside().draw({"png": base64.b64encode(png(seven)).decode()})
    assert "ab-wrong" not in page.bars and "nobody told it what is right" in page.bars


def test_bars_of_logits_begin_at_0_on_one_scale() -> None:
    html = answer_bars({"now": torch.tensor([-3.0, 1.0, 0.0])}, "abc", None, are_shares=False)
    places = re.findall(r"margin-left:([\d.]+)%;width:([\d.]+)%", html)
    assert places == [("0.00", "75.00"), ("75.00", "25.00"), ("75.00", "0.00")] and "those to the left" in html
    html = answer_bars({"now": torch.tensor([4.0, 1.0])}, "ab", None, are_shares=False)
    assert "margin-left" not in html and "width:100.00%" in html and "width:25.00%" in html


def test_curves_end_where_the_answers_do() -> None:
    html = answer_curves([0, 0.5], np.array([[0.9, 0.1], [0.25, 0.75]]), ["<a>", "b"], 0.1, are_shares=True)
    assert "&lt;a&gt; from 90 % to 25 %" in html and "<a>" not in html


def test_curves_begin_beside_their_labels() -> None:
    html = answer_curves([0, 1], np.array([[-0.0001234, 1.0], [12345.0, 2.0]]), "ab", 0.5, are_shares=False, name="ε")
    svg = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1]).decode()  # type: ignore[index]
    labels = re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="end">([^<]+)', svg)[:3]
    assert [text for _, text in labels] == ["−1.2e−4", "6170", "12300"]
    starts = [float(points.split(",")[0]) for points in re.findall(r'points="([^"]+)"', svg)]
    assert all(float(x) < min(starts) and 4.5 * len(text) < float(x) for x, text in labels) and ">ε<" in svg


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", INSIDE, ids=lambda setting: setting.name)
def test_every_default_can_be_read_and_hostile_text_is_refused(setting: Any) -> None:
    setting.parse(setting.default)
    for text in HOSTILE:
        with contextlib.suppress(ValueError):
            setting.parse(text)


@examples(6)
@given(
    st.dictionaries(
        st.sampled_from(list(SETTINGS)),
        st.text(max_size=10)
        | st.sampled_from(["1", "0", "9999", "mine", "shapes", "fool", "filters", "31,31", "0.5", *HOSTILE[:30]]),
        max_size=6,
    )
)
@example({"cover_row": "127", "cover": "32", "view": "perturb", "right": "-16", "turn": "180"})
@example({"layer": "40", "unit": "9999", "view": "filters", "goal": "centre"})
@example({"epsilon": "0", "view": "fool"})
@example({"pixel": "1000,1000", "patch": "16"})
@example({"class": "`](javascript:x)", "view": "fool", "aim": "towards"})
def test_no_address_raises(query: dict[str, str]) -> None:
    clean = {name: text.encode("utf-8", "replace").decode() for name, text in query.items()}
    page = Inside(**clean)
    assert page.at.error == [] and "row" in page.keys
