"""A run's network as one HTML page that classifies, run on the run's test images before it is called done."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, BadName, ConvsmithError
from ..reports import words
from ..units import counted, show_bytes, show_count
from .device_export import TEST_IMAGES, beside_engine, recorded, tested

if TYPE_CHECKING:
    import numpy as np

    from ..data import Images
    from ..device.page import Page
    from .inputs.run_images import OwnImages
    from .inputs.trained import Trained

PRECISIONS = ("float", "fp16")
OLDEST_NODE = 16
LEAST_IMAGES, MULTIPLY_ADDS = 100, 10e9
"""Test images that the page's own JavaScript is run on, at least, and its work in all: some 15 seconds."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def export_page(
    net: Trained, target: Path, *, precision: str, data: str | Images | None, quiet: bool
) -> dict[str, Any]:
    """Write a page that classifies, compared with the engine on held-out images, and remember it.

    Args:
        net: the run.
        target: the file.
        precision: float or fp16.
        data: images for the comparison instead of the run's own.
        quiet: no progress.

    Raises:
        BadInput: for a network that no page holds, or a layer that has no such form.
    """
    from ..device.page import page
    from ..runs.files import write_whole
    from .inputs.run_images import own_images
    from .running.progress import Display

    if precision not in PRECISIONS:
        raise BadName("--precision", precision, PRECISIONS)
    display = Display(1, quiet=quiet)
    display.step("page")
    source, facts = _facts(net)
    made = page(
        net.graph, net.weights, classes=net.classes, over=source, facts=facts, rule=net.rule.to_json(),
        half=precision == "fp16",
    )  # fmt: skip
    about: dict[str, Any] = {"file": target.name, "bytes": len(made.content), "precision": precision}
    try:
        own = own_images(net, data)
    except BadInput:
        if data is not None:
            raise
    else:
        with display.bar("checking") as bar:
            about |= _checked(net, made, own, lambda share: bar.update(share, "test images"))
    write_whole(target, made.content)
    about["recorded"] = recorded(net.path, about)
    return about


def _checked(net: Trained, made: Page, own: OwnImages, on_each: Callable[[float], None]) -> dict[str, Any]:
    most = max(LEAST_IMAGES, min(TEST_IMAGES, int(MULTIPLY_ADDS / max(1, net.graph.macs or 1))))
    x_NHWC, y = tested(own, most)
    if not len(y):
        return {}
    node = node_version()
    if node is None:
        logits_NK = _in_torch(made, x_NHWC)
        by = "torch (the page's operators; there is no Node here to run its JavaScript)"
    else:
        logits_NK = in_node(made, x_NHWC, on_each=on_each)[0]
        by = f"Node {node} (the page's own JavaScript)"
    return beside_engine(net.graph, net.weights, _probabilities(made, logits_NK), x_NHWC, y) | {
        "checked_by": by
    }


def node_version() -> str | None:
    """Node's version, where there is one that runs the page's JavaScript."""
    try:
        said = subprocess.run(
            ["node", "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.fullmatch(r"v((\d+)\.\d+\.\d+)\S*", said)
    return found[1] if found and int(found[2]) >= OLDEST_NODE else None


def in_node(
    made: Page, x_NHWC: np.ndarray, *, on_each: Callable[[float], None] = lambda share: None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a page's own scripts answer in Node.

    Args:
        made: the page.
        x_NHWC: raw pixels at the network's size, (N, rows, columns, channels), uint8.
        on_each: called with the share of the images that are done.

    Returns:
        The numbers before the softmax, (N, K); the probabilities, (N, classes); which are none of the
        classes, (N,).

    Raises:
        ConvsmithError: where Node stops.
    """
    import numpy as np

    from ..device.js_program import HERE

    width = made.program.tensors[made.program.outputs[0]].size
    with tempfile.TemporaryDirectory() as folder:
        file, images, answers = (Path(folder, name) for name in ("page.html", "images", "answers"))
        file.write_bytes(made.content)
        images.write_bytes(np.ascontiguousarray(x_NHWC, np.uint8).tobytes())
        node = shutil.which("node") or "node"
        command = [node, str(HERE / "check.js"), str(file), str(images), str(answers)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            for done, _ in enumerate(process.stdout, 1):
                on_each(done / len(x_NHWC))
            said = process.stderr.read()
        if process.returncode:
            lines = [line for line in said.splitlines() if "Error" in line] or ["no reason"]
            raise ConvsmithError(f"the page's JavaScript stopped in Node: {lines[0]}")
        found = np.frombuffer(answers.read_bytes(), "<f8").reshape(len(x_NHWC), -1)
    return found[:, :width], found[:, width:-1], found[:, -1] == 1


def _in_torch(made: Page, x_NHWC: np.ndarray) -> np.ndarray:
    from ..device.floats import run_floats

    return run_floats(made.program, x_NHWC).reshape(len(x_NHWC), -1)


def _probabilities(made: Page, logits_NK: np.ndarray) -> np.ndarray:
    """As the network itself gives them, without a temperature."""
    import numpy as np

    logits = logits_NK.astype(np.float64)
    if made.kind == "sigmoid":
        return 1 / (1 + np.exp(-logits))
    found = np.exp(logits - logits.max(1, keepdims=True))
    return found / found.sum(1, keepdims=True)


def _facts(net: Trained) -> tuple[str, list[tuple[str, str, str]]]:
    """What the images are called, and what the page says of the network."""
    from ..reports.facts import read
    from ..reports.sections import head

    facts = read(net.path)
    found = head.build(facts)
    rows, columns, channels = (int(size or 0) for size in net.graph.input_shape)
    kind, params = "grey" if channels == 1 else "colour", net.graph.params or 0
    work = f"{show_count(net.graph.macs)} multiply-adds for a picture, " if net.graph.macs else ""
    rows_of = [
        ("Network", net.graph.name, f"sees {columns} × {rows} pixels in {kind}"),
        (
            "Size",
            counted(params, "parameter"),
            f"{work}{show_bytes(4 * params)} of weights",
        ),
    ]
    if found["accuracy"] is not None:
        span = f", 95% interval {words.span(found['interval'])}" if found["interval"] else ""
        seen = f"of {counted(found['n_test'], 'test picture')}{span}" if found["n_test"] else span[2:]
        rows_of.append(("Accuracy", words.percent(found["accuracy"]), seen))
    made = re.match(r"(\d{4})-(\d\d)-(\d\d)", found["created"])
    if made:
        day = f"{int(made[3])} {MONTHS[int(made[2]) - 1]} {made[1]}"
        rows_of.append(("Made", day, _confidence(net)))
    return facts.source, rows_of


def _confidence(net: Trained) -> str:
    """What its percentages are worth."""
    rule = net.rule
    if not rule.fitted_on:
        return "its percentages are not calibrated"
    said = f"its percentages are calibrated on {rule.fitted_on}"
    if rule.false_rejection is None:
        return said
    return (
        f"{said}; of pictures of its classes {words.percent(rule.false_rejection)} are called none of these"
    )
