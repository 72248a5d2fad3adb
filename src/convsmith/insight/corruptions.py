"""Images as bad cameras, weather of light and careless storage leave them, each at five severities.

D. Hendrycks, T. Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations",
2019. The constants are theirs: of ImageNet-C (224 pixels) for images of 96 pixels a side and more, of
CIFAR-10-C (32 pixels) below; lengths grow with the image's side, and are those of 32 pixels below that. Our
own are shift and rotation, which are not in that set, the radii of defocus on small images, where theirs are
below a pixel, and one of the motion.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, BadName
from .moving import bell, each, filtered, moved, tail

if TYPE_CHECKING:
    import numpy as np
    import torch

LARGE = 96
"""From this side on the constants of ImageNet-C are taken."""
SEVERITIES = (1, 2, 3, 4, 5)
AT_ONCE = 64
"""Images that are held as floating-point numbers at once."""

Corrupt = Callable[["torch.Tensor", float, float, "np.random.Generator"], "torch.Tensor"]


@dataclass(frozen=True)
class Corruption:
    """One way of spoiling images.

    Args:
        group: noise, blur, light, place or storage.
        apply: (images float32 NCHW 0..1, constant, pixels per unit of length, rng) -> images.
        large: the constants for five severities on large images.
        small: those on small ones.
        unit: what the constant is.
    """

    group: str
    apply: Corrupt
    large: tuple[float, ...]
    small: tuple[float, ...]
    unit: str

    def constants(self, side: int) -> tuple[float, ...]:
        """The five constants for images of this side."""
        return self.large if side >= LARGE else self.small


def corrupt(x_NHWC: np.ndarray, name: str, severity: int, *, seed: int = 0) -> np.ndarray:
    """Spoil images.

    Args:
        x_NHWC: uint8.
        name: one of `CORRUPTIONS`.
        severity: 1 to 5.
        seed: of what is random; every severity uses the same random numbers, so only the strength grows.

    Returns:
        uint8, the same shape.

    Raises:
        BadName: for an unknown name, with the nearest one.
        BadInput: for another severity, or images that are not uint8.

    Example:
        >>> import numpy as np
        >>> int(corrupt(np.full((1, 8, 8, 1), 100, np.uint8), "brightness", 5)[0, 0, 0, 0])
        177
    """
    import numpy as np
    import torch

    if name not in CORRUPTIONS:
        raise BadName("corruption", name, CORRUPTIONS)
    if severity not in SEVERITIES:
        raise BadInput("severity", f"got {severity}", "1 to 5")
    if x_NHWC.dtype != np.uint8 or x_NHWC.ndim != 4:
        raise BadInput("images", f"{x_NHWC.dtype} of shape {x_NHWC.shape}", "uint8 (N, H, W, C)")
    found, side = CORRUPTIONS[name], min(x_NHWC.shape[1:3])
    constant = found.constants(side)[severity - 1]
    unit = side / 224 if side >= LARGE else max(1.0, side / 32)
    rng, spoiled = np.random.default_rng(seed), np.empty_like(x_NHWC)
    for start in range(0, len(x_NHWC), AT_ONCE):
        part = np.array(x_NHWC[start : start + AT_ONCE])  # a copy: torch wants to be able to write
        x = torch.from_numpy(part).permute(0, 3, 1, 2).float() / 255
        out = found.apply(x, constant, unit, rng).clamp(0, 1) * 255
        spoiled[start : start + AT_ONCE] = out.round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return spoiled


def _gaussian_noise(x: Any, c: float, unit: float, rng: Any) -> Any:
    import torch

    return x + c * torch.from_numpy(rng.standard_normal(tuple(x.shape), dtype="float32"))


def _shot_noise(x: Any, c: float, unit: float, rng: Any) -> Any:
    import torch

    return torch.from_numpy(rng.poisson(x.numpy() * c).astype("float32")) / c


def _impulse_noise(x: Any, c: float, unit: float, rng: Any) -> Any:
    import torch

    u = torch.from_numpy(rng.random(tuple(x.shape), dtype="float32"))
    return torch.where(u < c / 2, torch.zeros(()), torch.where(u > 1 - c / 2, torch.ones(()), x))


def _gaussian_blur(x: Any, c: float, unit: float, rng: Any) -> Any:
    line = bell(c * unit)
    return filtered(filtered(x, line[:, None]), line[None])


def _defocus_blur(x: Any, c: float, unit: float, rng: Any) -> Any:
    """A disk, drawn with eight points across each pixel so that a part of a pixel counts as one."""
    import torch

    radius = c * unit
    reach = max(1, int(radius + 0.999))
    fine = (torch.arange(8 * (2 * reach + 1)) + 0.5) / 8 - reach - 0.5
    disk = ((fine[:, None] ** 2 + fine[None] ** 2) <= radius**2 + 1e-9).float()
    kernel = disk.reshape(2 * reach + 1, 8, 2 * reach + 1, 8).sum((1, 3))
    return filtered(x, kernel / kernel.sum())


def _motion_blur(x: Any, c: float, unit: float, rng: Any) -> Any:
    """A tail of weights that fall like a bell; each image has its own direction, within 45 degrees."""
    import numpy as np
    import torch
    from torch.nn import functional

    rows, columns = x.shape[2:]
    sigma = c * unit
    reach = max(1, round(3 * sigma))
    padded = functional.pad(x, (reach, reach, reach, reach), mode="replicate")
    out = torch.zeros_like(x)
    for number, angle in enumerate(rng.uniform(-np.pi / 4, np.pi / 4, len(x))):
        taps = tail(sigma, reach, float(angle))
        for (down, across), weight in taps.items():
            out[number] += weight * padded[number, :, down : down + rows, across : across + columns]
    return out


def _contrast(x: Any, c: float, unit: float, rng: Any) -> Any:
    mean = x.mean((2, 3), keepdim=True)
    return (x - mean) * c + mean


def _brightness(x: Any, c: float, unit: float, rng: Any) -> Any:
    """The value of hue, saturation and value is raised; black becomes grey."""
    import torch

    value = x.amax(1, keepdim=True)
    raised = (value + c).clamp(max=1)
    return torch.where(value > 0, x * raised / value.clamp(min=1e-6), raised)


def _shift(x: Any, c: float, unit: float, rng: Any) -> Any:
    """By this share of the side, in a direction of its own for each image; the edge is repeated."""
    import numpy as np

    angle = rng.uniform(0, 2 * np.pi, len(x))
    return moved(x, np.zeros(len(x)), 2 * c * np.stack([np.cos(angle), np.sin(angle)], 1))


def _rotation(x: Any, c: float, unit: float, rng: Any) -> Any:
    """By this many degrees, to a side of its own for each image; the edge is repeated."""
    import numpy as np

    return moved(x, np.deg2rad(c) * rng.choice((-1.0, 1.0), len(x)), np.zeros((len(x), 2)))


def _jpeg(x: Any, c: float, unit: float, rng: Any) -> Any:
    from PIL import Image

    def one(image: Any) -> Any:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(c))
        return Image.open(buffer)

    return each(x, one)


def _pixelate(x: Any, c: float, unit: float, rng: Any) -> Any:
    """Shrunk and enlarged again, each pixel the mean of those that it covers."""
    from PIL import Image

    rows, columns = x.shape[2:]
    size = (max(1, int(columns * c)), max(1, int(rows * c)))

    def one(image: Any) -> Any:
        small = image.resize(size, Image.Resampling.BOX)
        return small.resize((columns, rows), Image.Resampling.BOX)

    return each(x, one)


_SHIFT, _TURN = (0.03, 0.06, 0.10, 0.15, 0.20), (5.0, 10.0, 15.0, 25.0, 40.0)

CORRUPTIONS: dict[str, Corruption] = {
    "gaussian_noise": Corruption(
        "noise", _gaussian_noise, (0.08, 0.12, 0.18, 0.26, 0.38), (0.04, 0.06, 0.08, 0.09, 0.10),
        "standard deviation, as a share of white",
    ),
    "shot_noise": Corruption(
        "noise", _shot_noise, (60, 25, 12, 5, 3), (500, 250, 100, 75, 50), "photons at white"
    ),
    "impulse_noise": Corruption(
        "noise", _impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27), (0.01, 0.02, 0.03, 0.05, 0.07),
        "share of values turned black or white",
    ),
    "gaussian_blur": Corruption(
        "blur", _gaussian_blur, (1, 2, 3, 4, 6), (0.4, 0.6, 0.7, 0.8, 1.0), "standard deviation, pixels"
    ),
    "defocus_blur": Corruption(
        "blur", _defocus_blur, (3, 4, 6, 8, 10), (0.7, 0.8, 0.9, 1.1, 1.5), "radius of the disk, pixels"
    ),
    "motion_blur": Corruption(
        "blur", _motion_blur, (3, 5, 8, 12, 15), (1.0, 1.5, 2.0, 2.25, 2.5),
        "standard deviation along the way, pixels",
    ),
    "brightness": Corruption(
        "light", _brightness, (0.1, 0.2, 0.3, 0.4, 0.5), (0.05, 0.10, 0.15, 0.20, 0.30),
        "added to the value, as a share of white",
    ),
    "contrast": Corruption(
        "light", _contrast, (0.4, 0.3, 0.2, 0.1, 0.05), (0.75, 0.5, 0.4, 0.3, 0.15),
        "share of the contrast that is left",
    ),
    "shift": Corruption("place", _shift, _SHIFT, _SHIFT, "share of the side"),
    "rotation": Corruption("place", _rotation, _TURN, _TURN, "degrees"),
    "jpeg": Corruption("storage", _jpeg, (25, 18, 15, 10, 7), (80, 65, 58, 50, 40), "JPEG quality"),
    "pixelate": Corruption(
        "storage", _pixelate, (0.6, 0.5, 0.4, 0.3, 0.25), (0.95, 0.90, 0.85, 0.75, 0.65),
        "share of the pixels across that is left",
    ),
}  # fmt: skip
