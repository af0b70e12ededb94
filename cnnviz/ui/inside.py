"""What the page Inside looks into: a network that has learned, a picture, and what it is taken for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from cnnviz.answers import answers
from cnnviz.datasets import Dataset
from cnnviz.layers import Layer
from cnnviz.network import Summary, survey
from cnnviz.network_weights import Parameters
from cnnviz.perturbations import Perturbation
from cnnviz.trained_networks import TRAINED
from cnnviz.ui import PAGES
from cnnviz.ui.inside_picture import Picture, chosen_picture
from cnnviz.ui.limits import batched_steps
from cnnviz.ui.network import Network, follow
from cnnviz.ui.settings import MINE, SAID

KEY: Final = "trained"  # of what the session has trained
INSIDE: Final = PAGES / "network" / "inside.py"
MISTAKE_OF: Final = "mistake"  # in a link from the page Train, whose own `example` Streamlit takes out of the address
LAST: Final = "inside"  # of what was looked into last
ASKED: Final = 1000  # pictures held out that it is asked about at most
BUDGET: Final = 4_000_000_000  # multiply-adds, batched: half a second or less


@dataclass(frozen=True, eq=False)
class Trained:
    """A network that has learned. measured: its held-out accuracy, if that is known; else it is measured here."""

    layers: tuple[Layer, ...]
    parameters: Parameters
    data: Dataset
    title: str
    about: str = ""
    measured: float | None = None
    name: str = MINE

    @cached_property
    def summary(self) -> Summary:
        return survey(self.layers, self.data.shape)

    @cached_property
    def steps(self) -> int:
        """What a picture takes, in multiply-adds of the same time."""
        return batched_steps(self.layers, self.data.shape)

    @cached_property
    def last_maps(self) -> int:
        """The index of the last layer that makes maps; -1 if none does."""
        return max((i for i, row in enumerate(self.summary.rows) if len(row.output_shape) == 3), default=-1)

    def affords(self, times: int) -> int:
        """How many pictures it is asked about, of so many that are wanted."""
        return max(1, min(times, BUDGET // max(1, self.steps)))

    @cached_property
    def said(self) -> Tensor:
        """What it says of pictures held out, the first (n, K) of them."""
        some = min(self.affords(ASKED), len(self.data.held_out))
        return answers(self.layers, self.data.held_out.images(slice(0, some)), self.parameters)

    @cached_property
    def mistakes(self) -> np.ndarray:
        """The numbers of those that it gets wrong."""
        wrong: np.ndarray = np.flatnonzero(self.said.argmax(1).numpy() != self.data.held_out.labels[: len(self.said)])
        return wrong

    @property
    def accuracy(self) -> float:
        return 1 - len(self.mistakes) / len(self.said) if self.measured is None else self.measured


@lru_cache(maxsize=len(TRAINED))
def shipped(name: str) -> Trained:
    """One of the networks in assets/trained."""
    found = TRAINED[name]
    return Trained(
        found.layers, found.parameters(), found.data(), found.title, found.about, found.accuracy, found.name
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Inside:
    """One state of the page.

    network: with the picture as it was changed. before, after: what it says of the picture as it came and as it was
    changed, (K,) each. seen: what was worked out about it.
    """

    trained: Trained
    picture: Picture
    change: Perturbation
    network: Network
    before: Tensor
    after: Tensor
    seen: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.trained.data.classes

    @property
    def image(self) -> Tensor:
        """The picture that the network sees, (1, C, H, W)."""
        return self.network.image

    @property
    def best(self) -> int:
        """The class that it says."""
        return int(self.after.argmax())

    @cached_property
    def is_changed(self) -> bool:
        return not torch.equal(self.image, self.picture.image)

    @cached_property
    def works(self) -> bool:
        """Whether all of its numbers are such that a float32 holds them."""
        return self.network.overflows is None and bool(torch.isfinite(torch.cat([self.before, self.after])).all())

    def target(self, values: Mapping[str, Any]) -> int:
        """The class that is asked about: that of the address, else what the network says."""
        name = values["class"]
        return self.classes.index(name) if name != SAID and name in self.classes else self.best

    def layer(self, values: Mapping[str, Any]) -> int:
        """The layer that is open."""
        chosen = values["layer"]
        return max(0, self.trained.last_maps) if chosen is None else min(chosen, len(self.trained.layers) - 1)

    def pixel(self, values: Mapping[str, Any]) -> tuple[int, int]:
        """The pixel that is asked about; the one in the middle if none was chosen."""
        _, height, width = self.trained.data.shape
        row, col = values["pixel"] or (height // 2, width // 2)
        return min(row, height - 1), min(col, width - 1)


def take_mistake() -> None:
    """Make the held-out picture that a link names the one that is looked at. Call it before settings are read."""
    if (text := st.query_params.get(MISTAKE_OF)) is not None:
        del st.query_params[MISTAKE_OF]
        if text.isascii() and text.isdecimal() and len(text) < 9:
            st.session_state["example"] = float(text)


def trained_network(values: Mapping[str, Any]) -> Trained:
    """The network chosen; where nothing was trained yet, the first of those that are shipped."""
    own: Trained | None = st.session_state.get(KEY)
    if values["network"] == MINE:
        return own or shipped(next(iter(TRAINED)))
    return shipped(values["network"])


def look(values: Mapping[str, Any]) -> Inside:
    """What the settings say, and what the network makes of it."""
    trained = trained_network(values)
    picture = chosen_picture(trained.data, values["example"])
    change = perturbation(values, trained.data.shape[0])
    last: Inside | None = st.session_state.get(LAST)
    if last and (last.trained, last.picture, last.change) == (trained, picture, change):
        return last
    image = change(picture.image)
    network = follow(trained.layers, trained.summary, trained.parameters, image)
    before, after = (answers(trained.layers, x, trained.parameters)[0] for x in (picture.image, image))
    now = st.session_state[LAST] = Inside(trained, picture, change, network, before, after)
    return now


def perturbation(values: Mapping[str, Any], channels: int) -> Perturbation:
    """What is done to the picture before the network sees it: around ink there is paper, around colours their edge."""
    return Perturbation(
        degrees=values["turn"], right=values["right"], down=values["down"],
        edge="zeros" if channels == 1 else "replicate", row=values["cover_row"], col=values["cover_col"],
        size=values["cover"], noise=values["noise"], seed=values["seed"],
    )  # fmt: skip


def look_inside(layers: tuple[Layer, ...], parameters: Parameters, data: Dataset, title: str) -> None:
    """Keep a network that has been trained for this visit, and show the link to the page that looks inside.

    A link, no button: `switch_page` clears the address, and refuses to where widgets are bound to it.
    """
    st.session_state[KEY] = Trained(layers, parameters, data, title)
    st.page_link(INSIDE, label="Look inside it", icon=":material/visibility:", query_params={"network": MINE})
