"""Classes of very different sizes: weights for the loss, or an order in which each class comes as often.

Y. Cui, M. Jia, T.-Y. Lin, Y. Song, S. Belongie, "Class-Balanced Loss Based on Effective Number of Samples",
CVPR 2019, section 3: the n-th image of a class says less that is new than the first one did.
"""

from __future__ import annotations

import numpy as np

from ...errors import BadName

BALANCES = ("none", "auto", "weights", "sampling")
LARGE = 5.0
"""From this ratio of the largest class to the smallest one on, ``"auto"`` acts."""


def class_weights(counts: np.ndarray) -> np.ndarray:
    """What an image of each class counts in the loss: 1 / its effective number; 1 on average over images.

    The effective number of n images is (1 - beta^n) / (1 - beta), with beta = 1 - 1 / (all images).

    Args:
        counts: images of each class, (classes,); a class without any gets the weight 0.

    Example:
        >>> class_weights(np.array([10, 10])).tolist()
        [1.0, 1.0]
        >>> rare, common = class_weights(np.array([10, 1000]))
        >>> bool(50 < rare / common < 100)
        True
    """
    counts = np.asarray(counts, np.float64)
    total = counts.sum()
    # expm1 and log1p: beta is so near 1 that the plain powers lose their digits.
    effective = -np.expm1(counts * np.log1p(-1 / max(total, 2)))
    weights = np.divide(1.0, effective, out=np.zeros_like(counts), where=counts > 0)
    scaled: np.ndarray = weights * (total / (weights * counts).sum())
    return scaled


def order(y: np.ndarray, balance: str, rng: np.random.Generator) -> np.ndarray:
    """The order in which an epoch sees its images.

    Args:
        y: class numbers, (N,).
        balance: with ``"sampling"`` each class comes equally often (to one image), its images in turn; else
            each image comes once.
        rng: where the random numbers come from.

    Returns:
        N positions.

    Example:
        >>> y = np.array([0] * 90 + [1] * 10)
        >>> np.bincount(y[order(y, "sampling", np.random.default_rng(0))]).tolist()
        [50, 50]
    """
    if balance != "sampling":
        return rng.permutation(len(y))
    classes = np.unique(y)
    shares = np.full(len(classes), len(y) // len(classes))
    shares[rng.permutation(len(classes))[: len(y) - int(shares.sum())]] += 1
    chosen = []
    for label, share in zip(classes, shares, strict=True):
        own = np.flatnonzero(y == label)
        turns = [rng.permutation(own) for _ in range(-(-int(share) // len(own)))]
        chosen.append(np.concatenate([*turns, own[:0]])[:share])
    return rng.permutation(np.concatenate(chosen))


def chosen(balance: str, y: np.ndarray) -> tuple[str, str]:
    """What to do about the classes' sizes, and why.

    Args:
        balance: one of `BALANCES`; ``"auto"`` weighs the loss where the largest class has `LARGE` times as
            many images as the smallest.
        y: class numbers of the training images, (N,).

    Returns:
        "none", "weights" or "sampling"; and the reason.

    Raises:
        BadName: for another word.

    Example:
        >>> chosen("auto", np.array([0] * 90 + [1] * 10))
        ('weights', 'the largest class has 9.0 times the images of the smallest')
    """
    if balance not in BALANCES:
        raise BadName("balance", balance, BALANCES)
    if balance != "auto":
        return balance, "as given"
    counts = np.bincount(y)
    counts = counts[counts > 0]
    ratio = float(counts.max() / counts.min())
    why = f"the largest class has {ratio:.1f} times the images of the smallest"
    return ("weights" if ratio >= LARGE else "none"), why
