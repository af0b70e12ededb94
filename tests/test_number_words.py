"""Numbers as a person reads them."""

from __future__ import annotations

import pytest

from cnnviz.number_words import as_factor, written


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 4, "0"), (-0.0, 4, "0"), (-1.25, 4, "−1.25"), (0.21374, 4, "0.2137"), (12345.6, 4, "12350"),
        (-2.082e-7, 5, "−2.082e−7"), (8.04e-8, 3, "8.0e−8"), (123456, 4, "1.23e+5"), (0.0703, 3, "0.0703"),
        (1e-160, 3, "1.0e−160"), (float("inf"), 4, "inf"),
    ],
)  # fmt: skip
def test_significant_digits_with_a_true_minus(value: float, digits: int, text: str) -> None:
    assert written(value, digits) == text


def test_a_negative_factor_stands_in_brackets() -> None:
    assert as_factor(-2.0824e-7) == "(−2.082e−7)"
    assert as_factor(0.94171) == "0.9417"
