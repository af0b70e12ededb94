"""Numbers as a person reads them: a true minus, an exponent without zeros."""

from __future__ import annotations

import re
from typing import Final

_EXPONENT: Final = re.compile(r"e([+-])0+(?=\d)")


def written(value: float, digits: int = 4) -> str:
    """So many significant digits, as `format` of stage_values.js writes them, so that both sides say the same."""
    size = abs(value)
    if size >= 1e5 or 0 < size < 1e-3:  # the exponent takes the place of two digits
        return _tidy(f"{value:.{max(0, digits - 2)}e}")
    return _tidy(f"{float(f'{value:.{digits}g}'):.15g}")


def as_factor(value: float) -> str:
    """Four digits, in brackets where it is negative: it may stand behind another sign."""
    text = _tidy(f"{value:.4g}")
    return f"({text})" if value < 0 else text


def _tidy(text: str) -> str:
    return "0" if text == "-0" else _EXPONENT.sub(r"e\1", text).replace("-", "−")
