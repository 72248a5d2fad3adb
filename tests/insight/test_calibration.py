"""Calibration against planted confidences, scikit-learn, a general optimiser and cleanlab's definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from convsmith.errors import BadInput
from convsmith.insight.calibration import energy, rejection, reliability, temperature, tempered
from convsmith.insight.labels import suspected_labels


def softmax(logits):
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def drawn(seed, n=4000, classes=5):
    """Probabilities, and labels drawn from them: perfectly calibrated."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, classes))
    p = softmax(logits)
    return (p.cumsum(1) > rng.random((n, 1))).argmax(1), p, logits


def test_what_is_calibrated_has_a_small_error_and_what_is_too_sure_a_large_one():
    y, p, logits = drawn(0)
    assert reliability(y, p)["ece"] < 0.02
    assert reliability(y, softmax(3 * logits))["ece"] > 0.1


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), bins=st.integers(1, 20))
def test_the_error_by_its_definition(seed, bins):
    y, p, _ = drawn(seed, n=60, classes=3)
    found = reliability(y, p, bins=bins)
    literal, total = 0.0, 0
    for row in found["bins"]:
        inside = [
            k for k in range(60) if row["low"] <= p[k].max() < row["high"] or (row["high"] == 1 == p[k].max())
        ]
        assert len(inside) == row["n"]
        right = np.mean([p[k].argmax() == y[k] for k in inside])
        assert row["accuracy"] == pytest.approx(right)
        literal += abs(right - np.mean([p[k].max() for k in inside])) * len(inside) / 60
        total += row["n"]
    assert total == 60
    assert found["ece"] == pytest.approx(literal)


@pytest.mark.parametrize("planted", [0.3, 1.0, 2.5, 6.0])
def test_the_temperature_that_was_planted_is_found(planted):
    y, _, logits = drawn(1)
    assert temperature(y, softmax(logits * planted)) == pytest.approx(planted, rel=0.06)


def test_the_temperature_is_the_general_optimiser_s():
    """Of the log loss where each image also counts a little (one image in all) as of its second class."""
    optimize = pytest.importorskip("scipy.optimize")
    y, _, logits = drawn(2, n=300)
    p = softmax(logits * 1.7)
    second = p.argsort(1)[:, -2]
    labels, share = np.concatenate([y, second]), np.repeat([1.0, 1 / 300], 300)
    theirs = optimize.minimize_scalar(
        lambda t: log_loss(labels, np.tile(tempered(p, t), (2, 1)), labels=range(5), sample_weight=share),
        bounds=(0.05, 20), method="bounded", options={"xatol": 1e-9},
    )  # fmt: skip
    assert temperature(y, p) == pytest.approx(theirs.x, rel=1e-4)


def test_a_network_that_gets_all_right_is_not_sure_beyond_bounds():
    """Of 50 right images none speaks for an error; confidence goes to 50 of 51, and not to 1."""
    y = np.arange(50) % 2
    p = softmax(4.0 * np.eye(2)[y])
    by = temperature(y, p)
    assert tempered(p, by).max(1).mean() == pytest.approx(50 / 51, abs=1e-4)
    assert temperature(np.tile(y, 40), np.tile(p, (40, 1))) < by


def test_tempering_changes_no_prediction_and_undoes_itself():
    _, p, _ = drawn(3, n=50)
    np.testing.assert_array_equal(tempered(p, 3.0).argmax(1), p.argmax(1))
    np.testing.assert_allclose(tempered(tempered(p, 3.0), 1 / 3), p, atol=1e-9)


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 40), m=st.integers(1, 40))
def test_the_auroc_is_scikit_learn_s(seed, n, m):
    rng = np.random.default_rng(seed)
    known, unknown = rng.integers(3, 9, n), rng.integers(0, 7, m)
    found = rejection(known, unknown)
    theirs = roc_auc_score([1] * n + [0] * m, np.concatenate([known, unknown]))
    assert found["auroc"] == pytest.approx(theirs)
    assert found["kept"] >= 0.95
    assert found["let_in"] == pytest.approx(np.mean(unknown >= found["threshold"]))


def test_energy_is_log_sum_exp():
    special = pytest.importorskip("scipy.special")
    logits = np.random.default_rng(0).normal(0, 300, (20, 7))
    np.testing.assert_allclose(energy(logits), special.logsumexp(logits, axis=1))


def test_planted_label_errors_come_first():
    rng = np.random.default_rng(5)
    true = rng.integers(0, 4, 600)
    p = softmax(4.0 * np.eye(4)[true] + rng.normal(0, 0.7, (600, 4)))
    y = true.copy()
    wrong = rng.choice(600, 30, replace=False)
    y[wrong] = (y[wrong] + 1) % 4
    found = suspected_labels(y, p, "abcd")
    indices = {row["index"] for row in found}
    assert indices <= set(wrong)  # where the network is not sure, it does not dispute the label
    assert len(indices) >= 18
    assert all(row["suggested"] == "abcd"[true[row["index"]]] for row in found)
    assert suspected_labels(y, p, "abcd", most=3) == found[:3]


def test_planted_label_errors_of_a_sure_network_are_found():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 1000)
    p = rng.dirichlet(np.ones(5), 1000) * 0.3 + 0.7 * np.eye(5)[truth]
    y = truth.copy()
    wrong = rng.choice(1000, 60, replace=False)
    y[wrong] = (truth[wrong] + rng.integers(1, 5, 60)) % 5
    found = suspected_labels(y, p, "abcde")
    assert len({row["index"] for row in found[:60]} & set(wrong)) >= 50
    assert np.mean([row["suggested"] == "abcde"[truth[row["index"]]] for row in found]) > 0.95


@pytest.mark.filterwarnings("ignore")
def test_as_cleanlab():
    filters = pytest.importorskip("cleanlab.filter")
    rng = np.random.default_rng(6)
    y = rng.integers(0, 3, 300)
    p = softmax(2.0 * np.eye(3)[y] + rng.normal(0, 1.2, (300, 3)))
    theirs = filters.find_label_issues(y, p, filter_by="confident_learning")
    assert {row["index"] for row in suspected_labels(y, p, "abc")} == set(np.flatnonzero(theirs))


def test_errors():
    with pytest.raises(BadInput, match="no images"):
        temperature(np.zeros(0, int), np.zeros((0, 2)))
    with pytest.raises(BadInput, match="1 known and 0 unknown"):
        rejection(np.ones(1), np.ones(0))
    with pytest.raises(BadInput, match=r"probabilities \(1, 2\)"):
        suspected_labels(np.zeros(1, int), np.zeros((1, 2)), "abc")


def test_the_largest_gap_is_of_bins_that_hold_ten_images():
    """One image that is sure and wrong, and ten of which half are right: only the ten count for the gap."""
    sure = np.array([[0.99, 0.01]] + [[0.6, 0.4]] * 10)
    y = np.array([1] + [0, 1] * 5)
    found = reliability(y, sure)
    assert found["largest_gap"] == pytest.approx(0.1)
    assert found["ece"] == pytest.approx((0.99 + 10 * 0.1) / 11)
