"""Pictures of 8×8 numbers, small enough to follow every one of them by eye, and their text form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cnnviz.kernels import KernelError, Rows, parse_kernel

SIDE: Final = 8  # rows and columns


@dataclass(frozen=True)
class NumberPicture:
    """A picture of numbers: what to look for in it, and its rows."""

    name: str
    family: str
    look_for: str
    rows: Rows


def _rows(text: str) -> Rows:
    return tuple(tuple(float(cell) for cell in line.split()) for line in text.strip().splitlines())


def _picture(name: str, family: str, look_for: str, text: str) -> NumberPicture:
    return NumberPicture(name, family, look_for, _rows(text))


_MADE: Final = (
    _picture(
        "mixed", "to begin with", "Negatives, ties, and a few that stand out: something for every knob.",
        """
         3  1 -2  4  0  0  5  1
        -1  2  7 -3  0  0 -4  2
         6 -5  1  1  8 -1  3  3
         0  2 -6  5  2 -2  3  3
        -2 -3 -1 -4  4  1 -7  0
        -5 -1 -2 -3  1  6  2 -1
         1  1  9 -1 -3  0  4  4
         1  1  0  2  5 -6  4  4
        """,
    ),
    _picture(
        "ramp", "simple", "Every number is larger than those before it: who wins, and where does a shift show?",
        "\n".join(" ".join(str(8 * row + column) for column in range(SIDE)) for row in range(SIDE)),
    ),
    _picture(
        "checkerboard", "simple", "Every window of 2×2 holds a 9, however it is shifted. Stride 2 alone flips all.",
        "\n".join(" ".join(str(9 * ((row + column) % 2)) for column in range(SIDE)) for row in range(SIDE)),
    ),
    _picture(
        "one-bright-dot", "simple", "Shift it: max pooling notices only when the dot leaves its window.",
        "\n".join(" ".join("9" if (row, column) == (2, 4) else "0" for column in range(SIDE)) for row in range(SIDE)),
    ),
    _picture(
        "upright-line", "simple", "A line one pixel wide. Stride 2 alone may step over it.",
        "\n".join(" ".join("9" if column == 2 else "1" for column in range(SIDE)) for row in range(SIDE)),
    ),
    _picture(
        "ties", "special", "Many equal cells: the first in reading order wins, here as in PyTorch.",
        "\n".join(" ".join(str(1 + row // 2 + column // 4) for column in range(SIDE)) for row in range(SIDE)),
    ),
    _picture(
        "negatives", "special", "Nothing above zero: ReLU lets nothing through, leaky ReLU a little.",
        "\n".join(" ".join(str(-1 - (3 * row + 5 * column) % 9) for column in range(SIDE)) for row in range(SIDE)),
    ),
)  # fmt: skip
NUMBER_PICTURES: Final = {picture.name: picture for picture in _MADE}


def parse_numbers(text: str) -> Rows:
    """Read a picture of numbers: a name of NUMBER_PICTURES, or 8 rows of 8 as `parse_kernel` reads rows.

    Raises:
        KernelError: a cell is no number, or there are not 8×8 of them.
    """
    if (name := text.strip().lower()) in NUMBER_PICTURES:
        return NUMBER_PICTURES[name].rows
    rows = parse_kernel(text)
    if (len(rows), len(rows[0])) != (SIDE, SIDE):
        raise KernelError(f"There are {len(rows)}×{len(rows[0])} numbers; {SIDE}×{SIDE} are needed.")
    return rows
