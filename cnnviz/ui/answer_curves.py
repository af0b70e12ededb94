"""How the answers move with one knob: a small chart, as SVG in HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from cnnviz.attribution_words import say_number

MOST: Final = 4  # classes that have a curve: those that are the answer somewhere come first
COLOURS: Final = ("#377ab0", "#d9822b", "#4a9d5b", "#a65fb5")
WIDE: Final = 360
TALL: Final = 150
LEFT: Final = 34
BOTTOM: Final = 130
TOP: Final = 8
RIGHT: Final = 352


def answer_curves(
    knob: Sequence[float], answers: np.ndarray, classes: Sequence[str], now: float, *, are_shares: bool
) -> str:  # fmt: skip
    """HTML.

    Args:
        knob: growing values. answers: (n, K), at each of them. now: where the knob is.
        are_shares: whether they lie in [0, 1].
    """
    low, high = (0.0, 1.0) if are_shares else (float(answers.min()), float(answers.max()))
    span = (high - low) or 1.0
    first, last = knob[0], knob[-1]

    def x(value: float) -> float:
        return LEFT + (value - first) / ((last - first) or 1.0) * (RIGHT - LEFT)

    def y(value: float) -> float:
        return BOTTOM - (value - low) / span * (BOTTOM - TOP)

    wins = np.bincount(answers.argmax(1), minlength=answers.shape[1])
    shown = sorted(np.lexsort((-answers.max(0), -wins))[:MOST].tolist())
    lines, key = [], []
    for place, i in enumerate(shown):
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in zip(knob, answers[:, i].tolist()))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[place]}" stroke-width="1.8"/>')
        key.append(f'<span><i style="background:{COLOURS[place]}"></i>{escape(classes[i])}</span>')
    marks = [low, (low + high) / 2, high]
    grid = "".join(f'<line x1="{LEFT}" x2="{RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>' for mark in marks)
    say = (lambda mark: f"{100 * mark:.0f} %") if are_shares else say_number
    words = "".join(f'<text x="{LEFT - 4}" y="{y(mark) + 3:.1f}" text-anchor="end">{say(mark)}</text>' for mark in marks)
    words += f'<text x="{LEFT}" y="{TALL - 6}">{first:g}</text>'
    words += f'<text x="{RIGHT}" y="{TALL - 6}" text-anchor="end">{last:g}</text>'
    line = f'<line class="ac-now" x1="{x(now):.1f}" x2="{x(now):.1f}" y1="{TOP}" y2="{BOTTOM}"/>'
    svg = (
        f'<svg viewBox="0 0 {WIDE} {TALL}" role="img" aria-label="The answers from {first:g} to {last:g}">'
        f'<g class="ac-grid">{grid}</g>{line}{"".join(lines)}<g class="ac-words">{words}</g></svg>'
    )
    return f'<div class="answer-curves">{svg}<div class="ac-key">{"".join(key)}</div></div>'
