"""Which Chromium the browser tests and benches drive."""

from __future__ import annotations

import shutil
from typing import Any

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def launch_options() -> dict[str, Any]:
    """Arguments of `playwright.chromium.launch`: the system's Chromium where there is one, else Playwright's own."""
    return {"executable_path": shutil.which("chromium") or shutil.which("chromium-browser"), "args": list(QUIET)}
