"""One weight's step on the way to a kernel, written out."""

from __future__ import annotations

from typing import Final

from cnnviz.descent_rates import Method, velocity_kept
from cnnviz.kernel_learning import KernelLearning
from cnnviz.number_words import as_factor
from cnnviz.optimisers import Before, OptimiserName, WeightStep, explain_step

_AS: Final[dict[Method, OptimiserName]] = {
    "sgd": "sgd", "momentum": "momentum", "heavy_ball": "momentum", "adam": "adam"
}  # fmt: skip


def explained(learning: KernelLearning, frame: int, at: int) -> WeightStep:
    """The step that follows a keyframe, of one weight.

    Args:
        frame: the keyframe's index in `learning.numbers`.
        at: the weight's place, row by row, the bias last.
    """
    loss, method = learning.surface, learning.method
    weights, memory = learning.path[frame], learning.memories[frame]
    gradient = loss.gradient(weights)
    value, slope = float(weights[at]), float(gradient[at])
    if method != "conjugate":
        buffers = {name: float(tensor[at]) for name, tensor in memory.items()}
        before = Before(value, slope, buffers, learning.numbers[frame])
        return explain_step(_AS[method], learning.rate, 0.0, before, velocity_kept(loss, method))
    direction, how = -gradient, f"−{as_factor(slope)}"
    square = float(gradient @ gradient)
    if memory and float(memory["square"]) > 0:
        share = square / float(memory["square"])
        direction = direction + share * memory["direction"]
        how += f" + {as_factor(share)} · {as_factor(float(memory['direction'][at]))}"
    curvature = float(direction @ loss.hessian @ direction)
    length = -float(gradient @ direction) / curvature if curvature > 0 else 0.0
    along = float(direction[at])
    after = value + length * along
    lines = (
        ("gradient", "∂ loss / ∂ w", slope),
        ("direction", how, along),
        ("length", "slope along it / curvature along it", length),
        ("new weight", f"{as_factor(value)} + {as_factor(length)} · {as_factor(along)}", after),
    )
    return WeightStep(value, after, lines)
