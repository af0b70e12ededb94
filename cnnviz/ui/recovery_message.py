"""What the descent view is told of a picture that is recovered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from cnnviz import figures
from cnnviz.deconvolution import psnr
from cnnviz.frequency_responses import LOST, frequency_response
from cnnviz.number_words import written
from cnnviz.optimisers import MOMENTUM
from cnnviz.ui.kernel_message import Message, finite, frame_at, say_lost
from cnnviz.ui.kernel_panels import panel
from cnnviz.ui.picture_recovery import Recovery

FREQUENCIES: Final = 48  # of the responses, each way
_BEST: Final = 99.0  # dB, where the picture is the true one to the last digit
_WORST: Final = -999.0  # where it is no number any more
_LARGEST: Final = 1e30  # of what is drawn of a picture that has run away: a float32 holds it, and its differences


def recovery_message(now: Recovery, values: Mapping[str, Any]) -> Message:
    """Arrays by name, and all else that `descent_view` takes."""
    pictures = torch.stack(now.pictures)[:, 0, 0].nan_to_num().clamp(-_LARGEST, _LARGEST)
    spans = [(float(p.min()), float(p.max())) for p in pictures]
    levels = np.stack([figures.quantise(p.numpy(), *span) for p, span in zip(pictures, spans)])
    arrays = {"wanted": now.x[0, 0].numpy(), "input": now.y[0, 0].numpy(), "levels": levels}
    grey = {"scale": "gray", "ends": [0.0, 1.0]}
    panels = [
        {"of": "wanted", "title": "Picture x", **grey},
        panel("input", "Filtered: f ∗ x" + (" and noise" if values["noise"] else ""), now.y),
        {"of": "made", "title": "Recovered by descent", "isRounded": True, **grey},
    ]
    if now.closed is not None:
        arrays["closed"] = now.closed[0, 0].numpy()
        panels.append({"of": "closed", "title": "Solved directly", **grey})
    told = {
        "frames": now.numbers,
        "spans": spans,
        "at": frame_at(now.numbers, values["moment"]),
        "atBox": "moment",
        "panels": panels,
        "curves": _curves(now),
        "figures": [[f"{written(decibels(now.steps[min(at, len(now.steps) - 1)].psnr), 3)} dB"] for at in now.numbers],
        "responses": _responses(now, values["ridge"], arrays),
    }
    return arrays, told


def decibels(value: float | None) -> float:
    """A PSNR as a curve shows it."""
    if value is None or value == math.inf:
        return _BEST
    return value if math.isfinite(value) else _WORST


def _curves(now: Recovery) -> list[dict[str, Any]]:
    near = [(step.number, decibels(step.psnr)) for step in now.steps]
    lines = [{"name": "descent", "className": "learned", "points": near}]
    if now.closed is not None:
        level = decibels(psnr(now.closed, now.x))
        ends = [(near[0][0], level), (near[-1][0], level)]
        lines.append({"name": "solved directly", "className": "held-out", "points": ends})
    residual = [(step.number, finite(step.residual)) for step in now.steps]
    return [
        {"title": "How near to x (PSNR, dB)", "log": False, "lines": lines},
        {"title": "What f makes of it, less y: its size (logarithmic)", "log": True,
         "lines": [{"name": "what is still wrong", "className": "learned", "points": residual}]},
    ]  # fmt: skip


def _responses(now: Recovery, ridge: float, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    one = frequency_response(now.kernel, max(FREQUENCIES, *now.kernel.shape))
    least, of = LOST * float(one.max()), "the steps so far"
    inverses = so_far(one, now, ridge)
    if inverses is None:
        inverses, of = (one / (one.square() + ridge + 1e-12))[None], "solved directly"
    arrays["response"], arrays["inverses"] = one.numpy(), inverses.abs().numpy()
    share = say_lost(now.kernel, now.x)  # of the picture's own, not of those drawn
    return {"lost": least, "share": share, "titles": ["|F|: the filter", f"|G|: {of}", "|F·G|: both"]}


def so_far(response: Tensor, now: Recovery, ridge: float) -> Tensor | None:
    """By what the steps up to each keyframe multiply each frequency of the filtered picture: (keyframes, …).

    Each frequency goes its own way, as if it were a single pixel: the steps are the picture's, with |F|² for curvature.
    None for "adam", whose steps mix them.
    """
    if now.job.stable_rate is None:
        return None
    share = MOMENTUM if now.method == "momentum" else 0.0
    inverse, velocity, found = torch.zeros_like(response), torch.zeros_like(response), list[Tensor]()
    for number in range(now.numbers[-1] + 1):
        if number in now.numbers:
            found.append(inverse)
        velocity = share * velocity + (response.square() + ridge) * inverse - response
        inverse = inverse - now.job.rate * velocity
    return torch.stack(found).nan_to_num().clamp(-_LARGEST, _LARGEST)
