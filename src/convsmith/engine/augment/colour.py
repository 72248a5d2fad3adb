"""What pixels are worth: brightness, contrast, colour, and Pillow's enhancements on a whole batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .operation import OPERATIONS, Operation


def recoloured(
    x: Tensor, generator: torch.Generator, *, brightness: float, contrast: float, colour: float
) -> Tensor:
    """Brightness, contrast and each channel's gain in one pass; the amounts are those of `Policy`."""
    count, channels = x.shape[:2]
    draw = (torch.rand(count, 2 + channels, generator=generator) * 2 - 1).to(x.device, non_blocking=True)
    gain = (1 + draw[:, :1] * contrast) * (1 + draw[:, 2:] * colour)
    mean = x.mean(dim=(2, 3))
    offset = mean * (1 - gain) + draw[:, 1:2] * (255 * brightness)
    # The mean keeps each channel's own colour shift: only the contrast turns about it.
    offset = offset + mean * draw[:, 2:] * colour
    return torch.addcmul(offset[:, :, None, None], x, gain[:, :, None, None]).clamp_(0, 255)


def brightness(x: Tensor, amount: Tensor) -> Tensor:
    """Towards black (-1), or beyond the image away from it."""
    return _blended(torch.zeros_like(x), x, amount)


def contrast(x: Tensor, amount: Tensor) -> Tensor:
    """Towards the grey of the image's mean (-1), or away from it."""
    mean = _grey(x).round().mean(dim=(2, 3), keepdim=True)
    return _blended((mean + 0.5).floor(), x, amount)


def saturation(x: Tensor, amount: Tensor) -> Tensor:
    """Towards the grey image (-1), or away from it; a grey image stays as it is."""
    return _blended(_grey(x).round(), x, amount) if x.shape[1] == 3 else x


def sharpness(x: Tensor, amount: Tensor) -> Tensor:
    """Towards the image with each inner pixel smoothed (-1), or away from it."""
    channels = x.shape[1]
    kernel = torch.full((3, 3), 1 / 13, device=x.device)
    kernel[1, 1] = 5 / 13
    if min(x.shape[2:]) < 3:
        return x
    smooth = x.clone()
    smooth[:, :, 1:-1, 1:-1] = F.conv2d(x, kernel.expand(channels, 1, 3, 3), groups=channels)
    return _blended(smooth.round(), x, amount)


def posterize(x: Tensor, bits: Tensor) -> Tensor:
    """Only the highest bits of each value."""
    step = (2 ** (8 - bits.round().clamp(0, 8)))[:, None, None, None].to(x.device, non_blocking=True)
    return (x.floor() / step).floor() * step


def solarize(x: Tensor, threshold: Tensor) -> Tensor:
    """Values from the threshold on turned into their negative."""
    return torch.where(x >= threshold[:, None, None, None].to(x.device, non_blocking=True), 255 - x, x)


def autocontrast(x: Tensor, amount: Tensor) -> Tensor:
    """Each channel stretched over 0..255; the amount is not used."""
    low, high = x.amin(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
    stretched = ((x - low) * (255 / (high - low).clamp_min(1e-6))).clamp_max(255)
    return torch.where(high > low, stretched, x)


def equalize(x: Tensor, amount: Tensor) -> Tensor:
    """Each channel's values spread so that all are as common (Pillow's rule); the amount is not used."""
    count, channels = x.shape[:2]
    values = x.round().clamp(0, 255).long().reshape(count * channels, -1)
    counts = torch.zeros(count * channels, 256, dtype=torch.int64, device=x.device)
    counts.scatter_add_(1, values, torch.ones_like(values))
    last = counts.gather(1, values.amax(1, keepdim=True))
    step = (values.shape[1] - last) // 255
    before = counts.cumsum(1) - counts
    table = ((before + step // 2) // step.clamp_min(1)).clamp_max(255)
    equal = table.gather(1, values)
    return torch.where(step > 0, equal, values).to(x.dtype).reshape(x.shape)


def _grey(x: Tensor) -> Tensor:
    """Luma as Pillow has it (ITU-R 601), (N, 1, H, W)."""
    if x.shape[1] != 3:
        return x.mean(1, keepdim=True)
    shares = torch.tensor([0.299, 0.587, 0.114]).to(x.device, non_blocking=True)
    return torch.einsum("nchw,c->nhw", x, shares)[:, None]


def _blended(away: Tensor, x: Tensor, amount: Tensor) -> Tensor:
    """``away`` at -1, the image at 0, beyond it above."""
    factor = (1 + amount)[:, None, None, None].to(x.device, non_blocking=True)
    return (away + (x - away) * factor).clamp(0, 255)


for _name, _apply in (
    ("brightness", brightness),
    ("contrast", contrast),
    ("saturation", saturation),
    ("sharpness", sharpness),
):
    OPERATIONS.add(_name, Operation(_apply, (0, 0.99), (0, 0.9), (0, 0.5), signed=True))
OPERATIONS.add("posterize", Operation(posterize, (8, 2), (8, 4)))
OPERATIONS.add("solarize", Operation(solarize, (256, 0), (256, 0)))
OPERATIONS.add("autocontrast", Operation(autocontrast))
OPERATIONS.add("equalize", Operation(equalize))
OPERATIONS.add("identity", Operation(lambda x, amount: x))
