"""SmoothGrad: D. Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..explanation import Explanation
from ..method import METHODS
from ..target import Target
from ._pixels import aimed_at, input_gradient, of_pixels, scores_of

if TYPE_CHECKING:
    import torch

    from ...engine.lower import Lowered


@METHODS.register()
def smooth_grad(
    net: Lowered,
    images_NCHW: torch.Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    copies: int = 25,
    noise: float = 0.15,
    seed: int = 0,
) -> Explanation:
    """The mean gradient of noisy copies of the image; its largest size over the channels.

    Args:
        copies: how many.
        noise: standard deviation as a share of the image's largest minus its smallest pixel.
        seed: of the noise, which is the same for every image.
    """
    import torch

    aimed = aimed_at(net, images_NCHW, target)
    flat = images_NCHW.flatten(1)
    spread_N111 = (noise * (flat.amax(1) - flat.amin(1))).reshape(-1, 1, 1, 1)
    random = torch.Generator().manual_seed(seed)
    total = torch.zeros_like(images_NCHW)
    for _ in range(copies):
        shake = torch.randn(images_NCHW.shape[1:], generator=random).to(images_NCHW)
        total += input_gradient(net, images_NCHW + spread_N111 * shake, aimed)[0]
    mean_NCHW = total / copies
    return of_pixels(
        "smooth_grad",
        images_NCHW,
        mean_NCHW.abs().amax(1),
        aimed,
        scores_of(net, images_NCHW, aimed),
        signed=False,
        arrays={"gradient_NCHW": mean_NCHW},
    )
