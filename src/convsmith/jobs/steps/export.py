"""Step 6: the network as an ONNX file, compared with the engine on the test images, and timed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ...units import show_bytes
from ..inputs.carried import as_texts, carried
from ..inputs.trained import rule_of
from ..running.job import AnyJob
from .full import Final
from .searching.latency import table_of

if TYPE_CHECKING:
    from ...formats.latency import Latency
    from ...formats.latency_table import LatencyTable

FILE = "model.onnx"
INT8 = "model.tflite"
AGAIN = 4
"""Times that a latency over the limit is measured again: the search measured it once below."""


def export(job: AnyJob, final: Final) -> dict[str, Any]:
    """Write model.onnx, check it in ONNX Runtime against the engine, measure it; writes export.json."""
    from ...formats.check import check_onnx
    from ...formats.onnx import export_onnx

    path = job.run.path / FILE
    about = as_texts(carried(final.graph, rule_of(job.run.path)))
    written = export_onnx(final.graph, final.weights, path, classes=job.images.classes, about=about)
    x_NHWC, _ = job.part("test")
    check = check_onnx(path, final.graph, final.weights, x_NHWC)
    table = table_of(job, _begun_from(job))
    latency = _measured(job, final, limit=None if table else job.budget.latency_ms)
    record = {
        **written,
        "latency_ms": latency.median_ms,
        "latency": latency.to_json(),
        **({} if table is None else _by_table(table, final)),
        "largest_difference": check.largest_difference,
        "same_predictions": check.same_predictions,
        "n_checked": check.images,
    }
    job.run.write_json("export.json", record)
    same = "the same predictions" if check.same_predictions else f"{check.disagreements} other predictions"
    job.display.say(
        f"{FILE}: {show_bytes(written['bytes'])}, {latency.median_ms:.3g} ms for {_images(latency.batch)} "
        f"on one thread; {same} as the engine on {check.images:,} test images "
        f"(difference {check.largest_difference:.0e})"
    )
    if table is not None:
        job.display.say(f"on {table.machine}: {table.told(final.graph)}")
    return record


def exported(job: AnyJob) -> dict[str, Any]:
    """What `export` wrote down, where it came to its end."""
    return dict(job.run.read_json("export.json"))


def exported_int8(job: AnyJob) -> bool:
    """Whether `export_int8` came to its end."""
    from ..device_export import FILE as FIGURES

    return job.run.has(INT8) and job.run.has(FIGURES)


def export_int8(job: AnyJob, final: Final) -> dict[str, Any]:
    """Write model.tflite in int8, ranges from the training images, beside the engine on the test images."""
    import numpy as np

    from ...device.file import RANGE_IMAGES, device_file
    from ..device_export import FILE as FIGURES
    from ..device_export import TEST_IMAGES, compared, described, told
    from ..inputs.heldout import evenly

    x_NHWC, _ = job.part("train", "validation")
    seen = np.array(x_NHWC[evenly(np.arange(len(x_NHWC)), RANGE_IMAGES)])
    make = partial(
        device_file, final.graph, final.weights, precision="int8", x_NHWC=seen, classes=job.images.classes
    )
    file = make(about=carried(final.graph, rule_of(job.run.path)))
    if job.budget.bytes is not None and len(file.content) > job.budget.bytes:
        file = make()  # the limit is the file's: what helps to read it is left out where it would be over
        job.display.say(f"{INT8}: without its rule of answering, which would not fit")
    job.run.write(INT8, file.content)
    test_NHWC, y = job.part("test")
    rows = evenly(np.arange(len(y)), TEST_IMAGES)
    with job.display.bar("checking int8") as bar:
        found = compared(final.graph, final.weights, file, np.array(test_NHWC[rows]), y[rows], bar.update)
    about = described(file, INT8, len(seen)) | found
    job.run.write_json(FIGURES, {"files": [about]})
    job.display.say(f"{INT8}: " + "; ".join(told(about)))
    return about


def _begun_from(job: AnyJob) -> str | None:
    """SHA-256 of the pretrained network that the winner starts from; None where it is one of the space's."""
    if not job.run.has("chosen.json") or job.run.read_json("chosen.json")["winner"] == "search":
        return None
    return str(job.run.read_json("pretrained.json")["source"]["sha256"])


def _measured(job: AnyJob, final: Final, *, limit: float | None) -> Latency:
    """The latency of the exported form; measured again above the limit, for other programs only add to it."""
    from ...formats.latency import latency_ms

    batch = job.target.latency_batch
    found = latency_ms(final.graph, final.weights, batch=batch, seconds=0.5)
    for _ in range(AGAIN):
        if limit is None or found.median_ms <= limit:
            break
        again = latency_ms(final.graph, final.weights, batch=batch, seconds=0.5)
        found = min(found, again, key=lambda one: one.median_ms)
    return found


def _by_table(table: LatencyTable, final: Final) -> dict[str, Any]:
    return {
        "table_ms": table.at_most_ms(final.graph), "table": table.machine,
        "table_told": table.told(final.graph),
    }  # fmt: skip


def _images(batch: int) -> str:
    return "an image" if batch == 1 else f"{batch} images"
