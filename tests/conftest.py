"""What all tests share."""

from __future__ import annotations

from functools import cache

from streamlit.components.v2 import manifest_scanner

# Each AppTest reads what all installed packages say of themselves, in search of components: 0.2 s, to the same end.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
