"""One job: runs a command line in a process of its own and leaves how it ended there.

`python -m convsmith.web.shim FOLDER` reads FOLDER/job.json; writes pid.json, out, log, run (the run folder's
path, as soon as the command knows it) and exit.json. It stands on the standard library alone, so that it is
there at once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from ..runs.files import write_whole


def started_at(pid: int) -> str:
    """When a process began, as the system counts it: with the number it names one process for good.

    Example:
        >>> started_at(os.getpid()) == started_at(os.getpid()), started_at(2**22 + 1)
        (True, '')
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def work(folder: Path) -> int:
    """Run the command of a job's folder to its end; returns its exit code."""
    asked = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    child: subprocess.Popen[bytes] | None = None

    def hand_on(number: int, frame: FrameType | None) -> None:
        if child is not None:
            child.send_signal(number)

    # A studio that a shell began with & ignores Ctrl-C, and so would all that it begins: here it counts.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, hand_on)
    environment = {**os.environ, "CONVSMITH_TELL_RUN": str(folder / "run")}
    with open(folder / "out", "wb") as out, open(folder / "log", "ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "convsmith", *asked["argv"]],
            stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=environment, cwd=asked["cwd"],
        )  # fmt: skip
        about = {"pid": os.getpid(), "began": started_at(os.getpid()), "child": child.pid, "at": time.time()}
        write_whole(folder / "pid.json", json.dumps(about))
        code = child.wait()
    # Ended by a signal that it did not take, it counts as shells count it.
    code = 128 - code if code < 0 else code
    write_whole(folder / "exit.json", json.dumps({"code": code, "at": time.time()}))
    return code


if __name__ == "__main__":
    sys.exit(work(Path(sys.argv[1])))
