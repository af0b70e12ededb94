"""How far a kernel is from making one picture of another: a bowl over its weights, known exactly.

The mean square difference between conv2d(x, w) + b and y is quadratic in the weights, so two passes over the picture
tell all of it: its gradient and its height at any kernel, its curvatures, its bottom. A step of gradient descent then
costs n² multiplications for n weights, and not a pass over the picture; the gradient is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import torch
from torch import Tensor

from cnnviz.shapes import Pair, times

_DETERMINED: Final = 1e-12  # of the largest curvature: what is smaller is rounding


class KernelLearningError(ValueError):
    """No kernel can be learned from this, or the descent ran away. The message is a sentence for a person."""


@dataclass(frozen=True, eq=False)
class KernelLoss:
    """The loss at every kernel: ½ wᵀ·hessian·w − slope·w + constant. All numbers are float64.

    kernel_size: (height, width). bias: whether the last weight is one. hessian: (n, n), twice the mean of patchᵀ·patch
    (the Gram matrix of the patches, which is the picture's autocorrelation), plus 2·ridge on its diagonal.
    slope: (n,), twice the mean of patch·y. constant: the mean of y². cells: how many outputs are compared.
    """

    kernel_size: Pair
    bias: bool
    hessian: Tensor
    slope: Tensor
    constant: float
    cells: int

    def __len__(self) -> int:
        return len(self.slope)

    def weights(self, kernel: Tensor, bias: float = 0.0) -> Tensor:
        """A kernel (height, width) as the weights here, (n,): row by row, the bias last."""
        if tuple(kernel.shape) != self.kernel_size:
            raise KernelLearningError(f"The kernel is {times(kernel.shape)}, not {times(self.kernel_size)}.")
        flat = kernel.detach().double().flatten()
        return torch.cat([flat, torch.tensor([bias], dtype=torch.float64)]) if self.bias else flat

    def kernel(self, weights: Tensor) -> Tensor:
        """Weights (…, n) as kernels (…, height, width), without the bias."""
        height, width = self.kernel_size
        return weights[..., : height * width].reshape(*weights.shape[:-1], height, width)

    def gradient(self, weights: Tensor) -> Tensor:
        """∂ loss / ∂ weights, for weights (n,) or (…, n)."""
        return weights @ self.hessian - self.slope

    def loss(self, weights: Tensor) -> Tensor:
        """The loss, for weights (…, n). It is added up from the bottom, so that small ones do not drown in rounding."""
        along = (weights - self.optimum) @ self.directions
        return self.least + 0.5 * (along.square() @ self.curvatures)

    @cached_property
    def _eigen(self) -> tuple[Tensor, Tensor]:
        values, vectors = torch.linalg.eigh(self.hessian)
        return values.clamp(min=0), vectors

    @property
    def curvatures(self) -> Tensor:
        """(n,), the eigenvalues of the hessian, smallest first, none negative."""
        return self._eigen[0]

    @property
    def directions(self) -> Tensor:
        """(n, n), in each column the direction of unit length that belongs to a curvature.

        Neighbouring pixels are alike, so the steepest is nearly the blur that all weights form together: pictures have
        no negative values, and a kernel's sum meets their mean. A kernel with sum 0 lies where that direction is 0.
        """
        return self._eigen[1]

    @property
    def largest(self) -> float:
        """The largest curvature; plain gradient descent is stable at rates below 2 / largest."""
        return float(self.curvatures[-1])

    @cached_property
    def determined(self) -> Tensor:
        """(n,) bool: along which directions the picture tells kernels apart. One edge alone leaves many open."""
        return self.curvatures > _DETERMINED * self.largest

    @cached_property
    def smallest(self) -> float:
        """The smallest curvature of those that are determined."""
        return float(self.curvatures[self.determined][0])

    @property
    def condition(self) -> float:
        """How much steeper the steepest direction is than the flattest one: plain descent takes about so many steps."""
        return self.largest / self.smallest

    @cached_property
    def optimum(self) -> Tensor:
        """(n,), the weights at the bottom, in closed form; of several, those with the smallest sum of squares.

        Source: Goodfellow et al. 2016, Deep learning, section 4.5 (linear least squares) and 2.9 (pseudoinverse).
        """
        vectors = self.directions[:, self.determined]
        return vectors @ ((self.slope @ vectors) / self.curvatures[self.determined])

    @cached_property
    def least(self) -> float:
        """The loss at the bottom: 0 where a kernel of this size does exactly that to the picture."""
        return max(self.constant - 0.5 * float(self.slope @ self.optimum), 0.0)
