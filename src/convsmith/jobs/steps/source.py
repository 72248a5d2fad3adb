"""Which pretrained network a job may start from: the one asked for, or the usual one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import BadInput
from ..job import Job

if TYPE_CHECKING:
    from ...pretrained import Source

AUTO, NONE = "auto", "none"
DEFAULT = "efficientnet_lite0"
SMALLEST = 24
"""Pixels of the longer side below which networks trained on photographs have little to say."""


def source_for(job: Job) -> Source | None:
    """The source, or None; what decides is said in a line.

    Raises:
        BadName: for a source that does not exist.
        BadInput: for one that was asked for and whose weights are not here, or that cannot be used with the
            other options.
    """
    from ...data.resolution import resolution
    from ...pretrained import open_source

    wanted = job.recipe["pretrained"] or NONE
    if wanted == NONE:
        return None
    asked = wanted != AUTO
    if job.recipe["latency_table"] is not None:
        if asked:
            came = "given with --latency-table, which knows the blocks of its space alone"
            raise BadInput("--pretrained", came, "a latency measured here", "one of the two")
        job.display.say("no pretrained network: the latency table knows the blocks of its space alone")
        return None
    own = job.working.size if job.recipe["size"] else resolution(job.images, most=512).size
    if not asked and max(own) < SMALLEST:
        job.display.say(f"no pretrained network: images of {own[1]}x{own[0]} pixels are too small for one")
        return None
    try:
        source = open_source(DEFAULT if not asked else wanted)
    except BadInput as error:
        if asked:
            raise
        job.display.say(f"no pretrained network: {error.came}; to have one: {error.hint}")
        return None
    free = "" if source.commercial else "; NOT FOR COMMERCIAL USE"
    job.display.say(f"weights to start from: {source.name}, licence {source.licence}{free}")
    return source
