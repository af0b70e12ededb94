"""What the browser foretells of a network against the server's word, and the weights that it draws against torch's."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Page

from cnnviz.kernels import draw
from cnnviz.network_text import format_network, parse_network
from cnnviz.prepared_networks import NETWORKS
from cnnviz.ui import network
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.components import ROUTE
from cnnviz.ui.network_columns import columns_of
from cnnviz.ui.network_view import pack
from tests.test_network_page import DEFAULTS, unpack

FORETOLD = """async ([route, coded, parts, draw]) => {
  const { unpack } = await import(`${route}/network_message.js`);
  const { foretold } = await import(`${route}/network_foretold.js`);
  const columns = foretold(unpack(Uint8Array.from(atob(coded), (c) => c.charCodeAt(0))), parts, draw);
  return columns?.map((column) => ({ ...column, levels: column.levels.map((plane) => [...plane]) }));
}"""
DRAWN = """async ([route, seed, asked]) => {
  const { Generator, drawn } = await import(`${route}/torch_random.js`);
  const generator = new Generator(seed);
  return asked.map(([method, shape]) => [...drawn(method, shape, generator)]);
}"""
EVERY = format_network(parse_network(
    "conv:6@3x3,same,reflect|norm|leaky_relu,negative_slope=0.3|separable:8@3x3,s2,p2|gelu,approximate=tanh|max:3,s2,same|-relu|"
    "dropout:0.4|conv:4@2x2,d2,g2,same,constant,value=0.5|elu,alpha=2|conv:4@3x3,p1,circular,nobias|add:2|avg:2,s1,p1|softmax|"
    "min:2,s1|global_l2|flatten|linear:7,nobias|softplus,beta=2|linear:5|softmax"
))  # fmt: skip


def state(monkeypatch: pytest.MonkeyPatch, text: str, shape: tuple[int, int, int], **values: Any) -> network.Network:
    monkeypatch.setattr(network.st, "session_state", {})
    levels = np.random.default_rng(1).integers(0, 256, (1, *shape)).astype(np.float32) / np.float32(255)
    chosen = Chosen(torch.from_numpy(levels), "noise", None, 1)
    return network.run(DEFAULTS | {"net": parse_network(text)} | values, chosen)


def message(now: network.Network) -> bytes:
    return pack(columns_of(now), box="net", opened=0, openBox="layer", scale="layer", draw=None)


@pytest.mark.parametrize(
    ("text", "shape", "method"),
    [
        *((e.text, (1 if e.color == "gray" else 3, e.side, e.side), "pytorch") for e in NETWORKS.values()),
        (EVERY, (3, 23, 18), "kaiming_uniform"),
        (EVERY, (1, 30, 31), "xavier_uniform"),
        ("conv:20@5x3,s2x1,p2x0|tanh", (3, 40, 60), "uniform"),
        ("flatten|linear:300|relu|linear:16", (3, 9, 7), "pytorch"),
    ],
)  # fmt: skip
def test_an_edit_is_foretold_as_the_server_will_say_it(
    bare: Page, monkeypatch: pytest.MonkeyPatch, text: str, shape: tuple[int, int, int], method: str
) -> None:
    before = base64.b64encode(message(state(monkeypatch, "relu", shape))).decode()
    drawing = {"method": method, "seed": 41}
    found = bare.evaluate(FORETOLD, [ROUTE, before, text.split("|"), drawing])
    right = unpack(message(state(monkeypatch, text, shape, init=method, seed=41)))["columns"]
    assert found and len(found) == len(right)
    for one, other in zip(found, right):
        for name in ("text", "shape", "small", "note", "reads", "skips", "error", "mend", "picture"):
            assert (list(one[name]) if name in ("shape", "small") else one[name]) == other[name], (other["text"], name)
        reach = max(1e-6, other["high"] - other["low"])
        assert (one["low"], one["high"]) == pytest.approx((other["low"], other["high"]), abs=2e-5 * reach + 1e-6)
        np.testing.assert_allclose(one["numbers"], other["numbers"], atol=2e-5 * reach + 1e-6)
        assert np.array(one["spans"]).shape == np.array(other["spans"]).shape
        for ours, theirs, (low, high) in zip(one["levels"], other["levels"], other["spans"]):
            # a value between two levels may fall either way
            apart = np.abs(np.array(ours) - theirs.ravel().astype(int))
            assert apart.max() <= 1 or high - low < 1e-5 * reach, other["text"]


@pytest.mark.parametrize(
    "text", ["conv:3@99", "linear:3", "add:5", "conv:4@3x3,g2", "transposed:3@2x2", "max:40", "nonsense", "conv:3"]
)
def test_what_only_the_server_can_tell_is_left_to_it(bare: Page, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    before = base64.b64encode(message(state(monkeypatch, "relu", (3, 12, 12)))).decode()
    assert bare.evaluate(FORETOLD, [ROUTE, before, ["relu", text], {"method": "pytorch", "seed": 0}]) is None
    assert bare.evaluate(FORETOLD, [ROUTE, before, ["relu"], {"method": "normal", "seed": 0}]) is None


@pytest.mark.parametrize("seed", [0, 1, 9999, 2**31 + 5])
def test_weights_are_torchs_bit_for_bit(bare: Page, seed: int) -> None:
    shapes = [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (3, 2, 1, 7), (64, 3, 3, 3), (1, 1, 1, 1)]
    asked = [(m, s) for m in ("uniform", "pytorch", "kaiming_uniform", "xavier_uniform") for s in shapes]
    found = bare.evaluate(DRAWN, [ROUTE, seed, asked])
    generator = torch.Generator().manual_seed(seed)
    for (method, shape), numbers in zip(asked, found):
        right = draw(method, shape, generator).flatten()
        assert torch.equal(torch.tensor(numbers, dtype=torch.float32), right), (method, shape)
