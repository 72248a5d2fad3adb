"""How much of its accuracy a run's network keeps on noisy, blurred, darkened, moved and squeezed images."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..notebooks import InNotebooks
from ..units import counted

if TYPE_CHECKING:
    from ..data import Images
    from .inputs.heldout import HeldOut
    from .using.classifier import Classifier

FOLDER = "explain/robustness"


@dataclass(frozen=True, repr=False)
class Robust(InNotebooks):
    """How a network bears spoiled images.

    Args:
        path: the run folder; the pictures are in its explain/robustness.
        result: what robustness.json says.
    """

    path: Path
    result: dict[str, Any]

    def render(self, wanted: str) -> str:
        """As text or as one JSON object."""
        if wanted == "json":
            return json.dumps({"run": str(self.path), **self.result})
        result = self.result
        lines = [
            f"{'severity':16}" + "".join(f"{number:>8}" for number in range(1, 6)) + f"{'mean':>9}",
            f"{'clean':16}{'':40}{result['clean']['accuracy']:9.2%}",
        ]
        for row in result["corruptions"]:
            cells = "".join(f"{one['accuracy']:8.1%}" for one in row["severities"])
            lines.append(f"{row['name']:16}{cells}{row['mean']:9.2%}")
        lines.append(
            f"mean accuracy {result['mean_accuracy']:.2%} on {counted(result['n'], 'image')}, "
            f"{result['relative_error'] * 100:.2f} points below clean"
        )
        lines.append(f"report {self.path / 'report.html'}")
        return "\n".join(lines)


def robustness(
    run: str,
    *,
    images: int = 1000,
    data: str | Images | None = None,
    outside: bool = False,
    seed: int = 0,
    quiet: bool = False,
) -> Robust:
    """Measure accuracy on held-out images that are spoiled in twelve ways, each at five severities.

    Noise, blur, light and storage as in ImageNet-C and CIFAR-10-C (Hendrycks and Dietterich 2019), with the
    constants of the one that is nearer in size; shift and rotation besides.

    Args:
        run: a run folder; in Python also what forge and train return.
        images: how many held-out images at most.
        data: images of the same classes instead of the run's own test images.
        outside: of --data, also read images outside its folder, where a table names them or links lead.
        seed: of what is random.
        quiet: no progress on standard error.

    Returns:
        The figures; pictures, robustness.json and robustness.npz are in the run's explain/robustness, and its
        report shows them.

    Raises:
        BadInput: for a run, options or images that cannot be used.

    Example:
        >>> found = robustness(run, images=10, quiet=True).result
        >>> found["n"], len(found["corruptions"])
        (10, 12)
    """
    from ..data.refusal import check_there
    from ..insight.corruptions import CORRUPTIONS
    from ..insight.robustness import robustness as measure
    from ..reports import report
    from ..runs import Run
    from ..runs.files import place_in
    from .inputs.heldout import held_out
    from .load import load
    from .running.progress import Display

    for name, value in (("--images", images), ("--seed", seed + 1)):
        if value < 1:
            raise BadInput(name, f"got {value}", "at least 1" if name == "--images" else "at least 0")
    if isinstance(data, str):
        check_there(data)
    names = tuple(CORRUPTIONS)
    asked = load(run)
    display = Display(1, quiet=quiet)
    with Run.resume(asked.path) as driven:
        place_in(driven.path, FOLDER)
        display.step("robustness")
        known = held_out(asked.net, data=data, outside=outside, most=images)
        with display.bar("spoiling") as bar:

            def on_each(name: str, severity: int) -> None:
                done = names.index(name) + (severity - 1) / 5
                bar.update(done / len(names), f"{name}, severity {severity}")

            result = measure(
                asked.probabilities, known.x_NHWC, known.y, corruptions=names, seed=seed, on_each=on_each
            )
        result = _pictures(driven, asked, known, result, seed)
        accuracies = [[one["accuracy"] for one in row["severities"]] for row in result["corruptions"]]
        _arrays(driven, names, accuracies)
        driven.write_json(f"{FOLDER}/robustness.json", result)
    report(asked.path)
    return Robust(asked.path, result)


def _pictures(
    run: Any, asked: Classifier, known: HeldOut, result: dict[str, Any], seed: int
) -> dict[str, Any]:
    """A strip for each corruption, one sheet of all, and what the network says of each picture."""
    import numpy as np

    from ..insight.corruptions import SEVERITIES, corrupt
    from ..insight.pictures.tiles import png, row, sheet

    said = asked.probabilities(known.x_NHWC)
    right = np.flatnonzero(said.argmax(1) == known.y)
    place = int(right[np.argsort(said[right].max(1))[len(right) // 2]]) if len(right) else 0
    image, classes = known.x_NHWC[place : place + 1], asked.classes
    rows = []
    for found in result["corruptions"]:
        strip = np.concatenate(
            [image, *(corrupt(image, found["name"], severity, seed=seed) for severity in SEVERITIES)]
        )
        answers = asked.probabilities(strip)
        found["file"] = f"{found['name']}.png"
        found["said"] = [
            {"class": classes[int(one.argmax())], "confidence": float(one.max())} for one in answers
        ]
        run.write(f"{FOLDER}/{found['file']}", png(row(list(strip), side=64)))
        rows.append((found["name"].replace("_", " "), list(strip)))
    heads = ["clean", *(f"severity {number}" for number in SEVERITIES)]
    run.write(f"{FOLDER}/sheet.png", png(sheet(rows, heads)))
    shown = {"name": known.names[place], "true": classes[int(known.y[place])]}
    return {**result, "seed": seed, "sheet": "sheet.png", "shown": shown}


def _arrays(run: Any, names: tuple[str, ...], accuracies: list[list[float]]) -> None:
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, corruptions=np.array(names), accuracy_CS=np.array(accuracies))
    run.write(f"{FOLDER}/robustness.npz", buffer.getvalue())
