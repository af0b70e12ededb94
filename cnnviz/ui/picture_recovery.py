"""What the task One kernel computes where a picture is to be recovered from its filtered version."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from cnnviz.deconvolution import Deconvolution, PictureStep, tikhonov
from cnnviz.functional import conv2d
from cnnviz.optimisers import OptimiserName
from cnnviz.quadratic_loss import KernelLearningError
from cnnviz.ui.chosen_image import Chosen
from cnnviz.ui.kernel_descent import SLOW
from cnnviz.ui.limits import BUDGET

KEPT: Final = 28  # pictures, at most; each is a message as large as a picture
_A_PIXEL: Final = 30  # multiply-adds that a step takes as long as, for each pixel
_UNEVEN: Final = 3  # times as many where a side has a large prime factor
_A_STEP: Final = 300_000  # and whatever the picture


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
    _afford(values["rounds"], x.shape[2], x.shape[3])
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
        if not steps:
            raise
        error = ran_away
    closed = tikhonov(y, kernel, values["ridge"]) if values["ridge"] > 0 else None
    return Recovery(x, y, kernel, values["recover_by"], job, steps, numbers, pictures, closed, error)


def kept(rounds: int) -> set[int]:
    """After which steps the picture is kept: the first all, then ever rarer."""
    dense = min(rounds, KEPT // 3)
    spread = np.geomspace(max(dense, 1), rounds, KEPT - dense)
    return {*range(dense + 1), rounds, *(round(float(number)) for number in spread)}


def _afford(rounds: int, height: int, width: int) -> None:
    """A step takes as long with any kernel, see `Deconvolution`."""
    is_uneven = not (_is_even(height) and _is_even(width))
    steps = rounds * (_A_STEP + height * width * _A_PIXEL * (_UNEVEN if is_uneven else 1))
    if steps > BUDGET:
        most = max(1, BUDGET * rounds // steps)
        sides = " with sides such as 240 or 256, which are quicker" if is_uneven else ""
        raise KernelLearningError(
            f"{rounds} steps on a picture of {height}×{width} take as long as {steps:,} multiply-adds; up to "
            f"{BUDGET:,} are computed here. Choose at most {most} steps, or a smaller picture{' or one' * is_uneven}"
            f"{sides}."
        )


def _is_even(side: int) -> bool:
    """Whether a Fourier transform splits it into small parts."""
    for factor in (2, 3, 5, 7):
        while side % factor == 0:
            side //= factor
    return side == 1
