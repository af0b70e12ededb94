"""What the writers of code share: a network's layers with their shapes, and how calls and classes are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cnnviz.layers import Layer, Shape
from cnnviz.network import summary
from cnnviz.shapes import times
from cnnviz.skip_layers import Off

# Own classes stand without a module before their name, as "Pool2d(" and not "nn.MaxPool2d(".
_OWN_CLASS = re.compile(r"(?<![\w.])[A-Z]\w*(?=\()")


class CodeError(ValueError):
    """A network that cannot be written as code. The message names the layer, counted from 1, or what is too much."""


@dataclass(frozen=True)
class Step:
    """One layer of a network that works.

    shape, output: what it takes, and what it makes of that.
    skipped: for a skip connection, the index of the layer whose input is added; 0 is the network's own input.
    """

    index: int
    layer: Layer
    shape: Shape
    output: Shape
    skipped: int | None

    def comment(self, channels_last: bool = False) -> str:
        """Its index, what it makes, and which layer it would be if it were not switched off."""
        off = f" ({type(self.layer.layer).__name__}, switched off)" if isinstance(self.layer, Off) else ""
        output = (*self.output[1:], *self.output[:1]) if channels_last else self.output
        return f"# {self.index}: {times(output)}{off}"

    def refuse(self, reason: str) -> CodeError:
        """The error that says why this layer cannot be written."""
        return CodeError(f"layer {self.index + 1}, {type(self.layer).__name__}: {reason}")


def steps(layers: Sequence[Layer], shape: Shape) -> list[Step]:
    """The layers one after another, each with what it takes.

    Args:
        shape: the input's (C, H, W).
    Raises:
        ShapeError: a layer cannot take what the one before it makes; it says which.
    """
    shapes = [shape, *(row.output_shape for row in summary(layers, shape).rows)]
    found = []
    for index, layer in enumerate(layers):
        before, *skipped = layer.sources(index)
        found.append(Step(index, layer, shapes[before], shapes[index + 1], skipped[0] if skipped else None))
    return found


def call(name: str, /, *values: object, **options: object) -> str:
    """A call as Python code. An option that is None is left out, and (3, 3) is written as 3."""
    written = [_written(value) for value in values]
    written += [f"{key}={_written(value)}" for key, value in options.items() if value is not None]
    return f"{name}({', '.join(written)})"


def unless(value: object, default: object) -> object:
    """None for what stands at its default, so that `call` leaves it out."""
    return None if value == default else value


def own_classes(classes: Mapping[str, str], lines: Iterable[str]) -> list[str]:
    """The text of those classes that the lines call, in the order of `classes`."""
    called = {name for line in lines for name in _OWN_CLASS.findall(line)}
    return [text for name, text in classes.items() if name in called]


def _written(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple) and len(value) == 2 and value[0] == value[1] and isinstance(value[0], int):
        return str(value[0])
    return repr(value)
