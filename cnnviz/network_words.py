"""The words that a network's text is written in: which layer each makes, and how its fields are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from cnnviz.activations import ACTIVATIONS, Choice
from cnnviz.layers import (
    Activation,
    AdaptivePool2d,
    Add,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    DepthwiseSeparableConv2d,
    Dropout,
    Flatten,
    GlobalPool2d,
    Layer,
    Linear,
    Pool2d,
)
from cnnviz.padding import PADDING_MODES
from cnnviz.pooling import POOLS

# What stands before a value. A word stands alone; "no" before the name of a flag turns it off.
ABOUT, AT, WORD, FLAG = ":", "@", "word", "flag"


@dataclass(frozen=True)
class Written:
    """How one field of a layer is written.

    name: the field's. prefix: ":", "@", a letter before a size, "key=" before a number or word, "word", or "flag".
    kind: "whole", "inputs" (whole, and may be large), "size", "number", "padding", "choice", "flag"; options: of a
        choice.
    """

    name: str
    prefix: str
    kind: str
    options: tuple[str, ...] = ()


_WINDOW = (
    Written("stride", "s", "size"), Written("padding", "p", "padding"), Written("dilation", "d", "size"),
)  # fmt: skip
_FILL = (Written("padding_mode", WORD, "choice", PADDING_MODES), Written("padding_value", "value=", "number"))
_FILTERS = (Written("out_channels", ABOUT, "whole"), Written("kernel_size", AT, "size"))
_GROUPS, _BIAS = Written("groups", "g", "whole"), Written("bias", FLAG, "flag")


@dataclass(frozen=True)
class Word:
    """A word for a layer: which layer it makes, and which of its fields are written how, in this order."""

    make: Callable[..., Layer]
    fields: tuple[Written, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def default(self) -> Layer:
        return self.make(**self.fixed)


def _activation_fields(name: str) -> tuple[Written, ...]:
    return tuple(
        Written(key, f"{key}=", "choice", parameter.options)
        if isinstance(parameter, Choice)
        else Written(key, f"{key}=", "number")
        for key, parameter in ACTIVATIONS[name].parameters.items()
    )


WORDS: Final[Mapping[str, Word]] = {
    "conv": Word(Conv2d, (*_FILTERS, *_WINDOW, _GROUPS, *_FILL, _BIAS)),
    "separable": Word(DepthwiseSeparableConv2d, (*_FILTERS, *_WINDOW, *_FILL, _BIAS)),
    "transposed": Word(
        ConvTranspose2d,
        (*_FILTERS, Written("stride", "s", "size"), Written("padding", "p", "size"),
         Written("output_padding", "o", "size"), Written("dilation", "d", "size"), _GROUPS, _BIAS),
    ),
    **{name: Word(Activation, _activation_fields(name), {"name": name}) for name in ACTIVATIONS},
    **{kind: Word(Pool2d, (Written("kernel_size", ABOUT, "size"), *_WINDOW), {"kind": kind}) for kind in POOLS},
    **{f"global_{kind}": Word(GlobalPool2d, (), {"kind": kind}) for kind in POOLS},
    **{
        f"adaptive_{kind}": Word(AdaptivePool2d, (Written("output_size", ABOUT, "size"),), {"kind": kind})
        for kind in POOLS
    },
    "norm": Word(BatchNorm2d, (Written("eps", "eps=", "number"),)),
    "dropout": Word(Dropout, (Written("p", ABOUT, "number"),)),
    "flatten": Word(Flatten),
    "linear": Word(Linear, (Written("out_features", ABOUT, "whole"), Written("in_features", "in=", "inputs"), _BIAS)),
    "add": Word(Add, (Written("back", ABOUT, "whole"),)),
}  # fmt: skip


def word_of(layer: Layer) -> tuple[str, Word]:
    """The word that a layer is written with."""
    settings = dict(settings_of(layer))
    for name, word in WORDS.items():
        if word.make is type(layer) and all(settings[key] == value for key, value in word.fixed.items()):
            return name, word
    raise ValueError(f"there is no word for {layer}")


def settings_of(layer: Layer) -> Iterator[tuple[str, Any]]:
    """A layer's fields by name; an activation's parameters too, as its defaults say where it does not."""
    for entry in fields(layer):  # type: ignore[arg-type]
        if entry.name != "parameters":
            yield entry.name, getattr(layer, entry.name)
    if isinstance(layer, Activation):
        yield from {key: p.default for key, p in ACTIVATIONS[layer.name].parameters.items()}.items()
        yield from dict(layer.parameters).items()
