"""How strongly training images are varied, and which policy suits which images.

A policy says by how much. ``"digits"`` keeps what a character means (no mirror image, small moves);
``"photos"`` mirrors, crops, turns and recolours; ``"light"`` mirrors and moves by whole pixels;
``"trivial"``, ``"rand"`` and ``"strong"`` draw from the table of operations, within what the images allow.
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

from ...errors import BadInput, BadName
from .blend import mixed, pasted
from .colour import recoloured
from .draw import drawn
from .erase import cut, erased
from .geometry import cropped, moved


@dataclass(frozen=True)
class Policy:
    """How strongly images are varied; every amount is drawn anew for each image.

    Args:
        flip: share of images that are mirrored left to right.
        crop: largest move by whole pixels, as a share of the side; the border is mirrored outwards.
        shift: largest move, as a share of the side.
        zoom: the scale lies between 1 / (1 + zoom) and 1 + zoom; above 1 shows less of the image.
        aspect: the ratio of the two scales lies between 1 / (1 + aspect) and 1 + aspect.
        rotate: largest turn, in degrees.
        shear: largest sideways slant, as a share of the side.
        operations: how many operations are drawn from `OPERATIONS` for each image.
        magnitude: how strong these are, 0 to 1 (RandAugment's M / 30); 0 draws it anew (TrivialAugment).
        characters: what is drawn leaves a character the one it is.
        brightness: largest change, as a share of the range 0..255.
        contrast: the contrast is multiplied by 1 ± this.
        colour: each channel is multiplied by 1 ± this.
        cutout: side of a square made grey, as a share of the image's side.
        erase: share of images in which a rectangle of any shape becomes noise.
        mixup: share of batches in which pairs of images are blended, with their labels.
        cutmix: share of batches in which a rectangle of another image is pasted, with its label's share.
    """

    flip: float = 0.0
    crop: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    aspect: float = 0.0
    rotate: float = 0.0
    shear: float = 0.0
    operations: int = 0
    magnitude: float = 0.0
    characters: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    colour: float = 0.0
    cutout: float = 0.0
    erase: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def scaled(self, strength: float) -> Policy:
        """The policy with every amount multiplied; how often images are changed or blended stays.

        Example:
            >>> scaled = Policy(flip=0.5, rotate=10).scaled(0.3)
            >>> scaled.flip, scaled.rotate
            (0.5, 3.0)
        """
        return dataclasses.replace(self, **{name: getattr(self, name) * strength for name in _AMOUNTS})

    @property
    def moves(self) -> bool:
        """Whether pixels change their places by other than whole pixels."""
        return bool(self.shift or self.zoom or self.aspect or self.rotate or self.shear)

    def __call__(
        self, x_NCHW: Tensor, target: Tensor, *, classes: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Vary a batch.

        Args:
            x_NCHW: raw pixels, float32, on any device.
            target: class numbers (N,), or rows of numbers that blend as the images do.
            classes: how many classes.
            generator: where the random numbers come from; on the CPU, so that every device varies alike.

        Returns:
            New images, and their targets: as they came, or rows after mixup or cutmix: shares of classes
            (N, classes), or the blended rows.
        """
        x = x_NCHW
        if self.crop or (self.flip and not self.moves):
            x = cropped(x, generator, flip=0.0 if self.moves else self.flip, crop=self.crop)
        if self.moves:
            x = moved(
                x, generator, flip=self.flip, shift=self.shift, zoom=self.zoom, aspect=self.aspect,
                rotate=self.rotate, shear=self.shear,
            )  # fmt: skip
        if self.operations:
            space = "characters" if self.characters else "narrow" if self.magnitude else "wide"
            x = drawn(x, generator, operations=self.operations, magnitude=self.magnitude, space=space)
        if self.brightness or self.contrast or self.colour:
            x = recoloured(
                x, generator, brightness=self.brightness, contrast=self.contrast, colour=self.colour
            )
        if self.cutout:
            x = cut(x, generator, side=self.cutout)
        if self.erase:
            x = erased(x, generator, share=self.erase)
        if self.mixup or self.cutmix:
            draw = float(torch.rand((), generator=generator))
            if draw < self.mixup:
                return mixed(x, target, generator, classes=classes)
            if draw < self.mixup + self.cutmix:
                return pasted(x, target, generator, classes=classes)
        return x, target


_AMOUNTS = (
    "crop", "shift", "zoom", "aspect", "rotate", "shear", "magnitude", "brightness", "contrast", "colour",
    "cutout",
)  # fmt: skip
"""The fields that say how much, and not how often."""

_PHOTOS = Policy(
    flip=0.5, shift=0.12, zoom=0.25, aspect=0.15, rotate=8, brightness=0.1, contrast=0.25, colour=0.1,
    cutout=0.25,
)  # fmt: skip
POLICIES: Mapping[str, Policy] = {
    "none": Policy(),
    "digits": Policy(shift=0.08, zoom=0.12, aspect=0.1, rotate=10, shear=0.1),
    "photos": _PHOTOS,
    "light": Policy(flip=0.5, crop=0.0625),
    "trivial": Policy(flip=0.5, crop=0.125, operations=1),
    "rand": Policy(flip=0.5, crop=0.125, operations=2, magnitude=0.3),
    "strong": dataclasses.replace(_PHOTOS, cutout=0.0, operations=1, erase=0.25, mixup=0.25, cutmix=0.25),
}
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
            if not isinstance(augment[name], int | float):
                raise BadInput("augment", f"{name} got {augment[name]!r}", "a number")
        return Policy(**augment), "as given"
    if augment == "auto":
        return _automatic(x)
    if augment is not None and not isinstance(augment, str):
        raise BadInput("augment", f"got {augment!r}", "a policy's name", 'augment="auto"')
    name = augment or "none"
    if name not in POLICIES:
        raise BadName("augment", name, ["auto", *POLICIES])
    if name == "light" and _characters(x):
        return POLICIES["none"], "small grey images, perhaps characters, are not mirrored"
    if POLICIES[name].operations and _characters(x):
        safe = dataclasses.replace(POLICIES[name], flip=0.0, characters=True)
        return safe, "as given; not mirrored and less turned: small grey images, perhaps characters"
    return POLICIES[name], "as given"


def _automatic(x: np.ndarray) -> tuple[Policy, str]:
    if x.ndim != 4:
        return POLICIES["none"], "none: not images"
    rows, columns, channels = x.shape[1:]
    size = f"{rows}x{columns} pixels"
    if _characters(x):
        return POLICIES["digits"], f"digits: small grey images of {size}, perhaps characters: no mirroring"
    tone = "colour" if channels == 3 else "grey"
    return POLICIES["photos"], f"photos: {tone} images of {size}"


def _characters(x: np.ndarray) -> bool:
    """Whether images may show characters, which a mirror changes."""
    return x.ndim == 4 and x.shape[3] == 1 and max(x.shape[1:3]) <= 40
