"""Feasible candidates under budgets that one uniform sample in a million meets, for every space.

Last result (CPU, one core; processor seconds, 100 candidates, each space with 32x32x3 images and 10 classes):

RESULT

The rare budgets come from subset simulation (Au and Beck, 2001): six levels, each met by a tenth of the
samples of the level before, drawn by a Metropolis walk that keeps the uniform distribution of the space.

Run: ``python bench/spaces.py [SPACE ...]``; ``--exam`` gives every space its exam with 200 samples instead.
"""

from __future__ import annotations

import sys
import time
from collections import Counter

import numpy as np

from convsmith.nas.budget import Budget, figures_of
from convsmith.nas.choose import Answers, Space
from convsmith.nas.encoding import space_size
from convsmith.nas.fit import ensure_feasible
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
