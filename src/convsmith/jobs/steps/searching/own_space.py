"""The space of a job: a registered one, a file of one's own, or the members of a pretrained network.

A file of one's own stays with the run, and is that file from then on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ....own_code import is_in_file, keep
from ....runs.files import write_whole
from ....runs.own_code import NETWORK, SPACE
from ...running.job import AnyJob, ForgeJob

if TYPE_CHECKING:
    from ....nas.choose import Space
    from ....pretrained import Source

COPIES = {"algorithm": "algorithm.py", "network": NETWORK}
"""Option -> the copy of its file in the run."""


def space_of(job: ForgeJob) -> Space:
    """The recipe's space for the job's images; a file of one's own is kept in the run, as space.py."""
    from ....nas.choose import Space
    from ....nas.spaces import space_function

    name = str(job.options.space)
    shape, classes = job.input_shape, len(job.images.classes)
    if has_members(job):
        from ....pretrained.space import members_of

        return Space(members_of(source_of(job)), shape, classes, name=name)
    path, colon, function = name.rpartition(":")
    made_by = name
    if colon:
        kept = job.run.path / SPACE
        if not kept.exists():
            write_whole(kept, Path(path).read_bytes())
        elif not Path(path).is_file() or Path(path).read_bytes() != kept.read_bytes():
            job.display.say(f"{path} has changed; the run goes on with its own {SPACE}")
        made_by = f"{kept}:{function}"
    return Space(space_function(made_by), shape, classes, name=name)


def keep_own(job: AnyJob, option: str) -> None:
    """Keep the file behind an option's ``file.py:name`` in the run; the copy is run from then on."""
    name = getattr(job.options, option)
    if is_in_file(name):
        copy = job.run.path / COPIES[option]
        content = keep(str(name), copy)
        if content is not None:
            write_whole(copy, content)
            keep(str(name), copy)


def has_members(job: AnyJob) -> bool:
    """Whether the job searches among the members of a pretrained network."""
    from ....pretrained.space import NAME

    return getattr(job.options, "space", None) == NAME


def source_of(job: ForgeJob) -> Source:
    """The pretrained network whose members are searched."""
    assert job.source is not None, "the step of the pretrained network comes first"
    return job.source
