"""Occlusion: M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", 2014."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import BadInput
from ..explanation import Explanation
from ..method import METHODS
from ..target import Target
from ._pixels import aimed_at, baseline_image, of_pixels, scores_of

if TYPE_CHECKING:
    import torch

    from ...engine.lower import Lowered


@METHODS.register()
def occlusion(
    net: Lowered,
    images_NCHW: torch.Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    window: int | None = None,
    stride: int | None = None,
    baseline: str = "mean",
) -> Explanation:
    """What the score loses when a square is covered; each pixel has the mean over the squares that hold it.

    Valid for every network: it only looks at outputs.

    Args:
        window: the square's side in pixels; without it a sixth of the image's shorter side, at least 2.
        stride: pixels between neighbouring squares; without it half the window.
        baseline: what covers: "black", "white" or "mean" (each image's mean colour).
    """
    import torch

    rows, columns = images_NCHW.shape[2:]
    side = window or max(2, min(rows, columns) // 6)
    step = stride or max(1, side // 2)
    if not (0 < side <= min(rows, columns) and 0 < step <= side):
        raise BadInput(
            "occlusion",
            f"window {side} and stride {step} on {rows}x{columns} pixels",
            "a window inside the image, and a stride of at most the window",
            "window=8, stride=4",
        )
    aimed = aimed_at(net, images_NCHW, target)
    cover, whole = baseline_image(images_NCHW, baseline), scores_of(net, images_NCHW, aimed)
    lost, times = torch.zeros_like(images_NCHW[:, 0]), torch.zeros_like(images_NCHW[0, 0])
    for top in _starts(rows, side, step):
        for left in _starts(columns, side, step):
            square = (..., slice(top, top + side), slice(left, left + side))
            covered = images_NCHW.clone()
            covered[square] = cover[square]
            lost[square] += (whole - scores_of(net, covered, aimed))[:, None, None]
            times[square] += 1
    return of_pixels(
        "occlusion",
        images_NCHW,
        lost / times,
        aimed,
        whole,
        signed=True,
        notes=(f"squares of {side} pixels, {step} apart, covered with the {baseline} colour",),
    )


def _starts(length: int, side: int, step: int) -> list[int]:
    """Where the squares begin; the last one ends at the edge."""
    found = list(range(0, length - side + 1, step))
    return found if found[-1] == length - side else [*found, length - side]
