"""Train the networks that are shipped, and write them to a folder, bit for bit the same on the same kind of machine.

    python assets/train_networks.py [folder [name …]]       (`make weights`: all, into assets/trained)

Some minutes. Their held-out accuracy, measured then, is written beside them; a test measures it again.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from cnnviz.datasets import DATASETS, Examples, varied_shapes
from cnnviz.network_text import parse_network
from cnnviz.trained_networks import FOLDER, TrainedNetwork, write
from cnnviz.training import Recipe, Training


@dataclass(frozen=True)
class Plan:
    """What a network is to become."""

    title: str
    about: str
    text: str
    dataset: str
    recipe: Recipe
    varied: int = 0


PLANS = {
    "digits": Plan(
        "Digits",
        "Two convolutions on 8×8 digits, then a pool and one fully connected layer. It learned from digits that were "
        "shifted, turned and sized a little, so that it knows those of other hands.",
        "conv:16@3x3,same|norm|relu|conv:32@3x3,same|norm|relu|max:2|flatten|linear:10|softmax",
        "digits",
        Recipe("adam", rate=0.001, batch=64, epochs=50, weight_decay=1e-4, augmentation="affine"),
    ),
    "shapes": Plan(
        "Shapes",
        "Three convolutions with batch norm. The first two step by two pixels, so what the third finds is seen on maps "
        "of 8×8 cells. It learned from shapes as people draw them too: large, in any colours, or outlined.",
        "conv:16@5x5,s2,same|norm|relu|conv:32@3x3,s2,same|norm|relu|conv:64@3x3,same|norm|relu|max:2|flatten|linear:10"
        "|softmax",
        "shapes",
        Recipe("adam", rate=0.0012, batch=128, epochs=20, weight_decay=1e-4, augmentation="flip"),
        varied=24_000,
    ),
    "shapes-lesson": Plan(
        "Shapes, by the lesson's network",
        "One convolution of 12 filters, one pool and one fully connected layer: it sees 3×3 pixels at a time, and a "
        "shape in another place or turned is nearly a new one to it. That is why it is wrong so often.",
        "conv:12@3x3,same|relu|max:2|flatten|linear:10|softmax",
        "shapes",
        Recipe("adam", rate=0.001, batch=64, epochs=20),
    ),
}


def train(name: str, plan: Plan, folder: Path) -> TrainedNetwork:
    """Follow a plan to its end."""
    data = DATASETS[plan.dataset]()
    if plan.varied:
        both = data.training, varied_shapes(plan.varied)
        pixels, labels = np.concatenate([part.pixels for part in both]), np.concatenate([part.labels for part in both])
        data = replace(data, training=Examples(pixels, labels))
    training = Training(parse_network(plan.text), data, plan.recipe)
    for _ in range(training.steps):
        training.step()
    _, held_out = training.measure()
    network = TrainedNetwork(
        name, plan.title, plan.about, plan.text, plan.dataset, data.shape, data.classes, plan.recipe,
        round(held_out.accuracy, 6), torch.__version__.split("+")[0], plan.varied,
    )  # fmt: skip
    write(network, training, folder)
    return network


def main() -> None:
    torch.set_num_threads(1)  # one order of adding up
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for name in sys.argv[2:] or PLANS:
        network = train(name, PLANS[name], folder)
        print(f"{name}: {network.accuracy:.1%} of the pictures held out")


if __name__ == "__main__":
    main()
