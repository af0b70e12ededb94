"""What would mend a network that cannot work, where that is certain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cnnviz.layers import Add, Flatten, Layer, Linear, Shape
from cnnviz.network import survey
from cnnviz.skip_layers import layer_count


@dataclass(frozen=True)
class Mend:
    """A change of the layer that cannot work, in words for a button, and the network with it."""

    words: str
    layers: tuple[Layer, ...]


def mend(layers: Sequence[Layer], shape: Shape) -> Mend | None:
    """The one change after which the first layer that cannot work does; None where there is none, or several.

    Args:
        shape: the input's (C, H, W).
    """
    found = survey(layers, shape)
    if not found.fault:
        return None
    index = found.fault.index
    shapes = [shape, *(row.output_shape for row in found.rows)]
    layer, before, after = layers[index], tuple(layers[:index]), tuple(layers[index + 1 :])
    if isinstance(layer, Linear) and len(shapes[-1]) == 3:
        return Mend("Put flatten before it", (*before, Flatten(), _taking(layer, shapes[-1]), *after))
    if isinstance(layer, Linear):
        return Mend(f"Set in_features to {shapes[-1][0]}", (*before, _taking(layer, shapes[-1]), *after))
    if isinstance(layer, Add):
        fitting = [back for back in range(1, index + 1) if shapes[index - back] == shapes[index]]
        if len(fitting) == 1:
            return Mend(f"Let it skip {layer_count(fitting[0])}", (*before, Add(fitting[0]), *after))
    return None


def _taking(layer: Linear, shape: Shape) -> Linear:
    """The same layer, held to what comes if it was held to something."""
    return replace(layer, in_features=Flatten().output_shape(shape)[0]) if layer.in_features else layer
