"""The pictures of a set that excite a filter most, and what of them it sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cnnviz.answers import Weights, at_once
from cnnviz.attribution import layer_outputs
from cnnviz.datasets import Examples
from cnnviz.excitation import check_filter
from cnnviz.layers import Layer
from cnnviz.receptive_fields import reads


@dataclass(frozen=True)
class Exciting:
    """A picture that excites a filter.

    index: its number. value: the filter's largest answer to it. cell: where on the map, (row, column); None in a
    vector. rows, cols: what that cell sees of the picture, from … up to, cut off at its edges; empty if it sees padding
    alone.
    """

    index: int
    value: float
    cell: tuple[int, int] | None
    rows: tuple[int, int]
    cols: tuple[int, int]


def most_exciting(
    layers: Sequence[Layer], parameters: Weights, examples: Examples, layer: int, filter: int, most: int = 9
) -> list[Exciting]:
    """The pictures with the largest answers of a filter in any cell, largest first; of equals the first comes first.

    Args:
        layer, filter: as for `excitation.maximise`. A vector's value is taken to see the whole picture.
        most: how many, at least 1.
    Raises:
        ShapeError: there is no such layer or filter.
    Source: Zeiler & Fergus 2014, Visualizing and understanding convolutional networks, section 4 (the top 9).
    """
    channels, height, width = examples.pixels.shape[1:]
    shape = (channels, height, width)
    out = check_filter(layers, shape, layer, filter)
    layers, parameters, some = layers[: layer + 1], parameters[: layer + 1], at_once(layers, shape)
    values, cells = [torch.zeros(0)], [torch.zeros(0, dtype=torch.int64)]
    for start in range(0, len(examples), some):
        best = strongest(layers, parameters, examples.images(slice(start, start + some)), layer, filter)
        values.append(best[0])
        cells.append(best[1])
    every, places = torch.cat(values), torch.cat(cells)
    found = []
    for index in every.argsort(descending=True, stable=True)[:most].tolist():
        cell = divmod(int(places[index]), out[2]) if len(out) == 3 else None
        rows, cols = reads(layers, shape, *cell) if cell else ((0, height - 1), (0, width - 1))
        found.append(Exciting(index, float(every[index]), cell, _span(rows), _span(cols)))
    return found


def strongest(
    layers: Sequence[Layer], parameters: Weights, x: Tensor, layer: int, filter: int
) -> tuple[Tensor, Tensor]:
    """A filter's largest answer to each of some pictures (N, C, H, W), and in which cell of its map: (N,) each."""
    with torch.no_grad():
        output = layer_outputs(layers[: layer + 1], x, parameters[: layer + 1])[-1][:, filter]
        best = output.reshape(len(x), math.prod(output.shape[1:])).max(1)
    return best.values, best.indices


def _span(read: tuple[int, ...]) -> tuple[int, int]:
    return (read[0], read[-1] + 1) if read else (0, 0)
