"""The weights of the filter that is looked into, in the colours of all filters of its layer."""

from __future__ import annotations

from typing import Final

import streamlit as st

from cnnviz.map_weights import MapWeights, map_weights
from cnnviz.shapes import times
from cnnviz.ui.inside import Inside
from cnnviz.ui.picture_row import Shown, picture_row
from cnnviz.ui.scale_bar import scale_bar

MOST: Final = 12  # planes that are drawn
SIDE: Final = 52  # px
COLOURS: Final = ("red", "green", "blue")


def weights(now: Inside, layer: int, number: int) -> None:
    """Show them, or say that there are none."""
    trained = now.trained
    found = map_weights(trained.layers, trained.parameters, trained.data.shape, layer, number)
    if found is None:
        st.caption(
            "No single filter makes this: its layer has no weights, nor has one before it that it follows alone."
        )
        return
    planes = found.planes
    if planes.shape[1:] == (1, 1):  # a number for each map: one strip
        planes = planes.reshape(1, 1, -1)
    heaviest = planes.abs().amax((1, 2)).argsort(descending=True, stable=True)[:MOST].sort().values.tolist()
    reach = found.largest or 1.0
    shown = [
        Shown(_title(found, at, len(planes), trained.data.shape[0]), planes[at].numpy(), ends=(-reach, reach),
              has_scale=False)
        for at in heaviest
    ]  # fmt: skip
    side = SIDE * 4 if planes.shape[1] == 1 and planes.shape[2] > 9 else SIDE
    picture_row(shown, key="weights", side=side)
    some = f", of {len(planes)} planes the {MOST} with the largest" if len(planes) > MOST else ""
    what = "filter" if len(trained.summary.rows[found.layer].output_shape) == 3 else "output"
    own = "" if found.layer == layer else "This layer has no filters: what it takes is made by those of one before. "
    st.caption(
        f"{own}The weights of {what} {found.filter} of layer {found.layer + 1}, {times(found.planes.shape)}{some}. "
        f"All filters of the layer have the same colours, black is 0:"
    )
    st.html(scale_bar(-reach, reach))


def _title(found: MapWeights, at: int, planes: int, channels: int) -> str:
    if planes == 1:
        return f"Filter {found.filter}"
    return COLOURS[at] if found.layer == 0 and channels == planes == 3 else f"map {at}"
