"""The networks that are shipped with what they have learned, and how well they answer for pictures held out.

Each is two files in assets/trained: its weights, and what is true of them. assets/train_networks.py makes both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

from cnnviz.datasets import DATASETS, Dataset
from cnnviz.images import ASSETS
from cnnviz.layers import Layer, Shape
from cnnviz.network_text import parse_network
from cnnviz.network_weights import Parameters, draw_weights, fit_tensors, read_weights, weights_file
from cnnviz.training import Recipe, Training

FOLDER: Final = ASSETS / "trained"


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with its training behind it.

    name: of its files. text: as `network_text` reads it. dataset: a name in `DATASETS`. shape: of a picture, (C, H, W).
    classes: their names. accuracy: the share of right answers for pictures held out, as it was measured after training.
    version: of PyTorch, that it was trained with. varied: how many of `datasets.varied_shapes` it learned from, besides
    the pictures of its dataset.
    """

    name: str
    title: str
    about: str
    text: str
    dataset: str
    shape: Shape
    classes: tuple[str, ...]
    recipe: Recipe
    accuracy: float
    version: str
    varied: int = 0

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        return parse_network(self.text)

    def data(self) -> Dataset:
        """What it learned from, and what it was tested on; `varied` pictures are not among them."""
        return DATASETS[self.dataset]()

    def parameters(self) -> Parameters:
        """For each layer its tensors, read once: not to be changed."""
        return _read(self)


def _of(found: Mapping[str, Any]) -> TrainedNetwork:
    lists = {name: tuple(found[name]) for name in ("shape", "classes")}
    return TrainedNetwork(**{**found, **lists, "recipe": Recipe(**found["recipe"])})


@lru_cache(maxsize=16)
def _read(network: TrainedNetwork) -> Parameters:
    tensors = read_weights((FOLDER / f"{network.name}.safetensors").read_bytes())
    wanted = draw_weights(network.layers, network.shape, network.recipe.init, network.recipe.seed)
    parameters, problems = fit_tensors(network.layers, wanted, tensors)
    if problems:
        raise ValueError(f"{network.name}.safetensors are no weights of its network: {' '.join(problems)}")
    return parameters


def write(network: TrainedNetwork, training: Training, folder: Path) -> None:
    """Write what a training has come to as the two files that are read here."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{network.name}.safetensors").write_bytes(weights_file(training.layers, training.parameters))
    text = json.dumps(asdict(network), indent=2, ensure_ascii=False)
    (folder / f"{network.name}.json").write_text(f"{text}\n", encoding="utf-8")


# By name, in the order of the alphabet.
TRAINED: Final[Mapping[str, TrainedNetwork]] = {
    path.stem: _of(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.json"))
}
