"""A network as JSON: documented, versioned, and read without running anything.

    {"format": "cnnviz-network", "version": 1, "input": [3, 32, 32],
     "layers": [{"type": "Conv2d", "out_channels": 12, "kernel_size": [3, 3], "padding": "same"}, …]}

Types are those of `layers.LAYERS` and their fields, PyTorch's names; what is left out is at its default. A layer with
"off": true is switched off. Sizes and numbers go as far as in a text.
The weights are another file: see `network_weights`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, TypeGuard

from cnnviz.layers import LAYERS, Layer, Pool2d, Shape
from cnnviz.network_text import MAX_LAYERS, NetworkTextError, format_network, parse_network
from cnnviz.skip_layers import Off

FORMAT: Final = "cnnviz-network"
VERSION: Final = 1
MAX_BYTES: Final = 200_000
_TYPES: Final = {layer.__name__: layer for layer in LAYERS}


class NetworkJsonError(ValueError):
    """A file that is no network. The message is a sentence for the person who brought it."""


def to_json(layers: Sequence[Layer], shape: Shape) -> str:
    """Describe a network for pictures of `shape` (C, H, W)."""
    head = {"format": FORMAT, "version": VERSION, "input": list(shape)}
    described = {**head, "layers": [_described(each) for each in layers]}
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> tuple[tuple[Layer, ...], Shape]:
    """Read a description: the layers, and the (C, H, W) they were made for.

    Raises:
        NetworkJsonError: it says what is wrong, and in which layer.
    """
    if len(text) > MAX_BYTES:
        raise NetworkJsonError(f"The file has {len(text):,} bytes; a description has at most {MAX_BYTES:,}.")
    try:
        # an integer of thousands of digits takes long to read
        found = json.loads(text, parse_int=_whole, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise NetworkJsonError("This is not JSON that can be read.") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise NetworkJsonError(f'This is no description of a network: it has to say "format": "{FORMAT}".')
    if found.get("version") != VERSION or found["version"] is True:
        raise NetworkJsonError(f"Version {VERSION} of the format is read here, not {_short(found.get('version'))}.")
    shape, layers = found.get("input"), found.get("layers")
    if not _is_shape(shape):
        raise NetworkJsonError('"input" has to be three whole numbers, such as [3, 32, 32].')
    if not isinstance(layers, list) or len(layers) > MAX_LAYERS:
        raise NetworkJsonError(f'"layers" has to be a list of at most {MAX_LAYERS} layers.')
    network = tuple(_layer(number, entry) for number, entry in enumerate(layers, 1))
    try:
        parse_network(format_network(network))  # what an address cannot hold, such as endless sizes, is not read either
    except NetworkTextError as error:
        raise NetworkJsonError(str(error)) from None
    return network, tuple(shape)  # type: ignore[arg-type]


def _described(layer: Layer) -> dict[str, Any]:
    if isinstance(layer, Off):
        return {**_described(layer.layer), "off": True}
    default = {field.name: getattr(type(layer)(), field.name) for field in fields(layer)}  # type: ignore[arg-type]
    if isinstance(layer, Pool2d):
        default["stride"] = layer.kernel_size
    described: dict[str, Any] = {"type": type(layer).__name__}
    for name, usual in default.items():
        value = getattr(layer, name)
        if value != usual:
            described[name] = dict(value) if name == "parameters" else value
    return described


def _layer(number: int, entry: Any) -> Layer:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("type"), str) or entry["type"] not in _TYPES:
        raise NetworkJsonError(f"Layer {number}: its type has to be one of {', '.join(_TYPES)}.")
    kind = _TYPES[entry["type"]]
    default = {field.name: getattr(kind(), field.name) for field in fields(kind)}  # type: ignore[arg-type]
    given = {name: value for name, value in entry.items() if name not in ("type", "off")}
    for name, value in given.items():
        if name not in default:
            has = f"it has {', '.join(default)}" if default else "it has no settings"
            raise NetworkJsonError(f"Layer {number}: {entry['type']} has no {_short(name)}; {has}.")
        if not _suits(value, default[name]):
            raise NetworkJsonError(f"Layer {number}: {name} cannot be {_short(value)}.")
    if not isinstance(entry.get("off", False), bool):
        raise NetworkJsonError(f"Layer {number}: off is true or false, not {_short(entry['off'])}.")
    try:
        made = kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})
    except (ValueError, TypeError) as error:
        raise NetworkJsonError(f"Layer {number}: {error}") from None
    return Off(made) if entry.get("off") else made


def _suits(value: Any, default: Any) -> bool:
    """Whether a value is of the kind of a field's default: a flag, a number, a word, a size, or parameters by name."""
    if default == ():
        return isinstance(value, Mapping) and len(value) <= 4 and all(_suits(each, 0) for each in value.values())
    if isinstance(value, bool) or isinstance(default, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(value, list):  # padding may be a pair, too, though it is a word at first
        return isinstance(default, tuple | str) and len(value) == 2 and all(type(each) is int for each in value)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if value is None:
        return default is None
    return isinstance(value, int | float) or (isinstance(value, str) and len(value) <= 30)


def _is_shape(shape: Any) -> TypeGuard[list[int]]:
    return isinstance(shape, list) and len(shape) == 3 and all(type(side) is int and side > 0 for side in shape)


def _whole(text: str) -> int:
    if len(text) > 12:
        raise ValueError(text)
    return int(text)


def _refused(text: str) -> Any:
    raise ValueError(text)


def _short(value: Any) -> str:
    text = repr(value)
    return text[:40] + ("…" if len(text) > 40 else "")
