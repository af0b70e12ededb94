"""What a host may set, by environment variables. As it is, the app is safe for a class on a small machine.

Each field of `Hosting` is one setting, called CNNVIZ_ and its name in capitals; `docs/hosting.md` lists them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

_ORIGIN: Final = re.compile(r"'(self|none)'|https?://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?", re.IGNORECASE)


class HostingError(ValueError):
    """A setting of the host's makes no sense. The message says which, and what would."""


def _whole(default: int, low: int, high: int, about: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "about": about})


def _text(default: str, about: str, options: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"options": options, "about": about})


@dataclass(frozen=True)
class Hosting:
    """All settings, each with what it bounds."""

    sessions: int = _whole(60, 1, 10_000, "Pages open at once. Who comes later waits on a page that says so.")
    upload_mb: int = _whole(20, 1, 40, "Megabytes of one picture, or of a network's file.")
    dataset_mb: int = _whole(40, 1, 40, "Megabytes of one file of pictures to learn from.")
    page_files_mb: int = _whole(100, 40, 1_000, "Megabytes of all files that one page has brought and not let go of.")
    all_files_mb: int = _whole(500, 40, 100_000, "The same for all pages together.")
    megapixels: int = _whole(50, 1, 200, "Of an uploaded picture, in millions, before anything is decoded.")
    kept_mb: int = _whole(4, 1, 40, "Megabytes kept of a person's own picture; a larger one is shrunk when it comes.")
    kernel_side: int = _whole(15, 3, 15, "Rows and columns of a kernel.")
    steps_million: int = _whole(1_000, 10, 100_000, "Multiply-adds that a page may compute at once, in millions.")
    cells_million: int = _whole(30, 1, 1_000, "Cells of all maps of a page, in millions: four bytes each, and copies.")
    trainings: int = _whole(2, 1, 64, "Trainings at once, each a process; one for a page.")
    trainings_waiting: int = _whole(40, 0, 1_000, "Trainings that wait for their turn.")
    training_seconds: int = _whole(300, 10, 3_600, "Seconds that one training may take.")
    training_mb: int = _whole(1_000, 100, 100_000, "Megabytes that one training may take, besides its libraries.")
    training_nice: str = _text(
        "idle",
        "How trainings share the processor with the pages: only what they leave, or 0 (alike) to 19.",
        ("idle", *map(str, range(20))),
    )
    message_mb: int = _whole(4, 1, 64, "Megabytes of one message from a browser; a larger one ends its connection.")
    frame_ancestors: str = _text("'self'", "Whose pages may embed the app: 'none', 'self', or origins.")
    log: str = _text("text", "How the log is written.", ("text", "json"))


def variable(name: str) -> str:
    """The environment variable of a field."""
    return f"CNNVIZ_{name.upper()}"


def read(environment: Mapping[str, str]) -> Hosting:
    """The settings that an environment says.

    Raises:
        HostingError: one of them makes no sense, or there is none of that name.
    """
    known = {variable(one.name): one for one in fields(Hosting)}
    for name in environment:
        if name.startswith("CNNVIZ_") and name not in known and name not in ("CNNVIZ_FUZZ",):  # that one is the tests'
            raise HostingError(f"There is no setting {name}. There are {', '.join(known)}.")
    values: dict[str, Any] = {
        one.name: _value(name, one, environment[name]) for name, one in known.items() if environment.get(name)
    }
    return Hosting(**values)


def _value(name: str, one: Any, text: str) -> int | str:
    if isinstance(one.default, int):
        low, high = one.metadata["low"], one.metadata["high"]
        if not text.isascii() or not text.isdecimal() or not low <= int(text[:12]) <= high:
            raise HostingError(f"{name} is a whole number from {low} to {high}, not {text!r:.40}.")
        return int(text)
    if options := one.metadata["options"]:
        if text not in options:
            raise HostingError(f"{name} is one of {', '.join(options)}, not {text!r:.40}.")
    elif not all(_ORIGIN.fullmatch(origin) for origin in text.split(" ")):
        raise HostingError(f"{name} is 'self', 'none', or origins that begin with https://, not {text!r:.60}.")
    return text


HOSTING: Final = read(os.environ)
