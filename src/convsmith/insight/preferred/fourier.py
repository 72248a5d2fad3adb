"""Gradient ascent in the frequencies of an image, robust to small moves.

C. Olah, A. Mordvintsev, L. Schubert, "Feature Visualization", Distill 2017, and its program: the image is the
inverse Fourier transform of what is optimised, each frequency scaled by one over itself; colours are
decorrelated; before every step the image is moved, turned and scaled a little.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..one_layer import checked_units
from .climb import objective, portions

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ...engine.lower import Lowered

COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""The square root of the covariance of ImageNet's colours, as in the authors' program."""
MOVE, TURN, SCALE = 1 / 16, 10.0, 0.1
"""By how much at most: a share of the side, degrees, a share of the size."""
RATE, START = 0.05, 0.01


def fourier(
    net: Lowered,
    layer: str,
    units: list[int] | None = None,
    *,
    steps: int = 96,
    colours_33: np.ndarray | None = None,
    robust: bool = True,
    seed: int = 0,
    on_share: Callable[[float], None] | None = None,
) -> np.ndarray:
    """For each unit an image that it answers to, on the mean over all places.

    Args:
        net: a network from `engine.lower`; not changed.
        layer: the layer; the network's last layer gives an image for each class.
        units: which of its units; all without it.
        steps: of Adam, rate 0.05.
        colours_33: the square root of the colours' covariance (`colours_of` the user's own images);
            ImageNet's without it.
        robust: move, turn and scale the image before every step.
        seed: of the beginning and the moves, the same for every unit.
        on_share: told how far it is, 0 to 1.

    Returns:
        (units, H, W, C), uint8.

    Raises:
        BadInput: the layer has no such unit.

    Example:
        >>> from convsmith.engine.lower import lower
        >>> from convsmith.zoo import network
        >>> fourier(lower(network("lenet5")), "conv2", [0, 3], steps=2).shape
        (2, 32, 32, 1)
    """
    import numpy as np
    import torch

    chosen = checked_units(net, layer, units)
    rows, columns, channels = (int(size or 0) for size in net.graph.input_shape)
    mixing = torch.tensor(COLOURS if colours_33 is None else colours_33, dtype=torch.float32)
    mixing = mixing / mixing.norm(dim=0).max()
    scale = 1 / _frequencies(rows, columns).clamp(min=1 / max(rows, columns))
    scale = scale * math.sqrt(rows * columns)
    made: list[torch.Tensor] = []
    for some in portions(net, chosen):
        random = torch.Generator().manual_seed(seed)
        start = START * torch.randn((channels, rows, columns // 2 + 1, 2), generator=random)
        waves = start.expand(len(some), *start.shape).clone().requires_grad_(True)
        climber = torch.optim.Adam([waves], lr=RATE)
        for step in range(steps):
            if on_share is not None:
                on_share((len(some) * step / steps + sum(len(part) for part in made)) / len(chosen))
            with torch.enable_grad():
                x_UCHW = 255 * _image(waves, scale, mixing, (rows, columns))
                if robust:
                    x_UCHW = moved(x_UCHW, random)
                score_U = objective(net, layer, some, x_UCHW, centre=False)
                (waves.grad,) = torch.autograd.grad(-score_U.sum(), waves)
            climber.step()
        with torch.no_grad():
            made.append(255 * _image(waves, scale, mixing, (rows, columns)).permute(0, 2, 3, 1))
    return np.rint(torch.cat(made).numpy()).astype(np.uint8)


def colours_of(images_NHWC: np.ndarray) -> np.ndarray:
    """The square root of the covariance of some images' colours, (3, 3); of grey ones one number, (1, 1).

    Example:
        >>> import numpy as np
        >>> images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3))
        >>> root = colours_of(images)
        >>> bool(np.allclose(root @ root.T, np.cov(images.reshape(-1, 3).T / 255), atol=1e-6))
        True
    """
    import numpy as np

    pixels = images_NHWC.reshape(-1, images_NHWC.shape[-1]).astype(np.float64) / 255
    covariance = np.atleast_2d(np.cov(pixels.T))
    sizes, axes = np.linalg.eigh(covariance)
    found: np.ndarray = axes * np.sqrt(np.clip(sizes, 1e-6, None))
    return found


def _frequencies(rows: int, columns: int) -> torch.Tensor:
    import torch

    return torch.hypot(torch.fft.fftfreq(rows)[:, None], torch.fft.rfftfreq(columns)[None])


def _image(
    waves: torch.Tensor, scale: torch.Tensor, mixing: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """From frequencies to pixels between 0 and 1."""
    import torch

    spectrum = torch.view_as_complex(waves) * scale
    plain = torch.fft.irfft2(spectrum, s=size) / 4
    if plain.shape[1] == 3:
        plain = torch.einsum("uchw,dc->udhw", plain, mixing)
    return torch.sigmoid(plain)


def moved(x_NCHW: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """All images moved, turned and scaled alike, by a random little; what comes in is their mirror image."""
    import torch
    from torch.nn import functional as F

    down, across, turn, grow = (2 * torch.rand(4, generator=random) - 1).tolist()
    angle, zoom = math.radians(TURN * turn), 1 + SCALE * grow
    cos, sin = math.cos(angle) * zoom, math.sin(angle) * zoom
    theta = torch.tensor([[cos, -sin, 2 * MOVE * across], [sin, cos, 2 * MOVE * down]])
    grid = F.affine_grid(theta.expand(len(x_NCHW), 2, 3), list(x_NCHW.shape), align_corners=False)
    return F.grid_sample(x_NCHW, grid, padding_mode="reflection", align_corners=False)
