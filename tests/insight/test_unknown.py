"""Pictures of no class: their makers, and the thresholds against scikit-learn's ROC."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from sklearn.metrics import roc_auc_score

from convsmith.errors import BadInput
from convsmith.insight.unknown import no_class, thresholds


def test_shuffled_pictures_have_the_same_pixels() -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 16, 12, 3), np.uint8)
    made = no_class(x, seed=1)
    for kind in ("shuffled pixels", "shuffled pieces"):
        assert made[kind].shape == x.shape
        for before, after in zip(x, made[kind], strict=True):
            assert sorted(map(tuple, before.reshape(-1, 3))) == sorted(map(tuple, after.reshape(-1, 3)))
            assert (before != after).any()
    assert (made["plain"] == made["plain"][:, :1, :1]).all()
    pieces = {x[0, r : r + 4, c : c + 3].tobytes() for r in range(0, 16, 4) for c in range(0, 12, 3)}
    moved = made["shuffled pieces"][0]
    assert {moved[r : r + 4, c : c + 3].tobytes() for r in range(0, 16, 4) for c in range(0, 12, 3)} == pieces
    assert all((a == b).all() for a, b in zip(made.values(), no_class(x, seed=1).values(), strict=True))


def test_figures_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    known = rng.normal(0, 1, (300, 5))
    known[np.arange(300), rng.integers(0, 5, 300)] += 4
    unknown = {"a": rng.normal(0, 1, (200, 5)), "b": rng.normal(1, 1, (100, 5))}
    found = {row["score"]: row for row in thresholds(known, unknown)}
    scores = {
        "probability": lambda z: softmax(z, axis=1).max(1),
        "max_logit": lambda z: z.max(1),
        "energy": lambda z: logsumexp(z, axis=1),
    }
    for name, score in scores.items():
        for kind, values in (*unknown.items(), (None, np.concatenate(list(unknown.values())))):
            truth = np.r_[np.ones(300), np.zeros(len(values))]
            auroc = roc_auc_score(truth, np.r_[score(known), score(values)])
            mine = found[name] if kind is None else found[name]["kinds"][kind]
            assert mine["auroc"] == pytest.approx(auroc, abs=1e-9)
            cut = found[name]["threshold"]
            assert mine["let_in"] == pytest.approx((score(values) >= cut).mean())
        assert found[name]["kept"] == pytest.approx(0.95, abs=0.005)


def test_nothing_to_compare_with() -> None:
    with pytest.raises(BadInput, match="none"):
        thresholds(np.zeros((3, 2)), {})
