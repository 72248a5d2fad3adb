"""A run's network as a file for a device, run on the run's own test images before it is called done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..units import show_bytes

if TYPE_CHECKING:
    import numpy as np

    from ..data import Images
    from ..device.file import DeviceFile
    from ..graph import Graph
    from ..insight.answer_rule import AnswerRule
    from .inputs.run_images import OwnImages
    from .inputs.trained import Trained

FILE = "exports.json"
TEST_IMAGES = 1000
"""Test images that a file is run on, at most."""


def export_device(
    net: Trained, target: Path, *, precision: str, data: str | Images | None, quiet: bool
) -> dict[str, Any]:
    """Write a .tflite file or C sources, compared with the engine on held-out images, and remember it.

    Args:
        net: the run.
        target: the file.
        precision: float, fp16 or int8.
        data: images for the ranges and the comparison instead of the run's own.
        quiet: no progress.

    Raises:
        BadInput: for a layer that devices do not run, or int8 where the images are gone.
    """
    from ..device.file import device_file
    from ..runs.files import write_whole
    from .inputs.carried import carried
    from .inputs.run_images import own_images
    from .running.progress import Display

    own: OwnImages | None = None
    try:
        own = own_images(net, data)
    except BadInput:
        if precision == "int8" or data is not None:
            raise
    display = Display(1, quiet=quiet)
    display.step(f"{precision} file")
    x_NHWC = None if own is None else _spread(own, own.learned)
    _no_halves_in_c(target, precision)
    file = device_file(
        net.graph, net.weights, precision=precision, x_NHWC=x_NHWC, classes=net.classes,
        about=carried(net.graph, net.rule),
    )  # fmt: skip
    ranged = len(x_NHWC) if x_NHWC is not None and precision == "int8" else None
    about = described(file, target.name, ranged)
    if own is not None:
        with display.bar("checking") as bar:
            about |= _checked(net, file, own, bar.update)
    if target.suffix.lower() == ".c":
        about |= _written_in_c(file, target, net.rule)
    else:
        write_whole(target, file.content)
    about["recorded"] = recorded(net.path, about)
    return about


def _no_halves_in_c(target: Path, precision: str) -> None:
    if target.suffix.lower() == ".c" and precision == "fp16":
        raise BadInput("--precision", "fp16 is nothing in C", "float or int8 for a .c file")


def _written_in_c(file: DeviceFile, target: Path, rule: AnswerRule) -> dict[str, Any]:
    """The network's .c and .h, a program for one image, and a folder that Arduino's editor opens."""
    from ..device.c_source import to_c
    from ..runs.files import write_whole

    right = f"{file.precision} numbers"
    fitted = rule.to_json() if rule.fitted_on else None
    made = to_c(file.program, target.stem, classes=file.classes, about=right, rule=fitted)
    sketch = target.with_name(f"{made.name}_arduino")
    sketch.mkdir(exist_ok=True)
    header = target.with_suffix(".h")
    for path, text in (
        (target, made.source), (header, made.header), (target.with_name(f"{made.name}_main.c"), made.main),
        (sketch / f"{sketch.name}.ino", made.sketch), (sketch / target.name, made.source),
        (sketch / header.name, made.header),
    ):  # fmt: skip
        write_whole(path, text)
    weights = sum(t.bytes for t in file.program.tensors if t.data is not None)
    return {
        "bytes": weights, "arena": {"activations": made.arena, "interpreter": 0},
        "files": [target.name, header.name, f"{made.name}_main.c", f"{sketch.name}/"],
    }  # fmt: skip


def _spread(own: OwnImages, parts: tuple[str, ...]) -> np.ndarray:
    """Some hundred of the images that the network learned from, spread evenly."""
    import numpy as np

    from ..device.file import RANGE_IMAGES
    from .inputs.heldout import evenly

    rows = np.sort(np.concatenate([own.rows(part) for part in parts])) if own.parts else own.rows("train")
    return np.array(own.pixels_NHWC[evenly(rows, RANGE_IMAGES)])


def _checked(net: Trained, file: DeviceFile, own: OwnImages, on_each: Any) -> dict[str, Any]:
    """The file beside the engine on the test images."""
    x_NHWC, y = tested(own, TEST_IMAGES)
    return compared(net.graph, net.weights, file, x_NHWC, y, on_each) if len(y) else {}


def tested(own: OwnImages, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Test images that a file is run on: raw pixels (N, rows, columns, channels), and their classes' numbers.

    Args:
        own: the run's images, or others.
        most: how many at most, spread evenly.
    """
    import numpy as np

    from .inputs.heldout import evenly

    rows = np.sort(own.rows("test"))
    rows = evenly(rows[own.y[rows] >= 0], most)
    return np.array(own.pixels_NHWC[rows]), own.y[rows]


def described(file: DeviceFile, name: str, range_images: int | None) -> dict[str, Any]:
    """What is known of a file before it was run: its figures as exports.json has them."""
    about: dict[str, Any] = {
        "file": name, "bytes": len(file.content), "precision": file.precision,
        "arena": file.arena, "operators": len(file.program.ops),
    }  # fmt: skip
    return about if range_images is None else about | {"range_images": range_images}


def compared(
    graph: Graph, weights: dict[str, np.ndarray], file: DeviceFile, x_NHWC: np.ndarray, y: np.ndarray,
    on_each: Any,
) -> dict[str, Any]:  # fmt: skip
    """A file beside the engine on images.

    Args:
        graph, weights: the network that the file was made from.
        file: the file.
        x_NHWC: raw pixels, (N, rows, columns, channels).
        y: the number of each one's class, (N,).
        on_each: called with the share that is done, and what is done.
    """
    from ..device.answers import answers

    got, by, each = answers(file, x_NHWC, on_each=lambda share: on_each(share, "test images"))
    return beside_engine(graph, weights, got, x_NHWC, y) | {
        "checked_by": by, **({} if each is None else {"milliseconds": each}),
    }  # fmt: skip


def beside_engine(
    graph: Graph, weights: dict[str, np.ndarray], got: np.ndarray, x_NHWC: np.ndarray, y: np.ndarray
) -> dict[str, Any]:
    """What a file answered, beside the engine's answers to the same images.

    Args:
        graph, weights: the network that the file was made from.
        got: what it answered to the first images, (n, ...).
        x_NHWC: raw pixels, (N, rows, columns, channels).
        y: the number of each one's class, (N,).
    """
    import numpy as np

    from ..engine.predict import predict
    from ..insight.mistakes import wilson

    ours, y = predict(graph, x_NHWC[: len(got)], weights=weights), y[: len(got)]
    said, ours_said = _classes(got), _classes(ours)
    right = int((said == y).sum())
    return {
        "n_checked": len(got),
        "accuracy": right / len(got), "interval": list(wilson(right, len(got))),
        "engine_accuracy": float((ours_said == y).mean()),
        "largest_difference": float(np.abs(got.reshape(ours.shape) - ours).max()),
        "disagreements": int((said != ours_said).sum()),
    }  # fmt: skip


def _classes(found: np.ndarray) -> np.ndarray:
    """The class that each answer says; one sigmoid unit says the second from one half on."""
    return found.argmax(-1) if found.shape[-1] > 1 else (found[..., 0] >= 0.5).astype(int)


def recorded(folder: Path, about: dict[str, Any]) -> bool:
    """Remember a file's figures in the run, where the run can be written."""
    from ..reports import report
    from ..runs import Run

    try:
        with Run.resume(folder) as run:
            known = run.read_json(FILE)["files"] if run.has(FILE) else []
            kept = [row for row in known if row.get("file") != about["file"]]
            run.write_json(FILE, {"files": [*kept, about]})
        report(folder)
    except (BadInput, OSError, KeyError, AttributeError):  # a run that is being driven, read-only or damaged
        return False
    return True


def told(about: dict[str, Any]) -> list[str]:
    """The figures as lines of text."""
    size = f"{show_bytes(about['bytes'])} ({about['precision']})"
    lines = [f"{size}{_memory(about)}"]
    if "accuracy" in about:
        low, high = about["interval"]
        lines.append(
            f"accuracy {about['accuracy']:.1%} ({low:.1%} to {high:.1%}) on {about['n_checked']:,} test "
            f"images in {about['checked_by']}; the engine {about['engine_accuracy']:.1%}, another answer for "
            f"{about['disagreements']:,}, largest difference {about['largest_difference']:.2g}"
        )
    else:
        lines.append("not compared on images: the run's are gone; --data gives others")
    if "milliseconds" in about:
        lines.append(f"{about['milliseconds']:.3g} ms for an image here, on one thread")
    return lines


def _memory(about: dict[str, Any]) -> str:
    """What a file for a device needs beside its bytes."""
    if "arena" not in about:
        return ""
    arena = about["arena"]
    activations = show_bytes(arena["activations"])
    if "files" in about:
        return f" of weights, {activations} of memory; with it {', '.join(about['files'][1:])}"
    total = show_bytes(arena["activations"] + arena["interpreter"])
    own = show_bytes(arena["interpreter"])
    return f"; memory in TensorFlow Lite Micro {total}: {activations} of activations and its own {own}"
