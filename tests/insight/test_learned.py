"""Whether a network learned: untouched weights, labels, and answers without labels."""

from __future__ import annotations

import numpy as np
import pytest

from convsmith.engine.weights import initial
from convsmith.insight.evidence.learned import Answered, at_least, learned
from convsmith.zoo import network

GRAPH = network("lenet5")
FLAT = np.random.default_rng(0).normal(0, 0.1, (8, 10))
SURE = np.eye(10)[np.arange(8)] * 9
ONE = np.eye(10)[np.zeros(8, int)] * 9


@pytest.fixture(scope="module")
def moved():
    return {name: array + 0.01 for name, array in initial(GRAPH, 0).items()}


def test_weights_as_an_initializer_leaves_them(moved):
    for seed in (0, 5):
        found = learned(GRAPH, initial(GRAPH, seed), SURE, [FLAT], Answered(99, 100, 10))
        assert found["untouched"]
        assert not found["passed"]
    assert not learned(GRAPH, moved, SURE, [FLAT])["untouched"]


@pytest.mark.parametrize(
    ("right", "passed"),
    [(30, True), (19, True), (18, False), (10, False), (0, False)],
)
def test_labels_decide_by_the_interval(moved, right, passed):
    """Of 100 images, ten of each of ten classes: by chance 19 are right in .5% of cases, 18 in 1.0%."""
    for logits in (FLAT, SURE):
        assert learned(GRAPH, moved, logits, [FLAT], Answered(right, 100, 10))["passed"] is passed
    assert not learned(GRAPH, moved, SURE, [FLAT], Answered(70, 100, 69))["passed"]
    assert not learned(GRAPH, moved, SURE, [FLAT], Answered(0, 0, 0))["passed"]


@pytest.mark.parametrize(
    ("right", "of", "chance"), [(3, 8, 0.25), (0, 5, 0.5), (400, 1000, 0.37), (7, 7, 0.5)]
)
def test_chance_is_scipy_s(right, of, chance):
    stats = pytest.importorskip("scipy.stats")
    assert at_least(right, of, chance) == pytest.approx(stats.binom.sf(right - 1, of, chance), rel=1e-9)


def test_without_labels_the_answers_decide(moved):
    assert learned(GRAPH, moved, SURE, [FLAT])["passed"]
    assert learned(GRAPH, moved, ONE, [FLAT])["passed"]
    assert not learned(GRAPH, moved, FLAT, [FLAT])["passed"]
    assert not learned(GRAPH, moved, SURE, [FLAT, SURE])["passed"]  # random weights are as sure
    found = learned(GRAPH, moved, SURE, [FLAT])
    assert found["telling"][0] == pytest.approx(np.log(8), rel=0.02)
    assert found["certain"][0] > 0.99
