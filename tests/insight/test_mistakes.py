"""Figures of mistakes against scikit-learn, published intervals and the intervals' own definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from convsmith.errors import BadInput
from convsmith.insight.mistakes import confusion, figures, most_confused, per_class, surest_wrong, wilson


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_published(k, n, low, high):
    assert wilson(k, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@settings(deadline=None)
@given(n=st.integers(1, 5000), share=st.floats(0, 1), confidence=st.floats(0.5, 0.999))
def test_wilson_s_ends_are_where_the_score_test_just_rejects(n, share, confidence):
    stats = pytest.importorskip("scipy.stats")
    k = round(share * n)
    z = stats.norm.ppf((1 + confidence) / 2)
    for end in wilson(k, n, confidence=confidence):
        if 1e-9 < end < 1 - 1e-9:
            assert abs(k / n - end) == pytest.approx(z * (end * (1 - end) / n) ** 0.5, rel=1e-6, abs=1e-9)


def test_wilson_refuses_what_cannot_be():
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(BadInput, match="3 of 2"):
        wilson(3, 2)


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 60), classes=st.integers(2, 6))
def test_everything_is_as_scikit_learn_says(seed, n, classes):
    rng = np.random.default_rng(seed)
    y, p = rng.integers(0, classes, n), rng.dirichlet(np.ones(classes), n)
    said, names = p.argmax(1), [f"class {k}" for k in range(classes)]
    found = figures(y, p, names)
    labels = list(range(classes))
    np.testing.assert_array_equal(found["confusion"], metrics.confusion_matrix(y, said, labels=labels))
    assert found["test_accuracy"] == pytest.approx(metrics.accuracy_score(y, said))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, p, labels=labels), rel=1e-4)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        y, said, labels=labels, zero_division=np.nan
    )
    for name, theirs in (("precision", precision), ("recall", recall), ("f1", f1)):
        ours = np.array([row[name] for row in found["per_class"]], dtype=float)
        np.testing.assert_allclose(ours, theirs, equal_nan=True)


def test_the_surest_mistakes_come_first():
    y = np.array([0, 1, 1, 0])
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.99, 0.01], [0.2, 0.8]])
    assert surest_wrong(y, p).tolist() == [2, 3, 1]
    assert surest_wrong(y, p, 1).tolist() == [2]
    assert surest_wrong(np.array([0]), p[:1]).tolist() == []


def test_the_most_confused_pairs():
    counts = np.array([[5, 2, 0], [0, 3, 0], [2, 0, 0]])
    assert most_confused(counts, "abc") == [
        {"true": "c", "predicted": "a", "count": 2, "share": 1.0},
        {"true": "a", "predicted": "b", "count": 2, "share": 2 / 7},
    ]
    empty = per_class(np.zeros((1, 1), dtype=int), ["a"])[0]
    assert empty["recall"] is None
    assert empty["interval"] is None


def test_errors():
    with pytest.raises(BadInput, match=r"probabilities \(2, 3\)"):
        figures(np.zeros(2, int), np.zeros((2, 3)), ["a", "b"])
    with pytest.raises(BadInput, match="NaN"):
        figures(np.zeros(1, int), np.array([[np.nan, 1]]), ["a", "b"])
    with pytest.raises(BadInput, match="1 labels and 2"):
        confusion(np.zeros(1, int), np.zeros(2, int), 2)
    with pytest.raises(BadInput, match="class numbers 0 to 2; expected 0 to 1"):
        confusion(np.array([0, 2]), np.zeros(2, int), 2)
