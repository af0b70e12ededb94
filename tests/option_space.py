"""The option space of sliding windows as hypothesis strategies, and oracles written as plain NumPy loops."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

MODES = ("zeros", "constant", "reflect", "replicate", "circular")
KINDS = ("max", "avg", "min", "l2")

strides = st.integers(1, 4)
dilations = st.integers(1, 3)
kernels = st.one_of(st.integers(1, 4), st.integers(1, 15))  # small ones twice as often
paddings = st.one_of(  # "same" most often: it has most cases
    st.sampled_from(["valid", "same"]),
    st.just("same"),
    st.integers(0, 4),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
)


def pairs(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    """A number, or a (height, width) of two."""
    return st.one_of(numbers, st.tuples(numbers, numbers))


def both(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


@st.composite
def windows(draw: st.DrawFn, tiny: bool = False) -> tuple[tuple[int, int], dict[str, Any]]:
    """An image size and kernel_size, stride, padding, dilation; they fit most of the time."""
    options = {
        "kernel_size": draw(pairs(st.integers(1, 5) if tiny else kernels)),
        "stride": draw(pairs(strides)),
        "padding": draw(paddings),
        "dilation": draw(pairs(dilations)),
    }
    if options["padding"] == "same" or draw(st.integers(0, 3)) == 0:
        size = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    else:
        k, d = both(options["kernel_size"]), both(options["dilation"])
        p = (0, 0) if isinstance(options["padding"], str) else both(options["padding"])
        least = [max(d[a] * (k[a] - 1) + 1 - 2 * p[a], 1) for a in (0, 1)]
        size = least[0] + draw(st.integers(0, 6)), least[1] + draw(st.integers(0, 6))
    return size, options


@st.composite
def convolutions(draw: st.DrawFn, tiny: bool = False) -> tuple[tuple[int, int, int], int, dict[str, Any]]:
    """An input shape, a number of output channels, and all options of a convolution."""
    size, options = draw(windows(tiny))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    in_channels = draw(st.sampled_from([n for n in (1, 2, 3, 4) if n % groups == 0]))
    options |= {
        "groups": groups,
        "padding_mode": draw(st.sampled_from(["zeros", *MODES])),
        "padding_value": draw(st.sampled_from([0.0, 0.5, -2.0])),
    }
    return (in_channels, *size), groups * draw(st.integers(1, 2)), options


def numbers(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(dtype)


def naive_sides(n: int, k: int, s: int, d: int, padding: Any, axis: int) -> tuple[int, int]:
    """Padding before and after; "same" as the least total with which ceil(n / s) windows fit."""
    if padding == "valid":
        return 0, 0
    if padding != "same":
        return both(padding)[axis], both(padding)[axis]
    wanted = -(-n // s)
    total = next(t for t in count() if len(naive_starts(n + t, k, s, d)) >= wanted)
    return total // 2, total - total // 2


def naive_starts(padded: int, k: int, s: int, d: int) -> list[int]:
    """Where windows begin: every s-th place from which all of the window lies inside."""
    return [start for start in range(0, padded, s) if start + (k - 1) * d < padded]


def naive_geometry(size: tuple[int, int], options: dict[str, Any]) -> tuple[list[tuple[int, int]], list[list[int]]]:
    """For rows and columns: the padding on both sides, and where windows begin in the padded image."""
    k, s, d = both(options["kernel_size"]), both(options["stride"]), both(options["dilation"])
    sides = [naive_sides(size[a], k[a], s[a], d[a], options["padding"], a) for a in (0, 1)]
    return sides, [naive_starts(size[a] + sum(sides[a]), k[a], s[a], d[a]) for a in (0, 1)]


def naive_pad(x: np.ndarray, sides: list[tuple[int, int]], mode: str, value: float) -> np.ndarray | None:
    """x (C, H, W) padded, or None where the mode has not enough pixels."""
    short = {"reflect": 1, "circular": 0}.get(mode)
    if short is not None and any(max(sides[a]) > x.shape[1 + a] - short for a in (0, 1)):
        return None
    if mode == "circular":  # np.pad's "wrap", written out
        rows, cols = (np.arange(-sides[a][0], x.shape[1 + a] + sides[a][1]) % x.shape[1 + a] for a in (0, 1))
        return x[:, rows][:, :, cols]
    widths = [(0, 0), *sides]
    if mode in ("zeros", "constant"):
        return np.pad(x, widths, constant_values=value if mode == "constant" else 0.0)
    return np.pad(x, widths, mode="reflect" if mode == "reflect" else "edge")


def naive_patches(padded: np.ndarray, starts: list[list[int]], options: dict[str, Any]) -> np.ndarray:
    """(H_out, W_out, C, kernel height, kernel width)."""
    k, d = both(options["kernel_size"]), both(options["dilation"])
    rows, cols = ([slice(start, start + d[a] * k[a], d[a]) for start in starts[a]] for a in (0, 1))
    return np.array([[padded[:, row, col] for col in cols] for row in rows])


def naive_conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, options: dict[str, Any]) -> np.ndarray | None:
    """(C_out, H_out, W_out) of one image (C, H, W), or None where something does not fit."""
    sides, starts = naive_geometry(x.shape[1:], options)
    padded = naive_pad(x, sides, options["padding_mode"], options["padding_value"])
    if padded is None or not starts[0] or not starts[1]:
        return None
    patches = naive_patches(padded, starts, options)
    per_group, outs = weight.shape[1], weight.shape[0] // options["groups"]
    maps = []
    for channel, kernel in enumerate(weight):
        first = channel // outs * per_group
        maps.append((patches[:, :, first : first + per_group] * kernel).sum((2, 3, 4)) + bias[channel])
    return np.array(maps)


def naive_pool(x: np.ndarray, kind: str, options: dict[str, Any]) -> np.ndarray | None:
    """(C, H_out, W_out) of one image (C, H, W), or None; padding is NaN, which each summary skips."""
    sides, starts = naive_geometry(x.shape[1:], options)
    if not starts[0] or not starts[1]:
        return None
    patches = naive_patches(np.pad(x, [(0, 0), *sides], constant_values=np.nan), starts, options)
    if np.isnan(patches).all((3, 4)).any():
        return None
    if kind == "l2":
        return np.sqrt(np.nansum(patches**2, (3, 4))).transpose(2, 0, 1)
    summaries: dict[str, Any] = {"max": np.nanmax, "min": np.nanmin, "avg": np.nanmean}
    return summaries[kind](patches, (3, 4)).transpose(2, 0, 1)


def naive_adaptive(size: int, out: int) -> list[list[int]]:
    """The cells of each window: those that share more than an edge with the i-th of `out` equal parts of the axis."""
    return [[c for c in range(size) if c * out < (i + 1) * size and (c + 1) * out > i * size] for i in range(out)]
