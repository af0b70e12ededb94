"""How much a page computes, and what it says where that is not enough."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cnnviz.shapes import ShapeError

BUDGET = 1_000_000_000  # multiply-adds or comparisons: about a second
OVERFLOW = "These numbers grow beyond what a float32 can hold. What is shown here is the last that could be computed."
NOTHING_YET = "A setting below cannot work and says why."
STILL = "A setting below cannot work and says why. What is shown here is the last that could be computed."


def afford(what: str, steps: int) -> None:
    """Refuse what would hold the machine for seconds, other visitors' pages with it.

    Raises:
        ShapeError: more than BUDGET.
    """
    if steps > BUDGET:
        raise ShapeError(
            f"This {what} takes {steps:,} steps; up to {BUDGET:,} are computed here. "
            "Make the picture or the window smaller, or the stride larger."
        )


def is_finite(x: Tensor) -> bool:
    """Whether every value is a number; looking at the ends alone takes an eighth of the time."""
    return all(math.isfinite(end) for end in torch.aminmax(x))
