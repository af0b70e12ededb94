"""Networks to start from: each a text that `network_text` reads, the picture it is made for, and what to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class PreparedNetwork:
    """A network with a name.

    text: as in an address. side, color: of the picture, in pixels, "gray" or "rgb".
    about: what is in it, and its source.
    """

    title: str
    text: str
    side: int
    color: str
    about: str


def _joined(*parts: str) -> str:
    return "|".join(parts)


_RESIDUAL = _joined("conv:16@3x3,same", "norm", "relu", "conv:16@3x3,same", "norm", "add:5", "relu")

NETWORKS: Final[Mapping[str, PreparedNetwork]] = {
    "lesson": PreparedNetwork(
        "The lesson's",
        _joined("conv:12@3x3,same", "relu", "max:2", "flatten", "linear:10", "softmax"),
        32, "rgb",
        "One convolution, one pool, one fully connected layer: 32×32×3 becomes ten shares. "
        "Nearly all its parameters stand in the last step.",
    ),
    "lenet5": PreparedNetwork(
        "LeNet-5",
        _joined("conv:6@5x5", "tanh", "avg:2", "conv:16@5x5", "tanh", "avg:2", "flatten", "linear:120", "tanh",
                "linear:84", "tanh", "linear:10", "softmax"),
        32, "gray",
        "Read digits on cheques: two convolutions, each averaged down, then three fully connected layers "
        "(LeCun et al. 1998, section II.B; here every filter sees all maps, and softmax stands for its last layer).",
    ),
    "tiny-vgg": PreparedNetwork(
        "Tiny VGG",
        _joined("conv:10@3x3", "relu", "conv:10@3x3", "relu", "max:2", "conv:10@3x3", "relu", "conv:10@3x3", "relu",
                "max:2", "flatten", "linear:10", "softmax"),
        64, "rgb",
        "Pairs of small convolutions before each pool, as in VGG (Simonyan & Zisserman 2015): two 3×3 see as far as "
        "one 5×5, with fewer weights and one more ReLU.",
    ),
    "dilated": PreparedNetwork(
        "Dilated stack",
        _joined("conv:8@3x3,same", "relu", "conv:8@3x3,same,d2", "relu", "conv:8@3x3,same,d4", "relu",
                "conv:8@3x3,same,d8", "relu", "conv:1@1x1", "sigmoid"),
        64, "rgb",
        "No pool, so the map stays as large as the picture, and still a cell sees 31×31 pixels: each dilation is "
        "twice the one before (Yu & Koltun 2016).",
    ),
    "separable": PreparedNetwork(
        "Separable blocks",
        _joined("conv:16@3x3,s2,same", "norm", "relu6", "separable:32@3x3,same", "norm", "relu6",
                "separable:64@3x3,s2,same", "norm", "relu6", "global_avg", "flatten", "linear:10", "softmax"),
        64, "rgb",
        "A filter for each map, then 1×1 filters that mix them: about a ninth of the work of 3×3 filters through all "
        "maps (MobileNets, Howard et al. 2017).",
    ),
    "residual": PreparedNetwork(
        "Residual blocks",
        _joined("conv:16@3x3,same", "relu", _RESIDUAL, "max:2", _RESIDUAL, "global_avg", "flatten", "linear:10",
                "softmax"),
        32, "rgb",
        "What goes into a block is added to what comes out, so the block has to learn only the difference, and a "
        "signal finds a short way back (He et al. 2016).",
    ),
}  # fmt: skip
