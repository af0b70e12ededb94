"""One cell of a stage, computed again by another route than the stages took, and held against them.

Patches are unfolded and multiplied with the filter in double precision, in which products of single-precision
numbers are exact; activation and pooling follow, in double precision too. No more is computed than what stands
behind the cell. The padding is taken as it is: `windows.explain_conv` finds it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz.layers import Activation, AdaptivePool2d, Conv2d, GlobalPool2d, Layer, Pool2d, Shape
from cnnviz.network import Stage
from cnnviz.receptive_fields import check_cell
from cnnviz.shapes import ShapeError, adaptive_edges, pair

AnyPool = Pool2d | GlobalPool2d | AdaptivePool2d
Parameters = Sequence[Mapping[str, Tensor]]
ROUNDING = 1e-5  # of the size of all that is added up: float32 keeps seven digits of each step
TINY = torch.finfo(torch.float32).tiny
EPSILON = 2 * torch.finfo(torch.float32).eps
BUDGET = 5_000_000  # multiply-adds that one cell of a softmax over all may cost: about 0.1 s
_SUMMARIES: dict[str, Callable[[Tensor], Tensor]] = {
    "max": torch.amax,
    "avg": torch.mean,
    "min": torch.amin,
    "l2": torch.linalg.vector_norm,
}


@dataclass(frozen=True)
class Recomputed:
    """A cell, computed again.

    value: of the pinned cell, float64.
    sums: how many cells of the convolution stand behind it: 1 for a cell of the convolution or of a pointwise
        activation; for a pool those under its window, padding not counted; for a softmax all that it adds up.
    delta: max |difference| over these sums and the pinned cell itself, between this route and what the stages
        hold; NaN where the stages hold one.
    tolerance: how far from `value` the pinned cell may be in single precision.
    agrees: whether every sum and the pinned cell are as near as single precision allows.
    """

    value: float
    sums: int
    delta: float
    tolerance: float
    agrees: bool


def recompute(
    stages: Sequence[Stage], parameters: Parameters, name: str, channel: int, row: int, col: int
) -> Recomputed | None:
    """The cell (channel, row, col) of the stage `name`, from the padded input on.

    Args:
        stages: what `network.forward` returned, of one convolution, perhaps an activation, perhaps a pool; N = 1.
        parameters: what it was given.
        name: "input", "padded", "conv", "activation" or "pool".
    Returns:
        None where no convolution stands behind the stage ("input", "padded"), or where the cell needs a softmax
        over all cells and these cost more than BUDGET.
    Raises:
        ShapeError: there is no such stage, or it has no such cell.
    """
    named = {stage.name: stage for stage in stages}
    if name not in named:
        raise ShapeError(f"there is no stage {name!r}, only {', '.join(named)}")
    pinned = named[name].output[0]
    if not 0 <= channel < len(pinned):
        raise ShapeError(f"the {name} stage has {len(pinned)} channels: there is no channel {channel}")
    check_cell(f"{name} stage", (pinned.shape[1], pinned.shape[2]), row, col)
    if name in ("input", "padded"):
        return None
    conv, maps = named["conv"].layer, named["conv"].output[0]
    assert isinstance(conv, Conv2d)
    activation = named["activation"].layer if name != "conv" and "activation" in named else None
    pool = named["pool"].layer if name == "pool" else None

    window = range(row, row + 1), range(col, col + 1)
    if isinstance(pool, AnyPool):
        window = _window(pool, tuple(maps.shape), row, 0), _window(pool, tuple(maps.shape), col, 1)
    channels, (rows, cols) = range(channel, channel + 1), window
    if isinstance(activation, Activation) and activation.name == "softmax":
        channels = range(len(maps))
        if dict(activation.parameters).get("over") == "all":
            if conv.macs(tuple(named["input"].output.shape[1:])) > BUDGET:
                return None
            rows, cols = range(maps.shape[1]), range(maps.shape[2])

    padded = named.get("padded", named["input"]).output[0]
    sums, sizes = _sums(padded, conv, parameters[0], channels, rows, cols)
    values = activation(sums[None])[0] if activation else sums
    spread = _spread(activation, sums, values, ROUNDING * sizes)
    cell = channels.index(channel), [[rows.index(r)] for r in window[0]], [cols.index(c) for c in window[1]]
    value, slack = values[cell].squeeze(), spread[cell].squeeze()
    if isinstance(pool, AnyPool):
        value = _SUMMARIES[pool.kind](values[cell])
        slack = _SUMMARIES["max" if pool.kind == "min" else pool.kind](spread[cell])
    off = (sums - maps[_slice(channels), _slice(rows), _slice(cols)]).abs()
    last = (value - pinned[channel, row, col]).abs()
    is_square = isinstance(pool, AnyPool) and pool.kind == "l2"  # which is 0 where the square of a number is too small
    tolerance = slack + ROUNDING * value.abs() + TINY ** (0.5 if is_square else 1)
    agrees = bool((off <= ROUNDING * sizes).all() and last <= tolerance)
    # torch.maximum, because Python's max may lose a NaN
    delta = torch.maximum(off.amax(), last)
    return Recomputed(value.item(), sums.numel(), delta.item(), tolerance.item(), agrees)


def _spread(activation: Layer | None, sums: Tensor, values: Tensor, errors: Tensor) -> Tensor:
    """How far each value of the activation may be off where the sums are off by up to `errors`."""
    if not isinstance(activation, Activation):
        return errors
    if activation.name == "softmax":
        return values * torch.expm1(2 * errors.amax())  # all shares alike: its logarithm is off by two such errors
    spread = torch.maximum(*((activation((sums + sign * errors)[None])[0] - values).abs() for sign in (1, -1)))
    return spread + EPSILON * (1 + sums.abs())  # what the function itself rounds: x · (1 + erf …) is a small difference


def _window(pool: AnyPool, shape: Shape, position: int, axis: int) -> range:
    """The rows (axis 0) or columns (1) of a map (C, H, W) under the window; what hangs over the edge is no cell."""
    if isinstance(pool, GlobalPool2d):
        return range(shape[1 + axis])
    if isinstance(pool, AdaptivePool2d):
        starts, stops = adaptive_edges(shape[1 + axis], pair(pool.output_size, "")[axis])
        return range(starts[position], stops[position])
    kernel, stride, step = (pair(size, "")[axis] for size in (pool.kernel_size, pool.stride, pool.dilation))
    start = position * stride - pool.padding4(shape)[2 * axis]
    end = min(start + step * (kernel - 1) + 1, shape[1 + axis])
    return range(start if start >= 0 else start % step, end, step)


def _sums(
    padded: Tensor, conv: Conv2d, parameters: Mapping[str, Tensor], channels: range, rows: range, cols: range
) -> tuple[Tensor, Tensor]:
    """These cells of the convolution of a map (C, H, W), and what they were if nothing that is added up were below 0.

    Returns:
        both (channels, rows, cols), float64.
    """
    kernel, (down, across), (gap_down, gap_across) = (
        pair(size, "") for size in (conv.kernel_size, conv.stride, conv.dilation)
    )
    filters = parameters["weight"].double().flatten(1)
    left, right = cols[0] * across, cols[-1] * across + gap_across * (kernel[1] - 1) + 1
    lines = []
    for row in rows:  # line by line, because the patches of all lines may be hundreds of times the map
        top, bottom = row * down, row * down + gap_down * (kernel[0] - 1) + 1
        band = padded[None, :, top:bottom:gap_down, left:right].double()
        patches = F.unfold(band, kernel, dilation=(1, gap_across), stride=(1, across * cols.step))
        groups = patches.reshape(conv.groups, -1, len(cols))
        for c in channels:
            group = groups[c * conv.groups // conv.out_channels]
            lines.append(torch.stack([filters[c] @ group, filters[c].abs() @ group.abs()]))
    sums, sizes = torch.stack(lines).reshape(len(rows), len(channels), 2, len(cols)).permute(2, 1, 0, 3)
    if "bias" in parameters:
        bias = parameters["bias"].double()[_slice(channels), None, None]
        return sums + bias, sizes + bias.abs()
    return sums, sizes


def _slice(indices: range) -> slice:
    return slice(indices.start, indices.stop, indices.step)
