"""A network as a row of layers, each with its maps as small pictures: what is built, and what is opened.

The row is a view of the text in the page's box `net`: what a person does to it is written there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import numpy as np

from cnnviz import figures
from cnnviz.activations import ACTIVATIONS
from cnnviz.layers import Layer, Pool2d, Shape
from cnnviz.network_text import format_layer, format_value, parse_layer
from cnnviz.network_words import WORDS, word_of
from cnnviz.skip_layers import Off
from cnnviz.ui.components import component
from cnnviz.ui.framing import framed
from cnnviz.ui.stage_view import averaged

_mount = component("network_view")

MOST: Final = 16  # maps of a layer that are shown
SIDE: Final = 64  # pixels that a small map has at most
LONGEST: Final = 256  # cells of a vector that are shown, evenly from all of it
WRITTEN: Final = 16  # numbers of a vector that are written out

FIRST: Final = {  # one filter that shrinks the map is the default, but seldom what is wanted
    "conv": "conv:8@3x3,same",
    "separable": "separable:8@3x3,same",
    "transposed": "transposed:8@2x2,s2",
}


@dataclass(frozen=True)
class Column:
    """What the row shows of one layer; the first is the picture.

    text: the layer's, as in the address; empty for the picture. shape: of what it makes, empty where it cannot.
    maps: what it made, (C, H, W) or (F,), if it did. note: a line under it. error: why it cannot work; mend: what would
    help, in words, and mended: the whole network's text with it.
    reads: which maps of the layer before each of its maps reads: "all", its "own", a part of the vector ("flatten"), or
    those of its group, of so many. skips: how many layers a skip connection skips.
    """

    text: str
    shape: Shape
    maps: np.ndarray | None
    layer: Layer | None = None
    note: str = ""
    error: str = ""
    mend: str = ""
    mended: str = ""
    reads: str | int = "all"
    skips: int = 0
    picture: bool = False


def network_view(
    columns: Sequence[Column], *, key: str, box: str, heard: str, opened: int, open_box: str, scale: str,
    draw: Mapping[str, Any] | None = None, is_fixed: bool = False, address: Mapping[str, str | None] | None = None,
    ignored: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Show the row; a later call with the same key redraws it in place.

    Args:
        columns: the picture first, then each layer.
        box: the key of the text box that holds the network. heard: its text, be it one that cannot be read.
        opened: the index of the layer that is open; -1: none. open_box: of the box that holds it.
        scale: whether colours are of each "map", "layer", or the whole "network".
        draw: how the weights are drawn, so that the browser shows an edit before the server has heard of it: `method`,
            `seed`, and `box`, the key of the box that holds the seed; None where they are not just drawn.
        is_fixed: whether its layers can be opened, but not changed; `box` and `heard` are then of no use, and a map
            that is chosen is written into the box `unit` too, as a vector's value always is.
        address, ignored: on a page without a stage view, what its settings say and what of them made no sense.
    """
    _mount(key=key, data=pack(columns, box=box, heard=heard, opened=opened, openBox=open_box, scale=scale, draw=draw,
                               isFixed=is_fixed, address=address, ignored=ignored or {}))  # fmt: skip


def pack(columns: Sequence[Column], **header: Any) -> bytes:
    """One message: the header, then the levels of each column's maps."""
    smalls = [_small(column.maps) for column in columns]
    spans = [[(0.0, 1.0)] * len(small) if c.picture else _spans(small) for c, small in zip(columns, smalls)]
    described = [_described(*each) for each in zip(columns, smalls, spans)]
    told = {"columns": described, "words": list(_catalogue()), "defaults": _defaults(), **header}
    levels = [
        figures.quantise(plane, *span).tobytes()
        for small, ends in zip(smalls, spans)
        for plane, span in zip(small, ends)
    ]
    return framed(told, levels)


def _small(maps: np.ndarray | None) -> np.ndarray:
    """The maps that are shown, (C, h, w), as small as they are seen; of a vector its cells, (1, F, 1)."""
    if maps is None:
        return np.zeros((0, 0, 0), np.float32)
    if maps.ndim == 1:
        count = min(len(maps), LONGEST)
        return maps[np.arange(count) * len(maps) // count][None, :, None]
    some = maps[:MOST]
    step = math.ceil(max(some.shape[1:]) / SIDE)
    return averaged(some, step) if step > 1 else some


def _spans(maps: np.ndarray) -> list[tuple[float, float]]:
    return [(float(plane.min()), float(plane.max())) for plane in maps]


def _described(column: Column, small: np.ndarray, spans: list[tuple[float, float]]) -> dict[str, Any]:
    whole = column.maps
    low, high = (float(whole.min()), float(whole.max())) if whole is not None and whole.size else (0.0, 0.0)
    return {
        "text": column.text,
        "shape": column.shape,
        "small": small.shape,
        "spans": spans,
        "low": low,
        "high": high,
        "numbers": whole.tolist() if whole is not None and whole.ndim == 1 and len(whole) <= WRITTEN else [],
        "note": column.note,
        "error": column.error,
        "mend": column.mend,
        "mended": column.mended,
        "reads": column.reads,
        "skips": column.skips,
        "picture": column.picture,
        "fields": _fields(column.layer) if column.layer else [],
    }


def _fields(layer: Layer) -> list[dict[str, Any]]:
    """What can be set of a layer: how each field is called, written, what it is now and what it may be."""
    layer = layer.layer if isinstance(layer, Off) else layer
    _, word = word_of(layer)
    usual = word.default()
    if isinstance(layer, Pool2d):
        usual = replace(usual, stride=layer.kernel_size)  # type: ignore[type-var]
    return [
        {"name": entry.name, "prefix": entry.prefix, "kind": entry.kind, "options": entry.options,
         "now": format_value(layer, entry), "usual": format_value(usual, entry)}
        for entry in word.fields
    ]  # fmt: skip


def _defaults() -> dict[str, dict[str, Any]]:
    """The parameters of each activation, as they are where nothing is said."""
    return {name: {key: p.default for key, p in entry.parameters.items()} for name, entry in ACTIVATIONS.items()}


@cache
def _catalogue() -> Sequence[Mapping[str, Any]]:
    """The layers that can be put in, each as it is at first."""
    texts = {word: FIRST.get(word) or format_layer(entry.default()) for word, entry in WORDS.items()}
    return [{"word": word, "text": text, "fields": _fields(parse_layer(text))} for word, text in texts.items()]
