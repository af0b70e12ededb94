"""What a filter does to each frequency of a picture, and what of that an inverse can take back.

A filter multiplies each frequency by a number. Where that is 0 the frequency is lost; where it is small an inverse has
to be large, and multiplies noise and rounding as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cnnviz.quadratic_loss import KernelLearningError
from cnnviz.shapes import Size, pair, times

LOST: Final = 1e-3  # of the strongest response


@dataclass(frozen=True, eq=False)
class Responses:
    """By what a filter, its inverse, and one after the other multiply each frequency: sizes, (size, size), 0 … .

    The middle is frequency 0, the mean; up and down are stripes that lie, left and right stripes that stand, at the rim
    two pixels a stripe pair. lost: bool, where the filter leaves less than LOST of its strongest response.
    """

    filter: Tensor
    inverse: Tensor
    both: Tensor
    lost: Tensor


def frequency_response(kernel: Tensor, size: Size) -> Tensor:
    """The size of a kernel's response to each frequency of a picture of (H, W): (H, W) float64, 0 in the middle.

    Raises:
        KernelLearningError: the kernel is larger than the picture.
    Source: Goodfellow et al. 2016, Deep learning, section 9.8 (convolution in the frequency domain).
    """
    return torch.fft.fftshift(spectrum(kernel, pair(size, "size")).abs())


def responses(kernel: Tensor, inverse: Tensor, size: int = 64) -> Responses:
    """What a filter and its inverse do to each frequency; where both together give 1 it comes back."""
    one, other = frequency_response(kernel, size), frequency_response(inverse, size)
    return Responses(one, other, one * other, one < LOST * float(one.max()))


def lost_share(kernel: Tensor, size: Size) -> float:
    """The share of the frequencies of a picture of (H, W) of which a kernel leaves less than LOST of its strongest."""
    response = frequency_response(kernel, size)
    return float((response < LOST * float(response.max())).double().mean())


def spectrum(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    """By what conv2d with "same" and circular padding multiplies each frequency, (H, W) complex."""
    height, width = kernel.shape
    if height > size[0] or width > size[1]:
        raise KernelLearningError(f"A kernel of {height}×{width} does not fit a picture of {times(size)}.")
    laid = torch.zeros(size, dtype=torch.float64)
    laid[:height, :width] = kernel.detach().double()
    laid = laid.roll((-((height - 1) // 2), -((width - 1) // 2)), (0, 1))
    return torch.fft.fft2(laid).conj()  # conj: the kernel is not flipped
