"""The activation functions: what each computes, which parameters it takes, how it is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Number:
    """A numeric parameter. The range is what a slider offers; any finite value works, but 0 if `nonzero`."""

    default: float
    minimum: float
    maximum: float
    nonzero: bool = False


@dataclass(frozen=True)
class Choice:
    """A parameter that is one of a few words."""

    default: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class ActivationFunction:
    """One entry of ACTIVATIONS: a function, its formula in LaTeX, what it does, its parameters by PyTorch's names."""

    function: Callable[..., Tensor]
    formula: str
    about: str
    parameters: Mapping[str, Number | Choice] = field(default_factory=dict)


def _identity(x: Tensor) -> Tensor:
    return x


def _softmax(x: Tensor, over: str) -> Tensor:
    if over == "channels":
        return F.softmax(x, dim=1)
    return F.softmax(x.flatten(1), dim=1).reshape(x.shape)


ACTIVATIONS: dict[str, ActivationFunction] = {
    "identity": ActivationFunction(
        _identity,
        r"f(x) = x",
        "Leaves everything as it is.",
    ),
    "relu": ActivationFunction(
        F.relu,
        r"f(x) = \max(0, x)",
        "Keeps what is above zero; the rest becomes 0. Cheap, and the usual choice.",
    ),
    "leaky_relu": ActivationFunction(
        F.leaky_relu,
        r"f(x) = \begin{cases} x & x \ge 0 \\ \text{negative\_slope} \cdot x & x < 0 \end{cases}",
        "As ReLU, but a little of the negative comes through, so that no cell falls silent for good.",
        {"negative_slope": Number(0.01, 0.0, 1.0)},
    ),
    "tanh": ActivationFunction(
        F.tanh,
        r"f(x) = \frac{e^x - e^{-x}}{e^x + e^{-x}}",
        "Squeezes everything between −1 and 1; large sums all look alike.",
    ),
    "sigmoid": ActivationFunction(
        F.sigmoid,
        r"f(x) = \frac{1}{1 + e^{-x}}",
        "Squeezes everything between 0 and 1, like a probability.",
    ),
    "elu": ActivationFunction(
        F.elu,
        r"f(x) = \begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}",
        "As ReLU, but bends smoothly towards a floor below zero.",
        {"alpha": Number(1.0, 0.0, 5.0)},
    ),
    "gelu": ActivationFunction(
        F.gelu,
        r"\begin{aligned} f(x) &= \frac{x}{2} \left(1 + \operatorname{erf} \frac{x}{\sqrt 2}\right) \\ "
        r"&\approx \frac{x}{2} \left(1 + \tanh\bigl(\sqrt{\tfrac{2}{\pi}} (x + 0.044715 x^3)\bigr)\right) "
        r"\end{aligned}",
        "As ReLU, but smooth: small negative sums come through a little. Usual in transformers.",
        {"approximate": Choice("none", ("none", "tanh"))},
    ),
    "silu": ActivationFunction(
        F.silu,
        r"f(x) = \frac{x}{1 + e^{-x}}",
        "The sum times its own sigmoid: smooth, and a little below zero before it rises.",
    ),
    "softplus": ActivationFunction(
        F.softplus,
        r"f(x) = \begin{cases} \frac{1}{\beta} \ln(1 + e^{\beta x}) & \beta x \le \text{threshold} \\ "
        r"x & \beta x > \text{threshold} \end{cases}",
        "A smooth ReLU, above zero everywhere.",
        {"beta": Number(1.0, 0.1, 10.0, nonzero=True), "threshold": Number(20.0, 0.0, 50.0)},
    ),
    "softmax": ActivationFunction(
        _softmax,
        r"f(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}",
        "Turns values into shares that sum to 1; the last layer of a classifier.",
        {"over": Choice("channels", ("channels", "all"))},
    ),
    "relu6": ActivationFunction(
        F.relu6,
        r"f(x) = \min(\max(0, x), 6)",
        "As ReLU, but never above 6, for arithmetic with few bits.",
    ),
    "selu": ActivationFunction(
        F.selu,
        r"f(x) = 1.0507 \begin{cases} x & x > 0 \\ 1.6733 (e^x - 1) & x \le 0 \end{cases}",
        "ELU, scaled so that a deep network keeps mean 0 and variance 1 by itself.",
    ),
    "mish": ActivationFunction(
        F.mish,
        r"f(x) = x \tanh(\ln(1 + e^x))",
        "Smooth, and a little below zero before it rises; a relative of SiLU.",
    ),
    "hardtanh": ActivationFunction(
        F.hardtanh,
        r"f(x) = \max(-1, \min(1, x))",
        "Cuts everything to −1 … 1: a tanh of straight lines.",
    ),
    "hardswish": ActivationFunction(
        F.hardswish,
        r"f(x) = \frac{x}{6} \min(\max(0, x + 3), 6)",
        "SiLU out of straight pieces, cheap on a phone.",
    ),
}


def check_activation(name: str, parameters: Mapping[str, float | str]) -> ActivationFunction:
    """The entry called `name` ("none" is "identity"), if it takes these parameters.

    Raises:
        ValueError: an unknown name, parameter or value; the message says what is possible.
    """
    entry = ACTIVATIONS.get("identity" if name == "none" else name)
    if entry is None:
        raise ValueError(f"unknown activation {name!r}: choose one of none, {', '.join(ACTIVATIONS)}")
    for key, value in parameters.items():
        wanted = entry.parameters.get(key)
        if wanted is None:
            possible = ", ".join(entry.parameters) or "no parameters"
            raise ValueError(f"{name} has no parameter {key!r}; it takes {possible}")
        if isinstance(wanted, Choice):
            if value not in wanted.options:
                raise ValueError(f"{name}: {key} must be one of {', '.join(wanted.options)}, not {value!r}")
        elif isinstance(value, (str, bool)) or not math.isfinite(value) or (wanted.nonzero and value == 0):
            kind = "finite number other than 0" if wanted.nonzero else "finite number"
            raise ValueError(f"{name}: {key} must be a {kind}, not {value!r}")
    return entry


def activate(x: Tensor, name: str, **parameters: float | str) -> Tensor:
    """Apply an activation function; all but softmax work on each value alone.

    Args:
        x: (N, C, H, W) or (N, F), floating point, any range.
        name: a key of ACTIVATIONS, or "none" for the identity.
        parameters: those of ACTIVATIONS[name], such as negative_slope=0.2; the rest keep their defaults.
            softmax takes over="channels" (each pixel's channels sum to 1; of a vector, its features) or
            over="all" (each image's values sum to 1).
    Returns:
        the shape of x.
    Raises:
        ValueError: an unknown name, parameter or value; the message says what is possible.
    Source: torch.nn.functional, and the papers it names.
    """
    entry = check_activation(name, parameters)
    defaults = {key: parameter.default for key, parameter in entry.parameters.items()}
    return entry.function(x, **(defaults | parameters))
