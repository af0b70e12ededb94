"""Mount our own browser components and say from where the browser gets their files.

Streamlit resends a component's inline JavaScript with every message that changed, so what it
gets inline is two lines that import the real module from our own server, where it is cached
for a year under an address that holds the hash of all our browser files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import plotly
import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

FOLDER = Path(__file__).parent
PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def browser_files() -> dict[str, Path]:
    """Every file that the browser may ask for, by the name it asks with."""
    files = {path.name: path for path in sorted(FOLDER.glob("*/*")) if path.suffix in {".js", ".css"}}
    return files | {PLOTLY_JS.name: PLOTLY_JS}


def _fingerprint() -> str:
    digest = hashlib.sha256(plotly.__version__.encode())
    for path in browser_files().values():
        if path != PLOTLY_JS:  # its version says the same, and hashing 5 MB costs
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


EDITION = _fingerprint()
ROUTE = f"/ui/{EDITION}"


def served(path: str) -> str:
    """Where the browser finds what the server has under a path."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"{'/' + base if base else ''}{path}"


def component(name: str) -> ComponentRenderer:
    """Register the component that lives in `cnnviz/ui/<name>/<name>.js`.

    Its styles are not isolated: Plotly puts its own in the document's head, and tests and
    assistive tools find the elements by the attributes that README lists.
    """
    # The line break tells Streamlit that this is JavaScript and not the name of a file.
    module = f'new URL("{served(f"{ROUTE}/{name}.js")}", document.baseURI)'
    loader = f"const module = await import({module});\nexport default module.default;"
    return st.components.v2.component(f"cnnviz.{name}", js=loader, isolate_styles=False)
