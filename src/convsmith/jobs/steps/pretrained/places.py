"""At which sizes a pretrained network is tried on a job's images, and what it makes of them there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...running.job import ForgeJob

if TYPE_CHECKING:
    import numpy as np

    from ....graph import Graph
    from ....pretrained import Source

SIDES = (96, 64, 80, 160, 224, 128, 48)
"""Pixels of the longer side, in the order in which they are tried."""
LARGE = 160
"""Pixels of a side above which only the whole network is looked at: shallow cuts gain nothing there."""
ENLARGED = 4
"""Times that small images are made larger inside the network, at most."""
BATCH = 32


@dataclass(frozen=True)
class Place:
    """A size at which a source works.

    Args:
        size: rows and columns of the images that the network takes.
        sides: rows and columns that the source works at; others than `size` where small images are made
            larger inside the network.
    """

    size: tuple[int, int]
    sides: tuple[int, int]

    @property
    def pixels(self) -> int:
        """That the source works on."""
        return self.sides[0] * self.sides[1]

    def __str__(self) -> str:
        told = "x".join(map(str, self.sides))
        return told if self.size == self.sides else f"{told} from {'x'.join(map(str, self.size))}"


def places(job: ForgeJob) -> list[Place]:
    """The sizes that the images allow, in the order in which they are tried; one where it was asked for.

    Images are never made larger than they are, but for small ones, which are inside the network.
    """
    from ....data.resolution import resolution

    own = job.working.size if job.options.size else resolution(job.images, most=512).size
    found: list[Place] = []
    for side in SIDES:
        if side <= max(own) and not job.options.size:
            size = resolution(job.images, most=side).size
            found.append(Place(size, size))
        elif max(own) < side <= ENLARGED * max(own):
            scale = side / max(own)
            found.append(Place(own, (max(8, round(own[0] * scale)), max(8, round(own[1] * scale)))))
    if max(own) <= SIDES[0] or job.options.size:
        found.append(Place(own, own))
    return list(dict.fromkeys(found))


def places_for(job: ForgeJob, source: Source) -> list[Place]:
    """Those of the sizes that a source takes.

    Raises:
        BadInput: where it takes none, as the source says it of the first one.
    """
    from ....errors import BadInput

    found, refused = [], None
    for place in places(job):
        try:
            source.trunk((*place.sides, job.working.channels))
            found.append(place)
        except BadInput as error:
            refused = refused or error
    if refused is not None and not found:
        raise refused
    return found


def member_at(job: ForgeJob, source: Source, cut: str, place: Place, **changes: object) -> Graph:
    """The source up to a cut, for the job's images and classes at a size."""
    from ....pretrained.members import member

    shape = (*place.size, job.working.channels)
    return member(source, cut, shape, len(job.images.classes), sides=place.sides, **changes)  # type: ignore[arg-type]


def features(
    job: ForgeJob, source: Source, place: Place, rows: np.ndarray, *, cuts: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """The pooled feature maps of a source's cuts, of these images; kept in the cache by content.

    Args:
        job: the job.
        source: the pretrained network.
        place: the size.
        rows: positions of the images.
        cuts: all without it.

    Returns:
        Name of each cut -> float32 (images, channels).
    """
    import numpy as np

    from ....data.files.evict import evict, used
    from ....data.files.wholefile import whole
    from ....data.view import selected
    from ....pretrained.features import Features

    names = [cut.name for cut in source.cuts] if cuts is None else list(cuts)
    widths = [source.cut(name).channels for name in names]
    what = f"{job.images.fingerprint}{source.sha256}{place}{job.working.channels}{names}"
    digest = hashlib.sha256(what.encode() + np.ascontiguousarray(rows, np.int64).tobytes()).hexdigest()
    path = job.cache / f"features-{digest[:32]}.npy"
    try:
        kept = np.load(path, allow_pickle=False)
        used(path)
    except (OSError, ValueError, EOFError):
        kept = None
    if kept is None or kept.shape != (len(rows), sum(widths)):
        seer = Features(source, (*place.sides, job.working.channels), names)
        x_NHWC = selected(job.pixels(place.size), rows)
        kept = np.empty((len(rows), sum(widths)), np.float32)
        with job.display.bar("features") as bar:
            for start in range(0, len(rows), BATCH):
                found = seer.of(at_sides(x_NHWC[start : start + BATCH], place))
                kept[start : start + BATCH] = np.concatenate(found, 1)
                bar.update(start / len(rows), f"{source.name} at {place}: {start:,} of {len(rows):,} images")
        with whole(path) as draft, open(draft, "wb") as file:
            np.save(file, kept)
        evict(job.cache, keep=path)
    parts = np.split(kept, np.cumsum(widths)[:-1], axis=1)
    return dict(zip(names, parts, strict=True))


def at_sides(x_NHWC: np.ndarray, place: Place):  # type: ignore[no-untyped-def]
    """A batch of raw pixels as the source sees it, float32 (N, C, H, W): what a `Resizing` makes of it."""
    from torch.nn import functional as F

    from ....engine.predict import to_NCHW

    x_NCHW = to_NCHW(x_NHWC)
    if place.size == place.sides:
        return x_NCHW
    return F.interpolate(x_NCHW, place.sides, mode="bilinear", align_corners=False)


def seconds_each(job: ForgeJob, source: Source, place: Place) -> float:
    """Seconds that one image takes through the whole source, measured on a few."""
    import time

    import numpy as np

    from ....data.view import selected
    from ....pretrained.features import Features

    seer = Features(source, (*place.sides, job.working.channels))
    x_NHWC = selected(job.pixels(place.size), job.rows("train")[:16])
    seen = at_sides(np.asarray(x_NHWC), place)
    seer.of(seen)
    began = time.perf_counter()
    seer.of(seen)
    return (time.perf_counter() - began) / len(seen)
