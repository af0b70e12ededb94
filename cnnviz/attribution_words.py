"""One pixel's part in a class, in one sentence, whichever method was asked."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from torch import Tensor

from cnnviz.attribution import GradCam
from cnnviz.integrated_gradients import IntegratedGradients
from cnnviz.occlusion import Occlusion

_STEP: Final = 0.01
_COLOURS: Final = {1: ("brightness",), 3: ("red", "green", "blue")}

Found = Tensor | IntegratedGradients | GradCam | Occlusion


def say_pixel(found: Found, row: int, col: int, name: str) -> str:
    """Say what a method found for one pixel.

    Args:
        found: what `saliency`, `integrated_gradients`, `grad_cam` or `occlusion` returned.
        row, col: a pixel of the picture, from 0.
        name: of the class.
    """
    if isinstance(found, IntegratedGradients):
        return _say_integrated(found, row, col, name)
    if isinstance(found, GradCam):
        return _say_grad_cam(found, row, col, name)
    if isinstance(found, Occlusion):
        return _say_occlusion(found, row, col, name)
    return _say_saliency(found, row, col, name)


def say_number(value: float) -> str:
    """Three digits, with a proper minus; powers of ten as the browser writes them, 8.0e−5."""
    if value and math.isfinite(value) and not 1e-3 <= abs(value) < 1e5:
        digits, _, power = f"{value:.1e}".partition("e")
        return f"{digits}e{int(power):+d}".replace("-", "−")
    return f"{Decimal(f'{value:.3g}'):f}".replace("-", "−") if math.isfinite(value) else f"{value}".replace("-", "−")


def say_share(value: float) -> str:
    """A share in [0, 1] as a percentage; it is 0 % or 100 % only if it is."""
    text = f"{100 * value:.1f}"
    if text == "0.0" and value > 0:
        return "less than 0.1 %"
    if text == "100.0" and value < 1:
        return "more than 99.9 %"
    return text.removesuffix(".0") + " %"


def say_change(before: Tensor, after: Tensor) -> str:
    """How much a picture was changed: how many of its values, and by how much of their range from 0 to 1."""
    moves = (after.double() - before.double()).abs()
    changed = int(moves.count_nonzero())
    if not changed:
        return f"None of {moves.numel():,} values changed."
    return (
        f"{changed:,} of {moves.numel():,} values changed; over all of them by {say_number(float(moves.mean()))} on "
        f"average, by {say_number(float(moves.max()))} at most, where black to white is 1."
    )


def _channels(count: int) -> tuple[str, ...]:
    return _COLOURS.get(count) or tuple(f"channel {number}" for number in range(count))


def _say_saliency(gradient: Tensor, row: int, col: int, name: str) -> str:
    slopes = gradient[:, row, col].tolist()
    if not any(slopes):
        return f"If this pixel changed a little, the logit of {name} would stay: its gradient here is 0."
    parts = [
        f"{colour} grew by {_STEP}, the logit of {name} would " + _moved(slope)
        for colour, slope in zip(_channels(len(slopes)), slopes)
    ]
    return "If this pixel’s " + "; if its ".join(parts) + "."


def _moved(slope: float) -> str:
    if not slope:
        return "stay"
    how = "grow" if slope > 0 else "fall"
    return f"{how} by about {say_number(abs(slope * _STEP))} (its slope is {say_number(slope)})"


def _say_integrated(found: IntegratedGradients, row: int, col: int, name: str) -> str:
    parts = found.attributions[:, row, col].tolist()
    total = sum(parts)
    sums = ""
    if len(parts) > 1:
        sums = " (" + ", ".join(f"{c} {say_number(part)}" for c, part in zip(_channels(len(parts)), parts)) + ")"
    return (
        f"On the way from the baseline the logit of {name} goes from {say_number(found.baseline_logit)} to "
        f"{say_number(found.logit)}, a change of {say_number(found.difference)}; this pixel’s part in it is "
        f"{say_number(total)}{sums}."
    )


def _say_grad_cam(found: GradCam, row: int, col: int, name: str) -> str:
    (h, w), (height, width) = found.total.shape, found.resized.shape
    if not found.map.any():
        return (
            f"Nothing here speaks for {name}: weighted by what they do for it, the {h}×{w} maps add up to 0 or less in "
            "every cell, and the ReLU leaves 0 of that. So the whole map is black."
        )
    r, c = row * h // height, col * w // width
    terms = found.weights * found.maps[:, r, c]
    most = int(terms.abs().argmax())
    total = float(found.total[r, c])
    kept = "which the ReLU keeps" if total > 0 else "of which the ReLU leaves 0"
    weight, activation, term = (
        say_number(float(v)) for v in (found.weights[most], found.maps[most, r, c], terms[most])
    )
    return (
        f"Over this pixel lies the cell ({r}, {c}) of the {h}×{w} maps: weighted by what they do for {name} they "
        f"add up to {say_number(total)}, {kept}. The largest term is map {most}’s: {weight} · {activation} = {term}. "
        f"Blended with the cells around it, as the map is shown, this is {say_number(float(found.resized[row, col]))}."
    )


def _say_occlusion(found: Occlusion, row: int, col: int, name: str) -> str:
    r, c = found.nearest(row, col)
    top, left = found.rows[r], found.cols[c]
    bottom, right = (min(start + found.size, side) - 1 for start, side in zip((top, left), found.side))
    before, after = found.before, float(found.after[r, c])
    say = say_number if found.ending == "none" else say_share
    what = f"the logit of {name}" if found.ending == "none" else name
    where = f"{_span('row', top, bottom)} and {_span('column', left, right)} with {say_number(found.fill)}"
    map_says = f"the map shows by how much it falls, {say_number(float(found.falls[r, c]))}"
    if say(before) == say(after):
        return f"Covering {where} leaves {what} at {say(before)}; {map_says}."
    return f"Covering {where} takes {what} from {say(before)} to {say(after)}; {map_says}."


def _span(what: str, first: int, last: int) -> str:
    return f"{what} {first}" if first == last else f"{what}s {first} to {last}"
