"""Pictures for the report: of each class its first training image, and of images that look alike."""

from __future__ import annotations

import io

from ..running.job import AnyJob

MOST = 100
"""Classes that get one; the page stays small."""


def thumbnails(job: AnyJob) -> dict[str, str]:
    """Write classes/0.png and on; the name of each class's file by class."""
    found: dict[str, str] = {}
    y, train = job.images.y, sorted(int(row) for row in job.split.train)
    first: dict[int, int] = {}
    for row in train:
        first.setdefault(int(y[row]), row)
    for label, row in sorted(first.items())[:MOST]:
        name = f"classes/{label}.png"
        _write(job, name, row)
        found[job.images.classes[label]] = name
    return found


def pairs(job: AnyJob) -> list[list[str]]:
    """Write alike/0.png and on; the files of each pair of ``found["alike"]["pairs"]``."""
    place = {name: row for row, name in enumerate(job.images.names)}
    out = []
    for k, pair in enumerate(job.images.found["alike"]["pairs"]):
        files = [f"alike/{2 * k + side}.png" for side in (0, 1)]
        for file, name in zip(files, pair["names"], strict=True):
            _write(job, file, place[name])
        out.append(files)
    return out


def _write(job: AnyJob, name: str, row: int) -> None:
    from PIL import Image

    pixels_HWC = job.pixels_NHWC[row]
    buffer = io.BytesIO()
    picture = pixels_HWC[:, :, 0] if pixels_HWC.shape[2] == 1 else pixels_HWC
    Image.fromarray(picture).save(buffer, format="PNG", optimize=True)
    job.run.write(name, buffer.getvalue())
