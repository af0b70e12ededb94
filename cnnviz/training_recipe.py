"""How a network is taught: a recipe, checked before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass

from cnnviz.augmentation import AUGMENTATIONS
from cnnviz.kernels import INITIALISATIONS
from cnnviz.optimisers import OPTIMISERS, OptimiserName


class TrainingError(ValueError):
    """A recipe that cannot be followed, or a training that ran away. The message is a sentence for a person."""


@dataclass(frozen=True)
class Recipe:
    """How a network is taught.

    rate: the learning rate, above 0. batch: pictures a step. weight_decay: at least 0. augmentation: its name.
    init, seed: as `network_weights.draw_weights` takes them; the seed decides on all else that is drawn too.
    """

    optimiser: OptimiserName = "adam"
    rate: float = 0.002
    batch: int = 32
    epochs: int = 10
    seed: int = 0
    weight_decay: float = 0.0
    augmentation: str = "none"
    init: str = "pytorch"

    def __post_init__(self) -> None:
        if self.optimiser not in OPTIMISERS:
            raise TrainingError(f"There is no optimiser {self.optimiser!r:.20}: there are {', '.join(OPTIMISERS)}.")
        if self.augmentation not in AUGMENTATIONS:
            raise TrainingError(
                f"Pictures are not changed by {self.augmentation!r:.20}: by {', '.join(AUGMENTATIONS)}."
            )
        if not 0 < self.rate <= 100:
            raise TrainingError(f"The rate is a number above 0, up to 100, not {self.rate:g}.")
        if not 0 <= self.weight_decay <= 1:
            raise TrainingError(f"Weight decay is a number from 0 to 1, not {self.weight_decay:g}.")
        if self.init not in INITIALISATIONS:
            raise TrainingError(f"Weights are not drawn by {self.init!r:.20}: by {', '.join(INITIALISATIONS)}.")
        if not all(isinstance(number, int) for number in (self.batch, self.epochs, self.seed)):
            raise TrainingError("Pictures a step, epochs and the seed are whole numbers.")
        if self.batch < 1 or self.epochs < 1:
            raise TrainingError("A training needs at least one picture a step, and one epoch.")
        if not 0 <= self.seed < 2**63:
            raise TrainingError("The seed is a whole number from 0 to 2^63 - 1.")
