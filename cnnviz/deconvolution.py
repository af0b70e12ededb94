"""Take a filter back: learn the picture that it was applied to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from cnnviz.frequency_responses import spectrum
from cnnviz.functional import conv2d
from cnnviz.number_words import written
from cnnviz.optimisers import OPTIMISERS, Optimiser, OptimiserName
from cnnviz.quadratic_loss import KernelLearningError

_RUN_AWAY: Final = 1e6  # a residual far beyond every picture's
WEAKEST: Final = 1e-20  # of a kernel, its largest |F|²: of less, the rates are beyond numbers
STRONGEST: Final = 1e12
_BORDERS: Final = ("circular", "zeros")
_RATES: Final = {"sgd": 1.0, "momentum": 1.0, "adam": 0.02}  # by the largest curvature, but for adam


@dataclass(frozen=True)
class PictureStep:
    """What one step showed. number: from 1. residual: the root of the mean of (f * x̂ − y)², before the step.

    psnr: how near the picture is to the true one, in dB, before the step; None where that is not known.
    """

    number: int
    residual: float
    psnr: float | None


class Deconvolution:
    """A picture that is recovered from its filtered version, between one step and the next.

    Each step lowers ½ Σ (f * x̂ − y)² + ½ ridge Σ x̂². What the filter wiped out stays as the start has it. With noise
    in y the picture first becomes better, then worse: to stop early is a remedy, the ridge another.

    picture: (N, C, H, W) float64, as it is now. number: of the steps done.

    Args:
        y: the filtered picture, (N, C, H, W), as conv2d with padding "same" makes it.
        kernel: f, (height, width).
        truth: the picture before it was filtered, like y, to measure with; it is not learned from.
        ridge: at least 0.
        method: "sgd" (Landweber's iteration), "momentum" or "adam".
        rate: above 0; None for a stable one: 1 / (largest |F|² + ridge).
        padding_mode: how f's input was padded: "circular" or "zeros".
        start: like y; None for an even grey, 0.5.
    Raises:
        KernelLearningError: a padding, method, rate, ridge, or start that cannot be used.
    Source: Bertero & Boccacci 1998, Introduction to inverse problems in imaging, chapter 6 (Landweber); Goodfellow et
    al. 2016, Deep learning, section 4.3.
    """

    def __init__(
        self,
        y: Tensor,
        kernel: Tensor,
        truth: Tensor | None = None,
        *,
        ridge: float = 0.0,
        method: OptimiserName = "sgd",
        rate: float | None = None,
        padding_mode: str = "circular",
        start: Tensor | None = None,
    ) -> None:
        if padding_mode not in _BORDERS:
            raise KernelLearningError(f"A picture is recovered with padding {' or '.join(_BORDERS)}.")
        if method not in OPTIMISERS:
            raise KernelLearningError(f"There is no optimiser {method!r:.20}: there are {', '.join(OPTIMISERS)}.")
        if not 0 <= ridge < math.inf or (rate is not None and not 0 < rate < math.inf):
            raise KernelLearningError("The rate is a number above 0, the ridge one that is not negative.")
        for other in (truth, start):
            if other is not None and other.shape != y.shape:
                raise KernelLearningError(f"The pictures are {tuple(y.shape)} and {tuple(other.shape)}: not alike.")
        self._y, self._truth = y.detach().double(), None if truth is None else truth.detach().double()
        self._kernel, self._mode, self._ridge = kernel.detach().double(), padding_mode, ridge
        strongest = float(spectrum(kernel, (y.shape[2], y.shape[3])).abs().square().max()) + ridge
        if not strongest > WEAKEST:
            raise KernelLearningError("The kernel is 0 or next to it everywhere: nothing of the picture is left.")
        if not strongest < STRONGEST:
            raise KernelLearningError("The kernel's weights are too large for a descent: divide all by one number.")
        scale = 1.0 if method == "adam" else strongest
        self.rate = _RATES[method] / scale if rate is None else rate
        self.stable_rate = None if method == "adam" else (2 if method == "sgd" else 3.8) / strongest
        self.picture = torch.full_like(self._y, 0.5) if start is None else start.detach().double().clone()
        self.number = 0
        self._seen: tuple[float, Tensor] | None = None
        self._response = spectrum(kernel, (y.shape[2], y.shape[3]))[:, : y.shape[3] // 2 + 1]
        self._heard = torch.fft.rfft2(self._y)
        self._optimiser = Optimiser(method, [self.picture], self.rate)

    @property
    def residual(self) -> float:
        """The root of the mean of (f * x̂ − y)²."""
        return self._look()[0]

    @property
    def gradient(self) -> Tensor:
        """Of the loss by each pixel, like the picture: the difference, sent back through the kernel."""
        return self._look()[1]

    @property
    def psnr(self) -> float | None:
        """10 · log₁₀(1 / mean of (x̂ − x)²), in dB; None where the true picture is not known."""
        return None if self._truth is None else psnr(self.picture, self._truth)

    def step(self) -> PictureStep:
        """Go one step down.

        Raises:
            KernelLearningError: the steps overshoot more and more.
        """
        residual, near = self.residual, self.psnr
        if not residual < _RUN_AWAY:
            limit = "" if self.stable_rate is None else f" It has to be below {written(self.stable_rate)}."
            raise KernelLearningError(
                f"After {self.number} steps the picture has run away: the rate is too large.{limit}"
            )
        self.picture.grad = self.gradient
        self._optimiser.step()
        self.number += 1
        self._seen = None
        return PictureStep(self.number, residual, near)

    def _look(self) -> tuple[float, Tensor]:
        """Residual and gradient of the picture as it is now."""
        if self._seen is None:
            squares, gradient = self._by_frequency() if self._mode == "circular" else self._by_sums()
            self._seen = math.sqrt(squares / self._y.numel()), gradient + self._ridge * self.picture
        return self._seen

    def _by_frequency(self) -> tuple[float, Tensor]:
        """What wraps around is a product at each frequency: as long for any kernel, and far shorter than its sums."""
        height, width = self._y.shape[2:]
        wrong = self._response * torch.fft.rfft2(self.picture) - self._heard
        gradient = torch.fft.irfft2(self._response.conj() * wrong, s=(height, width))
        once = _squares(wrong[..., :1]) + (_squares(wrong[..., -1:]) if width % 2 == 0 else 0)  # no mirror image
        return float(2 * _squares(wrong) - once) / (height * width), gradient

    def _by_sums(self) -> tuple[float, Tensor]:
        with torch.enable_grad():
            picture = self.picture.detach().clone().requires_grad_()
            maps = picture.flatten(0, 1)[:, None]
            filtered = conv2d(maps, self._kernel[None, None], padding="same", padding_mode=self._mode)
            squares = (filtered.view_as(self._y) - self._y).square().sum()
            (gradient,) = torch.autograd.grad(0.5 * squares, picture)
        return squares.item(), gradient


def _squares(numbers: Tensor) -> Tensor:
    return torch.linalg.vector_norm(numbers).square()


def tikhonov(y: Tensor, kernel: Tensor, ridge: float) -> Tensor:
    """The picture at which `Deconvolution` with circular padding ends, in closed form: conj(F)·Y / (|F|² + ridge).

    Args:
        y: (N, C, H, W). kernel: (height, width). ridge: above 0; where noise and picture have the same power at all
            frequencies, and it is their ratio, this is Wiener's filter.
    Returns:
        (N, C, H, W) float64.
    Source: Bertero & Boccacci 1998, Introduction to inverse problems in imaging, chapter 5.
    """
    if not ridge > 0:
        raise KernelLearningError("The ridge has to be above 0, so that nothing is divided by 0.")
    response = spectrum(kernel, (y.shape[2], y.shape[3]))
    return torch.fft.ifft2(response.conj() * torch.fft.fft2(y.double()) / (response.abs().square() + ridge)).real


def psnr(x: Tensor, truth: Tensor) -> float:
    """The peak signal-to-noise ratio of pictures in [0, 1], in dB; infinite where they are the same."""
    error = float((x.double() - truth.double()).square().mean())
    return math.inf if error == 0 else -10 * math.log10(error)
