"""The process in which untrusted image files are decoded: ``python -m convsmith.data.decoding.worker``.

It reads frames from its standard input and answers each on its standard output. A frame is two little-endian
32-bit lengths, a JSON object, and bytes. What it does is bounded by the limits that it sets on itself; a
decoder that crashes takes only this process with it.
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

import numpy as np

from ..doctor.looks import digest
from ..items import read_bytes
from ..pixels_in import seen
from .decode import Unreadable, plugins
from .scan import mark, scan_bytes

_OBJECTION = re.compile(rb"^(\w*Decode\w*|\w+Lib|tempfile\.tif): ", re.MULTILINE)
"""How lines of libtiff's about the pixels begin; those about tags name the function that read the tag."""

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


def work(
    job: dict[str, Any], body: bytes, complained: Callable[[], bool] = lambda: False
) -> tuple[dict[str, Any], bytes]:
    """Do one job: look at a file (``scan``), bring it to the working size (``see``; ``pixels`` where it was
    looked at before), or ``nothing``.

    Args:
        job: what to do.
        body: the file, where the job names none.
        complained: whether a decoder objected to what it read since it was asked last, as `Complaints` does.
    """
    if job["do"] == "nothing":
        return {"ok": True}, b""
    try:
        data = read_bytes(job["path"]) if "path" in job else body
        if job["do"] == "scan":
            complained()  # drops what was said of an earlier file that could not be read
            record = scan_bytes(data, job["name"], max_pixels=job["max_pixels"])
            if complained():
                mark(record, "damaged")
            return {"ok": True}, record.tobytes()
        if job["do"] == "pixels" and digest(data).hex() != job["raw"]:
            raise Unreadable("has changed since it was read")
        height, width, channels = job["shape"]
        # the size of what was looked at was bounded then
        most = job["max_pixels"] if job["do"] == "see" else sys.maxsize
        pixels = seen(data, (height, width), channels, max_pixels=most)
        return {"ok": True}, np.ascontiguousarray(pixels).tobytes()
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


class Complaints:
    """What libraries print on this process's standard error: libtiff goes on after damage and only prints it.

    A pipe that is never full: what does not fit into it is lost, so that no file can fill a disk.
    """

    def __init__(self) -> None:
        self._end, write = os.pipe()
        for end in (self._end, write):
            os.set_blocking(end, False)
        os.dup2(write, 2)
        os.close(write)

    def __call__(self) -> bool:
        """Whether one of libtiff's decoders objected since the last call."""
        objected, told = False, b""
        with suppress(BlockingIOError):
            while piece := os.read(self._end, 1 << 16):
                told = told[-80:] + piece
                objected = objected or _OBJECTION.search(told) is not None
        return objected


def main() -> None:
    """Answer frames until the input ends."""
    plugins()
    limit(int(sys.argv[1]))
    # what a library prints must not get between the frames
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    complaints = Complaints()
    os.dup2(2, 1)
    sink.write(READY)
    sink.flush()
    while (message := _receive(source)) is not None:
        sink.write(frame(*work(*message, complaints)))
        sink.flush()


if __name__ == "__main__":
    main()
