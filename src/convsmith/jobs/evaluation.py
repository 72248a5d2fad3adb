"""A labelled set of another day: how good a run's network is there, and what has moved since its own test."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from .evaluation_text import as_csv, lines, notes

if TYPE_CHECKING:
    from ..data import Images

FOLDER = "evaluations"
STEPS = ("images", "answers", "what has moved")
"""What the display counts."""
NUMBER = r"[0-9]{1,9}"
"""The name of an evaluation that was given none."""


@dataclass(frozen=True)
class Evaluated:
    """How a network does on a set.

    Args:
        path: the run folder.
        result: the figures, as evaluations/NAME.json has them.
    """

    path: Path
    result: dict[str, Any]

    @property
    def accuracy(self) -> float:
        """Share of the images that the network gets right."""
        return float(self.result["accuracy"])

    def render(self, wanted: str) -> str:
        """As text, as one JSON object, or a CSV line for each class."""
        if wanted == "json":
            return json.dumps({"run": str(self.path), **self.result})
        if wanted == "csv":
            return as_csv(self.result)
        return "\n".join([*lines(self.result), f"report         {self.path / 'report.html'}"])


def evaluate(
    run: str,
    data: str | Images,
    *,
    name: str | None = None,
    outside: bool = False,
    quiet: bool = False,
) -> Evaluated:
    """Judge a run's network on a labelled set of another day, beside its own test.

    Accuracy with its interval, each class, calibration and the share that its rule of answering turns away;
    whether the difference to the run's own test is more than chance; and what has moved in the images
    themselves since training: brightness, contrast, sharpness, size, shares of the classes. Classes are
    matched by name, in any order.

    Args:
        run: a run folder; in Python also what forge and train return.
        data: labelled images: a folder with a folder per class, an archive, a table, an .npz file, or a name;
            in Python also images that were read already. Of the run's own images its test images are taken.
        name: what the evaluation is called in the run's folder evaluations/; the next number without it.
        outside: also read images outside the folder that was named, where a table names them or links lead.
        quiet: no progress on standard error.

    Returns:
        The figures; they stand in the run's folder evaluations/, too, and its report shows them.

    Raises:
        BadInput: for a run without a network that tells classes of images apart, or images that cannot be
            used.

    Example:
        >>> found = evaluate(run, "digits", name="again", quiet=True)  # of its own images the test's
        >>> found.result["part"], found.result["against"]["more_than_chance"]
        ('test', False)
    """
    from ..data.refusal import check_there
    from ..engine.lower import lower
    from ..reports import report
    from ..runs import Run
    from ..runs.files import place_in
    from .inputs.run_images import own_images
    from .inputs.trained import trained
    from .running.progress import Display
    from .steps.on_a_set import judged_on
    from .steps.since_its_test import compared

    if name is not None and not re.fullmatch(r"[\w-]{1,60}", name, re.A):
        raise BadInput("--name", f"got {name!r}", "letters, digits, - and _", "--name may")
    net = trained(run)
    if data is None:
        raise BadInput("images", "got none", "labelled images", f"convsmith evaluate {net.path} photos/")
    if isinstance(data, str | os.PathLike):
        data = os.fspath(data)
        check_there(data)
    module = lower(net.graph, net.weights)
    if not (module.ends_in_softmax or module.ends_in_one_sigmoid):
        came = "its network does not end in a softmax: it gives no probabilities"
        raise BadInput(str(net.path), came, "a classifier of images")
    place_in(net.path, FOLDER)
    display = Display(len(STEPS), quiet=quiet)
    display.step(STEPS[0])
    own = own_images(net, data, outside=outside)
    display.step(STEPS[1])
    found = judged_on(net, own, module, display)
    display.step(STEPS[2])
    found |= compared(net, own, module, found)
    with Run.resume(net.path) as driven:
        called = name or _next(net.path)
        result = {"name": called, "created": datetime.now(UTC).isoformat(timespec="seconds"), **found}
        result["notes"] = notes(found)
        driven.write_json(f"{FOLDER}/{called}.json", result)
    report(net.path)
    return Evaluated(net.path, result)


def _next(folder: Path) -> str:
    """The number after the largest one that there is."""
    names = [path.stem for path in (folder / FOLDER).glob("*.json")]
    return f"{max((int(name) for name in names if re.fullmatch(NUMBER, name)), default=0) + 1:04d}"
