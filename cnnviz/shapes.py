"""The arithmetic of windows: padding, output sizes, and cells per window. Plain integers, no torch.

Every size is (height, width); every padding is (top, bottom, left, right).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

Pair = tuple[int, int]
Size = int | Pair
Padding = str | int | Pair
Padding4 = tuple[int, int, int, int]


class ShapeError(ValueError):
    """Sizes that cannot work together. The message names them and is meant for the person who chose them."""


def pair(value: Size | Sequence[int], name: str, minimum: int = 1) -> Pair:
    """An int or (height, width) as (height, width).

    Raises:
        ShapeError: not one or two whole numbers, or one below `minimum`.
    """
    try:
        first, second = (value, value) if isinstance(value, int) else value
        height, width = operator.index(first), operator.index(second)
    except (TypeError, ValueError):
        raise ShapeError(f"{name} must be a whole number or a pair (height, width), not {value!r}") from None
    if min(height, width) < minimum:
        raise ShapeError(f"{name} must be at least {minimum}, not {times((height, width))}")
    return height, width


def times(size: Sequence[int]) -> str:
    """(3, 5) as 3×5."""
    return "×".join(str(number) for number in size)


def normalise_padding(padding: Padding) -> str | Pair:
    """ "valid" and "same" as they are, an int as a pair.

    Raises:
        ShapeError: another word, or a negative number.
    """
    if isinstance(padding, str):
        if padding not in ("valid", "same"):
            raise ShapeError(f'padding must be "valid", "same", a number or a pair, not {padding!r}')
        return padding
    return pair(padding, "padding", minimum=0)


def resolve_padding(
    padding: Padding, input_size: Size, kernel_size: Size, stride: Size = 1, dilation: Size = 1
) -> Padding4:
    """How many rows and columns `padding` adds on each side.

    "same" is TensorFlow's: out = ceil(in / stride) and a total of
    max((out - 1)·stride + dilation·(kernel - 1) + 1 - in, 0), of which the odd pixel goes after. It equals
    PyTorch's where PyTorch allows it (stride 1), and means the same for convolution and pooling.

    Returns:
        (top, bottom, left, right).
    Raises:
        ShapeError: an argument is not a size.
    Source: TensorFlow API guide, tf.nn, "Notes on padding".
    """
    kind = normalise_padding(padding)
    size, kernel = pair(input_size, "the input size"), pair(kernel_size, "kernel_size")
    steps, gaps = pair(stride, "stride"), pair(dilation, "dilation")
    if isinstance(kind, tuple):
        return kind[0], kind[0], kind[1], kind[1]
    if kind == "valid":
        return 0, 0, 0, 0
    height, width = (
        max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0) for n, k, s, d in zip(size, kernel, steps, gaps)
    )
    return height // 2, height - height // 2, width // 2, width - width // 2


def output_size(
    input_size: Size,
    kernel_size: Size,
    stride: Size = 1,
    padding: Padding = "valid",
    dilation: Size = 1,
    *,
    window: str = "kernel",
) -> Pair:
    """Size of the map that a window makes: floor((in + padding - dilation·(kernel - 1) - 1) / stride) + 1.

    Args:
        window: what the error message calls the window.
    Returns:
        (H_out, W_out).
    Raises:
        ShapeError: the dilated window is larger than the padded input, or an argument is not a size.
    Source: Dumoulin & Visin 2016, A guide to convolution arithmetic, sections 2.4 and 5.1.
    """
    size, kernel = pair(input_size, "the input size"), pair(kernel_size, "kernel_size")
    steps, gaps = pair(stride, "stride"), pair(dilation, "dilation")
    top, bottom, left, right = resolve_padding(padding, size, kernel, steps, gaps)
    padded = size[0] + top + bottom, size[1] + left + right
    extent = gaps[0] * (kernel[0] - 1) + 1, gaps[1] * (kernel[1] - 1) + 1
    if extent[0] > padded[0] or extent[1] > padded[1]:
        dilated = f" (dilated: {times(extent)})" if extent != kernel else ""
        raise ShapeError(f"{window} {times(kernel)}{dilated} does not fit the {_padded(size, padded, (top, left))}")
    return (padded[0] - extent[0]) // steps[0] + 1, (padded[1] - extent[1]) // steps[1] + 1


def pool_output_size(
    input_size: Size, kernel_size: Size, stride: Size, padding: Padding = "valid", dilation: Size = 1
) -> Pair:
    """As `output_size`, for a window that summarises cells and so needs one: padding is not a cell.

    Raises:
        ShapeError: also where a window lies in the padding alone.
    """
    out = output_size(input_size, kernel_size, stride, padding, dilation, window="window")
    size, kernel, steps, gaps = pair(input_size, ""), pair(kernel_size, ""), pair(stride, ""), pair(dilation, "")
    sides = resolve_padding(padding, size, kernel, steps, gaps)
    for a, axis in enumerate(("rows", "columns")):
        empty = _first_empty(size[a], kernel[a], steps[a], gaps[a], sides[2 * a], out[a])
        if empty is not None:
            window, image = times(kernel), times(size)
            raise ShapeError(
                f"with padding {sides} (top, bottom, left, right) the pooling window {window} at index "
                f"{empty} of the output {axis} covers padding only, and there is no cell to "
                f"summarise; the input is {image}: use less padding"
            )
    return out


def conv_transpose_output_size(
    input_size: Size, kernel_size: Size, stride: Size, padding: Size, output_padding: Size, dilation: Size
) -> Pair:
    """(in - 1)·stride - 2·padding + dilation·(kernel - 1) + output_padding + 1, for height and width.

    Raises:
        ShapeError: that is below 1, or output_padding is not below stride or dilation.
    """
    size, kernel = pair(input_size, "the input size"), pair(kernel_size, "kernel_size")
    s, d = pair(stride, "stride"), pair(dilation, "dilation")
    p, extra = pair(padding, "padding", 0), pair(output_padding, "output_padding", 0)
    for a in (0, 1):
        if extra[a] >= max(s[a], d[a]):
            raise ShapeError(f"output_padding {extra[a]} must be smaller than stride {s[a]} or dilation {d[a]}")
    height, width = ((size[a] - 1) * s[a] - 2 * p[a] + d[a] * (kernel[a] - 1) + extra[a] + 1 for a in (0, 1))
    if min(height, width) < 1:
        raise ShapeError(
            f"padding {times(p)} cuts everything away: the transposed convolution of an input {times(size)} "
            f"with a kernel {times(kernel)} would be {height}×{width}"
        )
    return height, width


def check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    """Raise ShapeError unless both channel counts split into `groups` equal parts."""
    if groups < 1 or in_channels % groups or out_channels % groups:
        raise ShapeError(f"{in_channels} input and {out_channels} output channels do not split into {groups} groups")


def cells_per_window(
    input_size: Size, kernel_size: Size, stride: Size, padding: Padding, dilation: Size
) -> tuple[list[int], list[int]]:
    """How many input rows each output row's window covers, and columns each output column's.

    Padding is not counted.
    """
    size, kernel = pair(input_size, "the input size"), pair(kernel_size, "kernel_size")
    steps, gaps = pair(stride, "stride"), pair(dilation, "dilation")
    out = output_size(size, kernel, steps, padding, gaps)
    sides = resolve_padding(padding, size, kernel, steps, gaps)
    rows, cols = (
        _covered(size[a], kernel[a], steps[a], gaps[a], sides[2 * a], sides[2 * a + 1], out[a]) for a in (0, 1)
    )
    return rows, cols


def adaptive_edges(size: int, out: int) -> tuple[list[int], list[int]]:
    """Where each of `out` windows along an axis of `size` cells begins, and the index at which it stops.

    Window i covers floor(i·size / out) … ceil((i + 1)·size / out) - 1. So windows overlap by a cell where the
    sizes do not divide, and repeat cells where out > size.

    Returns:
        (starts, stops), each `out` numbers; a stop is the first index that is no longer covered.
    Raises:
        ShapeError: size or out is below 1.
    Source: torch.nn.AdaptiveAvgPool2d, aten/src/ATen/native/AdaptivePooling.h, start_index and end_index.
    """
    if min(size, out) < 1:
        raise ShapeError(f"{size} cells cannot become {out}: both must be at least 1")
    return [i * size // out for i in range(out)], [-(-(i + 1) * size // out) for i in range(out)]


def _first_empty(size: int, kernel: int, stride: int, dilation: int, before: int, out: int) -> int | None:
    """The first of `out` windows along an axis that covers no cell."""
    if size < dilation:  # a window may step over all cells
        counts = _covered(size, kernel, stride, dilation, before, 0, out) if before else [1]
        return counts.index(0) if 0 in counts else None
    if dilation * (kernel - 1) < before:
        return 0
    beyond = -(-(size + before) // stride)  # the first that begins after the last cell
    return beyond if beyond < out else None


def _covered(size: int, kernel: int, stride: int, dilation: int, before: int, after: int, out: int) -> list[int]:
    if not (before or after):
        return [kernel] * out
    counts = []
    for start in range(-before, out * stride - before, stride):
        first = start if start >= 0 else start % dilation  # the smallest index >= 0 on the window's lattice
        last = min(start + dilation * (kernel - 1), size - 1)
        counts.append(max((last - first) // dilation + 1, 0))
    return counts


def _padded(size: Pair, padded: Pair, before: Pair) -> str:
    if padded == size:
        return f"input {times(size)}"
    added = padded[0] - size[0], padded[1] - size[1]
    if added[0] == added[1] == 2 * before[0] == 2 * before[1]:
        return f"padded input {times(padded)} ({times(size)} + 2·{before[0]})"
    return f"padded input {times(padded)} ({times(size)} + {added[0]} rows and {added[1]} columns)"
