"""From a network's state to the columns of its row."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnviz.layers import Activation, Conv2d, ConvTranspose2d, DepthwiseSeparableConv2d, Flatten, Layer, Linear
from cnnviz.network_text import format_layer, format_network
from cnnviz.skip_layers import Add
from cnnviz.ui.network import Network
from cnnviz.ui.network_view import MOST, Column


def columns_of(network: Network) -> list[Column]:
    """The picture, then each layer; those after one that cannot work have no maps."""
    columns = [Column("", network.shape, _planes(network, 0), picture=True, note="input")]
    rows, fault = network.summary.rows, network.summary.fault
    for index, layer in enumerate(network.layers):
        told: dict[str, Any] = {"layer": layer, "reads": _reads(layer)}
        told["skips"] = layer.back if isinstance(layer, Add) else 0
        row = rows[index] if index < len(rows) else None
        if fault and index == fault.index:
            mend = network.mend
            told |= {"error": f"{fault.error}."}
            told |= {"mend": mend.words, "mended": format_network(mend.layers)} if mend else {}
        if index == network.overflows:
            told["error"] = "It makes numbers that grow beyond what a float32 can hold."
        maps = _planes(network, index + 1) if index + 1 < len(network.outputs) else None
        note = _note(row.parameters if row else 0, maps)
        columns.append(Column(format_layer(layer), row.output_shape if row else (), maps, note=note, **told))
    return columns


def _planes(network: Network, output: int) -> np.ndarray:
    planes: np.ndarray = network.outputs[output][0].numpy()
    return planes


def _reads(layer: Layer) -> str | int:
    """Which maps of the layer before a map reads: all, its own, those of its group, or a part of the vector."""
    if isinstance(layer, Conv2d | ConvTranspose2d) and layer.groups > 1:
        return layer.groups
    if isinstance(layer, Flatten):
        return "flatten"
    is_mixing = isinstance(layer, Conv2d | ConvTranspose2d | DepthwiseSeparableConv2d | Linear)
    is_sharing = isinstance(layer, Activation) and layer.name == "softmax"
    return "all" if is_mixing or is_sharing else "own"


def _note(parameters: int, maps: np.ndarray | None) -> str:
    hidden = f"{MOST} of {len(maps)} maps" if maps is not None and maps.ndim == 3 and len(maps) > MOST else ""
    return " · ".join(filter(None, [f"{parameters:,} params" if parameters else "", hidden]))
