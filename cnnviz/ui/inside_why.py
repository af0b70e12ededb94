"""Why this class: four ways to ask, side by side, and for one pixel a sentence of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import streamlit as st

from cnnviz.attribution import METHODS, GradCam, grad_cam, saliency
from cnnviz.attribution_words import Found, say_number, say_pixel
from cnnviz.integrated_gradients import MOST_STEPS, IntegratedGradients, integrated_gradients
from cnnviz.occlusion import Occlusion, occlusion
from cnnviz.shapes import times
from cnnviz.ui.inside import Inside, Trained
from cnnviz.ui.inside_picture import as_pixels
from cnnviz.ui.keeping import kept
from cnnviz.ui.picture_row import Shown, picture_row
from cnnviz.ui.settings import escaped

PLACES: Final = 16  # along a side, where the patch is put
QUICK: Final = (6, 16)  # places and steps while a hand draws: what it shows is seen for an instant


def why(now: Inside, values: Mapping[str, Any]) -> None:
    """Show the maps and say what they say."""
    target = now.target(values)
    called = now.classes[target]
    with st.spinner("Asking …"):
        found = asked(now, values, target)
    pixel = row, col = now.pixel(values)
    said = {method: say_pixel(each, row, col, called) for method, each in found.items()}
    picture_row(
        [Shown("Picture", as_pixels(now.image), "what the network sees"), *_maps(found, cam_layer(now, values))],
        key="why", side=168, box="pixel", at=pixel, said=" ".join(said.values()),
    )  # fmt: skip
    lines = [f"**{METHODS[method].title}.** {escaped(sentence)}" for method, sentence in said.items()]
    with st.container(key="sentences"):
        st.markdown(f"**Row {row}, column {col}, and {escaped(called)}**")
        st.markdown("  \n".join(lines))
    with st.expander("What each shows, and what it does not", icon=":material/help:"):
        for method in METHODS.values():
            st.markdown(f"**{method.title}.** {method.shows} *{method.hides}*  \n{method.source}.")


def asked(now: Inside, values: Mapping[str, Any], target: int) -> dict[str, Found]:
    """What each method found, by the names of METHODS."""
    layer, patch, baseline = cam_layer(now, values), values["patch"], values["baseline"]
    key = "why", target, layer, patch, baseline
    trained = now.trained

    def ask() -> dict[str, Found]:
        most_places, most_steps = QUICK if now.picture.is_moving else (PLACES, MOST_STEPS)
        about = trained.layers, now.image, trained.parameters, target
        _, height, width = trained.data.shape
        places = math.isqrt(trained.affords(most_places**2))
        stride = max(1, -(-max(height, width) // max(1, places)))
        cam = {"grad_cam": grad_cam(*about, layer)} if layer >= 0 else {}
        return {
            "saliency": saliency(*about),
            "integrated": integrated_gradients(*about, baseline, most=min(most_steps, steps_of(trained))),
            **cam,
            "occlusion": occlusion(*about, patch, stride),
        }

    return kept(now.seen, key, ask)


def steps_of(trained: Trained) -> int:
    """How many pieces the way of integrated gradients may have: each costs about three passes."""
    return max(2, trained.affords(3 * MOST_STEPS) // 3)


def cam_layer(now: Inside, values: Mapping[str, Any]) -> int:
    """The layer whose maps Grad-CAM takes: the open one, if it makes maps; else the last that does; −1: none does."""
    chosen = now.layer(values)
    return chosen if len(now.network.outputs[chosen + 1].shape) == 4 else now.trained.last_maps


def _maps(found: Mapping[str, Any], layer: int) -> list[Shown]:
    gradient = found["saliency"]
    signed = gradient[0] if len(gradient) == 1 else gradient.abs().amax(0)
    integrated: IntegratedGradients = found["integrated"]
    covered: Occlusion = found["occlusion"]
    cam: GradCam | None = found.get("grad_cam")
    of = "" if len(gradient) == 1 else "the largest of the three channels, without its sign"
    total, difference = (say_number(v) for v in (integrated.difference + integrated.gap, integrated.difference))
    gap = f"{integrated.gap_share:.2%}".replace("%", " %")
    titles = {name: method.title for name, method in METHODS.items()}
    shown = [
        Shown(titles["saliency"], signed.numpy(), of or "∂ logit / ∂ pixel"),
        Shown(titles["integrated"], _numbers(integrated.attributions.sum(0)),
              f"{integrated.steps} steps: they add up to {total}, the logits differ by {difference}, a gap of {gap}"),
        Shown(titles["occlusion"], _numbers(covered.resized()), f"{covered.size}×{covered.size} patches of grey"),
    ]  # fmt: skip
    if cam:
        note = f"of layer {layer + 1}: {len(cam.maps)} maps of {times(cam.total.shape)}"
        note += "" if cam.map.any() else "; black, since nothing in them speaks for this class"
        shown.insert(2, Shown(titles["grad_cam"], _numbers(cam.resized), note))
    return shown


def _numbers(tensor: Any) -> np.ndarray:
    array: np.ndarray = tensor.detach().numpy()
    return np.nan_to_num(array, nan=0.0, posinf=0.0, neginf=0.0)
