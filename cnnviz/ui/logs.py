"""The log: a line for each thing that a host should know of, and nothing that a person wrote or brought."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import Any, Final

from cnnviz.hosting import HOSTING

LOG: Final = logging.getLogger("cnnviz")
_OURS: Final = "numbers"


class Private(logging.Formatter):
    """Writes what happened and where, not with what: of other people's messages the pattern without its arguments, of
    an exception its type and the places that it went through.

    Args:
        is_json: one JSON object a line; else a plain line, and an exception's own words for who develops.
    """

    def __init__(self, *, is_json: bool) -> None:
        super().__init__()
        self._is_json = is_json

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": str(record.msg),
            **getattr(record, _OURS, {}),
        }
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            places = traceback.extract_tb(error.__traceback__)
            said["exception"] = type(error).__name__
            said["places"] = [f"{place.filename}:{place.lineno} {place.name}" for place in places]
            if not self._is_json:
                said["said"] = str(error)
        return json.dumps(said) if self._is_json else " ".join(f"{key}={value}" for key, value in said.items())


def tell(event: str, level: int = logging.INFO, **numbers: float | str) -> None:
    """Log something of ours. numbers: what belongs to it; no texts of a person's."""
    LOG.log(level, event, extra={_OURS: numbers})


def set_up() -> None:
    """Write all logs to standard error in our form; libraries' only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Private(is_json=HOSTING.log == "json"))
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in ("streamlit", "uvicorn"):  # they have handlers of their own
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [], True
            logger.setLevel(logging.WARNING)
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    LOG.setLevel(logging.INFO)
