"""A picture of each class for the report: its first training image, as the network sees it."""

from __future__ import annotations

import io

from ..job import Job

MOST = 100
"""Classes that get one; the page stays small."""


def thumbnails(job: Job) -> dict[str, str]:
    """Write classes/0.png and on; the name of each class's file by class."""
    from PIL import Image

    found: dict[str, str] = {}
    y, train = job.images.y, sorted(int(row) for row in job.split.train)
    first: dict[int, int] = {}
    for row in train:
        first.setdefault(int(y[row]), row)
    for label, row in sorted(first.items())[:MOST]:
        pixels_HWC = job.pixels_NHWC[row]
        buffer = io.BytesIO()
        picture = pixels_HWC[:, :, 0] if pixels_HWC.shape[2] == 1 else pixels_HWC
        Image.fromarray(picture).save(buffer, format="PNG", optimize=True)
        name = f"classes/{label}.png"
        job.run.write(name, buffer.getvalue())
        found[job.images.classes[label]] = name
    return found
