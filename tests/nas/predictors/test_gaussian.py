from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from convsmith.nas.choose import genotype_key
from convsmith.nas.predictors import Features, GaussianProcess, Trees
from convsmith.nas.predictors.gaussian import LENGTHS, NOISES, SHARES
from convsmith.nas.spaces import space

RNG = np.random.default_rng(0)
ROWS = np.hstack([RNG.integers(0, 2, (14, 6)), RNG.normal(size=(14, 2))]).astype(float)
SCORES = 0.7 + 0.1 * ROWS[:, 0] + 0.05 * ROWS[:, 6] + RNG.normal(0, 0.01, 14)


def test_it_is_the_textbook_formula_averaged_over_the_grid():
    """Rasmussen and Williams, equations 2.25 and 2.26, with plain inverses, one model after the other."""
    known, asked = ROWS[:10], ROWS[10:]
    mean, sd = known[:, 6:].mean(0), known[:, 6:].std(0)
    values = (SCORES[:10] - SCORES[:10].mean()) / SCORES[:10].std()

    def kernel(a, b, length, share):
        near = math.exp(-np.abs(a[:6] - b[:6]).sum() / 2 / length)
        line = (1 + ((a[6:] - mean) / sd) @ ((b[6:] - mean) / sd)) / 3
        return share * near + (1 - share) * line

    weights, means, squares = [], [], []
    for length, share, noise in product(LENGTHS, SHARES, NOISES):
        matrix = np.array([[kernel(a, b, length, share) for b in known] for a in known]) + noise * np.eye(10)
        inverse = np.linalg.inv(matrix)
        shape, rate = 2 + 10 / 2, 1 + values @ inverse @ values / 2
        weights.append(math.exp(-np.linalg.slogdet(matrix)[1] / 2) * rate**-shape)
        to = np.array([[kernel(a, b, length, share) for b in known] for a in asked])
        expected = to @ inverse @ values
        own = np.array([kernel(a, a, length, share) for a in asked])
        left = rate / (shape - 1) * (own - np.einsum("ij,jk,ik->i", to, inverse, to))
        means.append(expected)
        squares.append(left + expected**2)
    weights = np.array(weights) / sum(weights)
    expected = weights @ np.array(means)
    deviation = np.sqrt(weights @ np.array(squares) - expected**2)
    found = GaussianProcess(known, SCORES[:10], sizes=2)(asked)
    scale = SCORES[:10].std()
    assert found.mean == pytest.approx(SCORES[:10].mean() + scale * expected, rel=1e-3)
    assert found.sd == pytest.approx(scale * deviation, rel=1e-2)


def test_it_believes_a_lucky_training_less_where_trainings_are_noisy():
    rng = np.random.default_rng(1)
    rows = np.hstack([rng.integers(0, 2, (40, 8)), rng.normal(size=(40, 1))]).astype(float)
    truth = 0.1 * rows[:, 0] + 0.05 * rows[:, 8]
    believed = {}
    for noise in (0.001, 0.1):
        scores = truth + rng.normal(0, noise, 40)
        scores[7] += 0.3
        believed[noise] = GaussianProcess(rows, scores, sizes=1)(rows[7:8]).mean[0] - truth[7]
    assert believed[0.1] < 0.2


def test_trees_learn_what_two_answers_do_together():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2, (300, 8)).astype(float)
    model = Trees(rows, (rows[:, 0] != rows[:, 1]).astype(float), seed=0)
    found = model(np.array([[0, 1, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0, 0]]))
    assert found.mean[0] > 0.8 > 0.2 > found.mean[1]


def test_features_of_equal_genotypes_are_equal_and_count_options():
    digits = space("stages", (8, 8, 1), 10)
    features = Features.of(digits)
    drawn = [digits.sample(np.random.default_rng(seed)) for seed in range(20)]
    rows = features(drawn)
    assert np.array_equal(rows, features([dict(answers) for answers in drawn]))
    assert len({tuple(row) for row in rows}) == len({genotype_key(answers) for answers in drawn})
    assert np.exp(rows[:, -3]) - 1 == pytest.approx([digits.graph(answers).params for answers in drawn])


def test_expected_improvement_is_the_mean_of_what_exceeds():
    """Against a million draws."""
    from convsmith.nas.predictors.gaussian import Prediction

    mean, sd = np.array([0.4, 0.5, 0.6, 0.9]), np.array([0.2, 0.1, 0.3, 0.01])
    drawn = np.random.default_rng(0).normal(mean, sd, size=(1_000_000, 4))
    slow = np.maximum(drawn - 0.55, 0).mean(0)
    assert Prediction(mean, sd).improvement(0.55) == pytest.approx(slow, rel=0.01)
