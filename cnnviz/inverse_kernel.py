"""Take a filter back: the kernel that undoes it, as far as a kernel can."""

from __future__ import annotations

from torch import Tensor

from cnnviz.functional import conv2d
from cnnviz.kernel_loss import kernel_loss
from cnnviz.quadratic_loss import KernelLearningError, KernelLoss
from cnnviz.shapes import Size, pair, times


def inverse_loss(
    x: Tensor, kernel: Tensor, kernel_size: Size, *, bias: bool = False, ridge: float = 1e-6
) -> KernelLoss:
    """How far each kernel g is from undoing a filter f on a picture: the mean of (g * (f * x) − x)², away from the rim.

    Args:
        x: (N, 1, H, W).
        kernel: f, (height, width).
        kernel_size: of g. An odd total of f's and g's sides keeps the picture in its place.
        bias: whether g may add a number; it brings back a mean that f has taken away.
        ridge: holds those weights small that the filtered picture does not determine, see `kernel_loss`.
    Raises:
        KernelLearningError: the picture is too small for both kernels, or nothing of it is left.
    """
    filtered = conv2d(x.double(), kernel.detach().double()[None, None])
    height, width = (f + g - 2 for f, g in zip(kernel.shape, pair(kernel_size, "kernel_size")))
    rows, columns = x.shape[2] - height, x.shape[3] - width
    if min(rows, columns) < 1:
        raise KernelLearningError(f"A picture of {times(x.shape[2:])} is too small for both kernels.")
    wanted = x[:, :, height // 2 : height // 2 + rows, width // 2 : width // 2 + columns]
    return kernel_loss(filtered, wanted, kernel_size, padding="valid", bias=bias, ridge=ridge)
