"""The notebook of a network is run by Jupyter's own client, and checks itself."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from PIL import Image

from cnnviz.code_steps import CodeError
from cnnviz.layers import Layer, Shape
from cnnviz.network_text import parse_network
from cnnviz.network_weights import Parameters, read_weights
from cnnviz.notebook import MAX_NUMBERS, notebook
from cnnviz.prepared_networks import NETWORKS
from tests.network_space import answer, odd_weights, some_picture

SHAPE: Shape = (3, 12, 12)


def made(
    text: str, shape: Shape = SHAPE, picture: torch.Tensor | None = None, wrong: float = 0.0
) -> tuple[str, Sequence[Layer], Parameters, torch.Tensor]:
    layers = parse_network(text)
    picture, parameters = some_picture(shape) if picture is None else picture, odd_weights(layers, shape)
    output = answer(layers, picture, parameters) + wrong
    return notebook(layers, shape, parameters, picture, output), layers, parameters, output


def cells_in_process(text: str) -> tuple[dict[str, Any], list[str]]:
    """Run the code cells without Jupyter, up to the one that shows: fast. The last one is given back."""
    namespace: dict[str, Any] = {}
    *cells, show = [cell.source for cell in nbformat.reads(text, 4).cells if cell.cell_type == "code"]
    for source in cells:
        exec(compile(source, "cell", "exec"), namespace)
    return namespace, [show]


def embedded(text: str, name: str) -> bytes:
    (source,) = [cell.source for cell in nbformat.reads(text, 4).cells if f'{name} = """' in cell.source]
    return base64.b64decode(source.split('"""')[1])


@pytest.mark.parametrize(
    ("text", "shape"),
    [(NETWORKS["lesson"].text, (3, 32, 32)), ("norm|relu|conv:3@3x3,s2,same|relu|add:1|-max:2|l2:3,same", (1, 20, 14))],
)
def test_jupyter_runs_it_and_shows_maps(text: str, shape: Shape, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPLBACKEND", raising=False)  # which Streamlit sets: pictures would go nowhere
    found = nbformat.reads(made(text, shape)[0], 4)
    nbformat.validate(found)
    ran = NotebookClient(found, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in ran.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("the same, but for at most" in output.get("text", "") for output in outputs)
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    assert list(tmp_path.iterdir()) == [], "no file is needed, and none is left"


def test_it_stops_at_another_answer() -> None:
    with pytest.raises(AssertionError, match="not close"):
        cells_in_process(made("conv:4@3x3|relu|flatten|linear:3", wrong=1e-4)[0])


@pytest.mark.parametrize("name", NETWORKS)
def test_prepared_networks(name: str) -> None:
    prepared = NETWORKS[name]
    shape = (3 if prepared.color == "rgb" else 1, prepared.side, prepared.side)
    text, layers, _, output = made(prepared.text, shape)
    namespace, _ = cells_in_process(text)
    torch.testing.assert_close(namespace["output"], output, rtol=1e-5, atol=1e-5)
    assert torch.equal(namespace["pictures"], some_picture(shape))
    assert read_weights(embedded(text, "weights")).keys() == {
        name for name in namespace["network"].state_dict() if not name.endswith("num_batches_tracked")
    }
    about = nbformat.reads(text, 4).cells[0].source
    assert prepared.text in about
    assert about.count("\n| ") == len(layers) + 2
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 6 for line in about.splitlines() if line.startswith("| "))


@pytest.mark.parametrize("channels", [1, 3])
def test_levels_of_8_bits_travel_as_a_png(channels: int) -> None:
    every = torch.arange(256).reshape(1, 1, 16, 16).expand(1, channels, 16, 16)
    picture = torch.from_numpy(every.numpy().astype(np.float32) / np.float32(255))
    text, *_ = made("conv:2@3x3", (channels, 16, 16), picture)
    with Image.open(io.BytesIO(embedded(text, "picture"))) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "L" if channels == 1 else "RGB", (16, 16))
    assert torch.equal(cells_in_process(text)[0]["pictures"], picture)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_other_values_travel_bit_for_bit(channels: int) -> None:
    picture = torch.randn(1, channels, 8, 9, generator=torch.Generator().manual_seed(0))
    text, *_ = made("conv:2@3x3", (channels, 8, 9), picture)
    assert len(embedded(text, "picture")) == 4 * picture.numel()
    assert torch.equal(cells_in_process(text)[0]["pictures"], picture)


def test_the_same_network_makes_the_same_file() -> None:
    one, two = made(NETWORKS["residual"].text, (3, 32, 32))[0], made(NETWORKS["residual"].text, (3, 32, 32))[0]
    assert one == two
    read = json.loads(one)
    assert len({cell["id"] for cell in read["cells"]}) == len(read["cells"])
    assert read["metadata"]["kernelspec"]["name"] == "python3"
    nbformat.validate(nbformat.reads(one, 4))
    folded = [cell for cell in read["cells"] if cell["metadata"].get("jupyter", {}).get("source_hidden")]
    assert len(folded) == 3
    assert max(len(line) for cell in folded for line in cell["source"]) < 100


def test_without_matplotlib_it_says_so(monkeypatch, capsys) -> None:
    namespace, (show,) = cells_in_process(made("conv:2@3x3")[0])
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    exec(compile(show, "cell", "exec"), namespace)
    assert "once matplotlib is installed" in capsys.readouterr().out


def test_what_is_too_much_is_said_in_figures() -> None:
    layers, shape = parse_network("flatten|linear:1700"), (3, 32, 32)
    parameters = [{}, {"weight": torch.zeros(1700, 3072), "bias": torch.zeros(1700)}]
    assert MAX_NUMBERS < 1700 * 3073
    with pytest.raises(CodeError, match=r"5,224,100 weights; a notebook holds at most 5,000,000"):
        notebook(layers, shape, parameters, torch.zeros(1, *shape), torch.zeros(1, 1700))
    layers = parse_network("transposed:64@2x2,s10")
    with pytest.raises(CodeError, match=r"The output has 6,000,000 numbers"):
        notebook(layers, shape, odd_weights(layers, shape), torch.zeros(1, *shape), torch.zeros(6_000_000))


def test_a_network_without_weights() -> None:
    namespace, _ = cells_in_process(made("max:2|relu|softmax,over=all")[0])
    assert namespace["output"].sum() == pytest.approx(1)
