"""Every image of a set as a thumbnail on a few sheets, and a list that says where each lies."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..decoding.decode import Unreadable, decode
from ..decoding.record import Progress
from ..files.wholefile import whole
from ..images import Images

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 64
"""Pixels of a thumbnail's square."""
ACROSS, DOWN = 32, 16
"""Thumbnails on a sheet."""
LIST = "images.json"


def write_sheets(images: Images, folder: Path, *, progress: Progress | None = None) -> int:
    """Write sheet-0000.jpg, sheet-0001.jpg, ... and images.json, which lists what is on them, in order.

    Image number k of the list lies on sheet k // 512, in row (k % 512) // 32 and column k % 32; it is scaled
    to fit its square of 64 pixels, and stands in the middle of it.

    Args:
        images: an examined set.
        folder: where the files go; made when absent.
        progress: called as ``progress("thumbnail", done, total)``.

    Returns:
        How many sheets there are.

    Raises:
        BadInput: for a folder that cannot be written.
    """
    import PIL.Image

    each, total = ACROSS * DOWN, len(images)
    sheets = -(-total // each)
    for number in range(sheets):
        sheet = PIL.Image.new("RGB", (ACROSS * SIDE, DOWN * SIDE), (128, 128, 128))
        for place, row in enumerate(images.rows[number * each : (number + 1) * each]):
            small = _small(images, int(row))
            if small is not None:
                left = place % ACROSS * SIDE + (SIDE - small.width) // 2
                sheet.paste(small, (left, place // ACROSS * SIDE + (SIDE - small.height) // 2))
            if progress is not None and place % 64 == 0:
                progress("thumbnail", number * each + place, total)
        file = io.BytesIO()
        sheet.save(file, "JPEG", quality=85)
        with whole(folder / f"sheet-{number:04d}.jpg") as draft:
            draft.write_bytes(file.getvalue())
    seen, y = images.seen, images.y
    listed = {
        "side": SIDE,
        "across": ACROSS,
        "down": DOWN,
        "sheets": sheets,
        "classes": list(images.classes),
        "rows": images.rows.tolist(),
        "labels": y.tolist(),
        "names": images.names,
        "sizes": np.stack([seen["height"], seen["width"]], 1).tolist(),
    }
    with whole(folder / LIST) as draft:
        draft.write_text(json.dumps(listed), encoding="utf-8")
    return sheets


def _small(images: Images, row: int) -> Image | None:
    """The image within a square of `SIDE` pixels; None when it cannot be read any more."""
    import PIL.Image

    try:
        raw = images.items.raw(row)
        pixels = raw if isinstance(raw, np.ndarray) else decode(raw, at_least=(SIDE, SIDE)).pixels
    except Unreadable:
        return None
    image = PIL.Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    if max(image.size) < SIDE // 2:
        times = SIDE // max(image.size)
        return image.resize((image.width * times, image.height * times), PIL.Image.Resampling.NEAREST)
    image.thumbnail((SIDE, SIDE))
    return image
