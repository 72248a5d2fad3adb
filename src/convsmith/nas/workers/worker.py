"""A process that trains: tasks come as JSON lines on standard input, outcomes leave on standard output.

It ends when its standard input does, in the middle of a training too: whoever started it is gone then.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from typing import IO, Any

from convsmith.runs import CannotWrite, to_json


def main() -> None:
    """Read how to evaluate, then one task after the other."""
    outcomes = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what evaluations print is no outcome
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, lines), daemon=True).start()
    spec = json.loads(lines.get())
    sys.path[:] = spec["path"]
    from .portable import Portable, outcome_to_json, performed

    try:
        portable = Portable(spec["make"], spec["settings"], code=spec["code"])
        evaluate = portable.build(_arrays(spec["arrays"]))
    except BaseException:
        _say(outcomes, {"broken": traceback.format_exc()})
        raise
    _say(outcomes, {"ready": True})
    while True:
        line = json.loads(lines.get())
        try:
            _say(outcomes, outcome_to_json(performed(evaluate, line)))
        except CannotWrite as error:
            parts = [error.where, error.came, error.expected, error.hint]
            _say(outcomes, {"cannot_write": parts})


def _listen(source: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    for line in source:
        lines.put(line)
    os._exit(0)


def _arrays(paths: dict[str, str]) -> dict[str, Any]:
    """Mapped, not read: the pages are shared by all workers of a machine."""
    import numpy as np

    return {name: np.load(path, mmap_mode="r", allow_pickle=False) for name, path in paths.items()}


def _say(outcomes: IO[bytes], line: dict[str, Any]) -> None:
    data = memoryview(to_json(line).encode() + b"\n")
    while data:
        data = data[outcomes.write(data) :]


if __name__ == "__main__":
    main()
