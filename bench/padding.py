"""What wide padding costs a depthwise convolution: torch's own against padding first, as `functional.conv2d` does.

    python bench/padding.py

Prints milliseconds by one thread, the shortest of a few rounds, and their ratio: 1 where torch is left to pad.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))
from cnnviz.functional import conv2d

ROUNDS = 3
# channels, side of the picture, side of the kernel, dilation, padding
CASES = [(3, 1024, 15, 1, 7), (3, 256, 13, 1, 6), (16, 128, 15, 1, 7), (16, 128, 3, 1, 3), (16, 128, 5, 4, 8)]


def shortest(convolve: Callable[..., Tensor], x: Tensor, weight: Tensor, dilation: int, padding: int) -> float:
    """Milliseconds of the shortest round."""
    rounds = []
    for _ in range(ROUNDS):
        began = perf_counter()
        convolve(x, weight, dilation=dilation, padding=padding, groups=x.shape[1])
        rounds.append(1000 * (perf_counter() - began))
    return min(rounds)


def main() -> None:
    torch.set_num_threads(1)
    for channels, side, kernel, dilation, padding in CASES:
        x, weight = torch.rand(1, channels, side, side), torch.rand(channels, 1, kernel, kernel)
        theirs, ours = (shortest(convolve, x, weight, dilation, padding) for convolve in (F.conv2d, conv2d))
        name = f"{kernel}×{kernel} on {channels}×{side}×{side}, dilation {dilation}, padding {padding}"
        print(f"{name}: torch {theirs:.1f} ms, ours {ours:.1f} ms, {theirs / ours:.1f} ×")


if __name__ == "__main__":
    main()
