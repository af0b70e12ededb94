"""A network as a short text for an address, such as ``conv:12@3x3,same|relu|max:2|flatten|linear:10|softmax``.

A layer is a word, then what it is about (``:12`` filters, ``@3x3`` window), then options after commas; ``-`` before it
switches it off. What stands at its default is left out. docs/network.md lists all words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cnnviz.layers import Activation, Layer, Pool2d
from cnnviz.network_words import ABOUT, AT, FLAG, WORD, WORDS, Word, Written, settings_of, word_of
from cnnviz.skip_layers import Off

NOTHING: Final = "nothing"  # no layers: an address that says nothing means its default
MAX_LAYERS: Final = 64
MAX_TEXT: Final = 4000  # characters; what browsers and servers pass on without fear is about 8000

_PART = re.compile(
    r"(?P<off>-?)(?P<word>[a-z][a-z0-9_]*)(?::(?P<about>[^@,]*))?(?:@(?P<at>[^,]*))?(?P<options>(?:,[^,]*)*)"
)
_SIZE = re.compile(r"[0-9]{1,4}(?:x[0-9]{1,4})?")
_INPUTS = re.compile(r"[0-9]{1,9}")  # large maps, flattened, are millions
_LETTERED = re.compile(r"(?P<letter>[a-z])(?P<size>[0-9]{1,4}(?:x[0-9]{1,4})?)")


class NetworkTextError(ValueError):
    """A text that is no network. The message names the layer, counted from 1, for the person who wrote it."""


def parse_network(text: str) -> tuple[Layer, ...]:
    """Read a network from its text; no text, or `NOTHING`, is no layer.

    Raises:
        NetworkTextError: it says which layer, counted from 1, and what can be written.
    """
    if len(text) > MAX_TEXT:
        raise NetworkTextError(f"The network is {len(text)} characters long; at most {MAX_TEXT} are read.")
    parts = [] if text.strip().lower() in ("", NOTHING) else text.split("|")
    if len(parts) > MAX_LAYERS:
        raise NetworkTextError(f"There are {len(parts)} layers; at most {MAX_LAYERS} are read.")
    layers = []
    for number, part in enumerate(parts, 1):
        try:
            layers.append(parse_layer(part))
        except ValueError as error:
            raise NetworkTextError(f"Layer {number}: {error}") from None
    return tuple(layers)


def parse_layer(text: str) -> Layer:
    """Read one layer.

    Raises:
        ValueError: there is no such word, it does not take what is written, or the layer cannot be.
    """
    found = _PART.fullmatch(re.sub(r"\s", "", text).lower())
    word = found and WORDS.get(found["word"])
    if not found or not word:
        raise ValueError(f"“{_shown(text)}” is no layer: it begins with one of {', '.join(WORDS)}.")
    name, written = found["word"], {entry.prefix: entry for entry in word.fields}
    values: dict[str, Any] = {}
    for prefix, given in ((ABOUT, found["about"]), (AT, found["at"])):
        if given is not None:
            if prefix not in written:
                raise ValueError(f"{name} takes nothing after “{prefix}”.")
            values[written[prefix].name] = _value(written[prefix], given)
    for option in filter(None, found["options"].split(",")):
        key, value = _option(name, word, option)
        if key in values:
            raise ValueError(f"{name} is told its {key} twice.")
        values[key] = value
    layer = _make(word, values)
    return Off(layer) if found["off"] else layer


def format_network(layers: Sequence[Layer]) -> str:
    """Write a network as `parse_network` reads it."""
    return "|".join(map(format_layer, layers)) or NOTHING


def format_layer(layer: Layer) -> str:
    """Write one layer; what stands at its default is left out, but for what it is about and its window."""
    if isinstance(layer, Off):
        return f"-{format_layer(layer.layer)}"
    name, word = word_of(layer)
    default = dict(settings_of(word.default()))
    settings = dict(settings_of(layer))
    if isinstance(layer, Pool2d):
        default["stride"] = layer.kernel_size
    parts = [name]
    for entry in word.fields:
        value = settings[entry.name]
        if entry.prefix in (ABOUT, AT) or value != default[entry.name]:
            parts.append(_written(entry, value))
    return "".join(parts)


def _make(word: Word, values: Mapping[str, Any]) -> Layer:
    if word.make is Activation:
        return Activation(**word.fixed, parameters=dict(values))
    return word.make(**word.fixed, **values)


def _option(name: str, word: Word, option: str) -> tuple[str, Any]:
    """What an option sets, and to what."""
    by_prefix = {entry.prefix: entry for entry in word.fields}
    if option in ("valid", "same") and "p" in by_prefix and by_prefix["p"].kind == "padding":
        return "padding", option
    if "=" in option:
        key, _, value = option.partition("=")
        if entry := by_prefix.get(f"{key}="):
            return entry.name, _value(entry, value)
    elif option == "nobias" and FLAG in by_prefix:
        return "bias", False
    elif (entry := by_prefix.get(WORD)) and option in entry.options:
        return entry.name, option
    elif (found := _LETTERED.fullmatch(option)) and (entry := by_prefix.get(found["letter"])):
        return entry.name, _value(entry, found["size"])
    takes = ", ".join(_example(entry) for entry in word.fields if entry.prefix not in (ABOUT, AT)) or "none"
    raise ValueError(f"{name} has no option “{_shown(option)}”. Options: {takes}.")


def _example(entry: Written) -> str:
    if entry.kind == "padding":
        return "valid, same or p1"
    if entry.prefix == WORD:
        return " or ".join(entry.options)
    if entry.prefix == FLAG:
        return f"no{entry.name}"
    return f"{entry.prefix}…" if entry.prefix.endswith("=") else f"{entry.prefix}2 ({entry.name.replace('_', ' ')})"


def _value(entry: Written, text: str) -> Any:
    if entry.kind == "choice":
        if text not in entry.options:
            raise ValueError(f"{entry.name} is one of {', '.join(entry.options)}, not “{_shown(text)}”.")
        return text
    if entry.kind == "number":
        return number(entry.name, text)
    if entry.kind == "inputs" and _INPUTS.fullmatch(text):
        return int(text)
    sizes = tuple(int(side) for side in text.split("x")) if _SIZE.fullmatch(text) else ()
    if entry.kind == "whole" and len(sizes) == 1:
        return sizes[0]
    if entry.kind in ("size", "padding") and sizes:
        return sizes[0], sizes[-1]
    form = {"whole": "up to 9999", "inputs": "of at most nine digits"}.get(entry.kind, "up to 9999, or two as in 3x5")
    raise ValueError(f"{entry.name} is a whole number {form}, not “{_shown(text)}”.")


def number(name: str, text: str) -> float:
    """Read a number up to a million, either way.

    Raises:
        ValueError: it is none.
    """
    try:
        value = float(text) if len(text) <= 30 else float("nan")
    except ValueError:
        value = float("nan")
    if not abs(value) <= 1e6:
        raise ValueError(f"{name} is a number up to a million, not “{_shown(text)}”.")
    return value


def _written(entry: Written, value: Any) -> str:
    if entry.prefix == FLAG:
        return f",no{entry.name}"
    if entry.prefix == WORD:
        return f",{value}"
    if entry.kind in ("size", "padding") and not isinstance(value, str):
        height, width = value if isinstance(value, tuple) else (value, value)
        value = str(height) if height == width and entry.prefix != AT else f"{height}x{width}"
    elif entry.kind == "padding":
        return f",{value}"
    elif entry.kind == "number":
        value = repr(float(value)).removesuffix(".0")
    return f"{entry.prefix}{value}" if entry.prefix in (ABOUT, AT) else f",{entry.prefix}{value}"


def _shown(text: str) -> str:
    plain = "".join(c if c.isprintable() else "·" for c in text[:30])
    return plain + ("…" if len(text) > 30 else "")


def format_value(layer: Layer, entry: Written) -> str:
    """What one field of a layer says, without what stands before it; a flag is "yes" or "no"."""
    value = dict(settings_of(layer))[entry.name]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return str(value[0]) if value[0] == value[1] else f"{value[0]}x{value[1]}"
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
