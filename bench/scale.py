"""The driver of a search alone: 10,000 trials on 1,000 simulated workers.

    python bench/scale.py [--trials 10000] [--workers 1000] [--algorithm evolution]

A trial trains nothing: each takes a simulated time, and outcomes come in the order of their ends, in a run
folder on the disk. Measured are the seconds of processor time of one decision (a trial taken, written and
another proposed, checked and handed out) and the memory, by tenths of the search. Neither may grow faster
than the number of trials does; the last line says the exponent of each (0: constant, 1: linear).

Most of a decision is building networks: a mutation moved back into the budget looks at some ten of them.

Last result (22 November 2026; processor time, on two cores that other programs used as well):

    Intel(R) Xeon(R) Processor, Python 3.11.7; evolution, 10,000 trials on 1,000 workers
      trials  ms of a decision  more memory, MB
       1,000             26.66             94.0
       2,000              7.86             94.9
       3,000              7.86             95.1
       4,000              8.19             95.1
       5,000              7.85             95.4
       6,000              9.32             95.9
       7,000             10.25             95.9
       8,000             11.34             96.4
       9,000             11.49             97.6
      10,000              0.83             97.7
    from 3,000 to 9,000 trials: seconds ^0.34, memory ^0.02
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import math
import platform
import resource
import tempfile
import time
from typing import Any

import numpy as np

from convsmith.ledger.budget import Budget
from convsmith.nas.search import search
from convsmith.nas.spaces import space
from convsmith.nas.workers.protocol import Evaluation, Outcome, Pool, Task
from convsmith.runs import Run
from convsmith.runs.environment import cpu_model


class Simulated(Pool):
    """Workers that wait no time at all: the next outcome is that of the task that would end first."""

    def __init__(self, workers: int) -> None:
        self._workers, self._now, self._count = workers, 0.0, 0
        self._ends: list[tuple[float, int, Task]] = []

    @property
    def slots(self) -> int:
        return self._workers

    def submit(self, task: Task) -> None:
        rng = np.random.default_rng(task.seed)
        self._count += 1
        heapq.heappush(self._ends, (self._now + rng.exponential() * task.epochs, self._count, task))

    def wait(self) -> Outcome:
        self._now, _, task = heapq.heappop(self._ends)
        quality = 1 - 0.02 * abs(len(task.graph) - 25) + np.random.default_rng(task.seed).normal(0, 0.01)
        return Outcome(task.number, Evaluation(float(quality), float(task.epochs)), float(task.epochs))


def memory_mb() -> float:
    """The largest resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def exponent(first: float, last: float, times: float) -> float:
    """How a quantity grew while the trials grew `times` fold: 1 is linear."""
    return math.log(max(last, 1e-12) / max(first, 1e-12)) / math.log(times)


def main() -> None:
    """Search, and print seconds and memory by tenths."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1_000)
    parser.add_argument("--algorithm", default="evolution")
    arguments = parser.parse_args()
    marks: list[tuple[int, float, float]] = []
    began = memory_mb()

    def progress(event: dict[str, Any]) -> None:
        if event["event"] == "trial":
            count = event["trial"].index + 1
            if count % max(1, arguments.trials // 10) == 0:
                marks.append((count, time.process_time(), memory_mb() - began))

    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(folder, kind="search", recipe={})
        marks.append((0, time.process_time(), 0.0))
        search(
            space("stages", (32, 32, 3), 10), Simulated(arguments.workers), run=run,
            budget=Budget(params=200_000), algorithm=arguments.algorithm, baselines=False,
            trials=arguments.trials, epochs=(3, 9), top=3, progress=progress,
        )  # fmt: skip
        run.close()
    print(f"{cpu_model()}, Python {platform.python_version()}; {arguments.algorithm}, ", end="")
    print(f"{arguments.trials:,} trials on {arguments.workers:,} workers")
    print(f"{'trials':>8} {'ms of a decision':>17} {'more memory, MB':>16}")
    each = []
    for (before, then, _), (count, now, grown) in itertools.pairwise(marks):
        each.append((count, 1000 * (now - then) / (count - before), grown))
        print(f"{count:8,} {each[-1][1]:17.2f} {grown:16.1f}")
    # The first tenth also holds the beginning, the last one only takes what is still running.
    (first, slow, small), (last, slower, large) = each[2], each[-2]
    growth = exponent(slow, slower, last / first), exponent(small, large, last / first)
    print(f"from {first:,} to {last:,} trials: seconds ^{growth[0]:.2f}, memory ^{growth[1]:.2f}")


if __name__ == "__main__":
    main()
