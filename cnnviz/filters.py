"""Filters as deep as their input: the text they travel as, and banks of them.

A filter is (C, kh, kw): one plane of weights for each channel. A picture's three channels are red, green, blue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

from cnnviz.filter_presets import FILTERS, FilterPreset, check_filter_size
from cnnviz.kernels import (
    KERNELS,
    MAX_TEXT,
    KernelError,
    format_rows,
    initial_bias,
    initialise,
    parse_kernel,
    shown,
)

__all__ = [
    "FILTERS", "MAX_EDITS", "MAX_FILTERS", "FilterPreset", "bank", "format_edits", "format_filter", "parse_edits",
    "parse_filter",
]  # fmt: skip

MAX_FILTERS: Final = 64
MAX_EDITS: Final = 100_000  # characters of all edits together: longer than any address a browser sends

_CHANCE: Final = re.compile(r"(?P<method>[a-z_]+):(?P<seed>[0-9]{1,10})")


def parse_filter(text: str, channels: int, height: int, width: int) -> Tensor:
    """Read a filter from its URL form: a preset's name, planes, or chance.

    Planes are divided by ``/`` and each is what ``parse_kernel`` reads, so cells are divided by ``,`` and rows
    by ``;``, or it is a kernel's name. One plane alone goes into every channel. A fraction such as 1/9 cannot be
    told from two planes and is not read. Chance is a method of ``INITIALISATIONS`` and a seed:
    ``kaiming_uniform:7`` draws this one filter.

    Args:
        text: letters may be large or small.
        channels, height, width: the size it has to have.
    Returns:
        float32 weights (channels, height, width).
    Raises:
        KernelError: the sentence names the plane, the cell ("Plane 2: Row 1, column 3: …") or the wrong size.
    """
    check_filter_size(channels, height, width)
    if len(text) > MAX_TEXT * channels:
        raise KernelError(f"The filter is {len(text)} characters long; at most {MAX_TEXT * channels} are read.")
    name = text.strip().lower()
    if name in FILTERS:
        return FILTERS[name].values(channels, height, width)
    if chance := _CHANCE.fullmatch(name):
        return initialise(chance["method"], (1, channels, height, width), int(chance["seed"]))[0]
    if re.fullmatch(r"[a-z][^,;:/]*", name) and name not in KERNELS:
        raise KernelError(f"There is no filter called “{shown(text)}”.")
    texts = name.split("/")
    if len(texts) not in (1, channels):
        # A person who wrote 1/9 wonders where ten planes come from.
        hint = "" if _has_size(texts[0], height, width) else " Each “/” begins a plane: write 1/9 as 0.1111."
        has = f"{channels} channel" + ("" if channels == 1 else "s")
        raise KernelError(f"The filter has {len(texts)} planes; the picture has {has}.{hint}")
    planes = []
    for i, plane in enumerate(texts, 1):
        try:
            rows = parse_kernel(plane)
        except KernelError as error:
            sentence = str(error).replace(", 1e-2 or 1/9", " or 1e-2")  # no fractions here
            raise KernelError(f"Plane {i}: {sentence}" if len(texts) > 1 else sentence) from None
        if (len(rows), len(rows[0])) != (height, width):
            what = f"Plane {i}" if len(texts) > 1 else "This one"
            raise KernelError(f"{what} is {len(rows)}×{len(rows[0])}; the filters are {height}×{width}.")
        planes.append(rows)
    return torch.tensor(planes, dtype=torch.float32).repeat(channels // len(planes), 1, 1)


def _has_size(plane: str, height: int, width: int) -> bool:
    rows = plane.split(";")
    return plane in KERNELS or (len(rows) == height and rows[0].count(",") == width - 1)


def format_filter(weights: Tensor) -> str:
    """Write a filter in its URL form: the preset's name when it is one, else its planes as rows.

    Filters are the same when their weights are the same float32 numbers, see ``format_kernel``; so
    ``parse_filter(format_filter(weights), *weights.shape)`` equals ``weights`` as float32. Planes that are all
    alike are written once. Of presets that are alike (on a grey picture many are) the first in ``FILTERS``
    names the filter; one of zeros is written as zeros, since a blind filter has nothing to look for.

    Args:
        weights: (C, kh, kw), each |value| at most ``MAX_VALUE``.
    Raises:
        KernelError: a size or a value that ``parse_filter`` would not take back.
    """
    if weights.ndim != 3:
        raise KernelError(f"A filter is (channels, height, width), not {tuple(weights.shape)}.")
    channels, height, width = weights.shape
    check_filter_size(channels, height, width)
    planes = [format_rows(plane) for plane in weights.tolist()]
    name = _names(channels, height, width).get(_key(weights))
    return name or (planes[0] if len(set(planes)) == 1 else "/".join(planes))


def _key(weights: Tensor) -> bytes:
    return (weights.detach().float() + 0.0).cpu().numpy().tobytes()


@lru_cache(maxsize=64)
def _names(channels: int, height: int, width: int) -> dict[bytes, str]:
    filters = {name: preset.values(channels, height, width) for name, preset in reversed(FILTERS.items())}
    return {_key(values): name for name, values in filters.items() if values.any()}


def parse_edits(text: str) -> dict[int, str]:
    """Read which filters of a bank a person changed: ``0=red-edges|2=0,1,0;1,-4,1;0,1,0``; nothing is none.

    Only the frame is read; what stands behind each ``=`` is read by ``parse_filter``, which knows the size.

    Returns:
        The text of each changed filter by its index, 0 to ``MAX_FILTERS`` - 1.
    Raises:
        KernelError: a part without an index or a filter, an index that is too large or there twice.
    """
    if len(text) > MAX_EDITS:
        raise KernelError(f"The edited filters are {len(text)} characters long; at most {MAX_EDITS} are read.")
    edits: dict[int, str] = {}
    for part in text.split("|") if text.strip() else ():
        number, _, edit = map(str.strip, part.partition("="))
        if not re.fullmatch("[0-9]{1,9}", number) or not edit or "=" in edit:
            said = f"“{shown(part)}”" if part.strip() else "An empty part"
            raise KernelError(f"{said} is not an edited filter; write its number and its weights like 0=red-edges.")
        index = int(number)
        if index >= MAX_FILTERS:
            raise KernelError(f"There is no filter {index}; they are counted from 0 to {MAX_FILTERS - 1}.")
        if index in edits:
            raise KernelError(f"Filter {index} is there twice; say once what it is.")
        edits[index] = edit
    return edits


def format_edits(edits: Mapping[int, str]) -> str:
    """Write edited filters in their URL form, in order of their index; ``parse_edits`` gives them back.

    Raises:
        KernelError: an index or a text that ``parse_edits`` would not give back.
    """
    text = "|".join(f"{index}={edits[index].strip()}" for index in sorted(edits))
    if parse_edits(text) != {index: edit.strip() for index, edit in edits.items()}:
        raise KernelError("A filter's text holds neither “|” nor “=”.")
    return text


def bank(
    count: int, channels: int, kernel_size: tuple[int, int], method: str, seed: int, edits: Mapping[int, str]
) -> tuple[Tensor, Tensor]:
    """Draw the filters of a convolution, then put edited ones in their places, with bias 0.

    The weights are torch's own for a convolution of this size, so a bank of 12 filters begins with the 8 of a bank
    of 8 only where torch draws them so: not by the two xavier methods, whose spread depends on the number of filters,
    nor in the last few cells that are normal, which torch draws in blocks of 16 and an incomplete one differently; nor
    are the biases of "pytorch", which torch draws after all weights.

    Args:
        count: number of filters K, 1 to ``MAX_FILTERS``.
        channels: C, of the input.
        kernel_size: kh, kw.
        method, seed: see ``initialise``.
        edits: text of single filters by index, see ``parse_edits``; those with an index beyond the last filter
            are not even read: they wait until there are as many.
    Returns:
        float32 weight (K, C, kh, kw) and bias (K,).
    Raises:
        KernelError: an edited filter that cannot be read, named by its index ("Filter 2: …"); a wrong size.
    """
    if not 1 <= count <= MAX_FILTERS:
        raise KernelError(f"There can be 1 to {MAX_FILTERS} filters, not {count}.")
    check_filter_size(channels, *kernel_size)
    weight = initialise(method, (count, channels, *kernel_size), seed)
    bias = initial_bias(method, (count, channels, *kernel_size), seed)
    for index, text in edits.items():
        if index < count:
            try:
                weight[index] = parse_filter(text, channels, *kernel_size)
            except KernelError as error:
                raise KernelError(f"Filter {index}: {error}") from None
            bias[index] = 0
    return weight, bias
