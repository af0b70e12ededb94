"""How strongly one cell of a network hangs on each pixel: its receptive field as it is, not as it could be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from cnnviz.layers import Layer
from cnnviz.network import forward
from cnnviz.shapes import ShapeError


def sensitivity(
    layers: Sequence[Layer], x: Tensor, parameters: Sequence[Mapping[str, Tensor]], cell: tuple[int, ...]
) -> Tensor:
    """|∂ cell / ∂ input|, added up over the input's channels.

    It is 0 outside the receptive field, and inside it where a ReLU is shut or a max pool took another cell.

    Args:
        x: one image, (1, C, H, W).
        parameters: for each layer the tensors of its `parameter_shapes`.
        cell: of the last layer's output, (channel, row, column) or (index,).
    Returns:
        (H, W), not negative.
    Raises:
        ShapeError: there is no such cell.
    Source: Luo et al. 2016, Understanding the effective receptive field in deep convolutional networks, section 2.
    """
    pixels = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        output = forward(layers, pixels, parameters)[-1].output[0]
        if len(cell) != output.ndim or any(not 0 <= at < size for at, size in zip(cell, output.shape)):
            raise ShapeError(f"the output is {tuple(output.shape)}: there is no cell {cell}")
        (gradient,) = torch.autograd.grad(output[cell], pixels, allow_unused=True)
    return torch.zeros(x.shape[2:]) if gradient is None else gradient[0].abs().sum(0)
