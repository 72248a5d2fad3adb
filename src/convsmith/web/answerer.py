"""One network that answers: a process of its own, which reads images and writes what the network says.

`python -m convsmith.web.answerer RUN`: on standard input four bytes with the length of an image file
(big-endian), then the file; on standard output a line of JSON for each. Files of strangers are decoded here,
and not where the pages are served.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..data.decoding.decode import Unreadable
from ..data.pixels_in import seen
from ..errors import BadInput
from ..insight.answer_rule import FILE, AnswerRule


@dataclass(frozen=True)
class Opened:
    """A network that answers.

    Args:
        session: of ONNX Runtime; its outputs are the probabilities and, where they are known, the logits.
        size: rows and columns that it works at.
        channels: 1 or 3.
        rule: by which it answers.
    """

    session: Any
    size: tuple[int, int]
    channels: int
    rule: AnswerRule


def answer(net: Opened, data: bytes) -> dict[str, Any]:
    """What the network says of one image file.

    Returns:
        ``p`` (a probability for each class), ``none`` (whether by the run's rule it is none of them), ``ms``
        (of the network alone), ``seen`` (a PNG of what it was shown, as a data address); or ``error``.
    """
    import PIL.Image

    channels = net.channels
    try:
        pixels = seen(data, net.size, channels)
    except (Unreadable, BadInput) as error:
        return {"error": str(error)}
    began = time.perf_counter()
    p, *logits = net.session.run(None, {net.session.get_inputs()[0].name: pixels[None].astype("float32")})
    ms = 1000 * (time.perf_counter() - began)
    none: Any = [False]
    if logits and p.shape[1] > 1:
        p, none = net.rule.apply(logits[0])
    file = io.BytesIO()
    PIL.Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).save(file, "PNG")
    address = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    said = [round(float(one), 6) for one in p[0]]
    return {"p": said, "none": bool(none[0]), "ms": round(ms, 3), "seen": address}


def opened(run: Path) -> Opened:
    """The run's network; a rule that cannot be read is none."""
    import onnx
    import onnxruntime

    model = onnx.load(run / "model.onnx")
    last = next((node for node in model.graph.node if "probabilities" in node.output), None)
    if last is not None and last.op_type == "Softmax":
        model.graph.output.append(onnx.ValueInfoProto(name=last.input[0]))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    _, rows, columns, channels = session.get_inputs()[0].shape
    try:
        rule = AnswerRule.from_text((run / FILE).read_bytes())
    except (OSError, BadInput):
        rule = AnswerRule()
    return Opened(session, (int(rows), int(columns)), int(channels), rule)


def serve(run: Path, source: BinaryIO, out: BinaryIO) -> None:
    """Answer until the input ends."""
    net = opened(run)
    out.write(b"ready\n")
    out.flush()
    while len(head := source.read(4)) == 4:
        (length,) = struct.unpack(">I", head)
        out.write(json.dumps(answer(net, source.read(length))).encode() + b"\n")
        out.flush()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
