"""How good the networks are that a budget's sampler draws: the best of eight, beside plain rejection.

    python bench/sampling.py nas_bench_201.npz [--draws 8] [--seeds 1000]

The random arm of a search is what everything else is measured against, so it must not be weaker than the
textbook's: networks drawn uniformly, those over the budget thrown away. Each line is a limit on the cells of
NAS-Bench-201 at a percentile of the whole table; the figure is the accuracy after 200 epochs of that one of
eight draws which is best after 12 epochs. `now` is `convsmith.nas.within.Within`.

Last result (29 November 2026):

    x86_64, Python 3.11.7, numpy 2.4.6
    data      limit                     kept       rejection             now         difference
    cifar10   macs   <=     11,715,200   14%   85.56 ± 1.63   85.64 ± 1.73  +0.07 ± 0.15
    cifar10   params <=        101,306   14%   85.56 ± 1.63   85.54 ± 1.84  -0.03 ± 0.15
    cifar10   macs   <=     19,579,500   25%   86.64 ± 1.17   86.87 ± 0.99  +0.23 ± 0.09
    cifar10   params <=        157,306   25%   86.64 ± 1.17   86.86 ± 1.01  +0.21 ± 0.10
    cifar10   macs   <=     47,104,600   51%   88.04 ± 1.45   88.64 ± 1.16  +0.60 ± 0.12
    cifar10   params <=        344,346   51%   88.04 ± 1.45   88.57 ± 1.19  +0.54 ± 0.12
    cifar10   macs   <=     82,494,104   84%   89.04 ± 1.25   89.72 ± 0.84  +0.68 ± 0.09
    cifar10   params <=        587,386   84%   89.04 ± 1.25   89.69 ± 0.85  +0.65 ± 0.09
    cifar100  macs   <=     11,715,200   14%   61.47 ± 3.17   61.67 ± 3.12  +0.20 ± 0.28
    cifar100  params <=        101,306   14%   61.47 ± 3.17   61.50 ± 3.20  +0.03 ± 0.28
    cifar100  macs   <=     19,579,500   25%   63.82 ± 2.70   64.29 ± 2.34  +0.47 ± 0.22
    cifar100  params <=        157,306   25%   63.82 ± 2.70   64.21 ± 2.40  +0.39 ± 0.22
    cifar100  macs   <=     47,104,600   51%   65.99 ± 2.48   67.01 ± 1.77  +1.02 ± 0.19
    cifar100  params <=        344,346   51%   65.99 ± 2.48   66.85 ± 1.88  +0.86 ± 0.19
    cifar100  macs   <=     82,494,104   84%   67.76 ± 2.09   68.87 ± 1.37  +1.11 ± 0.15
    cifar100  params <=        587,386   84%   67.76 ± 2.09   68.83 ± 1.39  +1.07 ± 0.16
"""

from __future__ import annotations

import argparse
import platform
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from nas_tables import Table

from convsmith.ledger.budget import Budget
from convsmith.nas.within import Within

PERCENTILES = (10, 25, 50, 75)


class Cells(Table):
    """The table as `Within` takes a space."""

    function, params = None, ()


@dataclass(frozen=True)
class OfCells(Budget):
    """A budget whose figures are the table's."""

    def figures(self, graph: Any, names: Iterable[str] | None = None) -> dict[str, Any]:
        return {"params": graph.params, "macs": graph.macs}


def rejected(space: Cells, budget: Budget, rng: np.random.Generator) -> dict[str, Any]:
    """The first uniform draw that keeps the budget."""
    while True:
        answers = space.sample(rng)
        if budget.check(space.graph(answers)).kept:  # type: ignore[arg-type]
            return answers


def best(space: Cells, draw: Callable[[np.random.Generator], Any], draws: int, seed: int, data: str) -> float:
    """The judged accuracy (%) of the best of some draws, chosen by its 12 epochs."""
    rng = np.random.default_rng(seed)
    rows = [space.graph(draw(rng)).fingerprint for _ in range(draws)]
    chosen = max(rows, key=lambda row: space.columns[f"{data}_val_acc_12ep"][row])
    return float(space.columns[f"{data}_val_acc_200ep"][chosen])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("table")
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=1000)
    asked = parser.parse_args()
    space = Cells(asked.table)
    macs, params = 1e6 * space.columns["macs_M"], 1e6 * space.columns["params_M"]
    print(f"    {platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}")
    print(f"    {'data':9s} {'limit':24s} {'kept':>5s} {'rejection':>15s} {'now':>15s} {'difference':>18s}")
    for data in ("cifar10", "cifar100"):
        for percentile in PERCENTILES:
            for name, column in (("macs", macs), ("params", params)):
                limit = int(np.percentile(column, percentile))
                budget = OfCells(**{name: limit})
                share = float((column <= limit).mean())
                smallest = space.columns["ops"][int(column.argmin())]
                anchor = dict(zip(space.edges, (space.operations[op] for op in smallest), strict=True))
                within = Within(space, budget, anchor)  # type: ignore[arg-type]
                pairs = [
                    (
                        best(space, lambda rng, b=budget: rejected(space, b, rng), asked.draws, seed, data),  # type: ignore[misc]
                        best(space, within.sample, asked.draws, seed + 10**6, data),
                    )
                    for seed in range(asked.seeds)
                ]
                plain, ours = (np.array(column) for column in zip(*pairs, strict=True))
                apart = statistics.fmean(ours) - statistics.fmean(plain)
                error = 1.96 * float(np.sqrt((plain.var() + ours.var()) / len(plain)))
                row = f"    {data:9s} {name:6s} <= {limit:14,d} {share:5.0%}"
                for found in (plain, ours):
                    row += f" {found.mean():7.2f} ± {found.std():4.2f}"
                print(f"{row}  {apart:+5.2f} ± {error:4.2f}", flush=True)


if __name__ == "__main__":
    main()
