"""What the knobs of the pages do to the numbers, said beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from torch import Tensor

from cnnviz.activation_effects import silenced
from cnnviz.activations import ACTIVATIONS
from cnnviz.layers import Activation, Conv2d, Pool2d, WindowLayer
from cnnviz.network import Stage
from cnnviz.shapes import pair, times
from cnnviz.ui.checking import Pin
from cnnviz.ui.comparison import Branch
from cnnviz.ui.settings import escaped
from cnnviz.ui.stage_view import StageMap

Shape = tuple[int, ...]


def formula(latex: str, words: str = "") -> None:
    """A formula, and what there is to say of it, in one message."""
    st.caption(f"$$\n{latex}\n$$\n\n{words}")


def of_convolution(layer: Conv2d, shape: Shape) -> None:
    """Size, padding, cost and weights of a convolution."""
    reach = [d * (k - 1) + 1 for d, k in zip(pair(layer.dilation, "dilation"), pair(layer.kernel_size, "kernel_size"))]
    spread = f" reaching over {times(reach)} pixels" if layer.dilation != (1, 1) else ""
    cost = f"{layer.parameter_count(shape)} weights with the bias{spread}, {layer.macs(shape):,} multiply-adds."
    formula(layer.formula(shape), f"{_padding(layer, shape)} {_floor(layer, shape)} {cost}")


def of_pool(layer: Pool2d, shape: Shape) -> None:
    """Size and padding of a pool."""
    formula(layer.formula(shape), f"{_padding(layer, shape)} {_floor(layer, shape)}")


def _padding(layer: WindowLayer, shape: Shape) -> str:
    """How many rows and columns were added, and on which side."""
    top, bottom, left, right = layer.padding4(shape)
    if top == bottom == left == right:
        return f"Padding adds **{top}** on every side." if top else "Padding adds nothing."
    return f"Padding adds **{top}** above, **{bottom}** below, **{left}** left, **{right}** right."


def _floor(layer: WindowLayer, shape: Shape) -> str:
    """What the floor in the formula throws away."""
    rows, columns = layer.dropped(shape)
    if not rows and not columns:
        return ""
    parts = [_count(rows, "row")] * bool(rows) + [_count(columns, "column")] * bool(columns)
    where = "padded input" if any(layer.padding4(shape)) else "input"
    return f"The floor throws away: no window reaches the last {' and '.join(parts)} of the {where}."


def of_function(layer: Activation) -> None:
    """An activation's function."""
    formula(ACTIVATIONS[layer.name].formula, ACTIVATIONS[layer.name].about)


def of_activation(layer: Activation, before: Stage, after: Stage, rounding: float) -> None:
    """What an activation did to the cells.

    Args:
        rounding: the largest |value| before that may be 0.
    """
    if shares_alone(layer, after.output):
        return
    zeroed = int(silenced(before.output, after.output, rounding).sum())
    changed = int(((after.output - before.output).abs() > rounding).sum())
    total = after.output.numel()
    st.caption(f"It changed {_share(changed, total)} of the cells; {_share(zeroed, total)} became 0.")


def shares_alone(layer: Activation, after: Tensor) -> bool:
    """Whether a softmax has one map only to share among, and so makes 1 of everything; if so, say it."""
    found = layer.name == "softmax" and dict(layer.parameters)["over"] == "channels" and after.shape[1] == 1
    if found:
        st.caption("Over the channels of one map every share is 1: choose *all* to share among its cells.")
    return found


def of_counts(rows: Sequence[tuple[str, int, int, str]]) -> None:
    """What layers cost that make equally many numbers, the first of them the one that is shown."""
    (_, weights, _, _), *others = rows
    lines = ["| the same output from | weights | | multiply-adds |", "|---|--:|:--|--:|"]
    lines += [f"| {name} | **{count:,}** | = {how} | {macs:,} |" for name, count, macs, how in rows]
    st.markdown("\n".join(lines))
    name, count, *_ = others[0]
    st.caption(f"The {name} layer needs {_compared(count, weights)}.")


def of_kinds(branches: Sequence[Branch]) -> None:
    """What each kind makes and costs, and how far one of its cells sees."""
    lines = [
        "| | output | parameters | multiply-adds | ms, measured | one cell spans | and reads |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for branch in branches:
        if (price := branch.cost) is None:
            continue
        (least, most), (fewest, many) = price.spans, price.cells
        spans = times(most) if least == most else f"{times(least)} to {times(most)}"
        reads = f"{many:,}" if fewest == many else f"{fewest:,} to {many:,}"
        reads += f" of {most[0] * most[1]:,}" if many < most[0] * most[1] else ""
        numbers = f"**{price.parameters:,}** | {price.macs:,} | {branch.milliseconds:.2f}"
        lines.append(f"| {branch.title} | {times(price.output_shape)} | {numbers} | {spans} | {reads} |")
    st.markdown("\n".join(lines))
    shapes = {branch.cost.output_shape for branch in branches if branch.cost}
    outputs = [branch for branch in branches if branch.cost]
    if len(outputs) > 1:
        st.caption("All outputs and differences share one scale, so that equal colours are equal values.")
    if len(shapes) > 1:
        st.caption("Maps of different sizes cannot be subtracted: a difference is shown where they are alike.")


def of_whole_patch(ours: np.ndarray, theirs: np.ndarray) -> None:
    """One number a filter, from conv2d and from Linear."""
    delta = float(np.abs(ours - theirs).max())
    st.caption(
        "The patch is as large as the picture, so there is one place for it, and each filter makes one number: "
        f"`conv2d` and `Linear` with the same weights agree to {delta:.0e}." + " It *is* a fully connected layer."
    )
    table = {"filter": range(len(ours)), "conv2d": ours, "Linear": theirs, "difference": ours - theirs}
    st.dataframe(table, hide_index=True, height="content" if len(ours) <= 8 else 320)


def of_pin(pin: Pin | None, maps: Sequence[StageMap]) -> None:
    """That the pinned cell's stage is not there now."""
    names = [entry.name for entry in maps if not entry.hidden]
    if pin and pin[0] not in names:
        st.caption(f"No stage is called `{pin[0]}` now. There are {', '.join(names)}.")


def of_error(error: ValueError | None) -> None:
    """Why a setting cannot work, where the setting is."""
    if error:
        st.error(escaped(str(error)), icon=":material/straighten:")


def _share(part: int, total: int) -> str:
    """A share that does not round to all or nothing what is neither."""
    if part in (0, total):
        return "all" if part else "none"
    if part / total >= 0.9995:
        return f"all but {total - part}"
    return f"{part}" if part / total < 0.0005 else f"{100 * (part / total):.1f} %"


def _compared(count: int, weights: int) -> str:
    if count < weights:
        return f"{weights - count:,} weights fewer: the window has more cells than the picture"
    if count == weights:
        return "just as many weights"
    ratio = count / weights
    if ratio < 1.1:
        return f"{count - weights:,} weights more"
    return (f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}") + " times the weights"


def _count(number: int, noun: str) -> str:
    return noun if number == 1 else f"{number} {noun}s"
