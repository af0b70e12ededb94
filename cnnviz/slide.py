"""The slide as an animated GIF: the window moves over a map, row by row, and its output fills in cell by cell."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from PIL.GifImagePlugin import getdata, getheader

from cnnviz.slide_frames import NOTHING, Frames, Slide

__all__ = ["Slide", "gif", "seconds"]

FRAMES = 120
LIMIT = 3_000_000  # bytes
SIDE = 260  # px, the longer side of a picture
STEP, REST = 80, 2000  # ms that a frame stays, and the last one


def gif(slide: Slide, *, progress: Callable[[float], None]) -> bytes:
    """Make the file: at most FRAMES frames, and less than LIMIT bytes.

    Args:
        progress: told the share that is done, from 0 to 1, at every frame; what it raises ends the work.
    Raises:
        ValueError: `start` is no cell of `after`.
    """
    if not 0 <= slide.start < slide.after.size:
        raise ValueError(f"start must be one of {slide.after.size} cells, not {slide.start}")
    count, side, to_do = FRAMES, SIDE, 1.0
    while True:
        progress(1 - to_do)
        frames, cells = Frames(slide, side), shown_cells(slide.start, slide.after.size, count)
        last, data = None, _header(frames)
        for done, cell in enumerate(cells, 1):
            now = frames.frame(cell)
            data += _encoded(now, last, frames.palette, REST if done == len(cells) else STEP)
            if len(data) >= LIMIT:
                break
            progress(1 - to_do * (1 - done / len(cells)))
            last = now
        else:
            return data + b";"
        to_do *= 1 - (done - 1) / len(cells)  # the next try has the rest of the bar
        count, side = max(2, count * 2 // 3), max(1, side * 5 // 6)


def seconds(data: bytes) -> float:
    """How long what `gif` made takes until it begins anew."""
    with Image.open(io.BytesIO(data)) as image:
        return ((getattr(image, "n_frames", 1) - 1) * STEP + REST) / 1000


def shown_cells(start: int, stop: int, frames: int) -> list[int]:
    """The cells that get a frame: all if they are few, else the first one by one and then in growing steps."""
    count, slow = stop - start, max(1, frames // 3)
    if count <= frames:
        return list(range(start, stop))
    # The third power: half of the map is left for the last eighteen frames, not for the last seven.
    fast = np.rint(slow + (count - slow) * np.linspace(0, 1, frames - slow + 1) ** 3).astype(int)
    fast = np.maximum(fast, np.arange(slow, frames + 1))  # each frame one cell on, at least
    return [start + number - 1 for number in [*range(1, slow), *fast.tolist()]]


def _header(frames: Frames) -> bytes:
    """What stands before the frames: the size, the palette, and that they come again forever."""
    return b"".join(getheader(_image(frames.base, frames.palette), info={"loop": 0})[0])


def _encoded(now: np.ndarray, last: np.ndarray | None, palette: bytes, duration: int) -> bytes:
    """A frame as it stands in the file: what it changes of the last one."""
    if last is None:
        return b"".join(getdata(_image(now, palette), duration=duration))
    changed = now != last
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    part = _image(np.where(changed, now, np.uint8(NOTHING))[box], palette)
    offset = int(columns[0]), int(rows[0])
    return b"".join(getdata(part, offset, duration=duration, transparency=NOTHING, disposal=1))


def _image(pixels: np.ndarray, palette: bytes) -> Image.Image:
    image = Image.fromarray(pixels)
    image.putpalette(palette)
    return image
