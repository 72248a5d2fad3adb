"""What covering parts of images does to the number that is explained: every map is judged by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..target import Aim, outputs, untouched

if TYPE_CHECKING:
    import numpy as np

    from ...engine.lower import Lowered

GRID, CELLS = 32, 7
"""Places along a side that maps and masks are compared on, and cells of a mask along a side, at most."""


@dataclass(frozen=True, eq=False)
class Covered:
    """Changes of what is explained, for pairs of half-covered copies of each image.

    Args:
        kept_NPgg: for each image and pair 1 where the first copy keeps the image and the second is covered,
            -1 the other way round, softly between; on a coarse grid.
        change_NP: the number that is explained, of the first copy minus that of the second.
    """

    kept_NPgg: np.ndarray
    change_NP: np.ndarray

    def first(self, pairs: int) -> Covered:
        """The first pairs alone."""
        return Covered(self.kept_NPgg[:, :pairs], self.change_NP[:, :pairs])


def cover(
    net: Lowered,
    images_NCHW: np.ndarray,
    aimed: Aim,
    *,
    pairs: int,
    before: Covered | None = None,
    batch_size: int = 64,
    seed: int = 0,
) -> Covered:
    """Cover a random half of each image, then the other half, and measure what is explained.

    The cells of a mask are as in RISE (V. Petsiuk et al., 2018); what is covered is blurred. Both halves of a
    pair together are a two-level design folded over (G. Box et al., "Statistics for Experimenters"): what two
    cells do together drops out of the difference, and what each does alone stays.

    Args:
        net: a network from `engine.lower`; not changed.
        images_NCHW: raw pixels.
        aimed: what is explained.
        pairs: how many for each image, those of `before` included.
        before: pairs that were measured already, with the same seed.
        batch_size: images in the network at a time.
        seed: of the masks.

    Example:
        >>> import numpy as np
        >>> from convsmith.engine.lower import lower
        >>> from convsmith.zoo import network
        >>> x_NCHW, net = np.zeros((2, 1, 32, 32), np.float32), lower(network("lenet5"))
        >>> cover(net, x_NCHW, Aim((0, 1), None, "logit"), pairs=3).change_NP.shape
        (2, 3)
    """
    import numpy as np
    import torch

    from ..methods.rise import random_masks

    size = (images_NCHW.shape[2], images_NCHW.shape[3])
    cells, done = max(2, min(CELLS, min(size) // 2)), 0 if before is None else before.change_NP.shape[1]
    kept, changes = [], []
    for index, image_CHW in enumerate(images_NCHW):
        masks_PHW = random_masks(pairs, size, cells, 0.5, seed + index)[done:]
        image, cover_CHW = torch.from_numpy(image_CHW), torch.from_numpy(blurred(image_CHW))
        halves = torch.from_numpy(np.concatenate([masks_PHW, 1 - masks_PHW]))[:, None]
        one, said = aimed.take(slice(index, index + 1)), []
        with untouched(net), torch.inference_mode():
            for part in halves.split(batch_size):
                copies = cover_CHW + part * (image - cover_CHW)
                said.append(one.repeated(len(part)).scores(outputs(net, copies)))
        first, second = torch.cat(said).double().numpy().reshape(2, -1)
        kept.append(on_grid(2 * masks_PHW - 1))
        changes.append(first - second)
    found = Covered(np.stack(kept), np.stack(changes))
    if before is None:
        return found
    return Covered(
        np.concatenate([before.kept_NPgg, found.kept_NPgg], 1),
        np.concatenate([before.change_NP, found.change_NP], 1),
    )


def on_grid(maps_MHW: np.ndarray) -> np.ndarray:
    """Maps as means over the places of a square grid of at most `GRID` a side, (M, g, g).

    Example:
        >>> import numpy as np
        >>> on_grid(np.ones((2, 64, 48))).shape
        (2, 32, 32)
    """
    import numpy as np

    rows, columns = maps_MHW.shape[1:]
    side = min(GRID, rows, columns)
    down, across = _means(rows, side), _means(columns, side)
    return np.einsum("gr,mrc,hc->mgh", down, maps_MHW.astype(np.float64), across, optimize=True)


def _means(length: int, parts: int) -> np.ndarray:
    """The mean over each of so many equal parts of a line, as a matrix (parts, length)."""
    import numpy as np

    ends = np.linspace(0, length, parts + 1)
    pixel = np.arange(length)
    overlap = np.minimum(ends[1:, None], pixel + 1) - np.maximum(ends[:-1, None], pixel)
    return overlap.clip(0) * parts / length


def blurred(image_CHW: np.ndarray) -> np.ndarray:
    """The image with a Gaussian of a sixth of its side, edges repeated."""
    import numpy as np

    out = image_CHW.astype(np.float64)
    for axis in (1, 2):
        n = out.shape[axis]
        apart = np.arange(n)[:, None] - np.arange(-n, 2 * n)[None]
        weight = np.exp(-((6 * apart / n) ** 2) / 2)
        weight /= weight.sum(1, keepdims=True)
        near = weight[:, n : 2 * n].copy()
        near[:, 0] += weight[:, :n].sum(1)
        near[:, -1] += weight[:, 2 * n :].sum(1)
        out = np.moveaxis(np.tensordot(near, out, (1, axis)), 0, axis)
    return out.astype(np.float32)
