"""How often a property is tried: a few times in the suite, many times in `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import settings

TIMES = int(os.environ.get("CNNVIZ_FUZZ", "1"))


def examples(few: int) -> settings:
    """Try a property on `few` drawn examples, or on CNNVIZ_FUZZ times as many. No deadline: machines are noisy."""
    return settings(deadline=None, max_examples=few * TIMES)
