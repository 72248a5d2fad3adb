"""How a run's network is fooled: pictures of nothing that it is sure of, and images changed a little."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BadInput, BadName
from ..notebooks import InNotebooks

if TYPE_CHECKING:
    import numpy as np

    from ..data import Images
    from .using.classifier import Classifier

What = Literal["all", "direct", "cppn", "gradient", "adversarial", "unknown"]
PARTS = ("direct", "cppn", "gradient", "adversarial", "unknown")


@dataclass(frozen=True, repr=False)
class Fooled(InNotebooks):
    """What fooled a network.

    Args:
        path: the run folder; the pictures are in its explain/fool.
        result: what fool.json says.
    """

    path: Path
    result: dict[str, Any]

    def render(self, wanted: str) -> str:
        """As text or as one JSON object."""
        from ..reports.words import sure

        if wanted == "json":
            return json.dumps({"run": str(self.path), **self.result})
        lines = []
        for kind in ("direct", "cppn", "gradient"):
            if kind in self.result:
                found = self.result[kind]
                unit = "generations" if "generations" in found else "steps"
                long = f"{found[unit]} {unit}"
                lines.append(f"{NAMES[kind]:22} median confidence {sure(found['median'])} after {long}")
        if "adversarial" in self.result:
            for curve in self.result["adversarial"]["curves"]:
                half = next((r["epsilon"] for r in curve["rows"] if r["accuracy"] < 0.5), None)
                said = "never" if half is None else f"at epsilon {half:g} of 255"
                called = f"{curve['attack'].upper()} {curve['norm']}"
                lines.append(f"{called:22} accuracy {curve['rows'][0]['accuracy']:.2%}, below half {said}")
        if "unknown" in self.result:
            found = self.result["unknown"]
            best = next(score for score in found["scores"] if score["score"] == found["best"])
            lines.append(
                f"{'no class':22} {best['name']} above {best['threshold']:.4g}: AUROC {best['auroc']:.4f}, "
                f"{best['let_in']:.1%} get in where {found['keep']:.0%} of the known stay"
            )
        lines.append(f"{'pictures':22} {self.path / 'explain' / 'fool'}")
        lines.append(f"{'report':22} {self.path / 'report.html'}")
        return "\n".join(lines)


NAMES = {
    "direct": "evolution, direct",
    "cppn": "evolution, CPPN",
    "gradient": "gradient ascent",
    "adversarial": "adversarial examples",
    "unknown": "pictures of no class",
}


def fool(
    run: str,
    what: What = "all",
    *,
    generations: int = 200,
    children: int = 200,
    steps: int = 300,
    epsilon: float | None = None,
    images: int = 500,
    label: str | None = None,
    others: str | Images | None = None,
    data: str | Images | None = None,
    outside: bool = False,
    seed: int = 0,
    quiet: bool = False,
) -> Fooled:
    """Make pictures that a network is sure of and a person is not, and see how little changes its mind.

    Fooling images by evolution (direct and CPPN) and by gradient ascent (Nguyen, Yosinski, Clune 2015),
    adversarial examples (FGSM, PGD) with accuracy against epsilon, and pictures that belong to no class with
    a threshold that turns them away. Stopped at any moment, the same command goes on where it was.

    Args:
        run: a run folder; in Python also what forge and train return.
        what: all, or one part of it; the other parts stay as they were.
        generations: of the evolution; more than before goes on with what there is.
        children: in each generation, and random pictures before the first.
        steps: of the gradient ascent.
        epsilon: the largest change of a pixel in the adversarial examples, in pixel units 0..255; without it,
            for each example, the smallest of 1, 2, 4 ... 64 that fools the network.
        images: held-out images to attack and to compare with, at most.
        label: the class that fooling images are made for; every class without it.
        others: your own pictures that belong to no class: a file, a folder, a data set.
        data: images of the same classes to attack instead of the run's own test images.
        outside: of --data and --others, also read images outside the folder, where a table names them.
        seed: of every random number.
        quiet: no progress on standard error.

    Returns:
        The figures; pictures, fool.json and fool.npz are in the run's explain/fool; its report shows them.

    Raises:
        BadInput: for a run, options or images that cannot be used.

    Example:
        >>> "gradient" in fool(run, "gradient", steps=2, label="3", quiet=True).result
        True
    """
    _check(what, generations, children, steps, epsilon, images, seed, label, others, data)
    from ..reports import report
    from ..runs import Run
    from ..runs.files import place_in
    from .load import load
    from .running.progress import Display
    from .steps.fooling import FOLDER

    if outside and data is None and others is None:
        raise BadInput("--outside", "given without --data and --others", "images that it is for")
    asked = load(run)
    labels = _labels(asked, label)
    others_NHWC = None if others is None else _others(asked, others, images, outside)
    wanted = PARTS if what == "all" else (what,)
    display = Display(len(wanted), quiet=quiet)
    with Run.resume(asked.path) as driven:
        place_in(driven.path, FOLDER)
        name = f"{FOLDER}/fool.json"
        before = driven.read_json(name) if driven.has(name) else {}
        result, arrays = _work(
            asked,
            driven,
            display,
            wanted,
            generations=generations,
            children=children,
            steps=steps,
            epsilon=epsilon,
            images=images,
            labels=labels,
            others_NHWC=others_NHWC,
            data=data,
            outside=outside,
            seed=seed,
        )
        whole = {**before, **result, "seed": seed}
        _write_arrays(driven, f"{FOLDER}/fool.npz", arrays)
        driven.write_json(name, whole)
    report(asked.path)
    return Fooled(asked.path, whole)


def _work(
    asked: Classifier,
    run: Any,
    display: Any,
    wanted: tuple[str, ...],
    *,
    generations: int,
    children: int,
    steps: int,
    epsilon: float | None,
    images: int,
    labels: list[int],
    others_NHWC: np.ndarray | None,
    data: Any,
    outside: bool,
    seed: int,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from .inputs.heldout import held_out
    from .steps.adversarial import attacked
    from .steps.fooling import ascended, evolved
    from .steps.unknown import turned_away

    result: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    fooling: dict[str, Any] = {}
    known = (
        held_out(asked.net, data=data, outside=outside and data is not None, most=images)
        if set(wanted) - {"direct", "cppn"}
        else None
    )
    for part in wanted:
        display.step(NAMES[part])
        if part in ("direct", "cppn"):
            result[part], fooling[part] = evolved(
                asked,
                run,
                display,
                part,
                generations=generations,
                children=children,
                seed=seed,
                labels=labels,
            )
        elif known is None:
            continue
        elif part == "gradient":
            result[part], fooling[part] = ascended(
                asked, run, display, known.x_NHWC.mean(0), steps=steps, seed=seed, labels=labels
            )
        elif part == "adversarial":
            result[part], found = attacked(asked, run, display, known, epsilon=epsilon, seed=seed)
            arrays |= found
        else:
            result[part] = turned_away(
                asked,
                run,
                display,
                known.x_NHWC,
                others_NHWC=others_NHWC,
                fooling=fooling,
                seed=seed,
            )
    arrays |= {f"{kind}_NHWC": pictures for kind, pictures in fooling.items()}
    return result, arrays


def _check(
    what: str, generations: int, children: int, steps: int, epsilon: float | None, images: int, seed: int,
    label: str | None, others: Any, data: Any,
) -> None:  # fmt: skip
    if what not in ("all", *PARTS):
        raise BadName("what", what, ("all", *PARTS))
    for name, value, idle, users in (
        ("generations", generations, 200, ("direct", "cppn")),
        ("children", children, 200, ("direct", "cppn")),
        ("steps", steps, 300, ("gradient",)),
        ("epsilon", epsilon, None, ("adversarial",)),
        ("images", images, 500, ("adversarial", "unknown")),
        ("label", label, None, ("direct", "cppn", "gradient")),
        ("others", others, None, ("unknown",)),
        ("data", data, None, ("adversarial", "unknown")),
    ):
        if what != "all" and what not in users and value is not idle and value != idle:
            raise BadInput(f"--{name}", f"given for '{what}', which does not use it", " or ".join(users))
    least = {"generations": (generations, 0), "children": (children, 1), "steps": (steps, 1)}
    for name, (value, low) in {**least, "images": (images, 2), "seed": (seed, 0)}.items():
        if value < low:
            raise BadInput(f"--{name}", f"got {value}", f"at least {low}", f"--{name} {max(low, 200)}")
    if epsilon is not None and not 0 < epsilon <= 255:
        raise BadInput("--epsilon", f"got {epsilon:g}", "above 0, in pixel units up to 255", "--epsilon 8")


def _labels(asked: Classifier, label: str | None) -> list[int]:
    classes = asked.classes
    if label is None:
        return list(range(len(classes)))
    if label not in classes:
        raise BadName("class", label, classes)
    return [classes.index(label)]


def _others(asked: Classifier, others: Any, most: int, outside: bool) -> np.ndarray:
    """Pictures of no class at the network's size."""
    from .inputs.photos import is_set, photos

    return photos(asked.net, [others], outside=outside and is_set(others), most=most).pixels_NHWC


def _write_arrays(run: Any, name: str, arrays: dict[str, np.ndarray]) -> None:
    """The arrays of this call beside those of earlier ones that it did not make again."""
    import zipfile

    import numpy as np

    try:
        with np.load(run.path / name, allow_pickle=False) as before:
            arrays = {**{key: before[key] for key in before.files}, **arrays}
    except (FileNotFoundError, ValueError, zipfile.BadZipFile):
        pass  # a file of no use is replaced
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    run.write(name, buffer.getvalue())
