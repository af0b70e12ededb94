"""Teach a whole network: the page Train but for its head."""

from __future__ import annotations

from collections.abc import Mapping

from cnnviz.ui import training, training_knobs, training_results
from cnnviz.ui.controls import Controls, Reading
from cnnviz.ui.training_live import live
from cnnviz.ui.workbench import workbench


def network_lesson(show: Controls, reading: Reading, ignored: Mapping[str, str]) -> None:
    """Show the whole task."""
    now = training.lesson(reading.values)
    training.warm()
    training_knobs.beginnings(show)
    view, knobs = workbench()
    with view:
        training_knobs.refused(now)
        live(now, reading, ignored)
        training_results.results(now)
    with knobs:
        training_knobs.recipe(show, now)
