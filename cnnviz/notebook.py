"""A network as a Jupyter notebook that needs no other file, and finds out by itself that it computes the same."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Final

import nbformat
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image
from torch import Tensor

from cnnviz.code_steps import CodeError
from cnnviz.layers import Layer, Shape
from cnnviz.network import summary
from cnnviz.network_text import format_layer, format_network
from cnnviz.network_weights import weights_file
from cnnviz.shapes import times
from cnnviz.torch_code import torch_definition

MAX_NUMBERS: Final = 5_000_000  # of the weights, and of the output: four bytes each, which grow by a third as text

INSTALL = "# %pip install torch numpy pillow safetensors matplotlib"
LOAD = """\
import base64

from safetensors.torch import load

network.load_state_dict(load(base64.b64decode(weights)))
network.eval()"""
PICTURE = """\
import io

import numpy as np
from PIL import Image

levels = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))), dtype=np.float32)
levels = levels.reshape(*levels.shape[:2], -1).transpose(2, 0, 1)  # channels first
pictures = torch.from_numpy(levels / np.float32(255))[None]  # (1, C, H, W), from 0 to 1"""
NUMBERS = """\
import numpy as np

numbers = np.frombuffer(base64.b64decode(picture), dtype="<f4").reshape({shape})
pictures = torch.from_numpy(numbers.astype(np.float32))  # (1, C, H, W)"""
RUN = """\
with torch.inference_mode():
    output = network(pictures)
output"""
CHECK = """\
expected = np.frombuffer(base64.b64decode(answer), dtype="<f4").reshape({shape})
expected = torch.from_numpy(expected.astype(np.float32))
largest = max(1.0, float(expected.abs().max()))
torch.testing.assert_close(output, expected, rtol=0, atol=1e-5 * largest, equal_nan=True)
print("the same, but for at most", float((output - expected).abs().max()))"""
SHOW = """\
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("The maps are shown once matplotlib is installed.")
else:
    for count in range(1, min(len(network), 4) + 1):
        with torch.inference_mode():
            maps = network[:count](pictures)[0]
        if maps.ndim == 3:  # what comes after Flatten are no maps
            shown = maps[:8]
            figure, places = plt.subplots(1, len(shown), figsize=(2 * len(shown), 2.4), squeeze=False)
            figure.suptitle(f"{count - 1}: {type(network[count - 1]).__name__}, {len(shown)} of {len(maps)} maps")
            for place, one in zip(places[0], shown):
                place.imshow(one, cmap="gray")
                place.axis("off")
            plt.show()"""


def notebook(
    layers: Sequence[Layer],
    shape: Shape,
    parameters: Sequence[Mapping[str, Tensor]],
    image: Tensor,
    output: Tensor,
) -> str:
    """A notebook with the network in PyTorch, its weights, a picture, and the answer that it has to give.

    Args:
        shape: the input's (C, H, W).
        parameters: as for `network.forward`.
        image: (1, C, H, W), float32; where all values are 8-bit levels / 255 they travel as a PNG.
        output: what the network makes of it here.
    Returns:
        the file's text, the same for the same arguments.
    Raises:
        ShapeError: a layer cannot take what the one before it makes; it says which.
        CodeError: more than five million weights, or numbers in the output.
    """
    weights = sum(tensor.numel() for tensors in parameters for tensor in tensors.values())
    for count, what in ((weights, "The network has {} weights"), (output.numel(), "The output has {} numbers")):
        if count > MAX_NUMBERS:
            raise CodeError(f"{what.format(f'{count:,}')}; a notebook holds at most {MAX_NUMBERS:,}.")
    png = _png(image)
    read = PICTURE if png else NUMBERS.format(shape=tuple(image.shape))
    definition = torch_definition(layers, shape)
    if not definition.startswith("import torch\n"):
        definition = f"import torch\n{definition}"
    cells = [
        new_markdown_cell(_about(layers, shape)),
        new_code_cell(INSTALL),
        new_code_cell(definition.rstrip("\n")),
        _folded("weights", "A safetensors file", weights_file(layers, parameters)),
        new_code_cell(LOAD),
        _folded("picture", "A PNG file" if png else "Numbers of four bytes", png or _numbers(image)),
        new_code_cell(read),
        new_code_cell(RUN),
        new_markdown_cell("What cnnviz got for this picture, and whether it is the same here:"),
        _folded("answer", "Numbers of four bytes", _numbers(output)),
        new_code_cell(CHECK.format(shape=tuple(output.shape))),
        new_markdown_cell("What the first layers make of the picture:"),
        new_code_cell(SHOW),
    ]
    for index, cell in enumerate(cells):
        cell["id"] = f"cell-{index}"  # else a new one is drawn each time
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return nbformat.writes(new_notebook(cells=cells, metadata=kernel | {"language_info": {"name": "python"}}))


def _about(layers: Sequence[Layer], shape: Shape) -> str:
    """What the network is, in Markdown."""
    found = summary(layers, shape)
    lines = [
        f"# A network of {len(layers)} layers for pictures {times(shape)}",
        "",
        f"{found.parameters:,} learned numbers, {found.macs:,} multiply-adds for a picture. Written short:",
        "",
        "```",
        format_network(layers),
        "```",
        "",
        "| | layer | makes | learned numbers | multiply-adds |",
        "|---:|---|---|---:|---:|",
        f"| | input | {times(shape)} | | |",
    ]
    lines += [
        f"| {index} | `{format_layer(row.layer)}` | {times(row.output_shape)} | {row.parameters:,} | {row.macs:,} |"
        for index, row in enumerate(found.rows)
    ]
    return "\n".join(lines)


def _folded(name: str, what: str, data: bytes) -> nbformat.NotebookNode:
    """A cell that holds bytes as text, folded away where the notebook is opened."""
    text = base64.encodebytes(data).decode().rstrip("\n")  # in short lines: an editor draws only those in sight
    source = f'# {what}, as text.\n{name} = """\n{text}\n"""'
    return new_code_cell(source, metadata={"jupyter": {"source_hidden": True}})


def _png(image: Tensor) -> bytes | None:
    """The picture as a PNG file, if it is grey or RGB and all of its values are 8-bit levels."""
    levels = (image * 255).round().clamp(0, 255).to(torch.uint8)
    if image.shape[1] not in (1, 3) or not torch.equal(levels.float() / 255, image):
        return None
    pixels = levels[0].permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return file.getvalue()


def _numbers(values: Tensor) -> bytes:
    return values.numpy(force=True).astype("<f4").tobytes()
