"""What each knob of the Lab does to the numbers, said beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from torch import Tensor

from cnnviz.activation_effects import Effect
from cnnviz.activations import ACTIVATIONS
from cnnviz.layers import Activation, Conv2d, GlobalPool2d, Pool2d, WindowLayer
from cnnviz.network import Stage
from cnnviz.pool_winners import Pool
from cnnviz.shapes import pair, times
from cnnviz.shifting import Change
from cnnviz.ui.comparison import Branch

Shape = tuple[int, ...]


def of_convolution(layer: Conv2d, shape: Shape) -> None:
    """Size, padding, cost and weights of a convolution."""
    reach = [d * (k - 1) + 1 for d, k in zip(pair(layer.dilation, "dilation"), pair(layer.kernel_size, "kernel_size"))]
    spread = f" reaching over {times(reach)} pixels" if layer.dilation != (1, 1) else ""
    cost = f"{layer.parameter_count(shape)} weights with the bias{spread}, {layer.macs(shape):,} multiply-adds."
    st.latex(layer.formula(shape))
    st.caption(f"{_padding(layer, shape)} {_floor(layer, shape)} {cost}")


def of_pool(layer: Pool2d, shape: Shape) -> None:
    """Size and padding of a pool."""
    st.latex(layer.formula(shape))
    st.caption(f"{_padding(layer, shape)} {_floor(layer, shape)}")


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


def of_activation(layer: Activation, before: Stage, after: Stage) -> None:
    """The function, and what it did to the cells."""
    st.latex(ACTIVATIONS[layer.name].formula)
    st.caption(ACTIVATIONS[layer.name].about)
    rounding = 1e-6 * before.output.abs().max()  # a sum that cancels leaves some: no change that one could see
    silenced = int(((after.output == 0) & (before.output.abs() > rounding)).sum())
    changed = int(((after.output - before.output).abs() > rounding).sum())
    total = after.output.numel()
    if layer.name == "softmax" and dict(layer.parameters)["over"] == "channels" and after.output.shape[1] == 1:
        st.caption("Over the channels of one map every share is 1: choose *all* to share among its cells.")
        return
    st.caption(f"It changed {_share(changed, total)} of the cells; {_share(silenced, total)} became 0.")


def of_effect(name: str, effect: Effect | None) -> None:
    """The function, and what became of the values that went through it; None of a softmax."""
    st.latex(ACTIVATIONS[name].formula)
    st.caption(ACTIVATIONS[name].about)
    if not effect:
        return
    moments = (effect.mean_before, effect.mean_after, effect.std_before, effect.std_after)
    mean, mean_after, spread, spread_after = (f"{number:.3g}".replace("-", "−") for number in moments)
    st.caption(
        f"**{effect.dead:.1%} died**: they became 0 where the curve is flat, so nothing comes through, neither "
        f"the signal forwards nor what would be learned backwards. **{effect.saturated:.1%} are saturated**: "
        f"where the curve is nearly flat, so large and larger look alike. "
        f"Mean {mean} → {mean_after}, "
        f"spread {spread} → {spread_after}."
    )


def of_windows(layer: Pool, shape: Shape) -> None:
    """The output size of a pool, or which cells its windows cover."""
    if isinstance(layer, Pool2d):
        of_pool(layer, shape)
        size, step = pair(layer.kernel_size, "kernel_size"), pair(layer.stride, "stride")
        shared = [max(0, k - s) for k, s in zip(size, step)]
        if any(shared):
            st.caption(f"The windows overlap by {times(shared)} cells: a cell may win more than once.")
    elif isinstance(layer, GlobalPool2d):
        st.caption(f"One window over the whole map: {times(shape[1:])} cells become **1**, for every picture.")
    else:
        st.latex(layer.formula(shape))
        st.caption("The windows are as even as whole cells allow, so the output has this size for every picture.")


def of_wins(wins: Tensor | None, kind: str) -> None:
    """How many cells a max or min pool lets through."""
    if wins is None:
        st.caption("All cells of a window take part in it: nobody wins, and the map of winners is off.")
        return
    windows, won, most = int(wins.sum()), int((wins > 0).sum()), int(wins.max())
    often = f" One of them won {most} windows." if most > 1 else ""
    st.caption(
        f"{windows:,} window{'s' * (windows > 1)}, **{won:,} of {wins.numel():,} cells won**: all that is passed on. "
        f"The others could be anything {'smaller' if kind == 'max' else 'larger'}.{often} "
        "Of equal cells the first wins, as in PyTorch."
    )


def of_shift(rows: Sequence[tuple[str, Change, float, bool]]) -> None:
    """What a shift of the picture changed: with the pool, and with its stride alone; nothing where nothing is shifted.

    Args:
        rows: what it is, the cells that changed, by how much, and whether those that see the edge are left out.
    """
    if not rows:
        st.caption("Shift the picture, and a second row shows what that changes in the pooled map.")
        return
    lines = ["| | cells changed | | by, of all there was |", "|---|--:|--:|--:|"]
    lines += [
        f"| {name} | {c.changed:,} of {c.total:,} | **{c.share:.1%}** | {size:.1%} |" for name, c, size, _ in rows
    ]
    st.markdown("\n".join(lines))
    (*_, is_apart), *others = rows
    forgiven = (
        "A pool hears of all cells of its window; a stride alone keeps one of them, and a shift brings another there."
        if others
        else "The fewer and the larger the windows, the less a shift changes."
    )
    edge = (
        "Cells that see what came in at the edge are not counted"
        if is_apart
        else "All windows see what came in at the edge, so that takes part"
    )
    st.caption(
        f"{forgiven} Each cell is compared with the one at its own place: the last column adds up how far "
        f"they are apart. {edge}; differences that are rounding do not count."
    )


def of_counts(rows: Sequence[tuple[str, int, int, str]]) -> None:
    """What layers cost that make equally many numbers, the first of them the one that is shown."""
    (_, weights, _, _), *others = rows
    lines = ["| the same output from | weights | | multiply-adds |", "|---|--:|:--|--:|"]
    lines += [f"| {name} | **{count:,}** | = {how} | {macs:,} |" for name, count, macs, how in rows]
    st.markdown("\n".join(lines))
    name, count, *_ = others[0]
    ratio = count / weights
    st.caption(f"The {name} layer needs {ratio:,.0f} times the weights." if ratio >= 1.5 else "Both need the same.")


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


def of_error(error: ValueError | None) -> None:
    """Why a setting cannot work, where the setting is."""
    if error:
        st.error(str(error), icon=":material/straighten:")


def _share(part: int, total: int) -> str:
    """A share that does not round to all or nothing what is neither."""
    if part in (0, total):
        return "all" if part else "none"
    if part / total >= 0.9995:
        return f"all but {total - part}"
    return f"{part}" if part / total < 0.0005 else f"{part / total:.1%}"


def _count(number: int, noun: str) -> str:
    return noun if number == 1 else f"{number} {noun}s"
