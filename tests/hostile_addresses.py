"""Hostile addresses, each made from its number alone: what means nothing, or worse, and all that may be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final
from urllib.parse import quote, quote_from_bytes

from cnnviz.activations import ACTIVATIONS
from cnnviz.ui.settings import INSIDE, KINDS_PAGE, LAB, NETWORK, POOLING, TRAIN, VOLUMES, Setting
from tests.hostile_texts import COSTLY, LONG, MARK, NAMES, READABLE, TEXTS

PAGES: Final[Mapping[str, Sequence[Setting]]] = {
    "": LAB, "volumes": VOLUMES, "kinds": KINDS_PAGE, "pooling": POOLING, "network": NETWORK, "train": TRAIN,
    "inside": INSIDE,
}  # fmt: skip


@dataclass(frozen=True)
class Address:
    """page: its name, as in the address. query: as a browser would send it. kind: how it was made."""

    page: str
    query: str
    kind: str


def hostile_address(number: int, seed: int = 0) -> Address:
    """The same address for the same number, anywhere."""
    rng = Random(f"{seed} {number}")
    page = list(PAGES)[number % len(PAGES)]
    settings = PAGES[page]
    kind = rng.choice(("hostile", "hostile", "readable", "extreme", "costly", "costly", "mixed"))
    pairs: list[tuple[str, str]] = []
    if kind == "costly":
        names = [setting.name for setting in settings if setting.name in COSTLY]
        for name in rng.sample(names, min(len(names), rng.choice([2, 4, 6, 9, len(names)]))):
            pairs.append((name, quote(rng.choice(COSTLY[name]))))
    elif kind != "hostile":
        few = rng.choice([3, 6, len(settings)])
        for setting in rng.sample(list(settings), min(few, len(settings))):
            texts = readable(page)[setting.name]
            last = rng.random() < 0.6 and kind == "extreme"  # the largest come late in READABLE
            text = rng.choice(texts[-3:] if last else texts)
            pairs.append((quote(setting.name), quote(text)))
    if kind in ("hostile", "mixed"):
        for _ in range(rng.choice([1, 1, 2, 4, 9])):
            name = rng.choice(NAMES) if rng.random() < 0.25 else rng.choice(settings).name
            pairs.append((_encoded(name), hostile_text(rng)))
    if rng.random() < 0.1 and pairs:  # the same name again, with another value
        pairs.append((rng.choice(pairs)[0], hostile_text(rng)))
    rng.shuffle(pairs)
    between = "&" if rng.random() < 0.95 else rng.choice(["&&", ";", "&=&", "&x&", "?"])
    return Address(page, between.join(f"{name}={text}" for name, text in pairs), kind)


def hostile_text(rng: Random) -> str:
    """A value as it stands in an address, percent signs and all."""
    what = rng.randrange(12)
    if what == 0:
        return quote_from_bytes(rng.randbytes(rng.choice([1, 3, 20, 200])))
    if what == 1:
        return _encoded(rng.choice(LONG) * rng.choice([50, 1000, 3000, 100_000]))[:100_000]
    if what == 2:
        depth = rng.choice([10, 1000, 30_000])
        return _encoded(rng.choice(["[", "(", "{"]) * depth + MARK + rng.choice(["]", ")", "}"]) * depth)
    if what == 3:  # something that can be read, and a bit more
        return _encoded(
            rng.choice(READABLE) + rng.choice(["", " ", "\0", ",", ";1", "|", "0" * 40, "\u200b", "\n", "x9"])
        )
    if what == 4:
        return rng.choice(
            ["%", "%zz", "%u0041", "%ed%a0%80", "%c0%ae", "%00", "%f0%9f", "%ff%fe", "+", "%2B", "%26a%3D1"]
        )
    return _encoded(rng.choice(TEXTS))


@cache
def readable(page: str) -> dict[str, list[str]]:
    """By setting, what it reads of what can be read."""
    return {setting.name: _readable(setting) for setting in PAGES[page]}


def _readable(setting: Setting) -> list[str]:
    texts = [*setting.options, setting.default]
    for text in READABLE:
        try:
            setting.parse(text)
        except ValueError:
            continue
        texts.append(text)
    if setting.name == "activation":
        return [name for name in texts if name in ACTIVATIONS or name == "none"]
    return texts


def _encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"))
