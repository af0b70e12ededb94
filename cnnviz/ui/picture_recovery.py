"""What the task One kernel computes where a picture is to be recovered from its filtered version."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from cnnviz import figures
from cnnviz.deconvolution import Deconvolution, PictureStep, psnr, tikhonov
from cnnviz.frequency_responses import LOST, frequency_response
from cnnviz.functional import conv2d
from cnnviz.optimisers import MOMENTUM, OptimiserName
from cnnviz.quadratic_loss import KernelLearningError
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.kernel_message import Message, finite, frame_at, panel, say_lost
from cnnviz.ui.kernel_problem import SLOW
from cnnviz.ui.limits import BUDGET

KEPT: Final = 28  # pictures, at most; each is a message as large as a picture
FREQUENCIES: Final = 48  # of the responses, each way
_BEST: Final = 99.0  # dB, where the picture is the true one to the last digit


@dataclass(frozen=True, eq=False)
class Recovery:
    """What became of it.

    x, y: the picture and its filtered version, (1, 1, H, W). steps: what each step showed, and the end. numbers,
    pictures: of the keyframes. closed: the picture in closed form; None where the ridge is 0. error: why it ended.
    """

    x: Tensor
    y: Tensor
    kernel: Tensor
    method: OptimiserName
    job: Deconvolution
    steps: list[PictureStep]
    numbers: list[int]
    pictures: list[Tensor]
    closed: Tensor | None
    error: KernelLearningError | None


def recovery(values: Mapping[str, Any], chosen: Chosen, tell: Callable[[float], None] = lambda share: None) -> Recovery:
    """Recover the picture as the settings say; what was recovered last is kept.

    Args:
        tell: is told how far it is, 0 to 1, once it takes long.
    Raises:
        KernelLearningError: nothing can be recovered, or it would take too long.
    """
    key = "recover", *(values[name] for name in ("kernel", "recover_by", "step", "rounds", "noise", "ridge", "seed"))
    last = st.session_state.get("learned")
    if last and last[0] == key and last[1] is chosen.image:
        found: Recovery = last[2]
        return found
    now = _computed(values, chosen.image, tell)
    st.session_state["learned"] = key, chosen.image, now
    return now


def _computed(values: Mapping[str, Any], x: Tensor, tell: Callable[[float], None]) -> Recovery:
    kernel = torch.tensor(values["kernel"], dtype=torch.float64)
    _afford(values["rounds"], x, kernel)
    if min(x.shape[2:]) < max(kernel.shape):
        raise KernelLearningError(
            f"A kernel of {kernel.shape[0]}×{kernel.shape[1]} does not fit a picture of {x.shape[2]}×{x.shape[3]}."
        )
    y = conv2d(x.double(), kernel[None, None], padding="same", padding_mode="circular")
    if values["noise"]:
        chance = torch.Generator().manual_seed(values["seed"])
        y = y + values["noise"] * torch.randn(y.shape, generator=chance, dtype=torch.float64)
    job = Deconvolution(y, kernel, x, ridge=values["ridge"], method=values["recover_by"], rate=values["step"])
    wanted = kept(values["rounds"])
    steps, numbers, pictures, error = list[PictureStep](), list[int](), list[Tensor](), None
    began = time.perf_counter()
    try:
        for number in range(values["rounds"] + 1):
            if number in wanted:
                numbers.append(number)
                pictures.append(job.picture.detach().clone())
            if number == values["rounds"]:
                steps.append(PictureStep(number, job.residual, job.psnr))
                break
            step = job.step()
            steps.append(PictureStep(number, step.residual, step.psnr))
            if number % 10 == 9 and time.perf_counter() - began > SLOW:
                tell(number / values["rounds"])
    except KernelLearningError as ran_away:
        error = ran_away
    closed = tikhonov(y, kernel, values["ridge"]) if values["ridge"] > 0 else None
    return Recovery(x, y, kernel, values["recover_by"], job, steps, numbers, pictures, closed, error)


def kept(rounds: int) -> set[int]:
    """After which steps the picture is kept: the first all, then ever rarer."""
    dense = min(rounds, KEPT // 3)
    spread = np.geomspace(max(dense, 1), rounds, KEPT - dense)
    return {*range(dense + 1), rounds, *(round(float(number)) for number in spread)}


def _afford(rounds: int, x: Tensor, kernel: Tensor) -> None:
    steps = 3 * rounds * x.numel() * kernel.numel()  # there, back, and what autograd adds
    if steps > BUDGET:
        most = max(1, BUDGET * rounds // steps)
        raise KernelLearningError(
            f"{rounds} steps of this kernel on this picture take {steps:,} multiply-adds; up to {BUDGET:,} are "
            f"computed here. Choose at most {most} steps, or a smaller picture."
        )


def recovery_message(now: Recovery, values: Mapping[str, Any]) -> Message:
    """Arrays by name, and all else that `descent_view` takes."""
    pictures = torch.stack(now.pictures)[:, 0, 0]
    spans = [(float(p.min()), float(p.max())) for p in pictures]
    levels = np.stack([figures.quantise(p.numpy(), *span) for p, span in zip(pictures, spans)])
    arrays = {"wanted": now.x[0, 0].numpy(), "input": now.y[0, 0].numpy(), "levels": levels}
    grey = {"scale": "gray", "ends": [0.0, 1.0]}
    panels = [
        {"of": "wanted", "title": "Picture x", **grey},
        panel("input", "Filtered: f ∗ x" + (" and noise" if values["noise"] else ""), now.y),
        {"of": "made", "title": "Recovered by descent", **grey},
    ]
    if now.closed is not None:
        arrays["closed"] = now.closed[0, 0].numpy()
        panels.append({"of": "closed", "title": "In closed form", **grey})
    told = {
        "frames": now.numbers,
        "spans": spans,
        "at": frame_at(now.numbers, values["moment"]),
        "atBox": "moment",
        "panels": panels,
        "curves": _curves(now),
        "figures": [[f"{decibels(now.steps[min(at, len(now.steps) - 1)].psnr):.1f} dB"] for at in now.numbers],
        "responses": _responses(now, values["ridge"], arrays),
    }
    return arrays, told


def decibels(value: float | None) -> float:
    """A PSNR as a curve shows it."""
    return _BEST if value is None or value == math.inf else value


def _curves(now: Recovery) -> list[dict[str, Any]]:
    near = [(step.number, decibels(step.psnr)) for step in now.steps]
    lines = [{"name": "descent", "className": "learned", "points": near}]
    if now.closed is not None:
        level = decibels(psnr(now.closed, now.x))
        ends = [(near[0][0], level), (near[-1][0], level)]
        lines.append({"name": "closed form", "className": "held-out", "points": ends})
    residual = [(step.number, finite(step.residual)) for step in now.steps]
    return [
        {"title": "How near to x (PSNR, dB)", "log": False, "lines": lines},
        {"title": "f ∗ x̂ − y, its size (logarithmic)", "log": True,
         "lines": [{"name": "residual", "className": "learned", "points": residual}]},
    ]  # fmt: skip


def _responses(now: Recovery, ridge: float, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    one = frequency_response(now.kernel, max(FREQUENCIES, *now.kernel.shape))
    least, of = LOST * float(one.max()), "the steps so far"
    inverses = so_far(one, now, ridge)
    if inverses is None:
        inverses, of = (one / (one.square() + ridge + 1e-12))[None], "the closed form"
    arrays["response"], arrays["inverses"] = one.numpy(), inverses.abs().numpy()
    return {"lost": least, "share": say_lost(now.kernel, now.x),
            "titles": ["|F|: the filter", f"|G|: {of}", "|F·G|: both"]}  # fmt: skip


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
    return torch.stack(found)
