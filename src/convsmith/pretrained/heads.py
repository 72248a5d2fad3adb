"""Linear heads on features: ridge regression in closed form to compare many, logistic regression to use one.

Features are standardised for both; what comes out is a dense layer for the features as they are.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

RIDGES = tuple(10.0**power for power in range(-3, 5))
"""Penalties that are tried, times the mean square of the standardised features' singular values."""
STRENGTHS = (0.003, 0.03, 0.3, 3.0)
"""Inverse penalties of logistic regression that are tried."""
STEPS = 300
"""Of its solver, at most."""


@dataclass(frozen=True)
class Head:
    """A dense layer.

    Args:
        kernel: (features, classes).
        bias: (classes,).
    """

    kernel: np.ndarray
    bias: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Of features (N, features): (N, classes)."""
        found: np.ndarray = features @ self.kernel + self.bias
        return found


@dataclass(frozen=True)
class Judged:
    """How good features are for telling classes apart with a linear head.

    Args:
        accuracy: share of the validation images that are right.
        left_out: share of all images that are right: each training image by a head that was made without it,
            the validation images by one made of all training images.
    """

    accuracy: float
    left_out: float


def ridge(
    train: np.ndarray, y: np.ndarray, validation: np.ndarray, y_validation: np.ndarray, classes: int
) -> Judged:
    """Judge features by ridge regression to one of -1 and 1 for each class.

    The penalty is the one with which most of the training images are right when each is left out, so the
    validation images choose nothing here. What is said of an image that is left out follows from the fit to
    all of them (R. Rifkin, R. Lippert, "Notes on Regularized Least Squares", 2007, section 3).

    Args:
        train: features (N, D).
        y: class numbers (N,).
        validation: features (M, D).
        y_validation: class numbers (M,).
        classes: how many.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> y = np.arange(60) % 3
        >>> x = np.eye(3)[y] + rng.normal(0, 0.1, (60, 3))
        >>> ridge(x[:40], y[:40], x[40:], y[40:], 3).accuracy
        1.0
    """
    mean, spread = _scale(train)
    a, b = (train - mean) / spread, (validation - mean) / spread
    targets = np.where(np.arange(classes) == y[:, None], 1.0, -1.0)
    middle = targets.mean(0)
    centred = targets - middle
    if len(a) <= a.shape[1]:
        values, left = np.linalg.eigh(a @ a.T)
    else:
        squares, right = np.linalg.eigh(a.T @ a)
        kept = squares > 1e-9 * squares[-1]
        values, left = squares[kept], a @ right[:, kept] / np.sqrt(squares[kept])
    values = np.maximum(values, 0)
    turned = left.T @ centred
    best: tuple[float, float, np.ndarray] | None = None
    for share in RIDGES:
        penalty = share * values.mean() + 1e-9
        shrunk = values / (values + penalty)
        fitted = left @ (shrunk[:, None] * turned)
        leverage = (left**2) @ shrunk + 1 / len(a)
        without = centred - (centred - fitted) / np.maximum(1e-6, 1 - leverage)[:, None]
        right_ones = float(((without + middle).argmax(1) == y).mean())
        if best is None or right_ones > best[0]:
            dual = left @ (turned / (values + penalty)[:, None])
            best = right_ones, penalty, a.T @ dual
    assert best is not None
    accuracy = float(((b @ best[2] + middle).argmax(1) == y_validation).mean()) if len(b) else best[0]
    both = (best[0] * len(a) + accuracy * len(b)) / (len(a) + len(b))
    return Judged(accuracy, both)


def logistic(features: np.ndarray, y: np.ndarray, classes: int, strength: float = STRENGTHS[1]) -> Head:
    """Multinomial logistic regression.

    Args:
        features: (N, D).
        y: class numbers (N,).
        classes: how many; one without an image is never answered.
        strength: the inverse of the penalty.
    """
    from sklearn.linear_model import LogisticRegression

    mean, spread = _scale(features)
    known = np.unique(y)
    kernel = np.zeros((features.shape[1], classes))
    bias = np.full(classes, -30.0)
    if len(known) == 1:
        bias[known] = 0.0
    else:
        with warnings.catch_warnings():  # few images of many classes are no mistake, nor is the last step
            warnings.simplefilter("ignore")
            made = LogisticRegression(C=strength, max_iter=STEPS).fit((features - mean) / spread, y)
        both = len(known) > 2
        rows = made.coef_ if both else np.concatenate([-made.coef_, made.coef_]) / 2
        ends = made.intercept_ if both else np.concatenate([-made.intercept_, made.intercept_]) / 2
        kernel[:, known] = rows.T / spread[:, None]
        bias[known] = ends - (mean / spread) @ rows.T
    return Head(kernel.astype(np.float32), bias.astype(np.float32))


def best_logistic(
    train: np.ndarray, y: np.ndarray, validation: np.ndarray, y_validation: np.ndarray, classes: int
) -> tuple[Head, float, float]:
    """The logistic regression whose answers on validation images have the smallest loss.

    Returns:
        The head, its share of validation images right, and the strength.
    """
    found = []
    for strength in STRENGTHS:
        head = logistic(train, y, classes, strength)
        said = head.logits(validation)
        found.append((cross_entropy(said, y_validation), strength, head, said))
    _, strength, head, said = min(found, key=lambda one: one[:2])
    return head, float((said.argmax(1) == y_validation).mean()), strength


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> float:
    """Mean loss in nats."""
    moved = logits - logits.max(1, keepdims=True)
    return float((np.log(np.exp(moved).sum(1)) - moved[np.arange(len(y)), y]).mean())


def _scale(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each feature; 1 for one that never changes."""
    features = features.astype(np.float64)
    spread = features.std(0)
    return features.mean(0), np.where(spread > 1e-6, spread, 1.0)
