"""Whether shares and sets differ: against scipy, and published examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsmith.insight.difference import fisher, holm, mcnemar, moved, newcombe

stats = pytest.importorskip("scipy.stats")


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_fishers_exact_test_is_scipys(n, other_n, data):
    right, other_right = data.draw(st.integers(0, n)), data.draw(st.integers(0, other_n))
    table = [[right, n - right], [other_right, other_n - other_right]]
    assert fisher(right, n, other_right, other_n) == pytest.approx(stats.fisher_exact(table)[1], abs=1e-9)


def test_fishers_exact_test_of_many_images():
    assert fisher(9_500, 10_000, 9_300, 10_000) == pytest.approx(
        stats.fisher_exact([[9_500, 500], [9_300, 700]])[1], rel=1e-6
    )


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemars_exact_test_is_the_binomial(one, other):
    theirs = stats.binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize(
    ("counts", "ends"),
    [  # R. Newcombe, 1998, Statistics in Medicine 17:873, table II, method 10
        ((48, 80, 56, 70), (0.0524, 0.3339)),
        ((3, 10, 9, 10), (0.1705, 0.8090)),
        ((0, 29, 5, 56), (-0.0381, 0.1926)),
        ((0, 10, 10, 10), (0.6075, 1.0)),
    ],
)
def test_the_interval_of_a_difference_is_the_published_one(counts, ends):
    assert newcombe(*counts) == pytest.approx(ends, abs=6e-5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_by_its_definition(chances):
    found = holm(chances)
    order = np.argsort(chances, kind="stable")
    literal = np.maximum.accumulate([(len(chances) - k) * chances[i] for k, i in enumerate(order)])
    np.testing.assert_allclose(np.array(found)[order], np.minimum(literal, 1))


@given(st.integers(0, 10**6), st.floats(0, 2))
def test_distances_of_distributions_are_scipys(seed, by):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(0, 1, 80), rng.normal(by, 1, 50)
    found, theirs = moved(one, other), stats.ks_2samp(one, other)
    assert found["distance"] == pytest.approx(theirs.statistic)
    x = theirs.statistic * np.sqrt(80 * 50 / 130)
    assert found["p"] == pytest.approx(stats.kstwobign.sf(x), abs=1e-9)
    assert found["shift"] == pytest.approx((other.mean() - one.mean()) / one.std())
