"""The screen: the only part of cnnviz that imports Streamlit."""

from pathlib import Path

PAGES = Path(__file__).parents[2] / "pages"


def warm_up() -> None:
    """Import what the pages import and run one small convolution, before the first visitor comes."""
    import pandas  # type: ignore[import-untyped]  # noqa: F401  # Streamlit, for the first dictionary that a component gets
    import torch

    from cnnviz import functional
    from cnnviz.ui import (  # noqa: F401
        consequences,
        experiment,
        image_picker,
        kernel_grid,
        kind_knobs,
        pooling,
        take_away,
        volumes,
    )

    image_picker.thumbnails_address()
    functional.conv2d(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 3, 3), padding="same")
