"""Explain what a run's network says of images: heatmaps over the photographs, with evidence, saved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BadInput, BadName
from ..notebooks import InNotebooks

if TYPE_CHECKING:
    import numpy as np

    from ..data import Images
    from ..insight.evidence.learned import Answered
    from ..insight.explanation import Explanation
    from ..insight.target import Versus
    from ..runs import Run
    from .inputs.photos import Photos


@dataclass(frozen=True, repr=False)
class Explained(InNotebooks):
    """Heatmaps of one method for several images.

    Args:
        explanation: the maps, and all that the method says.
        folder: where `save` puts them by default.
        originals: the photographs at their own sizes.
        about: name, prediction and confidence of each image.
        classes: the classes' names.
        evidence: what was tested, on how many images, passed or not; empty where nothing was asked for.
        notes: what else a person should know, such as files that could not be read.
        full: whether `save` also writes each map at its photograph's own size.
    """

    explanation: Explanation
    folder: Path
    originals: list[np.ndarray]
    about: list[dict[str, Any]]
    classes: tuple[str, ...]
    evidence: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    full: bool = False

    def save(self, folder: str | Path | None = None) -> Path:
        """Write a PNG for each image, the arrays, explain.json and evidence.json; returns the folder."""
        from ..runs.files import to_json, write_whole

        target = self.folder if folder is None else Path(folder)
        self.explanation.save(target, originals=self.originals, classes=self.classes, about=self.about)
        if self.full:
            for index, photo in enumerate(self.originals):
                map_HW = self.explanation.on(index, (photo.shape[0], photo.shape[1]))
                write_whole(target / f"{index:04d}.npy", _npy(map_HW))
        if self.evidence:
            write_whole(target / "evidence.json", to_json(self.evidence, indent=1) + "\n")
        return target

    def render(self, wanted: str) -> str:
        """As text or as one JSON object."""
        found = self.explanation
        if wanted == "json":
            of = [found.of(index, self.classes) for index in range(len(found))]
            rows = [one | {"of": what} for one, what in zip(self.about, of, strict=True)]
            said = {"folder": str(self.folder), "method": found.method, "layer": found.layer, "images": rows}
            return json.dumps(said | {"evidence": self.evidence, "notes": list(self.notes)})
        lines = []
        for index, (one, problem) in enumerate(zip(self.about, found.problems, strict=True)):
            what = found.of(index, self.classes)
            asked = "" if what == f"{found.output} of {one['predicted']}" else f"; explained: {what}"
            lines.append(f"{one['name']}: {one['predicted']} ({one['confidence']:.1%}){asked}")
            lines += [f"    not drawn: {problem}"] if problem else []
        if self.evidence:
            lines.append(f"evidence: {self.evidence['badge']}")
            lines += [
                f"    {'passed' if t['passed'] else 'FAILED'}  {t['says']}" for t in self.evidence["tests"]
            ]
        return "\n".join([*lines, *self.notes, f"{found.method}: pictures in {self.folder}"])


def explain(
    run: str,
    *images: str | Images,
    method: str = "grad_cam",
    layer: str | None = None,
    target: str | int | None = None,
    against: str | int | None = None,
    split: Literal["train", "validation", "test"] | None = None,
    outside: bool = False,
    most: int = 24,
    batch_size: str = "auto",
    evidence: bool = True,
    full: bool = False,
    output: str | None = None,
    quiet: bool = False,
) -> Explained:
    """Show what a network looked at: a heatmap for each image, with evidence that the map means something.

    Args:
        run: a run folder; in Python also what forge and train return.
        images: image files, folders of them, or data sets such as digits; in Python also images that were
            read. None with --split.
        method: how to explain; "convsmith list explanations" shows the methods.
        layer: the layer to look at; the method's own choice without it.
        target: the class to explain, by name or number; what the network says of each image without it.
        against: another class: explain why the target rather than this one.
        split: images of this part of the run's own.
        outside: of a data set, also read images outside its folder, where a table names them.
        most: explain at most so many images, evenly spread over those given.
        batch_size: images in the network at a time; auto takes as many as fit into a gigabyte.
        evidence: test whether the maps mean something; --no-evidence skips that.
        full: also write each map at its photograph's own size (.npy).
        output: the folder to write to, such as where the run's own cannot be written; explain/METHOD of the
            run without it.
        quiet: no progress on standard error.

    Returns:
        The maps; ``save()`` writes them into the run's folder explain/METHOD, or into `output`.

    Raises:
        BadInput: for images or a run that cannot be used, and for a method that is not valid for the network.

    Example:
        >>> found = explain(run, split="test", most=2, evidence=False, quiet=True)
        >>> len(found.explanation), found.save().name
        (2, 'grad_cam')
    """
    from ..engine.lower import lower
    from ..engine.predict import predict
    from ..insight.evidence.verdict import evidence as tested
    from ..insight.explain import explain as explain_images
    from ..insight.method import method as by_name
    from ..runs import Run
    from ..runs.files import place_in
    from .inputs.photos import photos
    from .inputs.trained import trained
    from .running.progress import Display

    by_name(method)
    many = _batch(batch_size)
    if most < 1:
        raise BadInput("--most", f"got {most}", "at least 1", "--most 24")
    net = trained(run)
    wanted, minus = _class(target, net.classes, "--target"), _class(against, net.classes, "--against")
    given = photos(net, images, split=split, outside=outside, most=most)
    if output is None:
        place_in(net.path, f"explain/{method.rpartition(':')[2].replace('-', '_')}")
    kept = place_in(net.path, "explain/evidence") if output is None else None
    elsewhere = None if output is None else place_in(output, ".")
    probabilities = predict(net.graph, given.pixels_NHWC, weights=net.weights)
    display = Display(1 + evidence, quiet=quiet)
    module = lower(net.graph, net.weights)
    aimed = _aim(wanted, minus, probabilities.argmax(1).tolist(), net.classes)
    display.step("heatmaps")
    with display.bar(method) as bar:
        found = explain_images(
            module,
            given.pixels_NHWC,
            method=method,
            target=aimed,
            layer=layer,
            batch_size=many,
            on_batch=lambda done, total: bar.count("image", done, total),
        )
    checks: dict[str, Any] = {}
    if evidence:
        display.step("evidence")
        with display.bar("evidence") as bar:
            knows = answered(Run.open(net.path))
            checks = tested(module, found, answered=knows, cache=kept, on_step=bar.update)
    about = _about(given, probabilities, net.classes)
    folder = net.path / "explain" / found.method if elsewhere is None else elsewhere
    return Explained(found, folder, given.originals, about, net.classes, checks, given.notes, full)


def answered(run: Run) -> Answered | None:
    """How a run's network did on its test images, by its metrics.json; None where that says nothing."""
    from ..insight.evidence.learned import Answered

    try:
        counts = run.read_json("metrics.json")["confusion"] if run.has("metrics.json") else []
        rows = [sum(int(count) for count in row) for row in counts]
        right = sum(int(row[place]) for place, row in enumerate(counts))
    except (BadInput, LookupError, TypeError, ValueError):
        return None
    return Answered(right, sum(rows), max(rows)) if sum(rows) else None


def _about(given: Photos, probabilities: np.ndarray, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = []
    for name, true, row in zip(given.names, given.y, probabilities, strict=True):
        said = int(row.argmax())
        about = {"name": name, "predicted": classes[said], "confidence": float(row[said])}
        if true >= 0:
            about |= {"true": classes[true], "right": bool(true == said)}
        rows.append(about)
    return rows


def _aim(
    wanted: int | None, minus: int | None, said: Sequence[int], classes: tuple[str, ...]
) -> list[int] | Versus:
    from ..insight.target import Versus

    plus = list(said) if wanted is None else [wanted] * len(said)
    if minus is None:
        return plus
    if wanted == minus:
        raise BadInput("--against", f"got {classes[minus]}, as --target", "another class than the target")
    return Versus(plus, minus)


def _class(given: str | int | None, classes: tuple[str, ...], flag: str) -> int | None:
    """The number of a class given by its name or its number; a name that is there goes first."""
    if given is None or given in classes:
        return None if given is None else classes.index(str(given))
    if str(given).isdigit() and int(given) < len(classes):
        return int(given)
    raise BadName(flag, str(given), classes)


def _batch(given: str | int) -> int | None:
    """Images at a time; None for auto."""
    if str(given) == "auto":
        return None
    if not str(given).isdigit() or int(given) < 1:
        raise BadInput("--batch-size", f"got {given}", "auto, or a number from 1", "--batch-size 16")
    return int(given)


def _npy(array: np.ndarray) -> bytes:
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
