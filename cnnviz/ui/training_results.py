"""What came out of a training: how often it is right, its worst mistakes, and what its filters resemble."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

import numpy as np
import streamlit as st

from cnnviz import figures
from cnnviz.attribution_words import say_share
from cnnviz.datasets import Dataset
from cnnviz.filter_resemblance import chance, resemblance
from cnnviz.network_weights import Parameters
from cnnviz.training import Measure
from cnnviz.training_job import Job
from cnnviz.training_pass import ending
from cnnviz.ui.first_filters import as_filters, first_layer
from cnnviz.ui.inside import INSIDE, MISTAKE_OF, look_inside
from cnnviz.ui.network import follow
from cnnviz.ui.network_files import take_away
from cnnviz.ui.settings import MINE, escaped
from cnnviz.ui.training import Lesson

MISTAKES: Final = 18  # that are shown
MISTAKE: Final = 96  # px
COMPARED: Final = 24  # filters


def results(now: Lesson) -> None:
    """Show them, once there are some."""
    job = now.job
    if not job or job.state != "over" or not job.news or not job.news.final or not now.is_of_job:
        return
    learned, held_out = job.news.final
    with st.container(horizontal=True, gap="medium", vertical_alignment="center", key="learned"):
        st.subheader("What it has learned", anchor=False, width="content")
        look_inside(job.order.layers, job.news.parameters, now.data, "The one that you trained")
    _figures(now, job, learned, held_out)
    confused, mistakes = st.columns([1.1, 1], gap="medium")
    with confused:
        st.markdown(
            "**What it takes for what**, of the pictures held out: rows are what they are, columns what it says."
        )
        st.html(confusion_table(held_out.confusion().numpy(), now.data.classes))
    with mistakes:
        _mistakes(now.data, held_out, ending(job.order.layers) != "none")
    take_away(follow(job.order.layers, now.summary, job.news.parameters, now.data.held_out.images(slice(0, 1))))
    if (at := first_layer(job.order.layers)) >= 0:
        _resemblances(as_filters(job.order.layers, job.news.parameters, now.data.shape), at)


def _figures(now: Lesson, job: Job, learned: Measure, held_out: Measure) -> None:
    assert job.news
    right = int((held_out.answers.argmax(1) == held_out.classes).sum())
    shown = (
        ("Held out, right", say_share(held_out.accuracy), f"{right} of {len(held_out.classes)} pictures"),
        ("Learned from, right", say_share(learned.accuracy), "Much more than held out: learned by heart."),
        ("Loss, held out", f"{held_out.loss:.3f}", "A mean over pictures; 0 would be sure and right."),
        ("Steps", f"{job.news.number:,}", f"in {job.news.seconds:.1f} seconds"),
    )
    with st.container(horizontal=True, gap="medium", key="figures"):
        for label, value, about in shown:
            st.metric(label, value, help=about, width="content")
    st.caption(_repeated(now, job) + f" The weights' fingerprint: `{fingerprint(job.news.parameters)}`.")


def _repeated(now: Lesson, job: Job) -> str:
    """Whether another can have the same weights."""
    assert job.news
    if isinstance(job.order.data, Dataset):
        return "Nobody can train it again from the address alone: no link carries your pictures."
    if job.news.number < job.news.steps:
        return "It was ended early, so the address trains it further than this."
    if now.is_changed:
        return "It was trained with other settings than the address says by now."
    return (
        "The address holds the network and the whole recipe: on the same version and kind of machine it trains to "
        "these weights, bit for bit."
    )


def fingerprint(parameters: Parameters) -> str:
    """The beginning of the SHA-256 of all tensors, in order."""
    digest = hashlib.sha256()
    for tensors in parameters:
        for tensor in tensors.values():
            digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def confusion_table(counts: np.ndarray, classes: tuple[str, ...]) -> str:
    """Counts, (K, K), as an HTML table, darker where there are more: right ones in blue, wrong ones in orange."""
    names = [escape(name) for name in classes]
    of_row = np.maximum(counts.sum(1, keepdims=True), 1)
    shares = counts / of_row
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = []
    for i, name in enumerate(names):
        cells = []
        for j, count in enumerate(counts[i]):
            color = "55, 122, 176" if i == j else "217, 130, 43"
            depth = 0.75 * shares[i, j] if i == j else min(0.9, 6 * shares[i, j])
            title = f"{count} of {of_row[i, 0]}: {name}, taken for {names[j]}"
            cells.append(f'<td style="background: rgba({color}, {depth:.2f})" title="{title}">{count or ""}</td>')
        rows.append(f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>')
    table = f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="confusion">{table}</div>'


def _mistakes(data: Dataset, held_out: Measure, are_shares: bool) -> None:
    worst = held_out.worst(MISTAKES)
    if not worst:
        st.markdown("**No mistakes**: every held-out picture is taken for what it is.")
        return
    count = int((held_out.answers.argmax(1) != held_out.classes).sum())
    st.markdown(
        f"**The worst of its {count} mistakes**: where what is right got the smallest share. Click one to look inside."
    )
    with st.container(horizontal=True, gap="small", key="mistakes"):
        for index in worst:
            _mistake(data, held_out, index, are_shares)


def _mistake(data: Dataset, held_out: Measure, index: int, are_shares: bool) -> None:
    """A picture, and the way to it on the page Inside."""
    with st.container(width=MISTAKE, key=f"mistake-{index}"):
        st.html(f'<div class="mistakes">{_figure(data.held_out.pixels[index].transpose(1, 2, 0), "")}</div>')
        said, right = int(held_out.answers[index].argmax()), int(held_out.classes[index])
        share = float(held_out.answers[index, said])
        sure = f" {100 * share:.0f} %" if are_shares else ""
        words = f"{escaped(data.classes[right])} → **{escaped(data.classes[said])}**{sure}"
        st.page_link(INSIDE, label=words, query_params={"network": MINE, MISTAKE_OF: f"{index}"})


def _resemblances(weights: np.ndarray, layer: int) -> None:
    if all(resemblance(weight) is None for weight in weights[:COMPARED]):
        return
    st.markdown(
        f"**Filters of layer {layer + 1} and the classic kernels they resemble.** Of a colour filter the mean of its "
        "channels is compared, which is what it does to a grey picture; 1 means the same but for a factor. Of filters "
        f"drawn at random, 95 in 100 stay below {chance(weights.shape[2:]):.2f}: only what is above is in bold."
    )
    st.markdown("**Learned | classic**, each in its own colours up to its largest weight, as a factor does not count.")
    pairs = []
    for number, weight in enumerate(weights[:COMPARED]):
        found = resemblance(weight)
        if found is None:  # all its weights are 0
            continue
        like = f"{escape(found.kernel)} {found.cosine:.2f}"
        words = f"{number}: <b>{like}</b>" if found.is_more_than_chance else f"{number}: none; nearest {like}"
        colour = f", {100 * found.gray:.0f} % grey" if len(weight) > 1 else ""
        own, kernel = (_coloured(each) for each in (weight.mean(0), found.values))
        pairs.append(_figure(own, words + colour, kernel))
    if pairs:
        st.html(f'<div class="mistakes resemblances">{"".join(pairs)}</div>')


def _coloured(kernel: np.ndarray) -> np.ndarray:
    reach = float(np.abs(kernel).max()) or 1.0
    return figures.colored(kernel, figures.ColorRange("diverging", -reach, reach))


def _figure(pixels: np.ndarray, words: str, beside: np.ndarray | None = None) -> str:
    """A picture, and perhaps another, with words that are HTML already."""
    shown = "".join(
        f'<img alt="" src="data:image/png;base64,{base64.b64encode(figures.as_png(each)).decode()}">'
        for each in (pixels, beside)
        if each is not None
    )
    return f"<figure>{shown}<figcaption>{words}</figcaption></figure>"
