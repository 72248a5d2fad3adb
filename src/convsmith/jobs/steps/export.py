"""Step 6: the network as an ONNX file, compared with the engine on the test images, and timed."""

from __future__ import annotations

from typing import Any

from ...units import show_bytes
from ..job import Job
from .train import Final

FILE = "model.onnx"


def export(job: Job, final: Final) -> dict[str, Any]:
    """Write model.onnx, check it in ONNX Runtime against the engine, measure it; writes export.json."""
    from ...formats.check import check_onnx
    from ...formats.latency import latency_ms
    from ...formats.onnx import export_onnx

    path = job.run.path / FILE
    written = export_onnx(final.graph, final.weights, path, classes=job.images.classes)
    x_NHWC, _ = job.part("test")
    check = check_onnx(path, final.graph, final.weights, x_NHWC)
    latency = latency_ms(final.graph, final.weights, seconds=0.5)
    record = {
        **written,
        "latency_ms": latency.median_ms,
        "latency": latency.to_json(),
        "largest_difference": check.largest_difference,
        "same_predictions": check.same_predictions,
        "n_checked": check.images,
    }
    job.run.write_json("export.json", record)
    same = "the same predictions" if check.same_predictions else f"{check.disagreements} other predictions"
    job.display.say(
        f"{FILE}: {show_bytes(written['bytes'])}, {latency.median_ms:.3g} ms for an image on one thread; "
        f"{same} as the engine on {check.images:,} test images (difference {check.largest_difference:.0e})"
    )
    return record
