"""What a filter of the open layer answers to: a picture made for it, and the pictures held out that excite it most."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from cnnviz.attribution_words import say_number
from cnnviz.datasets import Examples
from cnnviz.excitation import Frame, maximise
from cnnviz.exciting_pictures import Exciting, most_exciting, strongest
from cnnviz.shapes import times
from cnnviz.ui.inside import ASKED, Inside
from cnnviz.ui.inside_picture import as_pixels, drop_own
from cnnviz.ui.inside_weights import weights
from cnnviz.ui.keeping import kept
from cnnviz.ui.network_stages import title_of
from cnnviz.ui.picture_row import Shown, picture_row
from cnnviz.ui.settings import escaped

STEPS: Final = 100
BUDGET: Final = 2_000_000_000  # multiply-adds of all steps, which are made one picture at a time
PATIENCE: Final = 0.3  # seconds, after which progress is shown
MOST: Final = 10


def filters(now: Inside, values: Mapping[str, Any]) -> None:
    """Show both."""
    layer = now.layer(values)
    output = now.network.outputs[layer + 1][0]
    number = min(values["unit"], len(output) - 1)
    what = "map" if output.ndim == 3 else "output"
    st.markdown(f"**What {what} {number} of layer {escaped(title_of(now.network, layer + 1))} answers to**")
    weights(now, layer, number)
    frame, strongest_made = _climbed(now, layer, number, values)
    found = _exciting(now, layer, number)
    is_map = output.ndim == 3
    answer, goal = "strongest cell" if is_map else "answers", "mean" if values["goal"] == "mean" else "middle cell"
    left, right = st.columns([1, 3.6], gap="medium")
    with left:
        climbed = f" · {goal} {say_number(frame.value)}" if is_map else ""
        picture_row([Shown("Made for it", as_pixels(frame.picture), f"{answer} {say_number(strongest_made)}{climbed}")],
                    key="made", side=200)  # fmt: skip
        st.caption(
            f"From grey noise {frame.number} steps up the gradient of "
            f"{f'the {goal} of its map' if is_map else 'its one number'}, held towards grey and smooth. "
            f"{escaped(frame.note)}"
        )
    with right:
        held_out = now.trained.data.held_out
        shown = [
            Shown(now.classes[int(held_out.labels[each.index])], held_out.pixels[each.index],
                  f"{answer} {say_number(each.value)}", outline=_outline(each), choose=str(each.index))
            for each in found
        ]  # fmt: skip
        picture_row(shown, key="exciting", side=124, box="example", on_same=drop_own)
        if is_map:
            cells = f"by the strongest of its {times(output.shape[1:])} cells, a frame around what that cell sees"
        else:
            cells = "by its one number, which sees all of a picture"
        st.caption(f"Of the pictures held out those that excite it most, {cells}. Click one to look at it.")


def _outline(each: Exciting) -> tuple[int, int, int, int] | None:
    return (each.rows[0], each.cols[0], each.rows[1], each.cols[1]) if each.rows[1] and each.cols[1] else None


def _climbed(now: Inside, layer: int, number: int, values: Mapping[str, Any]) -> tuple[Frame, float]:
    """The last frame, and the filter's largest answer to it; progress is shown if it takes a while."""
    trained = now.trained

    def climb() -> tuple[Frame, float]:
        steps = max(1, min(STEPS, BUDGET // max(1, 3 * trained.steps)))
        frames = maximise(
            trained.layers, trained.parameters, trained.data.shape, layer, number, goal=values["goal"], steps=steps,
            seed=values["seed"],
        )  # fmt: skip
        begun, bar = time.monotonic(), st.empty()
        for frame in frames:
            if frame.number % 5 == 0 and time.monotonic() - begun > PATIENCE:
                bar.progress(frame.number / steps, f"Climbing: step {frame.number} of {steps}")
        bar.empty()
        best, _ = strongest(trained.layers, trained.parameters, frame.picture, layer, number)
        return frame, best.item()

    return kept(_store(now), ("made", layer, number, values["goal"], values["seed"]), climb)


def _exciting(now: Inside, layer: int, number: int) -> list[Exciting]:
    trained = now.trained

    def find() -> list[Exciting]:
        some = slice(0, trained.affords(ASKED))
        examples = Examples(trained.data.held_out.pixels[some], trained.data.held_out.labels[some])
        return most_exciting(trained.layers, trained.parameters, examples, layer, number, MOST)

    return kept(_store(now), ("exciting", layer, number), find)


def _store(now: Inside) -> dict[tuple[Any, ...], Any]:
    """What was worked out about the network's filters in this visit: it does not depend on the picture."""
    whose, store = st.session_state.get("inside filters", (None, {}))
    if whose is not now.trained:
        store = {}
        st.session_state["inside filters"] = now.trained, store
    return store
