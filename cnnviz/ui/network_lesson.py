"""Teach a whole network: the page Train but for its head."""

from __future__ import annotations

from cnnviz.ui import training, training_knobs, training_results
from cnnviz.ui.controls import Controls, Reading
from cnnviz.ui.training_live import live
from cnnviz.ui.workbench import workbench


def network_lesson(show: Controls, reading: Reading) -> None:
    """Show the whole task."""
    values = reading.values
    now = training.lesson(values)
    training.warm()
    training_knobs.beginnings(show)
    view, knobs = workbench()
    with view:
        training_knobs.refused(now)
        live(now, values, reading.texts["layers"])
        training_results.results(now)
    with knobs:
        training_knobs.recipe(show, now)
