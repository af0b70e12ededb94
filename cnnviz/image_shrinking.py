"""A stranger's picture in fewer bytes, for a server that keeps those of many."""

from __future__ import annotations

import io
import math

from PIL import Image

from cnnviz.image_pixels import area_averaged
from cnnviz.images import MAX_SIZE, load_pixels

_LESS = 0.7  # of each side, where a picture is still too large


def shrunk(data: bytes, most: int) -> bytes:
    """A picture's file as it is, if it is small enough; else a smaller one of its first frame, in colour.

    Its shorter side keeps up to MAX_SIZE pixels, so that whatever part of it is shown has as many as can be asked for.

    Args:
        data: the file.
        most: bytes of the result.
    Returns:
        `data`; or a PNG whose pixels are means of its own, still smaller where that is too large.
    Raises:
        ImageError: the file cannot be used.
    """
    if len(data) <= most:
        return data
    pixels = load_pixels(data, mode="RGB").transpose(1, 2, 0)
    height, width = pixels.shape[:2]
    scale = min(1.0, MAX_SIZE / min(height, width))
    while True:
        rows, columns = max(1, math.ceil(height * scale)), max(1, math.ceil(width * scale))
        buffer = io.BytesIO()
        Image.fromarray(area_averaged(pixels, rows, columns)).save(buffer, "PNG", compress_level=3)
        if buffer.tell() <= most or rows * columns == 1:
            return buffer.getvalue()
        scale *= _LESS
