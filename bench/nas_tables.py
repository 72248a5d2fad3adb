"""Every search algorithm replayed on NAS-Bench-201: all 15,625 cells, no training, a simulated clock.

    python bench/nas_tables.py nas_bench_201.npz [--seeds 200] [--algorithms auto local] [--data cifar100]
    python bench/nas_tables.py nas_bench_201.npz --noisy                 # few, noisy trainings instead

A search sees the validation accuracy after 12 epochs and pays that training's seconds on the table's
machine; at a quarter, half and the whole of 12,000 s (24,000 s for CIFAR-100, whose trainings take twice as
long) it returns the cell with the best accuracy seen, and is judged by that cell's accuracy after 200 epochs.
Columns: mean and standard deviation over seeds, and processor seconds a search. "As published" are the
constants of Dong and Yang (ICLR 2020), whose evolution and random search train the same cell again when they
propose it again; the others never do, as in convsmith.
Algorithms with rungs are not here: the table holds one number of epochs.

With --noisy, a search has 10, 20 or 30 trainings, each with noise of 1.5 % accuracy (standard deviation):
what a short search on a few thousand images looks like.

Last result (23 November 2026; processor seconds; sorted by the last column; CIFAR-100 and noise of the day
before; evolution as published and `auto` with 1,000 seeds, Optuna's Gaussian process with 60):

    x86_64, 2 cores, Python 3.11.7, optuna 5.0.0, scikit-learn 1.9.1, scipy 1.17.1, torch 2.13.0+cpu
    cifar10, 12,000 s                     quarter          half         whole  seeds  s/search
    bayesian                         90.91 ± 0.75  91.29 ± 0.45  91.41 ± 0.32     60     10.96
    tpe                              90.71 ± 0.75  91.22 ± 0.33  91.40 ± 0.21    200      1.31
    auto                             90.84 ± 0.83  91.21 ± 0.49  91.33 ± 0.28   1000      0.63
    local                            90.65 ± 0.82  91.18 ± 0.47  91.32 ± 0.26    200      0.02
    predictor                        90.54 ± 0.78  91.13 ± 0.49  91.32 ± 0.28    200      1.93
    grid                             91.32 ± 0.00  91.32 ± 0.00  91.32 ± 0.00      1      0.00
    evolution P10 S10, as published  90.55 ± 0.81  91.03 ± 0.57  91.30 ± 0.32   1000      0.00
    evolution                        90.56 ± 0.82  91.08 ± 0.54  91.33 ± 0.28    200      0.00
    evolution P10 S3, as published   90.39 ± 0.82  90.85 ± 0.63  91.18 ± 0.39   1000      0.00
    nsga2                            90.21 ± 0.75  90.72 ± 0.59  91.13 ± 0.34    200      0.09
    reinforce, as published          90.42 ± 0.72  90.76 ± 0.55  90.99 ± 0.35    200      0.42
    random, as published             90.34 ± 0.72  90.70 ± 0.56  90.98 ± 0.32    200      0.00
    random                           90.34 ± 0.72  90.70 ± 0.56  90.98 ± 0.32    200      0.00
    ppo                              90.40 ± 0.75  90.78 ± 0.51  90.98 ± 0.35    200      0.84
    nasrl                            90.36 ± 0.75  90.73 ± 0.54  90.95 ± 0.35    200      0.32

    cifar100, 24,000 s                    quarter          half         whole  seeds  s/search
    auto                             71.44 ± 1.64  72.13 ± 1.31  72.61 ± 0.91    200      0.65
    local                            70.73 ± 1.59  71.87 ± 1.21  72.26 ± 1.04    200      0.02
    evolution                        70.65 ± 1.62  71.59 ± 1.30  72.21 ± 0.99    200      0.00
    random                           69.90 ± 1.35  70.53 ± 1.13  71.11 ± 0.93    200      0.00

    cifar10, noise 1.5%                 10 trials     20 trials     30 trials  seeds  s/search
    auto                             89.62 ± 1.18  90.43 ± 1.05  90.70 ± 0.83    200      0.24
    local                            89.53 ± 1.06  90.07 ± 0.89  90.29 ± 0.88    200      0.00
    evolution                        89.53 ± 1.06  90.07 ± 1.00  90.29 ± 0.85    200      0.00
    random                           89.53 ± 1.06  89.98 ± 0.88  90.15 ± 0.88    200      0.00

    Of the whole table, CIFAR-10: the best 12-epoch cell is judged 91.50, the mean of the best 30 is 91.28.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from types import SimpleNamespace
from typing import Any

import numpy as np

from convsmith.nas.algorithms import ALGORITHMS
from convsmith.nas.proposal import Proposal
from convsmith.runs.environment import usable_cores

Answers = dict[str, Any]
SECONDS = {"cifar10": 12_000.0, "cifar100": 24_000.0}
SHARES = (0.25, 0.5, 1.0)
NOISE, TRIALS = 0.015, (10, 20, 30)
TRIES = 30

CONTENDERS: dict[str, tuple[Callable[..., Any], bool]] = {  # what, and whether repeats are paid
    "random, as published": (ALGORITHMS["random"], True),
    "evolution P10 S3, as published": (partial(ALGORITHMS["evolution"], population=10, sample=3), True),
    "evolution P10 S10, as published": (partial(ALGORITHMS["evolution"], population=10, sample=10), True),
    "reinforce, as published": (ALGORITHMS["reinforce"], True),
    **{
        name: (ALGORITHMS[name], False)
        for name in ("random", "grid", "evolution", "nsga2", "local", "predictor", "tpe", "bayesian", "nasrl",
                     "ppo", "auto")
    },
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """What a Graph would say of a cell's network."""

    fingerprint: int
    params: int
    macs: int
    layers: int

    def __len__(self) -> int:
        return self.layers


class Table:
    """The space of the table's cells, with the interface of `convsmith.nas.choose.Space`, in microseconds."""

    name, input_shape, classes = "nasbench201", (32, 32, 3), 10

    def __init__(self, path: str) -> None:
        with np.load(path, allow_pickle=False) as arrays:
            self.columns = {name: arrays[name] for name in arrays.files}
        self.operations = tuple(str(name) for name in self.columns["op_names"])
        self.edges = tuple(str(name) for name in self.columns["edges"])
        self._asked = dict.fromkeys(self.edges, self.operations)
        self._row = {tuple(ops): row for row, ops in enumerate(self.columns["ops"].tolist())}
        self._place = {name: place for place, name in enumerate(self.operations)}
        sizes = zip(self.columns["params_M"], self.columns["macs_M"], self.columns["ops"], strict=True)
        self._cells = [
            Cell(row, int(1e6 * params), int(1e6 * macs), 20 + int((ops > 0).sum()))
            for row, (params, macs, ops) in enumerate(sizes)
        ]

    def graph(self, answers: Answers) -> Cell:
        return self._cells[self._row[tuple(self._place[answers[edge]] for edge in self.edges)]]

    def options(self, answers: Answers) -> dict[str, tuple[str, ...]]:
        return self._asked

    def walk(self, pick: Callable[[str, tuple[str, ...]], int]) -> SimpleNamespace:
        answers = {edge: self.operations[pick(edge, self.operations)] for edge in self.edges}
        return SimpleNamespace(answers=answers, asked=self._asked, graph=self.graph(answers))

    def sample(self, rng: np.random.Generator) -> Answers:
        drawn = rng.integers(len(self.operations), size=len(self.edges))
        return {edge: self.operations[place] for edge, place in zip(self.edges, drawn, strict=True)}

    def mutate(self, answers: Answers, rng: np.random.Generator) -> Answers:
        edge = self.edges[int(rng.integers(len(self.edges)))]
        others = [name for name in self.operations if name != answers[edge]]
        return {**answers, edge: others[int(rng.integers(len(others)))]}

    def crossover(self, first: Answers, second: Answers, rng: np.random.Generator) -> Answers:
        return {edge: (first if rng.random() < 0.5 else second)[edge] for edge in self.edges}

    def complete(self, answers: Answers, rng: np.random.Generator | None = None) -> Answers:
        middle = len(self.operations) // 2
        return {
            edge: answers.get(
                edge, self.operations[middle if rng is None else int(rng.integers(len(self.operations)))]
            )
            for edge in self.edges
        }


def replay(
    table: Table,
    algorithm: Callable[..., Any],
    seed: int,
    *,
    data: str,
    seconds: float = float("inf"),
    trials: int | None = None,
    noise: float = 0.0,
    repeats: bool = False,
) -> list[tuple[float, float]]:
    """One search.

    Args:
        table: the space.
        algorithm: of convsmith.
        seed: of its random numbers, and of the noise.
        data: "cifar10" or "cifar100".
        seconds: of training, on the simulated clock.
        trials: how many trainings, without a clock.
        noise: standard deviation, added to the accuracy (0 to 1) that the search sees.
        repeats: whether a cell that was trained already is trained, and paid, again.

    Returns:
        After each training: seconds spent, and the judged accuracy (%) of the best cell seen.
    """
    seen, judged = table.columns[f"{data}_val_acc_12ep"], table.columns[f"{data}_val_acc_200ep"]
    cost = table.columns[f"{data}_train_seconds_12ep"]
    rng, noises = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    history: list[dict[str, Any]] = []
    known: set[int] = set()
    spent, best, found = 0.0, -1.0, []
    while trials is None or len(history) < trials:
        for attempt in range(2 * TRIES):
            made = algorithm(table, history, rng) if attempt < TRIES else table.sample(rng)
            answers = Proposal.of(made).answers
            cell = table.graph(answers)
            if repeats or cell.fingerprint not in known:
                break
        row = cell.fingerprint
        spent += float(cost[row])
        if spent > seconds:
            break
        known.add(row)
        score = float(seen[row]) / 100 + (noise * noises.normal() if noise else 0.0)
        history.append({
            "answers": answers, "score": score, "status": "ok", "epochs": 12, "fingerprint": row,
            "size": None, "params": cell.params, "macs": cell.macs, "seconds": float(cost[row]),
        })  # fmt: skip
        if score > best:
            best, winner = score, float(judged[row])
        found.append((spent, winner))
    return found


def show(values: Sequence[float]) -> str:
    """Mean and standard deviation."""
    return f"{statistics.fmean(values):6.2f} ± {statistics.pstdev(values):4.2f}"


def one_search(path: str, name: str, data: str, noisy: bool, seed: int) -> tuple[list[float], float]:
    """Judged accuracies (%) at the three marks of one search, and its processor seconds."""
    algorithm, repeats = CONTENDERS[name]
    search = partial(replay, table_of(path), algorithm, seed, data=data, repeats=repeats)
    whole, began = SECONDS[data], time.process_time()
    if noisy:
        marks = [search(trials=trials, noise=NOISE)[-1][1] for trials in TRIALS]
    else:
        found = search(seconds=whole)
        marks = [[judged for spent, judged in found if spent <= share * whole][-1] for share in SHARES]
    return marks, time.process_time() - began


@cache
def table_of(path: str) -> Table:
    """The table, read once in each process."""
    return Table(path)


def one_thread() -> None:
    """So many processes as cores, each with one thread."""
    import torch

    torch.set_num_threads(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--data", choices=sorted(SECONDS), default="cifar10")
    parser.add_argument("--algorithms", nargs="+", choices=sorted(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--noisy", action="store_true")
    parser.add_argument("--jobs", type=int, default=usable_cores(), help="processes")
    asked = parser.parse_args()
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("optuna", "scikit-learn", "scipy", "torch")
    )
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}")
    heads = [f"{trials} trials" for trials in TRIALS] if asked.noisy else ["quarter", "half", "whole"]
    what = f"noise {NOISE:.1%}" if asked.noisy else f"{SECONDS[asked.data]:,.0f} s"
    print(
        f"{asked.data + ', ' + what:31s} " + " ".join(f"{head:>13s}" for head in heads) + "  seeds  s/search"
    )
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with ProcessPoolExecutor(asked.jobs, get_context("spawn"), one_thread) as pool:
        for name in asked.algorithms:
            seeds = range(1 if name == "grid" else asked.seeds)  # the grid's order is always the same
            search = partial(one_search, asked.table, name, asked.data, asked.noisy)
            marks, seconds = zip(*pool.map(search, seeds), strict=True)
            columns = " ".join(map(show, zip(*marks, strict=True)))
            print(f"{name:31s} {columns}  {len(seeds):5d}  {statistics.fmean(seconds):8.2f}", flush=True)


if __name__ == "__main__":
    main()
