"""What colours mean, beside what is coloured: a bar of a scale from end to end, and swatches with words."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

import numpy as np

from cnnviz import figures
from cnnviz.attribution_words import say_number

STOPS: Final = 17


def scale_bar(low: float, high: float) -> str:
    """HTML: the colours of a map's values, as rows of pictures paint them, with the numbers at both ends."""
    colours = figures.color_range(low, high)
    stops = figures.colored(np.linspace(colours.low, colours.high, STOPS)[None], colours)[0]
    gradient = ", ".join(f"rgb({r}, {g}, {b})" for r, g, b in stops.tolist())
    bar = f'<i style="background: linear-gradient(to right, {gradient})"></i>'
    low_end, high_end = (f"<span>{say_number(end)}</span>" for end in (colours.low, colours.high))
    return f'<div class="scale-bar">{low_end}{bar}{high_end}</div>'


def swatches(named: Iterable[tuple[str, str]]) -> str:
    """HTML: small pieces of colours, by the classes of their style, each with what it means; no class, no colour."""
    pieces = []
    for kind, words in named:
        colour = f'<i class="{kind}"></i>' if kind else ""
        pieces.append(f"<span>{colour}{escape(words)}</span>")
    return f'<div class="swatches">{"".join(pieces)}</div>'
