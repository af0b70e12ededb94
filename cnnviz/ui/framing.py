"""What our components are sent: one block of bytes, since raw bytes survive at the top level of their data only."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from cnnviz import figures


def framed(header: Mapping[str, Any], parts: Iterable[bytes]) -> bytes:
    """One message, which `everywhere/framing.js` opens.

    Returns:
        The length of the header (uint32, little endian), the header as JSON, the palettes that it names as `scales`,
        256 × RGB each, then the parts.
    """
    text = json.dumps({**header, "scales": figures.SCALES}, allow_nan=False).encode()
    palettes = [figures.palette(name).tobytes() for name in figures.SCALES]
    return b"".join([struct.pack("<I", len(text)), text, *palettes, *parts])
