"""The process in which untrusted image files are decoded: ``python -m convsmith.data.worker``.

It reads frames from its standard input and answers each on its standard output. A frame is two little-endian
32-bit lengths, a JSON object, and bytes. What it does is bounded by the limits that it sets on itself; a
decoder that crashes takes only this process with it.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import IO, Any

import numpy as np

from .decode import Unreadable, decode, plugins
from .items import read_bytes
from .looks import digest
from .pixels import resized
from .scan import scan_bytes

LENGTHS = struct.Struct("<II")


def frame(header: dict[str, Any], body: bytes | memoryview = b"") -> bytes:
    """One message.

    Example:
        >>> frame({"a": 1}, b"xy")[8:]
        b'{"a": 1}xy'
    """
    head = json.dumps(header).encode()
    return LENGTHS.pack(len(head), len(body)) + head + body


READY = frame({"ready": True})
"""What a worker says first."""


def _receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head, body = LENGTHS.unpack(lengths)
    return json.loads(stream.read(head)), stream.read(body)


def work(job: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """Do one job: look at a file (``scan``), bring it to the working size (``pixels``), or ``nothing``."""
    if job["do"] == "nothing":
        return {"ok": True}, b""
    try:
        data = read_bytes(job["path"]) if "path" in job else body
        if job["do"] == "scan":
            record = scan_bytes(data, job["name"], max_pixels=job["max_pixels"])
            return {"ok": True}, record.tobytes()
        if digest(data).hex() != job["raw"]:
            raise Unreadable("has changed since it was read")
        height, width, channels = job["shape"]
        image = decode(data, at_least=(4 * height, 4 * width))
        return {"ok": True}, np.ascontiguousarray(resized(image.pixels, (height, width), channels)).tobytes()
    except Unreadable as error:
        return {"ok": False, "reason": str(error)}, b""
    except MemoryError:
        return {"ok": False, "reason": "needs more memory than there is"}, b""


def limit(memory: int) -> None:
    """Let this process have `memory` bytes of address space more than it has now, where the system can."""
    try:
        import resource

        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[0])
        bound = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        return


def main() -> None:
    """Answer frames until the input ends."""
    plugins()
    limit(int(sys.argv[1]))
    # what a library prints must not get between the frames
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sink.write(READY)
    sink.flush()
    while (message := _receive(source)) is not None:
        sink.write(frame(*work(*message)))
        sink.flush()


if __name__ == "__main__":
    main()
