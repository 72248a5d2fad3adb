"""Step 1: what images there are, which are for what, and the size at which the network sees them."""

from __future__ import annotations

from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...data import Resolution, Split, resolution
from ...data.resolution import LADDER
from ...errors import BadInput
from ...runs.files import write_whole
from ..running.job import AnyJob, Prepared
from .searching.own_space import has_members
from .thumbnails import pairs, thumbnails

if TYPE_CHECKING:
    from ...graph import Graph

PASSES = 400
"""Epochs that a whole job has, all candidates and full trainings together, at least."""
PIXELS_PER_SECOND = 2_300_000
"""Pixels that a network of about 0.1M parameters is trained on in a second, on two cores of 2023."""
MEMBERS, DEEP = (96, 160), {"params": 1_000_000, "macs": 40_000_000}
"""Pixels of the longer side for members of a pretrained network, each of which chooses its size inside; the
second where the budget allows deep ones: shallow ones gain nothing from larger images (decision 61)."""
FEWEST_PIXELS = 48
"""Images are not made smaller than this for lack of time."""


J = TypeVar("J", bound=AnyJob)


def prepare(job: J) -> J:
    """Split the images, choose the working size, decode them into the cache; writes data.json.

    Returns:
        The job with its images prepared.
    """
    asked, images = job.options, job.images
    found = images.found
    split = images.split(seed=asked.seed, validation=asked.validation, test=asked.test)
    for name in ("train", "validation", "test"):
        if not len(getattr(split, name)):
            raise BadInput(
                images.source,
                f"the split leaves no {name} images",
                "a share for each part",
                "--test 0.2 --validation 0.15",
            )
    working = _working(asked.size, _advised(job))
    _say(job, found, split, working)
    with job.display.bar("decoding") as bar:
        pixels_NHWC = images.pixels(working.size, working.channels, job.cache, progress=bar.count)
    job = replace(job, prepared=Prepared(split, working, pixels_NHWC))
    keep_split(job.run.path, split)
    job.run.write_json(
        "data.json",
        {
            "source": images.source,
            "fingerprint": images.fingerprint,
            "classes": list(images.classes),
            "counts": found["classes"],
            "thumbnails": thumbnails(job),
            "alike_thumbnails": pairs(job),
            "found": found,
            "split": {name: len(getattr(split, name)) for name in ("train", "validation", "test")},
            "split_notes": list(split.notes),
            "resolution": asdict(working),
        },
    )
    return job


def work_at(job: J, graph: Graph) -> J:
    """The job with a network's own size as the working size, where it is another; writes data.json again."""
    rows, columns = (int(side or 0) for side in graph.input_shape[:2])
    if (rows, columns) == job.working.size:
        return job
    pixels, why = job.pixels((rows, columns)), "the best of its sizes on validation images"
    working = replace(job.working, height=rows, width=columns, why=why)
    job.run.write_json("data.json", job.run.read_json("data.json") | {"resolution": asdict(working)})
    job.display.say(f"from here on at {rows}x{columns}: {why}")
    return replace(job, prepared=Prepared(job.split, working, pixels))


def keep_split(folder: Path, split: Split) -> None:
    """Write which image is for what: positions in the set, in split.npz."""
    import numpy as np

    file = BytesIO()
    np.savez(file, train=split.train, validation=split.validation, test=split.test)
    write_whole(folder / "split.npz", file.getvalue())


def _advised(job: AnyJob) -> Resolution:
    """The size that the images have, or the largest one at which the time allows enough passes over them."""
    limit = job.clock.limit
    if has_members(job):
        limits = job.budget.limits
        is_deep = all(limits.get(name, least) >= least for name, least in DEEP.items())
        return resolution(job.images, most=MEMBERS[is_deep])
    found = resolution(job.images)
    if limit is None:
        return found
    for most in (side for side in LADDER[::-1] if FEWEST_PIXELS <= side < max(found.size)):
        passes = limit * PIXELS_PER_SECOND / (len(job.images) * found.height * found.width)
        if passes >= PASSES:
            break
        smaller = resolution(job.images, most=most)
        why = f"{smaller.why}; {len(job.images):,} images in {limit / 60:g} min allow no more"
        found = replace(smaller, why=why)
    return found


def _working(wanted: tuple[int, ...] | None, advised: Resolution) -> Resolution:
    if wanted is None:
        return advised
    sides = (*wanted, wanted[0])[:2] if len(wanted) < 3 else wanted[:2]
    channels = wanted[2] if len(wanted) > 2 else advised.channels
    if channels not in (1, 3) or len(wanted) > 3:
        raise BadInput(
            "--size", f"got {'x'.join(map(str, wanted))}", "rows x columns, or with 1 or 3 channels", "64x64"
        )
    return Resolution(sides[0], sides[1], channels, "asked for with --size")


def _say(job: AnyJob, found: dict[str, Any], split: Split, working: Resolution) -> None:
    from ...data import lines

    for line in lines(found):
        job.display.say(line)
    job.display.say(
        f"{len(split.train):,} to train, {len(split.validation):,} to validate, {len(split.test):,} to test; "
        "copies of an image stay together"
    )
    for note in split.notes:
        job.display.say(note)
    job.display.say(f"working at {working.height}x{working.width}x{working.channels}: {working.why}")
