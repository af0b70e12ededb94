"""The pictures of numbers: 8×8, what they claim holds, and any other text is read or refused in a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from cnnviz.kernels import KERNELS, KernelError, format_kernel
from cnnviz.number_pictures import NUMBER_PICTURES, SIDE, parse_numbers


@pytest.mark.parametrize("name", NUMBER_PICTURES)
def test_every_picture_is_read_by_its_name_and_by_its_rows(name: str) -> None:
    rows = NUMBER_PICTURES[name].rows
    assert np.array(rows).shape == (SIDE, SIDE)
    assert parse_numbers(f" {name.upper()} ") == rows == parse_numbers(format_kernel(rows))
    assert NUMBER_PICTURES[name].look_for.endswith((".", "?"))
    assert name not in KERNELS, "the box would show another"


def windows(name: str) -> np.ndarray:
    """The windows 2×2 side by side, (16, 4)."""
    rows = np.array(NUMBER_PICTURES[name].rows)
    return rows.reshape(4, 2, 4, 2).transpose(0, 2, 1, 3).reshape(16, 4)


def test_they_show_what_they_claim() -> None:
    assert (windows("checkerboard").max(1) == 9).all()
    assert (np.array(NUMBER_PICTURES["negatives"].rows) < 0).all()
    assert (np.diff(np.array(NUMBER_PICTURES["ramp"].rows).ravel()) > 0).all()
    assert np.count_nonzero(NUMBER_PICTURES["one-bright-dot"].rows) == 1
    assert ((windows("ties") == windows("ties").max(1, keepdims=True)).sum(1) > 1).all()
    mixed = windows("mixed")
    assert (mixed < 0).any() and ((mixed == mixed.max(1, keepdims=True)).sum(1) > 1).any()


@pytest.mark.parametrize("text", ["", "edge", "1,2;3,4", "banana", ";".join(["1,1,1,1,1,1,1"] * 8), "nan", "1," * 500])
def test_what_is_not_8_by_8_is_refused(text: str) -> None:
    with pytest.raises(KernelError):
        parse_numbers(text)
