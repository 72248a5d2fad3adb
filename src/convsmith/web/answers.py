"""Networks that answer, each in a process of its own, for as long as somebody asks."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from .refusal import Refused

MOST = 2
"""Networks that are open at once; the one that was asked longest ago gives way."""
IDLE = 300.0
"""Seconds after which one that nobody asks is closed."""
PATIENCE = 60.0
"""Seconds that an answer may take; the first one also loads the network."""


class Answers:
    """Who answers for which run."""

    def __init__(self) -> None:
        self._open: dict[Path, _Answerer] = {}
        self._lock = threading.Lock()

    def ask(self, run: Path, image: bytes) -> dict[str, Any]:
        """What a run's network says of an image file.

        Raises:
            Refused: no exported network, an image that cannot be read, or no answer in time.
        """
        if not (run / "model.onnx").is_file():
            came = "has no model.onnx yet"
            raise Refused(404, f"run {run.name}", came, "a finished run", f"convsmith export {run}")
        with self._lock:
            one = self._open.get(run)
            if one is None or not one.is_alive or one.stamp != (run / "model.onnx").stat().st_mtime_ns:
                if one is not None:
                    one.close()
                while len(self._open) >= MOST and run not in self._open:
                    oldest = min(self._open, key=lambda path: self._open[path].asked)
                    self._open.pop(oldest).close()
                one = self._open[run] = _Answerer(run)
        said = one.ask(image)
        if "error" in said:
            raise Refused(
                415, "image", said["error"], "a JPEG, PNG, GIF, BMP, WebP or TIFF file", "another one"
            )
        return said

    def tidy(self) -> None:
        """Close those that nobody asks."""
        with self._lock:
            for run in [run for run, one in self._open.items() if time.monotonic() - one.asked > IDLE]:
                self._open.pop(run).close()

    def close(self) -> None:
        """Close all."""
        with self._lock:
            for one in self._open.values():
                one.close()
            self._open.clear()


class _Answerer:
    def __init__(self, run: Path) -> None:
        self.stamp = (run / "model.onnx").stat().st_mtime_ns
        self.asked = time.monotonic()
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "convsmith.web.answerer", str(run)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self._is_ready = False

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, image: bytes) -> dict[str, Any]:
        with self._lock:
            self.asked = time.monotonic()
            watch = threading.Timer(PATIENCE, self._process.kill)
            watch.start()
            try:
                assert self._process.stdin is not None
                assert self._process.stdout is not None
                if not self._is_ready:
                    self._is_ready = bool(self._process.stdout.readline())
                self._process.stdin.write(struct.pack(">I", len(image)) + image)
                self._process.stdin.flush()
                line = self._process.stdout.readline()
            except (OSError, ValueError):
                line = b""
            finally:
                watch.cancel()
            if not line:
                self._process.kill()
                raise Refused(
                    500, "network", "did not answer", "model.onnx as convsmith wrote it", "export it again"
                )
            said: dict[str, Any] = json.loads(line)
            return said

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process.kill()
        self._process.wait()
