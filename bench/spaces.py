"""Feasible candidates under budgets that one uniform sample in a million meets, for every space.

Last result (23 November 2026; one core of two, the other one busy; processor seconds; 100 candidates;
32x32x3, 10 classes). Columns: space, quantity, the limit, seconds with the search for a first network,
networks looked at for that, networks looked at for each candidate, different networks among the 100, spread
over options (1: every option of every question was chosen, or as many as answers):

    chain        params          396      0.6     54    27       88    0.77
    chain        macs         52,280      0.4     86    24       61    0.59
    chain        memory       24,576      0.3     26    13       99    0.90
    stages       params          514      0.9     44    28       65    0.66
    stages       macs        141,504      0.9     75    27       78    0.78
    stages       memory       32,768      0.8     27    15      100    0.94
    mobile       params          314      1.4     52    29       62    0.54
    mobile       macs         26,976      1.2     66    29       51    0.53
    mobile       memory       15,360      1.7    156    27      100    0.86
    darts        params        1,054      3.0    300    29       83    0.72
    darts        macs        191,808      2.7    300    29       82    0.72
    darts        memory       32,768      4.5    798    27      100    0.82
    enas         params        2,804      5.9    172    32      100    0.83
    enas         macs        261,088      5.3    165    29      100    0.90
    enas         memory       26,160      7.7   1154    28      100    0.86
    nasnet       params        2,280      5.7    396    27       95    0.76
    nasnet       macs        261,952      6.2    655    28      100    0.79
    nasnet       memory       26,160     10.6   1326    28      100    0.83

The rare budgets come from subset simulation (Au and Beck, 2001): six levels, each met by a tenth of the
samples of the level before, drawn by a Metropolis walk that keeps the uniform distribution of the space.

Run: ``python bench/spaces.py [SPACE ...]``; ``--exam`` gives every space its exam with 200 samples instead.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

import numpy as np

from convsmith.ledger.budget import Budget, figures_of
from convsmith.nas.budget.fitting import ensure_feasible
from convsmith.nas.choose import Answers, Space
from convsmith.nas.space.encoding import space_size
from convsmith.nas.spaces import SPACES, space
from convsmith.nas.within import Within
from convsmith.testing.spaces import exam_space

LEVELS, SHARE, SAMPLES = 6, 0.1, 100
CANDIDATES = 100
SHAPE, CLASSES = (32, 32, 3), 10
QUANTITIES = ("params", "macs", "memory")


def rare_limit(images: Space, quantity: str, rng: np.random.Generator) -> int:
    """The limit on a quantity that about one uniform sample in 10^6 keeps."""

    def cost(answers: Answers) -> float:
        return float(figures_of(images.graph(answers), [quantity])[quantity])

    drawn = [images.sample(rng) for _ in range(SAMPLES)]
    costs = [cost(answers) for answers in drawn]
    for level in range(LEVELS):
        order = np.argsort(costs, kind="stable")[: int(SHARE * SAMPLES)]
        limit = costs[order[-1]]
        if level == LEVELS - 1:
            break
        seeds = [drawn[place] for place in order]
        drawn, costs = [], []
        for answers in seeds:
            for _ in range(SAMPLES // len(seeds)):
                answers = _step(images, answers, cost, limit, rng)
                drawn.append(answers)
                costs.append(cost(answers))
    return int(limit)


def _step(images: Space, answers: Answers, cost, limit: float, rng: np.random.Generator) -> Answers:
    """Some Metropolis steps among the genotypes within the limit, uniform question by question."""
    for _ in range(3):
        asked = images.options(answers)
        name = list(asked)[int(rng.integers(len(asked)))]
        option = asked[name][int(rng.integers(len(asked[name])))]
        moved = images.complete({**answers, name: list(option) if isinstance(option, tuple) else option}, rng)
        if cost(moved) <= limit and rng.random() < len(asked) / len(images.options(moved)):
            answers = moved
    return answers


def spread(images: Space, genotypes: list[Answers]) -> float:
    """The mean over questions of the share of its options (at most as many as answers) that were chosen."""
    seen: dict[str, Counter[str]] = {}
    options: dict[str, int] = {}
    for answers in genotypes:
        for name, some in images.options(answers).items():
            seen.setdefault(name, Counter())[repr(answers[name])] += 1
            options[name] = len(some)
    shares = [
        len(seen[name]) / min(options[name], sum(seen[name].values())) for name in seen if options[name] > 1
    ]
    return float(np.mean(shares))


def measure(name: str) -> None:
    """Print a line for each quantity."""
    for quantity in QUANTITIES:
        images, rng = space(name, SHAPE, CLASSES), np.random.default_rng(0)
        limit = rare_limit(images, quantity, rng)
        images = space(name, SHAPE, CLASSES)
        walks = [0]
        walk = images.walk

        def counted(pick, walk=walk, walks=walks):
            walks[0] += 1
            return walk(pick)

        images.walk = counted  # type: ignore[method-assign]
        started = time.process_time()
        budget = Budget(**{quantity: limit})
        within = Within(images, budget, ensure_feasible(images, budget, rng))
        first = walks[0]
        genotypes = [within.sample(rng) for _ in range(CANDIDATES)]
        seconds = time.process_time() - started
        assert all(budget.check(images.graph(answers)).kept for answers in genotypes)
        different = len({images.graph(answers).fingerprint for answers in genotypes})
        each, wide = (walks[0] - first) / CANDIDATES, spread(images, genotypes)
        counts = f"{first:6} {each:5.0f} {different:8} {wide:7.2f}"
        print(f"{name:12} {quantity:7} {limit:11,} {seconds:8.1f} {counts}", flush=True)


def main(names: list[str]) -> None:
    """Every space, or those that are named."""
    if "--exam" in names:
        for name in SPACES:
            started = time.process_time()
            told = exam_space(SPACES[name], input_shapes=[SHAPE])
            print(f"{name}: {told}; {time.process_time() - started:.0f} s", flush=True)
        return
    for name in names or SPACES:
        images = space(name, SHAPE, CLASSES)
        print(f"{name}: {space_size(images, np.random.default_rng(0))}", flush=True)
        measure(name)


if __name__ == "__main__":
    main(sys.argv[1:])
