"""How the answers move with one knob: a small chart, as SVG."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from cnnviz.attribution_words import say_number

MOST: Final = 4  # classes that have a curve: those that are the answer somewhere come first
COLOURS: Final = ("#7a5bd0", "#1f9a8f", "#cf4f8a", "#9a8a2e")  # not those of bars, which say what is right
WIDTHS: Final = (3.8, 2.9, 2.0, 1.2)  # so that one is seen behind another that lies upon it
SVG: Final = "/".join(("http:", "", "www.w3.org", "2000", "svg"))  # a name that browsers know, which nobody asks for
WIDE: Final = 360
TALL: Final = 150
LETTER: Final = 5.3  # of the labels on the left, which the curves begin beside
BOTTOM: Final = 130
TOP: Final = 8
RIGHT: Final = 352
STYLE: Final = (  # a picture of its own, which does not inherit the page's colours
    "line{stroke:#1d1a2b;stroke-opacity:.16}.now{stroke-opacity:.7;stroke-dasharray:4 3}"
    "text{fill:#1d1a2b;font:9.5px sans-serif;opacity:.8}"
    "@media (prefers-color-scheme:dark){line{stroke:#eee}text{fill:#eee}}"
)


def answer_curves(
    knob: Sequence[float], answers: np.ndarray, classes: Sequence[str], now: float, *, are_shares: bool, name: str = ""
) -> str:  # fmt: skip
    """HTML: a picture and its key.

    Args:
        knob: growing values. answers: (n, K), at each of them. now: where the knob is.
        are_shares: whether they lie in [0, 1]. name: of the knob.
    """
    low, high = (0.0, 1.0) if are_shares else (float(answers.min()), float(answers.max()))
    span = (high - low) or 1.0
    first, last = knob[0], knob[-1]
    marks = [low, (low + high) / 2, high]
    say = (lambda mark: f"{100 * mark:.0f} %") if are_shares else say_number
    start = 10 + LETTER * max(len(say(mark)) for mark in marks)

    def x(value: float) -> float:
        return start + (value - first) / ((last - first) or 1.0) * (RIGHT - start)

    def y(value: float) -> float:
        return BOTTOM - (value - low) / span * (BOTTOM - TOP)

    wins = np.bincount(answers.argmax(1), minlength=answers.shape[1])
    shown = sorted(np.lexsort((-answers.max(0), -wins))[:MOST].tolist())
    lines, key = [], []
    for place, i in enumerate(shown):
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in zip(knob, answers[:, i].tolist()))
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[place]}" stroke-width="{WIDTHS[place]}"/>'
        )
        key.append(f'<span><i style="background:{COLOURS[place]}"></i>{escape(classes[i])}</span>')
    grid = "".join(f'<line x1="{start:.1f}" x2="{RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}"/>' for mark in marks)
    words = "".join(
        f'<text x="{start - 4:.1f}" y="{y(mark) + 3:.1f}" text-anchor="end">{say(mark)}</text>' for mark in marks
    )
    words += f'<text x="{start:.1f}" y="{TALL - 6}">{first:g}</text>'
    words += f'<text x="{(start + RIGHT) / 2:.1f}" y="{TALL - 6}" text-anchor="middle">{escape(name)}</text>'
    words += f'<text x="{RIGHT}" y="{TALL - 6}" text-anchor="end">{last:g}</text>'
    line = f'<line class="now" x1="{x(now):.1f}" x2="{x(now):.1f}" y1="{TOP}" y2="{BOTTOM}"/>'
    svg = (
        f'<svg xmlns="{SVG}" viewBox="0 0 {WIDE} {TALL}"><style>{STYLE}</style>'
        f"{grid}{line}{''.join(lines)}{words}</svg>"
    )
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
    told = "; ".join(f"{classes[i]} from {say(answers[0, i])} to {say(answers[-1, i])}" for i in shown)
    picture = f'<img src="{source}" alt="{escape(f"From {first:g} to {last:g}: {told}")}">'
    return f'<div class="answer-curves">{picture}<div class="ac-key">{"".join(key)}</div></div>'
