"""How long one image takes on this machine: the exported form, in ONNX Runtime, again and again."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..graph import Graph
from ..kinds import GIVE_SIZES
from .check import open_session
from .onnx import to_onnx

if TYPE_CHECKING:
    import numpy as np

WARM_UP = 5
LEAST, MOST = 20, 5_000
STOLEN = 1.05
"""A run whose wall time is more than this times the processor time that it got was interrupted."""


@dataclass(frozen=True)
class Latency:
    """A measured latency with its spread.

    Args:
        median_ms: of the undisturbed runs; milliseconds for one batch.
        p10_ms: nine in ten undisturbed runs take longer.
        p90_ms: nine in ten undisturbed runs are quicker.
        runs: how many were measured.
        disturbed: those of them set aside because another process took the core meanwhile.
        threads: threads that ONNX Runtime used.
        batch: images in one run.
        provider: ONNX Runtime's name of what it ran on.
    """

    median_ms: float
    p10_ms: float
    p90_ms: float
    runs: int
    disturbed: int
    threads: int
    batch: int
    provider: str

    def to_json(self) -> dict[str, Any]:
        """The figures as a dictionary."""
        return asdict(self)

    def __str__(self) -> str:
        images = "1 image" if self.batch == 1 else f"{self.batch} images"
        spread = f"{self.p10_ms:.3g} to {self.p90_ms:.3g}"
        cores = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.median_ms:.3g} ms for {images} ({spread}; {self.runs} runs, {cores})"


def latency_ms(
    graph: Graph,
    weights: dict[str, np.ndarray] | None = None,
    *,
    batch: int = 1,
    runs: int | None = None,
    seconds: float = 0.3,
    threads: int = 1,
) -> Latency:
    """Measure the network's latency as it will be used: exported, batch norm folded, in ONNX Runtime.

    The figure is the median of repeated runs after a warm-up. A neighbour on the same core makes runs longer
    that have nothing to do with the network; with one thread such a run shows, because it takes more time
    than the processor gave to it, and is set aside. Where nearly every run is disturbed, the processor's time
    itself is taken. Without the processor's time (more threads, a coarse clock) it is the plain median of all
    runs.

    Args:
        graph: the network; its sizes must be known.
        weights: full name -> array; random ones without them (the time does not depend on the values).
        batch: images in one run.
        runs: how many; without it as many as fit into `seconds`, at least 20.
        seconds: how long to measure when `runs` is not given.
        threads: threads for ONNX Runtime.

    Raises:
        BadInput: for unknown sizes, or less than one run, image or thread.

    Example:
        >>> from convsmith.zoo import network
        >>> found = latency_ms(network("lenet5"), seconds=0.05)
        >>> found.p10_ms <= found.median_ms <= found.p90_ms
        True
    """
    import numpy as np

    for name, value in (("batch", batch), ("threads", threads), ("runs", 1 if runs is None else runs)):
        if value < 1:
            raise BadInput(name, f"got {value}", "at least 1", f"{name}=1")
    if any(size is None for name in graph.inputs for size in graph.shapes[name]):
        raise BadInput(f"network '{graph.name}'", "input of unknown size", "known sizes", GIVE_SIZES)
    session = open_session(to_onnx(graph, stand_in(graph) if weights is None else weights), threads=threads)
    rng = np.random.default_rng(0)
    feed = {
        put.name: rng.uniform(0, 255, (batch, *put.shape[1:])).astype(np.float32)
        for put in session.get_inputs()
    }
    walls, owns = _time(lambda: session.run(None, feed), runs, seconds)
    clock_sees = threads == 1 and time.get_clock_info("thread_time").resolution <= 1e-6
    quiet = walls <= STOLEN * owns + 2e-6 if clock_sees else np.ones(len(walls), dtype=bool)
    kept = walls[quiet] if quiet.sum() >= max(1, min(LEAST, len(walls)) // 2) else owns
    low, median, high = (1e3 * float(item) for item in np.percentile(kept, (10, 50, 90)))
    disturbed = int(len(walls) - quiet.sum())
    return Latency(median, low, high, len(walls), disturbed, threads, batch, session.get_providers()[0])


def _time(run: Any, runs: int | None, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Wall time and this thread's processor time of each run, in seconds."""
    import numpy as np

    clock, own = time.perf_counter, time.thread_time
    started = clock()
    for _ in range(WARM_UP):
        run()
        if clock() - started > seconds:
            break
    walls, owns = [], []
    started = clock()
    for done in range(runs or MOST):
        if runs is None and done >= LEAST and clock() - started > seconds:
            break
        own_before, before = own(), clock()
        run()
        after, own_after = clock(), own()
        walls.append(after - before)
        owns.append(own_after - own_before)
    return np.array(walls), np.array(owns)


def stand_in(graph: Graph) -> dict[str, np.ndarray]:
    """Random weights to measure with: no number in the network overflows or becomes too small for speed.

    Args:
        graph: the network.

    Returns:
        full name -> float32 array in Keras's layout.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    found = {}
    for name, weight in graph.weights.items():
        if len(weight.shape) > 1:
            fan_in = max(1, weight.size // weight.shape[-1])
            array = rng.standard_normal(weight.shape, dtype=np.float32) * np.float32((2 / fan_in) ** 0.5)
        else:
            array = np.full(weight.shape, 1 if weight.initializer == "ones" else 0, dtype=np.float32)
        found[name] = array
    return found
