"""A small step of every pixel that the network minds most, how large it has to be, and its arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

import numpy as np
import streamlit as st
import torch

from cnnviz.adversarial import Attack, exact, explain_pixel, fgsm
from cnnviz.attribution_words import say_change, say_number
from cnnviz.training_pass import ending
from cnnviz.ui.answer_bars import answer_bars
from cnnviz.ui.answer_curves import answer_curves
from cnnviz.ui.inside import Inside
from cnnviz.ui.inside_picture import as_pixels
from cnnviz.ui.picture_row import Shown, picture_row
from cnnviz.ui.settings import escaped

STEPS: Final = 100  # of ε, for the curve
SEEN: Final = ("fool",)  # where the last attack is kept
LARGEST: Final = 0.5
COLOURS: Final = ("red", "green", "blue")


def fool(now: Inside, values: Mapping[str, Any]) -> None:
    """Show what the step is, what comes of it, and how each value of the chosen pixel moves."""
    attack, label = attacked(now, values)
    after, pixel = attack.pictures[:1], now.pixel(values)
    epsilon, sign = values["epsilon"], -1 if attack.targeted else 1
    step = sign * attack.gradient.sign().numpy()
    reach = epsilon or 1e-9
    if len(step) == 1:  # at half of either scale's way to white, where the two are far apart
        shown = Shown("ε · sign", (epsilon * step[0]).astype(np.float32), ends=(-2 * reach, 2 * reach))
    else:
        shown = Shown("ε · sign", np.rint(127.5 + 127.5 * step).astype(np.uint8), "0 is −ε, 0.5 nothing, 1 is +ε")
    pictures, answers = st.columns([2.1, 1], gap="medium")
    with pictures:
        picture_row(
            [Shown("Before", as_pixels(now.image)), shown, Shown("After", as_pixels(after))],
            key="fooled", side=190, box="pixel", at=pixel,
        )  # fmt: skip
        st.markdown(_told(now, attack, label))
    are_shares = ending(now.trained.layers) != "none"
    with answers:
        st.html(answer_bars({"before": now.after, "after": attack.after[0]}, now.classes, now.picture.right,
                            are_shares=are_shares))  # fmt: skip
    curve, arithmetic = st.columns([1, 1.25], gap="medium")
    with curve:
        st.markdown("**The answers as ε grows**")
        order = sorted(range(1, len(attack.epsilons)), key=lambda i: attack.epsilons[i])
        st.html(answer_curves(
            [attack.epsilons[i] for i in order], attack.after[order].numpy(), now.classes, epsilon, name="ε",
            are_shares=are_shares,
        ))  # fmt: skip
    with arithmetic:
        row, col = pixel
        st.markdown(f"**The arithmetic of row {row}, column {col}**")
        st.html(_arithmetic(now, attack, pixel))


def attacked(now: Inside, values: Mapping[str, Any]) -> tuple[Attack, int]:
    """The steps of the address's ε, which comes first, and of all for the curve; and the class that they are about."""
    is_targeted = values["aim"] == "towards"
    right = now.best if now.picture.right is None else now.picture.right
    label = now.target(values) if is_targeted else right
    key = label, is_targeted, values["epsilon"]
    last: tuple[tuple[int, bool, float], Attack] | None = now.seen.get(SEEN)  # of many ε all pictures are megabytes
    if last is None or last[0] != key:
        trained = now.trained
        steps = trained.affords(STEPS)
        epsilons = [values["epsilon"], *(LARGEST * i / steps for i in range(steps + 1))]
        last = now.seen[SEEN] = key, fgsm(trained.layers, now.image, trained.parameters, label, epsilons, is_targeted)
    return last[1], label


def _told(now: Inside, attack: Attack, label: int) -> str:
    before, after = now.best, int(attack.after[0].argmax())
    name, old, new = (escaped(now.classes[i]) for i in (label, before, after))
    way = (
        f"Every value takes a step of ε so that the loss of **{name}** {'falls' if attack.targeted else 'grows'}, "
        f"as far as 0 and 1 let it. {say_change(now.image, attack.pictures[:1])}"
    )
    if attack.targeted and before == label:
        return f"{way} It says {name} already: choose another class above."
    outcome = f"It says **{new}** instead of {old}." if before != after else f"It still says **{new}**."
    if not attack.targeted and before != label:
        return f"{way} {outcome} It was wrong before any step: no ε is needed for that."
    if attack.smallest is None:
        return f"{way} {outcome} No ε up to {LARGEST} {'leads there' if attack.targeted else 'changes the answer'}."
    enough = f"an ε of {say_number(attack.smallest)} is enough, {say_number(255 * attack.smallest)} of 255 grey levels"
    return f"{way} {outcome} Of those tried, {enough}."


def _arithmetic(now: Inside, attack: Attack, pixel: tuple[int, int]) -> str:
    """HTML: what happens to each channel of one pixel."""
    channels = range(now.image.shape[1])
    columns = [explain_pixel(now.image, attack, 0, (channel, *pixel)) for channel in channels]
    heads = COLOURS if len(channels) == 3 else tuple(f"channel {i}" for i in channels) if len(channels) > 1 else ("",)
    head = "".join(f'<th scope="col" colspan="2">{name}</th>' for name in heads)
    rows = []
    for lines in zip(*columns):
        cells = "".join(f"<td>{escape(how)}</td><td>{_exact(value)}</td>" for _, how, value in lines)
        rows.append(f'<tr><th scope="row">{escape(lines[0][0])}</th>{cells}</tr>')
    top = f"<thead><tr><td></td>{head}</tr></thead>" if len(channels) > 1 else ""
    return f'<div class="pixel-sum"><table>{top}<tbody>{"".join(rows)}</tbody></table></div>'


def _exact(value: float) -> str:
    return exact(torch.tensor(value, dtype=torch.float32)).strip("()")
