"""How many threads train fastest: measured, because for small networks more threads are often slower.

On shared cores a second thread can make each of thousands of small operations wait for its turn.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from ...graph import Graph
    from ...runs import Run

FILE = "threads.json"
BETTER = 1.15
"""More threads are taken when they are at least this much faster."""


def set_threads(run: Run, asked: int | None, graph: Graph, x_NHWC: np.ndarray, y: np.ndarray) -> int:
    """Set torch's threads to what trains this network faster: one, or as many as there are cores.

    The answer is kept in the run, because other threads give other bits.

    Args:
        run: where the answer is kept.
        asked: how many to take; measured without it.
        graph: a network like those that will be trained.
        x_NHWC: images to measure with; some hundreds are enough.
        y: their class numbers.
    """
    import torch

    from ...runs.environment import usable_cores

    if not run.has(FILE) and asked is not None:
        run.write_json(FILE, {"threads": asked, "seconds": {}})
    elif not run.has(FILE):
        cores = usable_cores()
        seconds = {1: _seconds(graph, x_NHWC, y, 1, float("inf"))}
        if cores > 1:
            seconds[cores] = _seconds(graph, x_NHWC, y, cores, 2 * seconds[1])
            seconds[1] = min(seconds[1], _seconds(graph, x_NHWC, y, 1, 2 * seconds[1]))
        more = max(seconds)
        threads = more if seconds[1] > BETTER * seconds[more] else 1
        run.write_json(
            FILE,
            {
                "threads": threads,
                "seconds": {str(key): value for key, value in seconds.items()},
                "network": {"fingerprint": graph.fingerprint, "params": graph.params, "macs": graph.macs},
            },
        )
    threads = int(run.read_json(FILE)["threads"])
    torch.set_num_threads(threads)
    return threads


def _seconds(graph: Graph, x_NHWC: np.ndarray, y: np.ndarray, threads: int, most: float) -> float:
    """Seconds of one epoch after a warm-up step; cut off at `most`."""
    import torch

    from ...engine.loop import fit

    torch.set_num_threads(threads)
    fit(graph, x_NHWC[:32], y[:32], epochs=1)
    began = time.perf_counter()
    fit(graph, x_NHWC, y, epochs=1, deadline=lambda: time.perf_counter() - began > most)
    return time.perf_counter() - began
