"""Training images varied at random: one affine resampling of the whole batch, colour, cutout, mixup.

A policy says by how much. ``"digits"`` keeps what a character means (no mirror image, small moves);
``"photos"`` mirrors, crops, turns and recolours.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import BadInput, BadName


@dataclass(frozen=True)
class Policy:
    """How strongly images are varied; every amount is drawn anew for each image.

    Args:
        flip: share of images that are mirrored left to right.
        shift: largest move, as a share of the side.
        zoom: the scale lies between 1 / (1 + zoom) and 1 + zoom; above 1 shows less of the image.
        aspect: the ratio of the two scales lies between 1 / (1 + aspect) and 1 + aspect.
        rotate: largest turn, in degrees.
        shear: largest sideways slant, as a share of the side.
        brightness: largest change, as a share of the range 0..255.
        contrast: the contrast is multiplied by 1 ± this.
        colour: each channel is multiplied by 1 ± this.
        cutout: side of a square made grey, as a share of the image's side.
        mixup: share of batches in which pairs of images are blended, with their labels.
    """

    flip: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    aspect: float = 0.0
    rotate: float = 0.0
    shear: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    colour: float = 0.0
    cutout: float = 0.0
    mixup: float = 0.0

    def scaled(self, strength: float) -> Policy:
        """The policy with every amount multiplied; how often images are mirrored or blended stays.

        Example:
            >>> scaled = Policy(flip=0.5, rotate=10).scaled(0.3)
            >>> scaled.flip, scaled.rotate
            (0.5, 3.0)
        """
        amounts = {field.name: getattr(self, field.name) * strength for field in dataclasses.fields(self)}
        return dataclasses.replace(self, **{**amounts, "flip": self.flip, "mixup": self.mixup})

    @property
    def moves(self) -> bool:
        """Whether pixels change their places."""
        return bool(self.flip or self.shift or self.zoom or self.aspect or self.rotate or self.shear)

    def __call__(
        self, x_NCHW: Tensor, target: Tensor, *, classes: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Vary a batch.

        Args:
            x_NCHW: raw pixels, float32.
            target: class numbers (N,).
            classes: how many classes.
            generator: where the random numbers come from.

        Returns:
            New images, and their targets: class numbers, or shares of classes (N, classes) after mixup.
        """
        x = self._moved(x_NCHW, generator) if self.moves else x_NCHW
        if self.brightness or self.contrast or self.colour:
            x = self._recoloured(x, generator)
        if self.cutout:
            x = self._cut(x, generator)
        if self.mixup and float(torch.rand((), generator=generator)) < self.mixup:
            return self._mixed(x, target, classes, generator)
        return x, target

    def _moved(self, x: Tensor, generator: torch.Generator) -> Tensor:
        rows, columns = x.shape[2:]
        draw = torch.rand(7, len(x), generator=generator) * 2 - 1
        zoom = torch.exp(draw[0] * math.log1p(self.zoom))
        aspect = torch.exp(draw[1] * (math.log1p(self.aspect) / 2))
        angle = draw[2] * math.radians(self.rotate)
        shear = draw[3] * self.shear
        mirror = torch.where(draw[4] < self.flip * 2 - 1, -1.0, 1.0)
        # From output to input places, in torch's units of half a side.
        wide, high = 1 / (zoom * aspect), aspect / zoom
        cos, sin, ratio = angle.cos(), angle.sin(), rows / columns
        across = torch.stack([cos * wide * mirror, (shear - sin * ratio) * high, draw[5] * 2 * self.shift], 1)
        down = torch.stack([sin / ratio * wide * mirror, cos * high, draw[6] * 2 * self.shift], 1)
        grid = F.affine_grid(torch.stack([across, down], 1), list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    def _recoloured(self, x: Tensor, generator: torch.Generator) -> Tensor:
        count, channels = x.shape[:2]
        draw = torch.rand(count, 2 + channels, generator=generator) * 2 - 1
        gain = (1 + draw[:, :1] * self.contrast) * (1 + draw[:, 2:] * self.colour)
        mean = x.mean(dim=(2, 3))
        offset = mean * (1 - gain) + draw[:, 1:2] * (255 * self.brightness)
        # The mean keeps each channel's own colour shift: only the contrast turns about it.
        offset = offset + mean * draw[:, 2:] * self.colour
        return torch.addcmul(offset[:, :, None, None], x, gain[:, :, None, None]).clamp_(0, 255)

    def _cut(self, x: Tensor, generator: torch.Generator) -> Tensor:
        rows, columns = x.shape[2:]
        high, wide = max(1, round(self.cutout * rows)), max(1, round(self.cutout * columns))
        top = torch.randint(0, rows - high + 1, (len(x), 1), generator=generator)
        left = torch.randint(0, columns - wide + 1, (len(x), 1), generator=generator)
        row, column = torch.arange(rows)[None], torch.arange(columns)[None]
        in_rows, in_columns = (row >= top) & (row < top + high), (column >= left) & (column < left + wide)
        return x.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 127.5)

    def _mixed(
        self, x: Tensor, target: Tensor, classes: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        share = float(torch.rand((), generator=generator))
        other = torch.randperm(len(x), generator=generator)
        shares = F.one_hot(target, classes).to(torch.float32)
        return torch.lerp(x, x[other], share), torch.lerp(shares, shares[other], share)


POLICIES: Mapping[str, Policy] = {
    "none": Policy(),
    "digits": Policy(shift=0.08, zoom=0.12, aspect=0.1, rotate=10, shear=0.1),
    "photos": Policy(
        flip=0.5, shift=0.12, zoom=0.25, aspect=0.15, rotate=8, brightness=0.1, contrast=0.25, colour=0.1,
        cutout=0.25,
    ),
}  # fmt: skip
"""Ready policies by name."""


def strength(epochs: int) -> float:
    """How strongly to vary images that are seen so often: not at all in 10 epochs, fully from 60 on.

    A small network that sees each image a dozen times has not learnt it by heart; varying it only makes it
    harder (measured in docs/decisions/0021-training-recipe.md).

    Example:
        >>> [round(strength(epochs), 2) for epochs in (5, 10, 20, 40, 60, 500)]
        [0.0, 0.0, 0.39, 0.77, 1.0, 1.0]
    """
    return min(1.0, max(0.0, math.log(epochs / 10) / math.log(6)))


def policy(augment: str | Policy | Mapping[str, Any] | None, x: np.ndarray) -> tuple[Policy, str]:
    """The policy to use, and why.

    Args:
        augment: ``"auto"``, a policy's name, a Policy, its fields as a dictionary, or None for none.
        x: the images, (N, H, W, C).

    Raises:
        BadName: for an unknown name or field.

    Example:
        >>> policy("auto", np.zeros((4, 64, 64, 3), np.uint8))[1]
        'photos: colour images of 64x64 pixels'
    """
    if isinstance(augment, Policy):
        return augment, "as given"
    if isinstance(augment, Mapping):
        fields = {field.name for field in dataclasses.fields(Policy)}
        for name in augment:
            if name not in fields:
                raise BadName("augment", name, fields)
        return Policy(**augment), "as given"
    if augment == "auto":
        return _automatic(x)
    if augment is not None and not isinstance(augment, str):
        raise BadInput("augment", f"came {augment!r}", "a policy's name", 'augment="auto"')
    name = augment or "none"
    if name not in POLICIES:
        raise BadName("augment", name, ["auto", *POLICIES])
    return POLICIES[name], "as given"


def _automatic(x: np.ndarray) -> tuple[Policy, str]:
    if x.ndim != 4:
        return POLICIES["none"], "none: not images"
    rows, columns, channels = x.shape[1:]
    size = f"{rows}x{columns} pixels"
    if channels == 1 and max(rows, columns) <= 40:
        return POLICIES["digits"], f"digits: small grey images of {size}, perhaps characters: no mirroring"
    tone = "colour" if channels == 3 else "grey"
    return POLICIES["photos"], f"photos: {tone} images of {size}"
