"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

import pytest
import torch
from streamlit.components.v2 import manifest_scanner

# Each AppTest reads what all installed packages say of themselves, in search of components: 0.2 s, to the same end.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)

# The tests run beside each other, and a training gives way to all of them: here it is one of them.
os.environ.setdefault("CNNVIZ_TRAINING_NICE", "0")


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Add up in one thread, as trainings do: bit for bit the same, and on a busy machine sooner."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
