"""Why this class: what each pixel, and each place of a map, has to do with one logit.

`integrated_gradients` and `occlusion` are two more ways to ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnviz.answers import Weights, check_class, check_picture, logits_and_gradients
from cnnviz.layers import Layer
from cnnviz.network import forward
from cnnviz.shapes import ShapeError, times
from cnnviz.training_pass import to_logits


@dataclass(frozen=True)
class Method:
    """A way to ask which pixels a class hangs on. shows, hides: a sentence each."""

    title: str
    shows: str
    hides: str
    source: str


METHODS: Final[Mapping[str, Method]] = {
    "saliency": Method(
        "Gradient",
        "How fast the class's logit changes when one pixel changes a little, all others staying as they are.",
        "Not what the pixel has contributed: where a ReLU is shut or the answer is already sure, an important pixel's "
        "gradient may be 0, and a black pixel may have the largest.",
        "Simonyan, Vedaldi & Zisserman 2014, Deep inside convolutional networks, section 3",
    ),
    "integrated": Method(
        "Integrated gradients",
        "What each pixel adds to the logit on the way from a baseline to this picture; all parts together are the "
        "difference of the two logits.",
        "Not an answer without a question: with another baseline it is another, and a pixel that equals the baseline "
        "always gets 0. What pixels do only together is shared out among them.",
        "Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks, section 3",
    ),
    "grad_cam": Method(
        "Grad-CAM",
        "Where the maps of one layer that speak for the class are active.",
        "Not single pixels: it is as coarse as the map, takes one weight for a whole map, and leaves out what speaks "
        "against the class.",
        "Selvaraju et al. 2017, Grad-CAM, section 3",
    ),
    "occlusion": Method(
        "Occlusion",
        "How much the answer falls when a patch is covered: a real change of the picture, with nothing assumed about "
        "the network.",
        "Not what two places do together; and the patch is a shape of its own, which the network may take for "
        "something. Another size or colour may tell otherwise.",
        "Zeiler & Fergus 2014, Visualizing and understanding convolutional networks, section 4.2",
    ),
}  # fmt: skip


def saliency(layers: Sequence[Layer], x: Tensor, parameters: Weights, target: int) -> Tensor:
    """∂ logit of the target / ∂ pixel.

    Args:
        x: one picture, (1, C, H, W), any range.
        parameters: for each layer the tensors of its `parameter_shapes`.
        target: the number of a class, from 0.
    Returns:
        (C, H, W), signed; Simonyan et al. show the largest |value| over the channels.
    Raises:
        ShapeError: the network does not fit, does not end with a vector, or there is no such class.
    Source: Simonyan, Vedaldi & Zisserman 2014, Deep inside convolutional networks, section 3.
    """
    check_picture(x)
    return logits_and_gradients(layers, x, parameters, target)[1][0]


@dataclass(frozen=True, eq=False)
class GradCam:
    """Grad-CAM of one layer, with what it is made of.

    maps: (K, h, w), the layer's output. weights: (K,), the mean over a map of the logit's gradient.
    total: (h, w), the maps' weighted sum. map: (h, w), what of it is above 0. resized: (H, W), that as
    large as the picture.
    """

    maps: Tensor
    weights: Tensor
    total: Tensor
    map: Tensor
    resized: Tensor


def grad_cam(layers: Sequence[Layer], x: Tensor, parameters: Weights, target: int, layer: int) -> GradCam:
    """ReLU(Σ weight · map) over a layer's maps, a map's weight being the mean of ∂ logit / ∂ cell.

    Args:
        x, parameters, target: as for `saliency`.
        layer: the index of a layer that makes maps, before the logits; the last convolution is the usual choice.
    Raises:
        ShapeError: as for `saliency`; or there is no such layer, or it makes no maps.
    Source: Selvaraju et al. 2017, Grad-CAM, section 3, equations 1 and 2; resized bilinearly, as there.
    """
    check_picture(x)
    inner = to_logits(layers)
    if not 0 <= layer < len(inner):
        raise ShapeError(f"there is no layer {layer} before the logits: there are {len(inner)}, numbered from 0")
    with torch.enable_grad():
        outputs = layer_outputs(inner, x.detach().clone().requires_grad_(), parameters[: len(inner)])
        logits, maps = outputs[-1], outputs[layer + 1]
        if logits.ndim != 2:
            raise ShapeError(f"the network ends with maps {times(logits.shape[1:])}: it has no logit for each class")
        check_class(target, logits.shape[1])
        if maps.ndim != 4:
            raise ShapeError(f"layer {layer + 1} makes a vector: Grad-CAM needs maps")
        (gradient,) = torch.autograd.grad(logits[0, target], maps, allow_unused=True)
    maps = maps.detach()[0]
    weights = torch.zeros(len(maps), dtype=maps.dtype) if gradient is None else gradient[0].mean((1, 2))
    total = (weights[:, None, None] * maps).sum(0)
    resized = F.interpolate(total.relu()[None, None], tuple(x.shape[2:]), mode="bilinear", align_corners=False)[0, 0]
    return GradCam(maps, weights, total, total.relu(), resized)


def layer_outputs(layers: Sequence[Layer], x: Tensor, parameters: Weights) -> list[Tensor]:
    """The input, and what each layer makes; autograd can follow it."""
    return [stage.output for stage in forward(layers, x, parameters) if stage.name != "padded"]
