"""What the browser computes of itself — any tweak's stages, a cell's exact value — equals what the server says."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from cnnviz.activations import ACTIVATIONS, Choice
from cnnviz.functional import POOLS
from cnnviz.padding import PADDING_MODES
from cnnviz.ui import experiment
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.components import ROUTE
from cnnviz.ui.settings import IMAGE, LAB
from cnnviz.ui.stage_view import StageMap, pack
from tests.pictures import picture
from tests.test_stage_message import plain

KNOBS = {setting.name: setting for setting in LAB if setting not in IMAGE and setting.name != "pin"}

# Of a message: the stages of other settings, foretold from the input alone, and cells of its own one by one.
COMPUTE = """async ([route, message, settings, cells]) => {
  const module = (name) => import(`${route}/${name}.js`);
  const [{ unpack }, { forward }, { layOut }, { value }] =
    await Promise.all(["stage_message", "stage_forward", "stage_layout", "stage_values"].map(module));
  const { stages, follow } = unpack(Uint8Array.from(atob(message), (c) => c.charCodeAt(0)));
  const laid = layOut(stages[0], { ...follow.settings, ...settings }, follow.words);
  const foretold = laid && forward(laid, stages);
  const list = (array) => array && [...array];
  const plain = ({ values, levels, ...said }) => ({ ...said, values: list(values), levels: levels.flatMap(list) });
  const kept = foretold ? foretold.filter((stage) => stages.includes(stage)).length : 0;
  return { laid: laid && laid.length, foretold: foretold && foretold.map(plain), kept,
    cells: cells.map(([i, c, y, x]) => value(stages, i, c, y, x)) };
}"""
READ = """async ([route, name, texts]) => {
  const { KNOBS } = await import(`${route}/stage_knobs.js`);
  return texts.map((text) => KNOBS[name](text));
}"""


def drawn(rng: random.Random, **fixed: str) -> dict[str, str]:
    """The knobs' texts, at random."""
    number = lambda low, high: f"{rng.uniform(low, high):.6g}"  # noqa: E731
    size = lambda high: rng.choice((str(rng.randint(1, high)), f"{rng.randint(1, high)},{rng.randint(1, high)}"))  # noqa: E731
    padding = lambda: rng.choice(("valid", "same", "same", f"{rng.randint(0, 3)},{rng.randint(0, 3)}", "2"))  # noqa: E731
    height, width = rng.randint(1, 5), rng.randint(1, 5)
    texts = {
        "kernel": ";".join(",".join(number(-2, 2) for _ in range(width)) for _ in range(height)),
        "bias": number(-1, 1), "stride": size(3), "dilation": size(3), "padding": padding(),
        "padding_mode": rng.choice(PADDING_MODES), "padding_value": number(-1, 2),
        "activation": rng.choice(KNOBS["activation"].options),
        "pool": rng.choice(("none", *POOLS)), "pool_size": size(3), "pool_stride": size(3), "pool_padding": padding(),
    }  # fmt: skip
    for function in ACTIVATIONS.values():
        for name, parameter in function.parameters.items():
            is_choice = isinstance(parameter, Choice)
            texts[name] = rng.choice(parameter.options) if is_choice else number(0.1, parameter.maximum)
    return texts | fixed


def run(chosen: Chosen, texts: dict[str, str]) -> experiment.Experiment:
    return experiment.run({name: setting.parse(texts[name]) for name, setting in KNOBS.items()}, chosen)


def compute(page: Page, now: experiment.Experiment, settings: dict[str, Any], cells: list[Any]) -> dict[str, Any]:
    message = base64.b64encode(pack(now.maps, follow=now.follow)).decode()
    return page.evaluate(COMPUTE, [ROUTE, message, json.loads(json.dumps(settings)), cells])


def corners(maps: list[StageMap]) -> list[tuple[int, int, int, int]]:
    """Corners and the middle of every channel of every stage."""
    found = []
    for i, entry in enumerate(maps):
        channels, height, width = entry.maps.shape
        for y, x in {(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1), (height // 2, width // 2)}:
            found += [(i, c, y, x) for c in range(channels)]
    return found


def scale_of(maps: np.ndarray) -> float:
    return max(1.0, float(np.abs(maps).max()))


def check_stage(told: dict[str, Any], entry: StageMap) -> None:
    """A stage as the browser foretells it, against the server's."""
    assert (told["name"], told["title"], told["arrow"]) == (entry.name, entry.title, entry.arrow)
    assert tuple(told["shape"]) == entry.maps.shape
    assert (tuple(told["start"]), tuple(told["jump"])) == (entry.start, entry.jump)
    assert told["how"] == plain(entry.how)
    scale = scale_of(entry.maps)
    assert told["low"] == pytest.approx(float(entry.maps.min()), abs=1e-5 * scale)
    assert told["high"] == pytest.approx(float(entry.maps.max()), abs=1e-5 * scale)
    # A sign that is only rounding decides the scale nowhere else than at zero itself.
    if abs(float(entry.maps.min())) > 1e-5 * scale or entry.colors.scale == "gray":
        assert told["scale"] == entry.colors.scale
        assert told["colors"] == pytest.approx((entry.colors.low, entry.colors.high), abs=1e-5 * scale)
    if told["values"] is not None:
        values = np.array(told["values"]).reshape(entry.maps.shape)
        np.testing.assert_allclose(values, entry.maps, rtol=0, atol=1e-5 * scale, err_msg=str(entry.how))
    if told["levels"] and entry.name != "input":
        lows, highs = np.array(told["ranges"]).T[:, :, None, None]
        seen = lows + np.array(told["levels"]).reshape(entry.maps.shape) * (highs - lows) / 255
        np.testing.assert_allclose(seen, entry.maps, rtol=0, atol=(highs - lows).max() / 255 + 1e-5 * scale)


def test_any_tweak_is_foretold_as_the_server_will_say_it(bare: Page) -> None:
    seen = dict.fromkeys(("foretold", "left to the server", "cannot work", "without its pool"), 0)
    forced = [{"activation": name} for name in KNOBS["activation"].options]
    for seed, fixed in enumerate([{}] * 110 + forced):
        rng = random.Random(seed)
        chosen = picture(rng, rng.choice((1, 3)), rng.randint(3, 17), rng.randint(3, 17))
        before = run(chosen, drawn(rng, padding="same", padding_mode="zeros"))
        after = run(chosen, drawn(rng, **fixed))
        assert not before.stale
        cells = corners(before.maps)
        got = compute(bare, before, {name: after.values[name] for name in KNOBS} if not after.stale else {}, cells)
        for (i, c, y, x), value in zip(cells, got["cells"]):
            right = before.maps[i].maps[c, y, x]
            assert abs(value - right) <= 1e-5 * scale_of(before.maps[i].maps), (before.maps[i].how, c, y, x)
        if after.stale:
            seen["cannot work"] += 1
        elif after.activation and after.activation.name == "softmax":
            seen["left to the server"] += 1
            assert got["laid"] is None
        else:
            seen["foretold"] += 1
            seen["without its pool"] += after.pool_error is not None
            assert [stage["name"] for stage in got["foretold"]] == [entry.name for entry in after.maps]
            for told, entry in zip(got["foretold"], after.maps):
                check_stage(told, entry)
    assert seen["foretold"] > 90 and min(seen.values()) > 0, seen


@pytest.mark.parametrize(
    ("why", "settings"),
    [
        ("the kernel is larger than the input", {"kernel": [[1], [1], [1]], "padding": "valid", "dilation": (5, 1)}),
        ("reflecting needs more rows", {"padding": (9, 0), "padding_mode": "reflect"}),
        ("wrapping needs more columns", {"padding": (0, 10), "padding_mode": "circular"}),
        ("no float32 is that large", {"kernel": [[3e38, 3e38]], "bias": 3e38}),
    ],
)  # fmt: skip
def test_what_cannot_work_is_left_to_the_server(bare: Page, why: str, settings: dict[str, Any]) -> None:
    rng = random.Random(1)
    chosen = picture(rng, 1, 9, 9)
    texts = drawn(rng, padding="same", padding_mode="zeros", activation="relu", pool="none", stride="1", dilation="1")
    before = run(chosen, texts)
    assert experiment.run({**before.values, **settings}, chosen).stale
    assert compute(bare, before, settings, [])["foretold"] is None, why


def test_too_large_a_kernel_is_left_to_the_server(bare: Page) -> None:
    rng = random.Random(2)
    before = run(picture(rng, 3, 400, 400), drawn(rng, kernel="1", padding="same", stride="1", pool="none"))
    got = compute(bare, before, {"kernel": [[0.5] * 15] * 15}, [])
    assert got["laid"] and got["foretold"] is None


def test_stages_before_the_tweak_stay_the_servers(bare: Page) -> None:
    rng = random.Random(3)
    texts = drawn(rng, kernel="1,2;3,4", padding="same", activation="leaky_relu", pool="max", padding_mode="zeros")
    before = run(picture(rng, 1, 12, 12), texts)
    for knob, value, kept in (("pool", "min", 4), ("negative_slope", 0.7, 3), ("bias", 0.5, 2), ("padding", (2, 2), 1)):
        assert compute(bare, before, {knob: value}, [])["kept"] == kept, knob


TEXTS = [
    "0", "1", "2", "64", "65", "-1", "1,2", "2,1", " 3 ", "3 , 4", "1,2,3", "", ",", "1,", "0,0", "64,64", "1.5", "0.5",
    "-0.5", ".5", "1e-2", "1E3", "1e400", "nan", "inf", "Infinity", "0x10", "1_000", "１２", "1000000", "1000001",
    "-1e6", "80", "81", "0.0001", "valid", "Same", " same ", "other", "1,2;3,4", "1;2", "1,2;3", "1/2",
    "-1,-1;0.5,.25", "5;",
    ";".join(["1"] * 15), ";".join(["1"] * 16), ",".join(["1"] * 16), "+3", "--1", "1 2", "00012", "12345",
]  # fmt: skip


def test_texts_mean_to_the_browser_what_they_mean_to_the_server(bare: Page) -> None:
    for name, setting in KNOBS.items():
        texts = list(setting.options) or TEXTS
        understood = 0
        for text, got in zip(texts, bare.evaluate(READ, [ROUTE, name, texts])):
            if got is None:
                continue  # left to the server
            understood += 1
            assert json.loads(json.dumps(setting.parse(text))) == got, (name, text)
        assert understood > min(4, len(texts) - 1), name
