"""What each knob of the Lab does to the numbers, said beside it."""

from __future__ import annotations

import streamlit as st

from cnnviz.activations import ACTIVATIONS
from cnnviz.layers import Activation, Conv2d, Pool2d, WindowLayer
from cnnviz.network import Stage
from cnnviz.shapes import ShapeError, times

Shape = tuple[int, ...]


def of_padding(layer: WindowLayer, shape: Shape) -> None:
    """How many rows and columns were added, and on which side."""
    top, bottom, left, right = layer.padding4(shape)
    if top == bottom == left == right:
        st.caption(f"Padding adds **{top}** on every side." if top else "Padding adds nothing.")
    else:
        st.caption(f"Padding adds **{top}** above, **{bottom}** below, **{left}** left, **{right}** right.")


def of_window(layer: WindowLayer, shape: Shape) -> None:
    """The output's size, as a formula with its numbers, and what the floor in it throws away."""
    st.latex(layer.formula(shape))
    rows, columns = layer.dropped(shape)
    if rows or columns:
        parts = [_count(rows, "row")] * bool(rows) + [_count(columns, "column")] * bool(columns)
        st.caption(f"The floor throws away: no window reaches the last {' and '.join(parts)}.")


def of_convolution(layer: Conv2d, shape: Shape) -> None:
    """Size, cost and weights of a convolution."""
    of_window(layer, shape)
    of_padding(layer, shape)
    reach = [d * (k - 1) + 1 for d, k in zip(_sides(layer.dilation), _sides(layer.kernel_size))]
    spread = f", reaching over {times(reach)}" if layer.dilation != (1, 1) else ""
    st.caption(f"{layer.parameter_count(shape)} weights with the bias{spread} · {layer.macs(shape):,} multiply-adds.")


def of_activation(layer: Activation, before: Stage, after: Stage) -> None:
    """The function, and what it did to the cells."""
    st.latex(ACTIVATIONS[layer.name].formula)
    silenced = ((after.output == 0) & (before.output != 0)).float().mean().item()
    changed = (after.output != before.output).float().mean().item()
    st.caption(f"It changed {changed:.1%} of the cells, {silenced:.1%} became 0.")


def of_pool(layer: Pool2d, shape: Shape) -> None:
    """Padding and size of a pool."""
    of_window(layer, shape)
    of_padding(layer, shape)


def of_error(error: ShapeError | None) -> None:
    """Why a setting cannot work, where the setting is."""
    if error:
        st.error(str(error).split(": ", 1)[-1], icon=":material/straighten:")


def _count(number: int, noun: str) -> str:
    return noun if number == 1 else f"{number} {noun}s"


def _sides(size: int | tuple[int, int]) -> tuple[int, int]:
    return size if isinstance(size, tuple) else (size, size)
