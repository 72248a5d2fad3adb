"""Pictures that belong to no class, and whether a threshold tells them from the network's own images.

Scores: the largest probability (D. Hendrycks, K. Gimpel, 2017), the largest logit (D. Hendrycks et al., 2022)
and the energy (W. Liu et al., 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from .calibration import energy, rejection

if TYPE_CHECKING:
    import numpy as np

PATCHES = 4
"""Shuffled images are cut into this many pieces along each side."""
KEEP = 0.95
"""The share of known images that a threshold must let through."""


def probability(logits_NK: np.ndarray) -> np.ndarray:
    """The largest probability of each image, (N,)."""
    import numpy as np

    top = logits_NK.max(1, keepdims=True)
    return 1 / np.exp(logits_NK - top).sum(1)


def largest_logit(logits_NK: np.ndarray) -> np.ndarray:
    """The largest logit of each image, (N,)."""
    return logits_NK.max(1)


SCORES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "probability": ("largest probability", probability),
    "max_logit": ("largest logit", largest_logit),
    "energy": ("energy", energy),
}
"""Name -> what it is called, and how it is computed from logits; larger is more at home."""


def no_class(x_NHWC: np.ndarray, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Pictures that show nothing of the classes, as many of each kind as there are images.

    Args:
        x_NHWC: the network's own images, uint8; their sizes, colours and pieces are used.
        seed: of everything random.

    Returns:
        Kind -> uint8 (N, H, W, C): noise (every value alike likely), plain (one colour), shuffled pixels and
        shuffled pieces (a 4 by 4 puzzle) of the images.

    Example:
        >>> import numpy as np
        >>> list(no_class(np.zeros((2, 8, 8, 1), np.uint8)))
        ['noise', 'plain', 'shuffled pixels', 'shuffled pieces']
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    n, rows, columns, channels = x_NHWC.shape
    plain = rng.integers(0, 256, (n, 1, 1, channels), dtype=np.uint8)
    flat = x_NHWC.reshape(n, rows * columns, channels)
    return {
        "noise": rng.integers(0, 256, x_NHWC.shape, dtype=np.uint8),
        "plain": np.broadcast_to(plain, x_NHWC.shape).copy(),
        "shuffled pixels": np.stack([rng.permutation(one) for one in flat]).reshape(x_NHWC.shape),
        "shuffled pieces": np.stack([_puzzle(one, rng) for one in x_NHWC]),
    }


def _puzzle(image_HWC: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image cut into pieces that have changed places; what no whole pieces cover stays."""
    import numpy as np

    rows, columns, channels = image_HWC.shape
    down, across = min(PATCHES, rows), min(PATCHES, columns)
    h, w = rows // down, columns // across
    inner = image_HWC[: h * down, : w * across]
    pieces = inner.reshape(down, h, across, w, channels).transpose(0, 2, 1, 3, 4).reshape(-1, h, w, channels)
    moved = pieces[rng.permutation(len(pieces))].reshape(down, across, h, w, channels)
    found = image_HWC.copy()
    found[: h * down, : w * across] = np.ascontiguousarray(moved.transpose(0, 2, 1, 3, 4)).reshape(
        inner.shape
    )
    return found


def thresholds(
    known_NK: np.ndarray, unknown: Mapping[str, np.ndarray], *, keep: float = KEEP,
    fixed: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """For each score, how well a threshold on it keeps the known and turns the unknown away.

    Args:
        known_NK: logits of images of the classes, held out.
        unknown: kind -> logits of pictures that belong to no class.
        keep: the share of the known that must stay.
        fixed: score -> its threshold, where that was decided elsewhere.

    Returns:
        For each score: score, name, threshold, kept, auroc and let_in over all unknown together (with 0.95
        kept, let_in is FPR@95), and kinds: kind -> {auroc, let_in, n}.

    Raises:
        BadInput: without known or unknown pictures.
    """
    import numpy as np

    if not unknown:
        raise BadInput("unknown pictures", "none", "at least one kind")
    found = []
    for score, (called, compute) in SCORES.items():
        known = compute(known_NK.astype(np.float64))
        others = {kind: compute(logits.astype(np.float64)) for kind, logits in unknown.items()}
        at = (fixed or {}).get(score)
        whole = rejection(known, np.concatenate(list(others.values())), keep=keep, threshold=at)
        kinds = {}
        for kind, values in others.items():
            one = rejection(known, values, keep=keep, threshold=at)
            kinds[kind] = {"auroc": one["auroc"], "let_in": one["let_in"], "n": len(values)}
        found.append({"score": score, "name": called, **whole, "kinds": kinds})
    return found
