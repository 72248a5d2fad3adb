"""What the server counts, in Prometheus's text form (version 0.0.4)."""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path

TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the histogram's buckets, in seconds; Prometheus's own."""


class Metrics:
    """Counts of one server, for several threads.

    Example:
        >>> metrics = Metrics()
        >>> metrics.request("/predict", 200, 0.02)
        >>> print(*[line for line in metrics.text().splitlines() if "_bucket" in line][:3], sep="\\n")
        convsmith_request_seconds_bucket{le="0.005"} 0
        convsmith_request_seconds_bucket{le="0.01"} 0
        convsmith_request_seconds_bucket{le="0.025"} 1
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets = [0] * len(BOUNDS)
        self._count, self._seconds = 0, 0.0
        self._images: Counter[str] = Counter()
        self._batches = 0
        self.waiting = 0

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count a request that is over; the histogram is of /predict alone."""
        with self._lock:
            self._requests[path, status] += 1
            if path == "/predict":
                self._count += 1
                self._seconds += seconds
                for place, bound in enumerate(BOUNDS):
                    self._buckets[place] += seconds <= bound

    def image(self, answer: str) -> None:
        """Count an image: "class", "none" or "unreadable"."""
        with self._lock:
            self._images[answer] += 1

    def batch(self, images: int) -> None:
        """Count a batch that the network is asked about."""
        with self._lock:
            self._batches += 1

    def text(self) -> str:
        """All of it."""
        with self._lock:
            lines = _family("convsmith_requests_total", "counter", "Requests by path and status.")
            lines += [
                f'convsmith_requests_total{{path="{path}",status="{status}"}} {count}'
                for (path, status), count in sorted(self._requests.items())
            ]
            lines += _family("convsmith_images_total", "counter", "Images by answer.")
            lines += [
                f'convsmith_images_total{{answer="{answer}"}} {count}'
                for answer, count in sorted(self._images.items())
            ]
            lines += _family(
                "convsmith_batches_total", "counter", "Batches that the network was asked about."
            )
            lines.append(f"convsmith_batches_total {self._batches}")
            lines += _family("convsmith_waiting_requests", "gauge", "Requests that are being answered.")
            lines.append(f"convsmith_waiting_requests {self.waiting}")
            name = "convsmith_request_seconds"
            lines += _family(name, "histogram", "Seconds of a request of /predict.")
            lines += [
                f'{name}_bucket{{le="{bound:g}"}} {count}'
                for bound, count in zip(BOUNDS, self._buckets, strict=True)
            ]
            lines += [f'{name}_bucket{{le="+Inf"}} {self._count}']
            lines += [f"{name}_sum {self._seconds:.6f}", f"{name}_count {self._count}"]
        memory = resident()
        if memory is not None:
            lines += _family("process_resident_memory_bytes", "gauge", "Memory of the process.")
            lines.append(f"process_resident_memory_bytes {memory}")
        return "\n".join(lines) + "\n"


def _family(name: str, kind: str, words: str) -> list[str]:
    return [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]


def resident() -> int | None:
    """Bytes of memory that this process holds; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
