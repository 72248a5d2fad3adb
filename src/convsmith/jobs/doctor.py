"""The data doctor as a command: what would hurt in a set of images, with an exit code for CI."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..endings import ending_of
from ..notebooks import InNotebooks
from ..units import counted

if TYPE_CHECKING:
    from ..data.doctor.finding import Checkup, Finding


@dataclass(frozen=True, repr=False)
class Diagnosis(InNotebooks):
    """A checkup, and whether findings make the command fail.

    Args:
        checkup: the findings.
        strict: whether what hurts is a failure.
    """

    checkup: Checkup
    strict: bool

    @property
    def exit_code(self) -> int:
        """1 when strict and something would hurt."""
        return int(self.strict and self.checkup.hurts)

    def render(self, wanted: str) -> str:
        """As text or as one JSON object."""
        return json.dumps(self.checkup.to_json()) if wanted == "json" else self.checkup.text()


def doctor(
    data: str,
    *,
    strict: bool = False,
    group: str | None = None,
    outside: bool = False,
    fix: str | None = None,
    page: str | None = None,
    thumbnails: str | None = None,
    workers: int | None = None,
    run: str | None = None,
) -> Diagnosis:
    """Look for what would hurt: broken files, copies, leaks, blanks, imbalance, shortcuts.

    Args:
        data: a folder, an archive, a table of files, an .npz file, or a name such as "digits".
        strict: exit code 1 when something would hurt.
        group: regular expression on the images' names; what its parentheses match says which images belong
            together (a patient, a burst).
        outside: also read images outside the folder that was named, where a table names them or links lead.
        fix: write a cleaned table of the images to this .csv file; the images themselves are never touched.
        page: write a page with thumbnails to this .html file.
        thumbnails: write sheets with a thumbnail of every image, and a list of them, to this folder.
        workers: processes that decode; one for each core without it.
        run: a run folder; also list labels that its network confidently disputes.

    Raises:
        BadInput: when there is nothing to look at, or the run's network knows none of the classes.

    Example:
        >>> doctor("digits").exit_code
        0
    """
    from ..data.doctor.check import check
    from .running.progress import Display

    for flag, file, ending in (("--fix", fix, ".csv"), ("--page", page, ".html")):
        if file is not None:
            ending_of(file, (ending,), flag)
    with Display(1).bar("looking") as bar:
        checkup = check(
            data,
            group=group,
            outside=outside,
            fix=fix,
            page=page,
            thumbnails=thumbnails,
            workers=workers,
            progress=bar.count,
        )
    if run is not None:
        checkup = replace(checkup, findings=(*checkup.findings, *_disputed(run, data, outside)))
    return Diagnosis(checkup, strict)


def _disputed(run: str, data: str, outside: bool) -> list[Finding]:
    """Labels that a network disputes, as a finding; none where it agrees with all."""
    from ..data.doctor.finding import Finding
    from .mistakes import suspected

    rows = suspected(run, data, outside=outside)
    if not rows:
        return []
    names = tuple(f"{row['name']}: {row['given']}, rather {row['suggested']}" for row in rows)
    text = f"the network of {run} confidently disputes {counted(len(rows), 'label')}"
    hint = "look at them: a label is wrong, or the image is hard"
    return [Finding("note", "suspected labels", text, hint, names, (-1,) * len(rows), len(rows))]
