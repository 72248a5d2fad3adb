"""Which validation images the last training leaves out: the rule of answering is fitted on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...insight.answer_rule import FEWEST

if TYPE_CHECKING:
    import numpy as np

    from ...data import Images
    from ...data.split import Split

SHARE, MOST = 1 / 3, 300
"""Of the validation images, and how many of them at most."""


def spared(images: Images, split: Split, *, seed: int) -> np.ndarray:
    """Positions of validation images that a search's winner never learns from, sorted.

    Each class in its proportion, copies and groups together, as the split itself is cut.

    Args:
        images: the images.
        split: their parts.
        seed: of the cut.

    Returns:
        A third of the validation images, 300 at most; none where that is fewer than the rule needs: then all
        are learned from.
    """
    import numpy as np

    from ...data.split import cut

    rows = np.sort(split.validation)
    wanted = min(int(SHARE * len(rows)), MOST)
    if wanted < FEWEST:
        return rows[:0]
    part = cut(
        images.y[rows], images.together[rows], images.seen["raw"][rows], seed=seed,
        validation=wanted / len(rows), test=0.0,
    )  # fmt: skip
    found = rows[part.validation]
    return found if len(found) >= FEWEST else rows[:0]
