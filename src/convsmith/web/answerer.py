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
from pathlib import Path
from typing import Any, BinaryIO

from ..data.decoding.decode import Unreadable
from ..data.pixels_in import seen
from ..errors import BadInput


def answer(session: Any, data: bytes, size: tuple[int, int], channels: int) -> dict[str, Any]:
    """What the network says of one image file.

    Args:
        session: of ONNX Runtime.
        data: the file.
        size: rows and columns that it works at.
        channels: 1 or 3.

    Returns:
        ``p`` (a probability for each class), ``ms`` (of the network alone), ``seen`` (a PNG of what it was
        shown, as a data address); or ``error``.
    """
    import PIL.Image

    try:
        pixels = seen(data, size, channels)
    except (Unreadable, BadInput) as error:
        return {"error": str(error)}
    began = time.perf_counter()
    p = session.run(None, {session.get_inputs()[0].name: pixels[None].astype("float32")})[0][0]
    ms = 1000 * (time.perf_counter() - began)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).save(file, "PNG")
    address = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    return {"p": [round(float(one), 6) for one in p], "ms": round(ms, 3), "seen": address}


def opened(run: Path) -> tuple[Any, tuple[int, int], int]:
    """The run's network, the size that it works at, and its channels."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(run / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    _, rows, columns, channels = session.get_inputs()[0].shape
    return session, (int(rows), int(columns)), int(channels)


def serve(run: Path, source: BinaryIO, out: BinaryIO) -> None:
    """Answer until the input ends."""
    session, size, channels = opened(run)
    out.write(json.dumps({"size": size, "channels": channels}).encode() + b"\n")
    out.flush()
    while len(head := source.read(4)) == 4:
        (length,) = struct.unpack(">I", head)
        out.write(json.dumps(answer(session, source.read(length), size, channels)).encode() + b"\n")
        out.flush()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
