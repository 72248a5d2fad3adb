"""The data doctor: what is odd about a set of images, before a network learns it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from ..decoding.decode import MAX_PIXELS
from ..decoding.memory import cache_folder
from ..decoding.record import Progress
from ..images import Images
from ..labelling.groups import grouped
from ..read import listing
from ..resolution import resolution
from .finding import Checkup, Finding, sort_findings
from .shortcuts import by_border, by_file
from .symptoms import blank, classes, copies, groups, lookalikes, modes, shapes, unreadable, untaught


def check(
    data: object,
    *,
    group: str | None = None,
    outside: bool = False,
    fix: str | Path | None = None,
    page: str | Path | None = None,
    thumbnails: str | Path | None = None,
    max_pixels: int = MAX_PIXELS,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Checkup:
    """Look for what would hurt: broken files, copies, leaks, blanks, imbalance, shortcuts.

    Args:
        data: images as `convsmith.read` takes them, or a set that has been read.
        group: regular expression on the images' names; what its parentheses match says which images belong
            together (a patient, a burst).
        outside: also read images outside the folder, where a table names them or links lead to them.
        fix: write a cleaned table of the images to this .csv file; the images themselves are never touched.
        page: write a page with thumbnails to this .html file.
        thumbnails: write sheets with a thumbnail of every image, and a list of them, to this folder.
        max_pixels: images with more pixels count as unreadable.
        workers: processes that decode; None for one per core.
        progress: called as ``progress(what, done, total)`` from time to time.

    Returns:
        The findings, errors first; ``hurts`` says whether there is an error or a warning.

    Raises:
        BadInput: when there is nothing to look at.

    Example:
        >>> checkup = check("digits")
        >>> checkup.hurts, [finding.kind for finding in checkup.findings]
        (False, ['also'])
    """
    images = (
        data
        if isinstance(data, Images)
        else listing(data, outside=outside, cache=cache_folder(), progress=progress)
    )
    if group is not None:
        images = grouped(images, group)
    images = images.examined(max_pixels=max_pixels, workers=workers, progress=progress, cache=cache_folder())
    checkup = pictured(images, examine(images))
    if fix is not None:
        from .clean import write_clean

        write_clean(images, Path(fix))
    if page is not None:
        from .check_page import write_page

        write_page(images, checkup, Path(page))
    if thumbnails is not None:
        from .sheets import write_sheets

        write_sheets(images, Path(thumbnails), progress=progress)
    return checkup


def pictured(images: Images, checkup: Checkup) -> Checkup:
    """The checkup with thumbnails of the pairs that look alike, so that who reads it can judge."""
    from .check_page import address

    findings = tuple(
        replace(finding, pictures=tuple(address(images, row) for row in finding.rows))
        if finding.similarity
        else finding
        for finding in checkup.findings
    )
    return replace(checkup, findings=findings)


def examine(images: Images) -> Checkup:
    """All findings on an examined set; a pure function."""
    found: list[Finding] = unreadable(images)
    found += classes(images)
    if len(images):
        for question in (untaught, copies, lookalikes, groups, blank, shapes, modes, by_file, by_border):
            found += question(images)
    found += [Finding("note", "also", note) for note in images.notes]
    working = asdict(resolution(images)) if len(images) else {}
    return Checkup(images.source, images.found, sort_findings(found), _per_class(images), working)


def _per_class(images: Images) -> dict[str, dict[str, float]]:
    """Count, mean and spread of the grey level, and mean size of each class."""
    seen, y = images.seen, images.y
    out = {}
    for k, name in enumerate(images.classes):
        own = seen[y == k]
        some = len(own) > 0
        out[name] = {
            "images": len(own),
            "mean": round(float(own["mean"].mean()), 2) if some else 0.0,
            "spread": round(float(np.sqrt((own["spread"] ** 2).mean())), 2) if some else 0.0,
            "height": round(float(own["height"].mean()), 1) if some else 0.0,
            "width": round(float(own["width"].mean()), 1) if some else 0.0,
        }
    return out
