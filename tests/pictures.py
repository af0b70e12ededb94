"""Made-up pictures, as a page has them."""

from __future__ import annotations

import random

import numpy as np
import torch

from cnnviz.ui.chosen_image import Chosen


def picture(rng: random.Random, channels: int, height: int, width: int) -> Chosen:
    """Noise in the levels that pictures have."""
    levels = np.random.default_rng(rng.randrange(2**32)).integers(0, 256, (1, channels, height, width))
    return Chosen(torch.from_numpy((levels / np.float32(255)).astype(np.float32)), "noise", None, 1)
