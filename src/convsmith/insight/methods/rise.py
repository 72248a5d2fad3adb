"""RISE: V. Petsiuk, A. Das, K. Saenko, "RISE: Randomized Input Sampling for Explanation", 2018."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..explanation import Explanation
from ..method import METHODS
from ..target import Target
from ._pixels import aimed_at, baseline_image, of_pixels, scores_of

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ...engine.lower import Lowered


@METHODS.register()
def rise(
    net: Lowered,
    images_NCHW: torch.Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    masks: int = 1000,
    cells: int = 7,
    keep: float = 0.5,
    baseline: str = "mean",
    batch_size: int = 64,
    seed: int = 0,
) -> Explanation:
    """Many random soft masks on the image; each pixel has the mean score of the masks that kept it.

    Valid for every network: it only looks at outputs. Two things differ from the paper: what a mask takes
    away becomes the image's mean colour instead of black, and the mean score of all masks is subtracted,
    which removes noise and makes zero mean "no effect".

    Args:
        masks: how many; more are less noisy.
        cells: cells of a mask along each side, before it is enlarged and shifted.
        keep: the chance that a cell is kept.
        baseline: what masked pixels become: "black", "white" or "mean".
        batch_size: masked images at a time.
        seed: of the masks, which are the same for every image.
    """
    import torch

    aimed = aimed_at(net, images_NCHW, target)
    size = (images_NCHW.shape[2], images_NCHW.shape[3])
    masks_MHW = torch.from_numpy(random_masks(masks, size, cells, keep, seed)).to(images_NCHW)
    away_MHW = masks_MHW - masks_MHW.mean(0)
    variance_HW = away_MHW.square().mean(0).clamp(min=1e-6)
    cover, maps = baseline_image(images_NCHW, baseline), []
    for index in range(len(images_NCHW)):
        one, said = aimed.take(slice(index, index + 1)), []
        for part in masks_MHW[:, None].split(batch_size):
            masked = cover[index] + part * (images_NCHW[index] - cover[index])
            said.append(scores_of(net, masked, one.repeated(len(part))))
        scores_M = torch.cat(said)
        covariance_HW = torch.einsum("m,mhw->hw", scores_M - scores_M.mean(), away_MHW) / masks
        maps.append(covariance_HW / variance_HW)
    return of_pixels(
        "rise",
        images_NCHW,
        torch.stack(maps),
        aimed,
        scores_of(net, images_NCHW, aimed),
        signed=True,
        notes=(f"{masks} random masks of {cells}x{cells} cells; kept pixels against the {baseline} colour",),
    )


def random_masks(count: int, size: tuple[int, int], cells: int, keep: float, seed: int) -> np.ndarray:
    """Soft masks: random cells, enlarged linearly by one cell more than the image needs, and shifted.

    Returns:
        (count, rows, columns), float32, 0 to 1.
    """
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(seed)
    rows, columns = size
    cell = (-(-rows // cells), -(-columns // cells))
    found = np.empty((count, rows, columns), dtype=np.float32)
    for number in range(count):
        grid = (rng.random((cells + 1, cells + 1)) < keep).astype(np.float32)
        large = ((cells + 1) * cell[1], (cells + 1) * cell[0])
        mask = np.asarray(Image.fromarray(grid).resize(large, Image.Resampling.BILINEAR))
        top, left = rng.integers(0, cell[0] + 1), rng.integers(0, cell[1] + 1)
        found[number] = mask[top : top + rows, left : left + columns]
    return found
