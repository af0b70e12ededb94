"""Where a training begins: for each dataset a network that learns it well, and a recipe that does it in a minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cnnviz.training import Recipe


@dataclass(frozen=True)
class Beginning:
    """A network, as `network_text` reads it, and how it is taught."""

    text: str
    recipe: Recipe


# By the names of `datasets.DATASETS`; bench/learning.py measures how long they take, and how well they do.
BEGINNINGS: Final[Mapping[str, Beginning]] = {
    "digits": Beginning(
        "conv:12@3x3,same|relu|max:2|conv:24@3x3,same|relu|max:2|flatten|linear:10|softmax",
        Recipe("adam", rate=0.003, batch=32, epochs=20),
    ),
    "shapes": Beginning(
        "conv:16@5x5,s2,same|norm|relu|conv:32@3x3,s2,same|norm|relu|conv:64@3x3,same|norm|relu|max:2|flatten|linear:10"
        "|softmax",
        Recipe("adam", rate=0.003, batch=64, epochs=12),
    ),
}
