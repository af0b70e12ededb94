"""The weights that torch itself draws for a convolution, by the names of our methods."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

INITS: dict[str, Callable[[Tensor], Tensor]] = {
    "uniform": lambda weight: nn.init.uniform_(weight, -1, 1),
    "normal": nn.init.normal_,
    "kaiming_uniform": lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="relu"),
    "kaiming_normal": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_,
}


def drawn(method: str, count: int, channels: int, size: tuple[int, int], seed: int) -> tuple[Tensor, Tensor]:
    """Weight (count, channels, *size) and bias (count,) right after torch.manual_seed(seed)."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if method == "pytorch":
            layer = nn.Conv2d(channels, count, size)
            return layer.weight.detach(), layer.bias.detach()
        return INITS[method](torch.empty(count, channels, *size)), torch.zeros(count)
