"""Presets of filters as deep as a picture: a pattern in space times a weight for red, green and blue.

The patterns fit kernels of any size from 1×1 on: each takes a height and a width, in cells, and returns float64
(height, width). The centre of an even side is the cell before its middle, where "same" padding puts the pixel.
The patterns that compare (outline, upright, level, blob) sum to 0; where there is nothing to compare, as in 1×1,
they are all zeros.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cnnviz.kernels import KernelError, check_kernel_size


def _row(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _binomial(size: int) -> Tensor:
    """One row of Pascal's triangle, divided by its sum: the closest that small integers come to a Gaussian."""
    return _row([math.comb(size - 1, k) / 2 ** (size - 1) for k in range(size)])


def _difference(size: int) -> Tensor:
    """The difference of two binomial rows side by side: minus before, plus after, each adding up to 1."""
    if size == 1:
        return _row([0])
    shorter = [math.comb(size - 2, k) for k in range(size - 1)]
    steps = [before - after for before, after in zip([0, *shorter], [*shorter, 0])]
    return _row([step / sum(map(abs, steps)) * 2 for step in steps])


def _middle(size: int, radius: int) -> Tensor:
    """1 in the cells at most radius from the centre, else 0."""
    centre = (size - 1) // 2
    return _row([float(abs(i - centre) <= radius) for i in range(size)])


def point(height: int, width: int) -> Tensor:
    """1 in the centre: the pixel itself."""
    return torch.outer(_middle(height, 0), _middle(width, 0))


def box(height: int, width: int) -> Tensor:
    """The plain mean."""
    return torch.full((height, width), 1 / (height * width), dtype=torch.float64)


def binomial(height: int, width: int) -> Tensor:
    """A mean that trusts near pixels more; 1, 2, 1 by 1, 2, 1 over 16 at 3×3."""
    return torch.outer(_binomial(height), _binomial(width))


def outline(height: int, width: int) -> Tensor:
    """The centre minus the mean of all other cells: an eighth of the `edge` kernel at 3×3. One cell: 0."""
    others = 1 - point(height, width)
    return (point(height, width) - others / others.sum()) if height * width > 1 else others


def upright(height: int, width: int) -> Tensor:
    """How much it grows to the right, smoothed downwards: a quarter of `sobel-x` at 3×3. One column: zeros."""
    return torch.outer(_binomial(height), _difference(width))


def level(height: int, width: int) -> Tensor:
    """How much it grows downwards, smoothed to the right: a quarter of `sobel-y` at 3×3. One row: zeros."""
    return upright(width, height).T


def blob(height: int, width: int) -> Tensor:
    """The mean of about the middle half of each side, minus the mean of all around."""
    middle = torch.outer(_middle(height, (height - 1) // 4), _middle(width, (width - 1) // 4))
    if middle.all():
        return torch.zeros_like(middle)
    return middle / middle.sum() - (1 - middle) / (1 - middle).sum()


PROFILES: Final[dict[str, Callable[[int, int], Tensor]]] = {
    profile.__name__: profile for profile in (point, box, binomial, outline, upright, level, blob)
}


@dataclass(frozen=True)
class FilterPreset:
    """A named filter and the one thing a student should look for in its feature map.

    It is a pattern (a name in ``PROFILES``), laid into each channel with that channel's weight.
    """

    name: str
    profile: str
    rgb: tuple[float, float, float]
    look_for: str
    family: str

    def values(self, channels: int, height: int, width: int) -> Tensor:
        """Make the filter for any number of channels and any kernel size.

        Without three channels there is no colour to tell apart: each channel then gets an equal share of the
        sum of the three weights. So on a grey picture the filter answers as it does on the same grey in red,
        green and blue, and one that sets a colour against another is all zeros.

        Returns:
            float32 weights (channels, height, width).
        Raises:
            KernelError: no channels, or a side that is not 1 to ``MAX_SIDE`` cells.
        """
        check_filter_size(channels, height, width)
        shares = self.rgb if channels == 3 else (math.fsum(self.rgb) / channels,) * channels
        pattern = PROFILES[self.profile](height, width)
        # Adding 0 turns -0.0 into 0.0.
        return (torch.tensor(shares, dtype=torch.float64)[:, None, None] * pattern + 0.0).float()


def check_filter_size(channels: int, height: int, width: int) -> None:
    """Raise KernelError unless there are channels and the sides, in cells, are ones that are read."""
    if channels < 1:
        raise KernelError(f"A filter needs at least one channel, not {channels}.")
    check_kernel_size(height, width)


_RED, _GREEN, _BLUE, _ALL = (1, 0, 0), (0, 1, 0), (0, 0, 1), (1 / 3, 1 / 3, 1 / 3)

# fmt: off
_TABLE = (
    FilterPreset("only-red", "point", _RED,
                 "The red channel, unchanged: red and white are bright, green and blue are black.", "colour"),
    FilterPreset("only-green", "point", _GREEN,
                 "The green channel, unchanged: green and white are bright, red and blue are black.", "colour"),
    FilterPreset("only-blue", "point", _BLUE,
                 "The blue channel, unchanged: blue and white are bright, red and green are black.", "colour"),
    FilterPreset("green-minus-magenta", "box", (-1 / 2, 1, -1 / 2),
                 "Green areas give a plus, magenta ones a minus; black, grey and white all give 0.", "colour"),
    FilterPreset("yellow-minus-blue", "box", (1 / 2, 1 / 2, -1),
                 "Yellow areas give a plus, blue ones a minus; black, grey and white all give 0.", "colour"),
    FilterPreset("brightness", "box", _ALL,
                 "A grey blur: red, green and blue areas of one strength cannot be told apart.", "brightness"),
    FilterPreset("soft-blur", "binomial", _ALL,
                 "A grey blur that trusts near pixels more: bright dots stay peaked, not square.", "brightness"),
    FilterPreset("red-edges", "outline", _RED,
                 "Outlines where the amount of red changes; a red shape on white leaves no trace.", "edges"),
    FilterPreset("green-edges", "outline", _GREEN,
                 "Outlines where the amount of green changes; a green shape on white leaves no trace.", "edges"),
    FilterPreset("blue-edges", "outline", _BLUE,
                 "Outlines where the amount of blue changes; a blue shape on white leaves no trace.", "edges"),
    FilterPreset("upright-edges", "upright", _ALL,
                 "Vertical edges: positive where it gets brighter to the right; 0 at horizontal edges.", "edges"),
    FilterPreset("level-edges", "level", _ALL,
                 "Horizontal edges: positive where it gets brighter downwards; 0 at vertical edges.", "edges"),
    FilterPreset("green-to-red", "upright", (1 / 2, -1 / 2, 0),
                 "Vertical edges: positive where green turns to red on the right; 0 from black to white.", "edges"),
    FilterPreset("bright-spots", "blob", _ALL,
                 "Small bright spots give a plus, small dark ones a minus; flat areas give 0.", "blobs"),
    FilterPreset("red-on-green", "blob", (1 / 2, -1 / 2, 0),
                 "A small red spot on green gives a plus, green on red a minus; white on black gives 0.", "blobs"),
)
# fmt: on

FILTERS: Final[dict[str, FilterPreset]] = {preset.name: preset for preset in _TABLE}
