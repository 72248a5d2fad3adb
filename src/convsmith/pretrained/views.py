"""Fixed views of images: crops and mirror images, drawn once, rendered at any size.

A student that learns from a teacher's answers wants many different images of each thing, and the teacher's
answer to exactly what it sees (L. Beyer et al., "Knowledge Distillation: A Good Teacher Is Patient and
Consistent", CVPR 2022, section 3). Answers to a fixed bank of views can be kept, so that the teacher costs
its time once (Z. Shen, E. Xing, "A Fast Knowledge Distillation Framework for Visual Recognition", ECCV
2022).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

SMALLEST = 0.35
"""Share of an image's area that a crop shows at least."""
LONGEST = 4 / 3
"""Most by which a crop's sides differ from the image's proportions."""


def drawn(images: int, view: int, *, seed: int, flips: bool, smallest: float = SMALLEST) -> np.ndarray:
    """Where a view of each image lies; view 0 is the whole image.

    Args:
        images: how many.
        view: its number, from 0.
        seed: of the random numbers.
        flips: whether half of the views are mirrored left to right.
        smallest: share of the area, at least.

    Returns:
        float32 (images, 5): middle row and middle column, height and width, in halves of the image from -1
        to 1; and 1 or -1 for a mirrored one.

    Example:
        >>> drawn(2, 0, seed=0, flips=True).tolist()
        [[0.0, 0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0, 1.0]]
    """
    if view == 0:
        return np.tile(np.array([0, 0, 1, 1, 1], np.float32), (images, 1))
    rng = np.random.default_rng([seed, view])
    area = rng.uniform(smallest, 1, images)
    shape = np.exp(rng.uniform(-np.log(LONGEST), np.log(LONGEST), images) / 2)
    height, width = np.minimum(1, np.sqrt(area) * shape), np.minimum(1, np.sqrt(area) / shape)
    middle = rng.uniform(-1, 1, (2, images)) * (1 - np.stack([height, width]))
    mirrored = np.where(rng.random(images) < 0.5, -1.0, 1.0) if flips else np.ones(images)
    return np.stack([*middle, height, width, mirrored], 1).astype(np.float32)


def rendered(x_NHWC: np.ndarray, places: np.ndarray, sides: tuple[int, int]) -> torch.Tensor:
    """Views of images.

    Args:
        x_NHWC: (N, H, W, C) uint8.
        places: (N, 5), as `drawn` gives them.
        sides: rows and columns of what comes out.

    Returns:
        float32 (N, C, rows, columns), from 0 to 255.
    """
    import torch
    from torch.nn import functional as F

    from ..engine.predict import to_NCHW

    x = to_NCHW(x_NHWC)
    where = torch.from_numpy(np.array(places, np.float32))
    turn = torch.zeros(len(x), 2, 3)
    turn[:, 0, 0], turn[:, 0, 2] = where[:, 3] * where[:, 4], where[:, 1]
    turn[:, 1, 1], turn[:, 1, 2] = where[:, 2], where[:, 0]
    # Sampled finely, then made smaller with antialiasing: sampling alone would skip pixels.
    finer = [max(side, have if side < have else side) for side, have in zip(sides, x.shape[2:], strict=True)]
    grid = F.affine_grid(turn, [len(x), x.shape[1], *finer], align_corners=False)
    found = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
    if tuple(finer) != tuple(sides):
        found = F.interpolate(found, tuple(sides), mode="bilinear", antialias=True)
    return found.clamp(0, 255)


def rounded(x_NCHW: torch.Tensor) -> np.ndarray:
    """Pixels as uint8 (N, H, W, C)."""
    return np.ascontiguousarray(x_NCHW.round().byte().permute(0, 2, 3, 1).numpy())
