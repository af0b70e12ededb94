"""What one cell of a network sees of the picture: in theory, and as the gradient measures it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

from cnnviz import figures
from cnnviz.layers import Linear
from cnnviz.receptive_fields import reads
from cnnviz.sensitivity import sensitivity
from cnnviz.shapes import pair
from cnnviz.ui.network import Network

SIDE = 240  # px of a picture, about
MOST_READ = 2_000_000  # rows and columns of windows, of all layers: about a third of a second
DIM = 0.25  # how bright the picture is outside of what is seen


def fields(network: Network, index: int, values: Mapping[str, Any]) -> None:
    """Show both for the pinned cell of a layer, else for the one in the middle of its first map."""
    cell = _cell(network, index, values)
    layers = network.layers[: index + 1]
    place = cell[1:] if len(cell) == 3 else _place_of(network, index, cell[0])
    if _reading(network, index) > MOST_READ:
        st.caption("Its windows are too many and too large to be followed back to the picture here.")
        return
    key = (index, *cell)
    if key not in network.seen:
        found = sensitivity(layers, network.image, network.parameters[: index + 1], cell).numpy()
        network.seen[key] = *reads(layers, network.shape, *place), found
    rows, columns, measured = network.seen[key]
    where = f"map {cell[0]}, row {cell[1]}, column {cell[2]}" if len(cell) == 3 else f"output {cell[0]}"
    st.markdown(f"**What {where} sees of the picture**")
    left, right, _ = st.columns([1, 1, 1.2], gap="small")
    with left:
        st.image(_enlarged(_lit(network, rows, columns)), output_format="PNG")
        st.caption(f"In theory: {len(rows)}×{len(columns)} pixels{_span(rows, columns)}.")
    with right:
        shown = np.nan_to_num(measured, nan=0, posinf=0)
        colors = figures.color_range(0.0, float(shown.max()))
        st.image(_enlarged(figures.colored(shown, colors)), output_format="PNG")
        st.caption(_told(measured))


def _told(measured: np.ndarray) -> str:
    about = "Measured: how much the cell changes with each pixel, |∂cell/∂pixel|"
    if not np.isfinite(measured).all():
        return f"{about}: more than a float32 can hold."
    if not measured.any():
        return f"{about}. Here not at all: somewhere on the way an activation is flat, as a ReLU is below 0."
    return f"{about}, up to {measured.max():.3g}; {np.count_nonzero(measured):,} pixels count at all."


def _cell(network: Network, index: int, values: Mapping[str, Any]) -> tuple[int, ...]:
    shape = network.outputs[index + 1].shape[1:]
    pin = values["pin"]
    if len(shape) == 1:
        is_pinned = pin and pin[0] == str(index) and pin[2] < shape[0]
        return (pin[2] if is_pinned else min(values["unit"], shape[0] - 1),)
    if pin and pin[0] == str(index):
        channel = pin[3] if len(pin) > 3 else 0
        cell = channel, pin[1], pin[2]
        if all(at < size for at, size in zip(cell, shape)):
            return cell
    return 0, shape[1] // 2, shape[2] // 2


def _place_of(network: Network, index: int, unit: int) -> tuple[int, int]:
    """Where a vector's value lies on the map that it was; (0, 0) where it has no place any more."""
    for at in range(index, -1, -1):
        before = network.before(at)[0]
        if before.ndim == 4:
            height, width = before.shape[2:]
            within = unit % (height * width)
            return (within // width, within % width) if _keeps_places(network, at, index) else (0, 0)
    return 0, 0


def _reading(network: Network, index: int) -> int:
    """How many rows and columns the windows of all layers up to this one have together."""
    rows = network.summary.rows[: index + 1]
    windowed = [
        (row.output_shape[1:], pair(row.layer.kernel_size, "")) for row in rows if hasattr(row.layer, "kernel_size")
    ]
    return sum(size * kernel for sizes, kernels in windowed for size, kernel in zip(sizes, kernels))


def _keeps_places(network: Network, first: int, last: int) -> bool:
    return not any(isinstance(layer, Linear) for layer in network.layers[first : last + 1])


def _lit(network: Network, rows: tuple[int, ...], columns: tuple[int, ...]) -> np.ndarray:
    """The picture, bright where it is seen: (H, W, 3) uint8."""
    picture = network.image[0].numpy().transpose(1, 2, 0)
    seen = np.full(picture.shape[:2], DIM, np.float32)
    if rows and columns:
        seen[np.ix_(rows, columns)] = 1
    pixels: np.ndarray = np.rint(255 * np.broadcast_to(picture, (*seen.shape, 3)) * seen[..., None]).astype(np.uint8)
    return pixels


def _enlarged(pixels: np.ndarray) -> Image.Image:
    times = max(1, SIDE // max(pixels.shape[:2]))
    return Image.fromarray(pixels).resize((pixels.shape[1] * times, pixels.shape[0] * times), Image.Resampling.NEAREST)


def _span(rows: tuple[int, ...], columns: tuple[int, ...]) -> str:
    if not rows or not columns:
        return ": padding only"
    return f", rows {rows[0]} to {rows[-1]}, columns {columns[0]} to {columns[-1]}"
