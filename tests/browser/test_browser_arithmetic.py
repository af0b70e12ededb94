"""What the browser computes of itself — a preview of an edit, a cell's exact value — equals torch's."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Page

from cnnviz.activations import ACTIVATIONS
from cnnviz.functional import POOLS
from cnnviz.layers import Activation, Conv2d, Layer, Pool2d
from cnnviz.network import forward
from cnnviz.padding import PADDING_MODES
from cnnviz.shapes import ShapeError
from cnnviz.ui.components import ROUTE
from cnnviz.ui.stage_view import pack
from cnnviz.ui.stages import stage_maps

# Of a message: every stage computed anew from the input with another kernel and bias, and cells one by one.
COMPUTE = """async ([route, message, change, cells]) => {
  const { unpack } = await import(`${route}/stage_view.js`);
  const { changed, has } = await import(`${route}/stage_forward.js`);
  const { value } = await import(`${route}/stage_values.js`);
  const stages = unpack(Uint8Array.from(atob(message), (c) => c.charCodeAt(0))).stages;
  const preview = changed(stages, change);
  const plain = ({ values, levels, low, high, scale, colors }) =>
    ({ values: [...values], levels: levels && [...levels], low, high, scale, colors });
  const whole = preview && preview.map(plain);
  return { whole, had: has(stages, change), has: preview && has(preview, change),
    cells: cells.map(([i, c, y, x]) => value(stages, i, c, y, x)) };
}"""


class Case:
    """One network on one image, drawn at random, as the Lab makes them."""

    def __init__(self, seed: int, activation: str | None = None) -> None:
        rng = random.Random(seed)
        while True:
            try:
                self._draw(rng, activation)
                break
            except (ShapeError, ValueError):
                continue

    def _draw(self, rng: random.Random, activation: str | None) -> None:
        channels, height, width = rng.choice((1, 3)), rng.randint(1, 17), rng.randint(1, 17)
        numpy_rng = np.random.default_rng(rng.randrange(2**32))
        levels = numpy_rng.integers(0, 256, (1, channels, height, width))
        self.image = torch.from_numpy((levels / np.float32(255)).astype(np.float32))
        kernel_size = rng.randint(1, 5), rng.randint(1, 5)
        pair = lambda high: (rng.randint(1, high), rng.randint(1, high))  # noqa: E731
        padding: Any = rng.choice(("valid", "same", (rng.randint(0, 3), rng.randint(0, 3))))
        self.constants = [rng.uniform(-1, 2) for _ in range(2)]
        conv = Conv2d(1, kernel_size, pair(3), padding, rng.choice(PADDING_MODES), self.constants[0], pair(3))
        self.parameters_anew: dict[str, float] = {}
        name = activation or rng.choice(("none", *ACTIVATIONS))
        self.layers: list[Layer] = [conv]
        if name != "none":
            drawn: dict[str, Any] = {}
            for parameter, kind in ACTIVATIONS[name].parameters.items():
                if hasattr(kind, "options"):
                    drawn[parameter] = rng.choice(kind.options)
                else:
                    self.parameters_anew[parameter] = rng.uniform(max(kind.minimum, 0.1), kind.maximum)
                    drawn[parameter] = rng.uniform(max(kind.minimum, 0.1), kind.maximum)
            self.layers.append(Activation(name, drawn))
        if rng.random() < 0.8:
            pads: Any = rng.choice(("valid", "same", 1))
            self.layers.append(Pool2d(rng.choice(POOLS), pair(3), pair(3), pads))
        self.kernels = [numpy_rng.normal(size=kernel_size).astype(np.float32) for _ in range(2)]
        self.biases = [float(np.float32(rng.uniform(-1, 1))) for _ in range(2)]
        self.stages = [self._run(i) for i in range(2)]

    def _run(self, i: int) -> list[np.ndarray]:
        weight = torch.from_numpy(self.kernels[i]).expand(1, self.image.shape[1], -1, -1)
        assert isinstance(self.layers[0], Conv2d)
        self.layers[0] = replace(self.layers[0], padding_value=self.constants[i])
        if i == 1 and self.parameters_anew:
            assert isinstance(self.layers[1], Activation)
            self.layers[1] = replace(self.layers[1], parameters=dict(self.layers[1].parameters) | self.parameters_anew)
        self.parameters = [{"weight": weight, "bias": torch.tensor([self.biases[i]])}, {}, {}][: len(self.layers)]
        stages = forward(self.layers, self.image, self.parameters)
        if i == 0:
            self.message = pack(stage_maps(stages, self.parameters))
        return [stage.output[0].numpy() for stage in stages]

    def cells(self) -> list[tuple[int, int, int, int]]:
        """Corners and the middle of every channel of every stage."""
        found = []
        for i, maps in enumerate(self.stages[0]):
            channels, height, width = maps.shape
            for y, x in {(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1), (height // 2, width // 2)}:
                found += [(i, c, y, x) for c in range(channels)]
        return found


@pytest.fixture(scope="module")
def bare(server: str, shared_page: Page) -> Page:
    """A page of the server that is not the app: only our modules run in it."""
    shared_page.goto(f"{server}/_stcore/health")
    return shared_page


CASES = [Case(seed) for seed in range(90)] + [Case(1000 + i, name) for i, name in enumerate(ACTIVATIONS)]


def compute(page: Page, case: Case) -> dict[str, Any]:
    change: dict[str, Any] = {"bias": case.biases[1], "constant": case.constants[1], "parameters": case.parameters_anew}
    change["kernel"] = case.kernels[1].tolist()
    message = base64.b64encode(case.message).decode()
    return page.evaluate(COMPUTE, [ROUTE, message, json.loads(json.dumps(change)), case.cells()])


def test_cells_and_previews_equal_torch(bare: Page) -> None:
    previews = 0
    for case in CASES:
        got = compute(bare, case)
        for (i, c, y, x), value in zip(case.cells(), got["cells"]):
            expected = case.stages[0][i][c, y, x]
            scale = max(1.0, float(np.abs(case.stages[0][i]).max()))
            assert abs(value - expected) <= 1e-5 * scale, (case.layers, i, c, y, x, value, expected)
        assert not got["had"]
        if got["whole"] is None:
            assert any(isinstance(layer, Activation) and layer.name == "softmax" for layer in case.layers)
            continue
        previews += 1
        assert got["has"]
        described = stage_maps(forward(case.layers, case.image, case.parameters), case.parameters)
        for stage, maps, expected in zip(got["whole"], case.stages[1], described):
            values = np.array(stage["values"], dtype=np.float64).reshape(maps.shape)
            scale = max(1.0, float(np.abs(maps).max()))
            np.testing.assert_allclose(values, maps, rtol=0, atol=1e-5 * scale, err_msg=str(case.layers))
            if expected.how["op"] in ("image", "pad"):
                continue
            assert stage["low"] == pytest.approx(float(maps.min()), abs=1e-5 * scale)
            assert stage["high"] == pytest.approx(float(maps.max()), abs=1e-5 * scale)
            span = stage["high"] - stage["low"]
            seen = stage["low"] + np.array(stage["levels"]).reshape(maps.shape) * span / 255
            np.testing.assert_allclose(seen, maps, rtol=0, atol=span / 255 + 1e-5 * scale)
            # A sign that is only rounding decides the scale nowhere else than at zero itself.
            if abs(float(maps.min())) > 1e-5 * scale:
                assert stage["scale"] == expected.colors.scale
    assert previews > 80  # nearly all: softmax alone waits for the server


def test_too_large_a_kernel_is_left_to_the_server(bare: Page) -> None:
    image = torch.zeros(1, 3, 400, 400)
    weight = torch.ones(1, 3, 15, 15)
    parameters = [{"weight": weight, "bias": torch.zeros(1)}]
    stages = forward([Conv2d(1, (15, 15), padding="same")], image, parameters)
    message = base64.b64encode(pack(stage_maps(stages, parameters))).decode()
    got = bare.evaluate(COMPUTE, [ROUTE, message, {"kernel": [[0.5] * 15] * 15}, []])
    assert got["whole"] is None


def test_another_size_is_left_to_the_server(bare: Page) -> None:
    case = CASES[0]
    rows, columns = case.kernels[0].shape
    message = base64.b64encode(case.message).decode()
    got = bare.evaluate(COMPUTE, [ROUTE, message, {"kernel": [[1.0] * columns] * (rows + 1)}, []])
    assert got["whole"] is None and not got["had"]


def test_a_parameter_alone_changes_its_activation_alone(bare: Page) -> None:
    image = torch.linspace(-1, 1, 25).abs().mul(255).round().div(255).reshape(1, 1, 5, 5)
    weight = torch.tensor([[[[1.0, -2.0]]]])
    parameters: list[dict[str, torch.Tensor]] = [{"weight": weight, "bias": torch.zeros(1)}, {}]

    def maps(slope: float) -> list[Any]:
        layers: list[Layer] = [Conv2d(1, (1, 2)), Activation("leaky_relu", {"negative_slope": slope})]
        return stage_maps(forward(layers, image, parameters), parameters)

    message = base64.b64encode(pack(maps(0.1))).decode()
    got = bare.evaluate(COMPUTE.replace("...values", "...(values ?? [])"),
                        [ROUTE, message, {"parameters": {"negative_slope": 0.7}}, []])  # fmt: skip
    assert not got["had"] and got["has"]
    expected = maps(0.7)[-1].maps.ravel()
    np.testing.assert_allclose(np.array(got["whole"][-1]["values"]), expected, rtol=1e-6, atol=1e-6)
