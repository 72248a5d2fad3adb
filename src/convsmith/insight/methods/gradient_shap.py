"""Expected gradients ("gradient SHAP"): S. Lundberg, S.-I. Lee, 2017; G. Erion et al., 2021."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..explanation import Explanation
from ..method import METHODS
from ..target import Target
from ._pixels import aimed_at, baseline_image, input_gradient, of_pixels, scores_of

if TYPE_CHECKING:
    import torch

    from ...engine.lower import Lowered

BASELINES = ("black", "white", "mean")


@METHODS.register()
def gradient_shap(
    net: Lowered,
    images_NCHW: torch.Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    background_NCHW: torch.Tensor | None = None,
    draws: int = 60,
    seed: int = 0,
) -> Explanation:
    """Integrated gradients averaged over many baselines: each pixel's part compared with the background.

    The parts add up to score(image) minus the background's mean score, but for the randomness of the draws;
    how far they are off, as a share of that difference, stands in ``arrays["completeness_error_N"]``.

    Args:
        background_NCHW: images to compare with, such as some of the training set; without them each image's
            own black, white and mean-coloured forms.
        draws: random points, each on the way from a random baseline to the image.
        seed: of the draws.
    """
    import torch

    aimed, random = aimed_at(net, images_NCHW, target), torch.Generator().manual_seed(seed)
    total, count = torch.zeros_like(images_NCHW), len(images_NCHW)
    if background_NCHW is None:
        grounds = [baseline_image(images_NCHW, name) for name in BASELINES]
    else:
        grounds = [image.expand_as(images_NCHW) for image in background_NCHW.to(images_NCHW)]
    order = torch.randperm(draws, generator=random) % len(grounds)
    # One point in each of as many equal parts of the way: far less noise than points anywhere on it.
    places = (torch.arange(draws) + torch.rand(draws, generator=random)) / draws
    for ground, place in zip(order.tolist(), places.tolist(), strict=True):
        way = images_NCHW - grounds[ground]
        total += input_gradient(net, grounds[ground] + place * way, aimed)[0] * way
    parts_NCHW, scores_N = total / draws, scores_of(net, images_NCHW, aimed)
    from_N = torch.zeros(count, device=scores_N.device)
    for ground_NCHW in grounds:
        from_N += scores_of(net, ground_NCHW, aimed) / len(grounds)
    difference = scores_N - from_N
    error_N = (parts_NCHW.sum((1, 2, 3)) - difference).abs() / difference.abs().clamp(min=1e-6)
    said = "black, white and mean colour" if background_NCHW is None else f"{len(grounds)} images"
    return of_pixels(
        "gradient_shap",
        images_NCHW,
        parts_NCHW.sum(1),
        aimed,
        scores_N,
        signed=True,
        arrays={"attribution_NCHW": parts_NCHW, "completeness_error_N": error_N},
        notes=(f"compared with {said}; the parts add up within {float(error_N.max()):.0%} at {draws} draws",),
    )
