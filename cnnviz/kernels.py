"""Kernels worth knowing, the text they travel as, and random starting weights.

Convolution here is what every deep-learning library computes: cross-correlation. The kernel is laid on the
picture as it is written, never flipped, so ``sobel-x`` is positive where it gets brighter to the right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from cnnviz.hosting import HOSTING

Rows = tuple[tuple[float, ...], ...]

MAX_SIDE: Final = HOSTING.kernel_side  # cells in each direction
MAX_VALUE: Final = 1e6
MAX_TEXT: Final = 8_000  # characters: 15 x 15 cells at full precision, with room to spare
MAX_NUMBER: Final = 48  # characters of one cell
INITIALISATIONS: Final = (
    "uniform", "normal", "kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal", "pytorch",
)  # fmt: skip


class KernelError(ValueError):
    """A kernel, or one cell of it, cannot be used. The message is a sentence for the person who typed it."""


@dataclass(frozen=True)
class Kernel:
    """A named kernel and the one thing a student should look for in its feature map."""

    name: str
    values: Rows
    look_for: str
    family: str

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, in cells."""
        return len(self.values), len(self.values[0])


def _kernel(name: str, family: str, look_for: str, *rows: Sequence[float], over: float = 1) -> Kernel:
    """Make a table entry; ``over`` divides every value, so that a ninth is exactly 1 / 9."""
    return Kernel(name, tuple(tuple(value / over for value in row) for row in rows), look_for, family)


# The closest small integers to a Gaussian, as a 5×5 block over 256.
_BINOMIAL = [[a * b for b in (1, 4, 6, 4, 1)] for a in (1, 4, 6, 4, 1)]
_UNSHARP = [[-value for value in row] for row in _BINOMIAL]
_UNSHARP[2][2] += 512
# 2^(-r²/4) is a Gaussian whose value at r = 2 is exactly 1/2. Under a cosine of period 4 the two dark stripes
# then weigh exactly as much as the bright one, so a flat area gives 0 without any correction.
_COSINE = (0, -1, 0, 1, 0, -1, 0)  # cos(2π x / 4) for x = -3 … 3
_GABOR = [[2 ** (-(x * x + y * y) / 4) * _COSINE[x + 3] for x in range(-3, 4)] for y in range(-3, 4)]

# fmt: off
_TABLE = (
    _kernel("identity", "basic",
            "Nothing changes: each output is the pixel under the centre cell.",
            (0, 0, 0), (0, 1, 0), (0, 0, 0)),
    _kernel("edge", "edges",
            "Flat areas turn to 0; every outline stays, whatever its direction.",
            (-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    _kernel("box", "blur",
            "A blur: each output is the plain mean of nine pixels, so noise and fine texture fade.",
            *[(1, 1, 1)] * 3, over=9),
    _kernel("box5", "blur",
            "The mean of 25 pixels: more blur than the 3×3 box, and bright dots become squares.",
            *[(1, 1, 1, 1, 1)] * 5, over=25),
    _kernel("gaussian", "blur",
            "A blur that trusts near pixels more than the box does: bright dots stay peaked.",
            (1, 2, 1), (2, 4, 2), (1, 2, 1), over=16),
    _kernel("gaussian5", "blur",
            "A wider soft blur, exactly what the 3×3 Gaussian does when applied twice.",
            *_BINOMIAL, over=256),
    _kernel("motion-blur", "blur",
            "Dots become streaks that fall to the right; lines along them stay sharp.",
            *[[int(i == j) for j in range(5)] for i in range(5)], over=5),
    _kernel("sharpen", "sharpen",
            "Edges gain contrast: beside a step, values overshoot past white and black.",
            (0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    _kernel("unsharp", "sharpen",
            "Twice the picture minus its blur: halos along edges wider and softer than sharpen's.",
            *_UNSHARP, over=256),
    _kernel("emboss", "relief",
            "A relief: brighter where the picture rises towards the lower right, darker where it falls.",
            (-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
    _kernel("sobel-x", "edges",
            "Vertical edges: positive where it gets brighter to the right; 0 at horizontal edges.",
            (-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    _kernel("sobel-y", "edges",
            "Horizontal edges: positive where it gets brighter downwards; 0 at vertical edges.",
            (-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    _kernel("prewitt-x", "edges",
            "Vertical edges like Sobel's, with three rows counted alike.",
            (-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
    _kernel("prewitt-y", "edges",
            "Horizontal edges like Sobel's, with three columns counted alike.",
            (-1, -1, -1), (0, 0, 0), (1, 1, 1)),
    _kernel("scharr-x", "edges",
            "Vertical edges at four times Sobel's strength; with scharr-y the truest direction.",
            (-3, 0, 3), (-10, 0, 10), (-3, 0, 3)),
    _kernel("scharr-y", "edges",
            "Horizontal edges at four times Sobel's strength; with scharr-x the truest direction.",
            (-3, -10, -3), (0, 0, 0), (3, 10, 3)),
    _kernel("roberts-x", "edges",
            "Only 2×2: edges that run like / answer most, edges that run like \\ not at all.",
            (1, 0), (0, -1)),
    _kernel("roberts-y", "edges",
            "Only 2×2: edges that run like \\ answer most, edges that run like / not at all.",
            (0, 1), (-1, 0)),
    _kernel("laplacian4", "edges",
            "Both sides of an edge, with opposite signs; even slopes give 0, bright dots a minus.",
            (0, 1, 0), (1, -4, 1), (0, 1, 0)),
    _kernel("laplacian8", "edges",
            "The edge kernel with its sign turned: bright dots give a minus, their rims a plus.",
            (1, 1, 1), (1, -8, 1), (1, 1, 1)),
    _kernel("log", "edges",
            "Small bright blobs light up inside a dark ring; flat areas and even slopes give 0.",
            (0, 0, -1, 0, 0), (0, -1, -2, -1, 0), (-1, -2, 16, -2, -1), (0, -1, -2, -1, 0), (0, 0, -1, 0, 0)),
    _kernel("line-0", "lines",
            "Thin bright horizontal lines; a vertical one gives 0.",
            (-1, -1, -1), (2, 2, 2), (-1, -1, -1)),
    _kernel("line-45", "lines",
            "Thin bright lines that rise to the right, like /.",
            (-1, -1, 2), (-1, 2, -1), (2, -1, -1)),
    _kernel("line-90", "lines",
            "Thin bright vertical lines; a horizontal one gives 0.",
            (-1, 2, -1), (-1, 2, -1), (-1, 2, -1)),
    _kernel("line-135", "lines",
            "Thin bright lines that fall to the right, like \\.",
            (2, -1, -1), (-1, 2, -1), (-1, -1, 2)),
    _kernel("gabor", "texture",
            "Upright stripes about four pixels apart; tilted, much finer or much coarser ones stay faint.",
            *_GABOR),
)
# fmt: on

KERNELS: Final[dict[str, Kernel]] = {kernel.name: kernel for kernel in _TABLE}

_DECIMAL = r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(rf"({_DECIMAL})(?:\s*/\s*({_DECIMAL}))?")
_MINUS = str.maketrans("−–", "--")  # what word processors put in a minus's place


def parse_number(text: str) -> float:
    """Read one cell as a person types it: ``2``, ``.5``, ``0,5``, ``-1e-2``, ``1/9``, a typographic minus.

    Returns:
        A finite float, at most ``MAX_VALUE`` in size; never -0.0.
    Raises:
        KernelError: it is not a number, divides by zero, or is too large.
    """
    cell = text[: MAX_NUMBER + 1].strip().translate(_MINUS)
    match = _NUMBER.fullmatch(cell) if len(text) <= MAX_NUMBER else None
    if match is None:
        said = f"“{shown(text)}”" if text.strip() else "An empty cell"
        raise KernelError(f"{said} is not a number; write it like 2, -0.5, 1e-2 or 1/9.")
    above, below = (float(part.replace(",", ".")) if part else 1.0 for part in match.groups())
    if below == 0:
        raise KernelError(f"“{shown(text)}” divides by zero.")
    value = above / below
    if not abs(value) <= MAX_VALUE:  # also catches inf and nan
        raise KernelError(f"“{shown(text)}” is too large; a weight lies between -1000000 and 1000000.")
    return value + 0.0  # turns -0.0 into 0.0


def shown(text: str) -> str:
    """A stranger's text, short and printable enough to be quoted in a sentence."""
    short = "".join(c if c.isprintable() else "�" for c in text[:21].strip())
    return short if len(text) <= 21 else short[:20] + "…"


_CHANCE: Final = re.compile(r"(?P<method>[a-z_]+):(?P<height>[0-9]{1,2})x(?P<width>[0-9]{1,2}):(?P<seed>[0-9]{1,10})")


def parse_kernel(text: str) -> Rows:
    """Read a kernel from its URL form: a preset's name, rows such as ``-1,-1,-1;-1,8,-1;-1,-1,-1``, or chance.

    Chance is a method of ``INITIALISATIONS``, a size and a seed: ``kaiming_uniform:3x3:7``.

    Returns:
        Rows of equal length, 1 to ``MAX_SIDE`` in each direction.
    Raises:
        KernelError: the sentence names the cell ("Row 2, column 3: …") or the size that is wrong.
    """
    if len(text) > MAX_TEXT:
        raise KernelError(f"The kernel is {len(text)} characters long; at most {MAX_TEXT} are read.")
    if (name := text.strip().lower()) in KERNELS:
        return KERNELS[name].values
    if chance := _CHANCE.fullmatch(name):
        height, width = int(chance["height"]), int(chance["width"])
        check_kernel_size(height, width)
        weights = initialise(chance["method"], (1, 1, height, width), int(chance["seed"]))
        return tuple(tuple(row) for row in weights[0, 0].tolist())
    if re.match(r"[a-z]", name):
        raise KernelError(f"There is no kernel called “{shown(text)}”.")
    lines = [line.split(",") for line in text.split(";")]
    check_kernel_size(len(lines), max(map(len, lines)))
    rows = []
    for i, line in enumerate(lines, 1):
        if len(line) != len(lines[0]):
            raise KernelError(f"Row {i} has {_count(len(line))} and row 1 has {_count(len(lines[0]))}; "
                              "all rows need the same number.")  # fmt: skip
        row = []
        for j, cell in enumerate(line, 1):
            try:
                row.append(parse_number(cell))
            except KernelError as error:
                raise KernelError(f"Row {i}, column {j}: {error}") from None
        rows.append(tuple(row))
    return tuple(rows)


def _count(cells: int) -> str:
    return f"{cells} cell" if cells == 1 else f"{cells} cells"


def check_kernel_size(height: int, width: int) -> None:
    """Raise KernelError unless a kernel of this height and width, in cells, is one that is read."""
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise KernelError(f"The kernel is {height}×{width}; each side may be 1 to {MAX_SIDE} cells.")


def format_kernel(rows: Sequence[Sequence[float]]) -> str:
    """Write a kernel in its URL form: the preset's name when it is one, else its rows.

    Two kernels are the same when their weights are the same float32 numbers, because that is what the
    convolution sees. So a cell is the shortest decimal that gives its float32 back (1/9 is ``0.11111111``),
    and ``parse_kernel(format_kernel(rows))`` equals ``rows`` as float32.

    Args:
        rows: rows of equal length, e.g. ``weight[0, 0].tolist()``; each |value| at most ``MAX_VALUE``.
    Raises:
        KernelError: a size or a value that ``parse_kernel`` would not take back.
    """
    text = format_rows(rows)
    return _NAMES.get(_as_float32(rows)) or text


def format_rows(rows: Sequence[Sequence[float]]) -> str:
    """Write a kernel as rows, also when it is a preset; otherwise as ``format_kernel``."""
    check_kernel_size(len(rows), max(map(len, rows), default=0))
    if len({len(row) for row in rows}) != 1:
        raise KernelError("All rows of a kernel need the same number of cells.")
    if not all(abs(value) <= MAX_VALUE for row in rows for value in row):
        raise KernelError("A weight lies between -1000000 and 1000000.")
    return ";".join(",".join(map(_shortest, row)) for row in _as_float32(rows))


def _as_float32(rows: Sequence[Sequence[float]]) -> tuple[tuple[np.float32, ...], ...]:
    return tuple(tuple(np.float32(value) for value in row) for row in rows)


def _shortest(value: np.float32) -> str:
    return str(int(value)) if value == int(value) else str(value)


_NAMES: Final = {_as_float32(kernel.values): kernel.name for kernel in KERNELS.values()}


def initialise(method: str, shape: Sequence[int], seed: int) -> torch.Tensor:
    """Draw starting weights as a network does before it has learned anything.

    "uniform" draws from [-1, 1); "normal" has mean 0 and standard deviation 1. Kaiming keeps the size of the
    signal through a ReLU: bound √(6 / fan_in), or deviation √(2 / fan_in). Xavier keeps it forwards and
    backwards through a linear layer: bound √(6 / (fan_in + fan_out)), or deviation √(2 / (fan_in + fan_out)).
    "pytorch" is what torch.nn.Conv2d does when nobody asks: bound 1 / √fan_in, bit for bit the weight of a
    Conv2d made right after torch.manual_seed(seed).
    fan_in is the number of weights behind one output cell; fan_out is out_channels · height · width.

    Args:
        method: one of ``INITIALISATIONS``.
        shape: (out_channels, in_channels / groups, kernel height, kernel width), each at least 1.
        seed: the same seed gives the same weights; the global random state is left alone.
    Returns:
        float32 weights of that shape.
    Raises:
        KernelError: an unknown method, a shape that is not four positive sizes, or a seed beyond 64 bits.
    Source: Glorot & Bengio 2010; He et al. 2015; torch.nn.init; torch.nn.Conv2d.reset_parameters.
    """
    return draw(method, shape, _generator(shape, seed))


def initial_bias(method: str, shape: Sequence[int], seed: int) -> torch.Tensor:
    """Draw the starting biases that go with ``initialise(method, shape, seed)``: zeros, but for "pytorch".

    "pytorch" draws them within ±1 / √fan_in right after the weights, as torch.nn.Conv2d does.

    Args:
        method: one of ``INITIALISATIONS``.
        shape: the shape of the weights: (out_channels, in_channels / groups, kernel height, kernel width).
        seed: the seed of the weights.
    Returns:
        float32 biases (out_channels,).
    Raises:
        KernelError: as ``initialise``.
    Source: torch.nn.Conv2d.reset_parameters.
    """
    generator = _generator(shape, seed)
    draw(method, shape, generator)  # also moves the generator to where Conv2d begins with its biases
    bias = torch.zeros(shape[0], dtype=torch.float32)
    if method != "pytorch":
        return bias
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    return torch.nn.init.uniform_(bias, -bound, bound, generator=generator)


def _generator(shape: Sequence[int], seed: int) -> torch.Generator:
    if len(shape) != 4 or min(shape) < 1:
        raise KernelError(f"Weights need four positive sizes (out, in, height, width), not {tuple(shape)}.")
    if not 0 <= seed < 2**63:
        raise KernelError("The seed is a whole number from 0 to 2^63 - 1.")
    return torch.Generator().manual_seed(seed)


def draw(method: str, shape: Sequence[int], generator: torch.Generator) -> torch.Tensor:
    """Draw weights of two or more dimensions, as `initialise` says, from wherever the generator stands.

    Raises:
        KernelError: an unknown method.
    """
    weights, init = torch.empty(*shape, dtype=torch.float32), torch.nn.init
    match method:
        case "uniform":
            return init.uniform_(weights, -1, 1, generator=generator)
        case "normal":
            return init.normal_(weights, 0, 1, generator=generator)
        case "kaiming_uniform":
            return init.kaiming_uniform_(weights, nonlinearity="relu", generator=generator)
        case "kaiming_normal":
            return init.kaiming_normal_(weights, nonlinearity="relu", generator=generator)
        case "xavier_uniform":
            return init.xavier_uniform_(weights, generator=generator)
        case "xavier_normal":
            return init.xavier_normal_(weights, generator=generator)
        case "pytorch":
            # a is the slope of a leaky ReLU that torch pretends, so that √(6 / ((1 + a²) fan_in)) = 1 / √fan_in.
            return init.kaiming_uniform_(weights, a=math.sqrt(5), generator=generator)
    known = ", ".join(INITIALISATIONS)
    raise KernelError(f"There is no initialisation called “{shown(method)}”; there are {known}.")
