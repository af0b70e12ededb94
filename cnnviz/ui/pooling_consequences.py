"""What the knobs of Activation and pooling do to the numbers, said beside them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from torch import Tensor

from cnnviz.activation_effects import FLAT, Effect
from cnnviz.activations import ACTIVATIONS
from cnnviz.layers import GlobalPool2d, Pool2d
from cnnviz.pool_winners import Pool
from cnnviz.shapes import pair, times
from cnnviz.shift_effects import ShiftEffect
from cnnviz.ui.consequences import Shape, formula, of_pool


def of_effect(name: str, effect: Effect | None) -> None:
    """The function, and what became of the values that went through it; None of a softmax."""
    formula(ACTIVATIONS[name].formula, ACTIVATIONS[name].about)
    if not effect:
        return
    moments = (effect.mean_before, effect.mean_after, effect.std_before, effect.std_after)
    mean, mean_after, spread, spread_after = (f"{number:.3g}".replace("-", "−") for number in moments)
    st.caption(
        f"**{100 * effect.dead:.1f} % died**: they became 0 where the curve is flat, so nothing comes through, neither "
        f"the signal forwards nor what would be learned backwards. **{100 * effect.flat:.1f} % lie where the curve is "
        f"nearly flat**, its slope below {100 * FLAT:.0f} % of its steepest: little of a small change comes through. "
        f"Mean {mean} → {mean_after}, spread {spread} → {spread_after}."
    )


def of_windows(layer: Pool, shape: Shape) -> None:
    """The output size of a pool, or which cells its windows cover.

    Args:
        shape: of the map that it gets, (C, H, W).
    """
    if isinstance(layer, Pool2d):
        of_pool(layer, shape)
        if shared := _shared(layer, shape):
            often = "win more than once" if layer.kind in ("max", "min") else "count in more than one of them"
            st.caption(f"Windows {shared}: a cell may {often}.")
    elif isinstance(layer, GlobalPool2d):
        st.caption(f"One window over the whole map: {times(shape[1:])} cells become **1**, for every picture.")
    else:
        about = "The windows are as even as whole cells allow, so the output has this size for every picture."
        formula(layer.formula(shape), about)


def _shared(layer: Pool2d, shape: Shape) -> str:
    """What neighbouring windows share, in words; empty where they share nothing, or have no neighbours."""
    sides = zip(pair(layer.kernel_size, ""), pair(layer.stride, ""), layer.output_shape(shape)[1:])
    rows, columns = (max(0, size - step) if count > 1 else 0 for size, step, count in sides)
    parts = [f"one below the other share {rows} row{'s' * (rows > 1)}"] * bool(rows)
    parts += [f"side by side share {columns} column{'s' * (columns > 1)}"] * bool(columns)
    return ", ".join(parts)


def of_wins(wins: Tensor | None, kind: str) -> None:
    """How many cells a max or min pool lets through."""
    if wins is None:
        st.caption("All cells of a window take part in it: nobody wins, and the map of winners is off.")
        return
    windows, won, most = int(wins.sum()), int((wins > 0).sum()), int(wins.max())
    often = f" One of them won {most} windows." if most > 1 else ""
    others = "smaller" if kind == "max" else "larger"
    st.caption(
        f"{windows:,} window{'s' * (windows > 1)}, **{won:,} of {wins.numel():,} cells won**, those that are 1 in the "
        f"map of winners: all that is passed on. The others could be anything {others}.{often} "
        f"Of equal cells the first wins, as in PyTorch."
    )


def of_shift(rows: Sequence[tuple[str, ShiftEffect]], pool: Pool | None, by: tuple[int, int]) -> None:
    """What a shift of the picture changed: with the pool, and with its stride alone; nothing where nothing is shifted.

    Args:
        rows: what it is, and what changed.
        by: how far it is shifted, down and to the right.
    """
    if not rows:
        st.caption("Shift the picture, and a second row shows what that changes in the pooled map.")
        return
    lines = ["| | cells changed | | sum of changes / of values |", "|---|--:|--:|--:|"]
    for name, found in rows:
        cells, size = found.cells, "all was 0" if found.size is None else f"{100 * found.size:.1f} %"
        lines.append(f"| {name} | {cells.changed:,} of {cells.total:,} | **{100 * cells.share:.1f} %** | {size} |")
    st.markdown("\n".join(lines))
    if isinstance(pool, Pool2d) and not any(far % step for far, step in zip(by, pair(pool.stride, ""))):
        why = "This shift is a whole number of strides: the maps move by whole cells, and are else the same."
    elif len(rows) > 1:
        why = "A pool hears of all cells of its window. A stride alone keeps one, and a shift brings another there."
    elif pool:
        why = "The fewer and the larger the windows, the less a shift changes."
    else:
        why = "Without a pool, a shift puts another cell's value in each place."
    st.caption(
        f"{why} Each cell is compared with the one at its own place: the last column adds up how far "
        f"they are apart. {_edge(rows)}; differences that are rounding do not count."
    )


def _edge(rows: Sequence[tuple[str, ShiftEffect]]) -> str:
    """Which cells were compared."""
    reached = [name for name, found in rows if not found.is_clear]
    if not reached:
        return "Cells that see what came in at the edge are not counted"
    if len(reached) == len(rows):
        return "Every cell sees what came in at the edge, so all are counted"
    return (
        f"Cells that see what came in at the edge are not counted, but with {reached[0]} every cell does, so all "
        "of them are"
    )
