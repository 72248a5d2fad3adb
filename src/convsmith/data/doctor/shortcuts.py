"""Ways to tell the classes apart without looking at what is in the picture."""

from __future__ import annotations

import numpy as np

from ..images import Images
from .finding import Finding

SIDE = 32
RING = 3


def tells(values: np.ndarray, labels: np.ndarray) -> float:
    """Share of images whose class is guessed by the commonest class among the other images of equal value.

    Args:
        values: (N,) anything that can be compared.
        labels: (N,) class numbers.

    Example:
        >>> tells(np.array(["png", "png", "jpg", "jpg"]), np.array([0, 0, 1, 1]))
        1.0
        >>> tells(np.array(["a", "b", "c", "d"]), np.array([0, 0, 1, 1]))
        0.0
    """
    _, value = np.unique(values, return_inverse=True)
    table = np.zeros((int(value.max()) + 1, int(labels.max()) + 1), np.int64)
    np.add.at(table, (value.reshape(-1), labels), 1)
    others = table[value.reshape(-1)]
    others[np.arange(len(labels)), labels] -= 1  # an image does not vote for itself
    best = others.max(axis=1)
    right = others[np.arange(len(labels)), labels]
    return float(((right == best) & (best > 0)).mean())


def by_file(images: Images) -> list[Finding]:
    """Whether format, mode or size alone gives the class away."""
    seen, y = images.seen, images.y
    if len(images) < 20 or len(images.classes) < 2:
        return []
    chance = np.bincount(y).max() / len(y)
    keys = {
        "format": seen["format"],
        "mode": seen["mode"],
        "size": seen["height"].astype(np.int64) * 2**32 + seen["width"],
    }
    out = []
    for name, values in keys.items():
        share = tells(values, y)
        if share > chance + 0.5 * (1 - chance):
            text = f"the {name} of the file alone gives {share:.0%} of the classes (guessing: {chance:.0%})"
            hint = "the classes come from different sources; a network will learn that instead of the content"
            out.append(Finding("warning", f"{name} tells the class", text, hint))
    return out


def ridge_accuracy(x: np.ndarray, labels: np.ndarray, test: np.ndarray) -> float:
    """Accuracy on `test` rows of ridge regression on one-hot labels, fitted to the others.

    Args:
        x: (N, features) float.
        labels: (N,) class numbers.
        test: (N,) bool.
    """
    mean, spread = x[~test].mean(axis=0), x[~test].std(axis=0) + 1e-6
    z = (x - mean) / spread
    hot = np.eye(int(labels.max()) + 1)[labels]
    a, b = z[~test], hot[~test] - hot[~test].mean(axis=0)
    strength = 0.1 * len(a)
    if a.shape[1] <= len(a):
        weights = np.linalg.solve(a.T @ a + strength * np.eye(a.shape[1]), a.T @ b)
    else:
        weights = a.T @ np.linalg.solve(a @ a.T + strength * np.eye(len(a)), b)
    guess = (z[test] @ weights + hot[~test].mean(axis=0)).argmax(axis=1)
    return float((guess == labels[test]).mean())


def by_border(images: Images, *, most: int = 4000) -> list[Finding]:
    """Whether the rim of the pictures alone gives the class away: a watermark, a ruler, a scanner's frame.

    A linear classifier on the outer 3 pixels of 32x32 thumbnails, cross-validated with copies kept
    together, on at most `most` images.
    """
    if len(images) < 50 or len(images.classes) < 2 or (np.bincount(images.y) < 5).any():
        return []
    some = images[np.linspace(0, len(images) - 1, min(most, len(images))).astype(int)]
    pixels = some.pixels((SIDE, SIDE), 1)[..., 0].astype(np.float64) / 255
    rim = np.ones((SIDE, SIDE), bool)
    rim[RING:-RING, RING:-RING] = False
    right = inside = 0.0
    for _, test in some.folds(k=5):
        held = np.zeros(len(some), bool)
        held[test] = True
        right += ridge_accuracy(pixels[:, rim], some.y, held) * len(test)
        inside += ridge_accuracy(pixels[:, ~rim][:, ::2], some.y, held) * len(test)
    border, middle = right / len(some), inside / len(some)
    chance = float(np.bincount(some.y).max() / len(some))
    if border < chance + 0.3 * (1 - chance) or border < middle - 0.02:
        return []
    others = f"their middle {middle:.0%}, guessing {chance:.0%}"
    text = f"the rim of the pictures alone gives {border:.0%} of the classes ({others})"
    hint = "look for watermarks, rulers, frames or backgrounds that go with one class"
    return [Finding("warning", "the border tells the class", text, hint)]
