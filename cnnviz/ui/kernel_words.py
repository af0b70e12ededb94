"""What became of a descent, and why, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from cnnviz.attribution_words import say_share
from cnnviz.deconvolution import psnr
from cnnviz.descent_rates import METHODS, best_rate, slowest_factor, stable_rate
from cnnviz.number_words import written
from cnnviz.optimisers import OPTIMISERS, OptimiserName
from cnnviz.ui import help
from cnnviz.ui.kernel_descent import TOLERANCE, Descent
from cnnviz.ui.kernel_message import say_lost
from cnnviz.ui.picture_recovery import Recovery
from cnnviz.ui.recovery_message import decibels
from cnnviz.ui.settings import escaped

REPLAY: Final = " **Replay** shows the way there."


def of_descent(now: Descent, values: Mapping[str, Any]) -> None:
    """Above the pictures: how it ended."""
    if now.error:
        st.warning(f"{escaped(str(now.error))} The replay shows how.", icon=":material/trending_up:")
        return
    against = "the best one" if now.problem.truth is None else "the true one"
    far = now.errors[-1]
    ended = (
        f"{'Learned in' if now.is_down else 'After'} **{now.learning.number:,} steps** ({now.seconds:.2g} s)"
        f"{': then' if now.is_down else ''} no weight is farther than **{written(far, 3)}** from {against}."
    )
    if not now.is_down and far > TOLERANCE:
        ended += " It is not at the bottom yet: allow more steps, or choose a quicker method."
    elif values["aim"] == "undo":
        ended += f" What the best g gives back is off by {written(now.problem.loss.least**0.5, 2)} (root mean square)."
    if values["moment"] is None:
        ended += REPLAY
    st.markdown(ended)
    if now.problem.clipped is not None:
        st.caption(_clipping(now))


def _clipping(now: Descent) -> str:
    share = now.problem.clipped or 0.0
    cut = (
        f"{say_share(share)} of the filtered picture was cut off there, and is left out, since nobody knows what it "
        "was. "
        if share
        else "of this one nothing was cut off. "
    )
    return (
        f"A picture's file holds whole levels from 0 to 255: {cut}The rest is rounded, so weights come back only "
        "roughly, and the worse the flatter their direction is."
    )


def of_recovery(now: Recovery, values: Mapping[str, Any]) -> None:
    """The same, where a picture is recovered."""
    if now.error:
        st.warning(f"{escaped(str(now.error))} The replay shows how.", icon=":material/trending_up:")
        return
    near = [decibels(step.psnr) for step in now.steps]
    said = f"After **{now.steps[-1].number} steps** the picture is at **{written(near[-1], 3)} dB**"
    best = near.index(max(near))
    if near[best] > near[-1] + 0.5:
        said += f"; it was at {written(near[best], 3)} dB after {best}, and then the noise grew"
    if now.closed is not None:
        said += f"; solved directly, with this ridge, it comes to {written(decibels(psnr(now.closed, now.x)), 3)} dB"
    lost = say_lost(now.kernel, now.x)
    said += "."
    if lost:
        said += f" {lost} of the frequencies are lost to the filter, and stay as the start, an even grey, has them."
    if abs(float(now.kernel.sum())) < 1e-6 and now.closed is not None:
        said += " The mean is among them; solved directly, it is 0."
    st.markdown(said + (REPLAY if values["moment"] is None else ""), help=help.DECIBELS)


def of_method(now: Descent) -> None:
    """Beside the knobs: which method, and how its rate suits the surface."""
    loss, method, rate = now.problem.loss, now.learning.method, now.learning.rate
    st.caption(f"**{method.replace('_', ' ')}**: {METHODS[method]}")
    limit = stable_rate(loss, method)
    if limit is not None and rate >= limit:
        st.warning(f"The rate {written(rate)} is not below {written(limit)}: steps overshoot more and more.")
    elif method != "conjugate":
        most = "" if limit is None else f", stable below {written(limit)}"
        st.caption(f"Rate **{written(rate)}** (best: {written(best_rate(loss, method))}{most}).")
    slow = slowest_factor(loss, method, rate)
    kept = "" if slow is None or method == "sgd" else f" A step with this method and rate leaves {written(slow, 6)}."
    left = slowest_factor(loss, "sgd", best_rate(loss, "sgd"))
    st.caption(
        f"The steepest direction is **{loss.condition:,.0f}** times as steep as the flattest: neighbouring pixels are "
        f"alike, so kernels that differ in fine detail give nearly the same picture. A step of plain descent leaves "
        f"{written(left, 6) if left else 0} of the slowest error.{kept}"
    )


def of_recovering(method: OptimiserName, now: Recovery) -> None:
    """The same, where a picture is recovered."""
    st.caption(OPTIMISERS[method][0])
    limit = now.job.stable_rate
    if limit is not None and now.job.rate >= limit:
        st.warning(f"The rate {written(now.job.rate)} is not below {written(limit)}: steps overshoot more and more.")
    else:
        st.caption(
            f"Rate **{written(now.job.rate)}**" + ("." if limit is None else f", stable below {written(limit)}.")
        )
