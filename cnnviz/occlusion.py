"""Occlusion: cover a patch, ask again, and see how far the answer falls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cnnviz.answers import Weights, answers, at_once, check_class, check_picture
from cnnviz.layers import Layer
from cnnviz.shapes import ShapeError
from cnnviz.training_pass import Ending, ending

MOST_PATCHES: Final = 10_000


@dataclass(frozen=True, eq=False)
class Occlusion:
    """The answers for one class, without and with patches.

    size, fill: of a patch. rows, cols: where patches begin. side: the picture's (H, W). before: the answer to the whole
    picture. after: (R, C), the answer with the patch at each place. ending: "none" if answers are logits, else shares.
    """

    size: int
    fill: float
    rows: tuple[int, ...]
    cols: tuple[int, ...]
    side: tuple[int, int]
    before: float
    after: Tensor
    ending: Ending

    @property
    def falls(self) -> Tensor:
        """(R, C): how much the answer falls, below 0 where it rises."""
        return self.before - self.after

    def resized(self) -> Tensor:
        """(H, W): for each pixel the fall of one patch, the `nearest`, so that a sentence can say what was done."""
        height, width = self.side
        rows = [self.nearest(row, 0)[0] for row in range(height)]
        cols = [self.nearest(0, col)[1] for col in range(width)]
        return self.falls[rows][:, cols]

    def nearest(self, row: int, col: int) -> tuple[int, int]:
        """The patch, by its place in `after`, whose middle is nearest to a pixel; the first of equals."""
        middle = (self.size - 1) / 2
        by_row = [abs(start + middle - row) for start in self.rows]
        by_col = [abs(start + middle - col) for start in self.cols]
        return by_row.index(min(by_row)), by_col.index(min(by_col))


def occlusion(
    layers: Sequence[Layer],
    x: Tensor,
    parameters: Weights,
    target: int,
    size: int = 3,
    stride: int = 1,
    fill: float = 0.5,
) -> Occlusion:
    """Cover a square of the picture, wherever it fits, and ask what the network says of the target.

    Args:
        x: one picture, (1, C, H, W), any range.
        parameters, target: as for `attribution.saliency`.
        size: pixels of the patch, at least 1; a side of the picture that is shorter is covered whole.
        stride: from one patch to the next, at least 1. The last one lies at the edge, even if that is a shorter step.
        fill: what the patch holds, in all channels.
    Raises:
        ShapeError: as for `attribution.saliency`; no size or stride; or more than MOST_PATCHES.
    Source: Zeiler & Fergus 2014, Visualizing and understanding convolutional networks, section 4.2 (a grey square).
    """
    check_picture(x)
    if size < 1 or stride < 1:
        raise ShapeError(f"a patch needs a size and a stride of at least 1 pixel, not {size} and {stride}")
    height, width = x.shape[2], x.shape[3]
    rows, cols = _starts(height, size, stride), _starts(width, size, stride)
    if len(rows) * len(cols) > MOST_PATCHES:
        count = f"{len(rows) * len(cols):,} patches, more than {MOST_PATCHES:,}"
        raise ShapeError(f"these are {count}: a larger stride has fewer")
    before = answers(layers, x, parameters)[0]
    check_class(target, len(before))
    places = [(row, col) for row in rows for col in cols]
    some, after = at_once(layers, tuple(x.shape[1:])), []
    for first in range(0, len(places), some):
        part = places[first : first + some]
        pictures = x.detach().repeat(len(part), 1, 1, 1)
        for picture, (row, col) in zip(pictures, part):
            picture[:, row : row + size, col : col + size] = fill
        after.append(answers(layers, pictures, parameters)[:, target])
    found = torch.cat(after).reshape(len(rows), len(cols))
    return Occlusion(size, fill, rows, cols, (height, width), float(before[target]), found, ending(layers))


def _starts(side: int, size: int, stride: int) -> tuple[int, ...]:
    last = max(0, side - size)
    return (*range(0, last, stride), last)
