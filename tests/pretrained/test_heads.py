"""Linear heads: the closed form against fits without each image, logistic regression against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from convsmith.pretrained.heads import best_logistic, logistic, ridge


def blobs(
    count: int, features: int, classes: int, spread: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(count) % classes
    return rng.normal(0, 1, (classes, features))[y] + rng.normal(0, spread, (count, features)), y


@pytest.mark.parametrize("features", [3, 60])  # fewer and more than images
def test_left_out_is_what_fits_without_each_image_say(features: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from convsmith.pretrained import heads

    monkeypatch.setattr(heads, "RIDGES", (0.5,))
    x, y = blobs(40, features, 3, 1.5)
    mean, spread = x.mean(0), x.std(0)
    a = (x - mean) / spread
    targets = np.where(np.arange(3) == y[:, None], 1.0, -1.0)
    squares = np.linalg.svd(a, compute_uv=False) ** 2
    kept = squares[squares > 1e-9 * squares.max()]
    penalty = 0.5 * (kept.sum() / (len(a) if len(a) <= features else len(kept)))
    right = 0
    for i in range(len(a)):
        rest = np.arange(len(a)) != i
        b, t = a[rest], targets[rest]
        middle, centre = t.mean(0), b.mean(0)
        w = np.linalg.solve(
            (b - centre).T @ (b - centre) + penalty * np.eye(features), (b - centre).T @ (t - middle)
        )
        right += int(((a[i] - centre) @ w + middle).argmax() == y[i])
    found = ridge(x, y, x[:0], y[:0], 3)
    assert found.left_out == pytest.approx(right / len(a), abs=1.5 / len(a))


@pytest.mark.parametrize("classes", [2, 4])
def test_logistic_is_scikit_learns_on_features_as_they_are(classes: int) -> None:
    x, y = blobs(80, 6, classes, 1.0)
    x = x * np.arange(1, 7) + 5
    head = logistic(x, y, classes, 0.3)
    scaled = (x - x.mean(0)) / x.std(0)
    theirs = LogisticRegression(C=0.3, max_iter=300).fit(scaled, y).predict_proba(scaled)
    said = np.exp(head.logits(x))
    assert said / said.sum(1, keepdims=True) == pytest.approx(theirs, abs=1e-3)


def test_a_class_without_images_is_never_answered() -> None:
    x, y = blobs(30, 4, 2, 0.5)
    assert set(logistic(x, 2 * y, 4).logits(x).argmax(1)) <= {0, 2}
    assert set(logistic(x, 0 * y + 1, 3).logits(x).argmax(1)) == {1}


def test_the_strength_is_chosen_on_validation_images() -> None:
    x, y = blobs(120, 40, 3, 2.0)
    head, accuracy, strength = best_logistic(x[:60], y[:60], x[60:], y[60:], 3)
    assert accuracy == (head.logits(x[60:]).argmax(1) == y[60:]).mean()
    assert strength < 3  # few images, much noise
