"""Layers that change images by chance in training and pass them on at inference; one short class each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kind import Kind, OnnxWriter, Shape, kind
from .limits import Limit

if TYPE_CHECKING:
    import numpy as np
    import torch

Range = float | tuple[float, ...]
"""One factor, or the least and the largest."""


FACTOR = Limit(-1, 1, overlap=True)
CHANCE = Limit(0, 1, overlap=True)


class Augmentation(Kind):
    """What they share: nothing at inference, no weights, the same shape."""

    train_only = True

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import InferenceOnly

        return InferenceOnly(type(self).__name__)

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        return names[0]


@kind
class RandomFlip(Augmentation):
    """Keras's RandomFlip: mirror images."""

    mode: str = "horizontal_and_vertical"
    seed: int | None = None
    data_format: str | None = "channels_last"

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from . import _torch_augmentation as random

        return random.RandomFlip(self.mode)


@kind
class RandomRotation(Augmentation):
    """Keras's RandomRotation: turn images."""

    factor: Range = 0.0
    fill_mode: str = "reflect"
    interpolation: str = "bilinear"
    seed: int | None = None
    fill_value: float = 0.0
    data_format: str | None = "channels_last"

    limits = {"factor": FACTOR}

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from . import _torch_augmentation as random

        turns = random.ends(self.factor)
        return random.RandomAffine(
            turns=turns, fill=self.fill_mode, value=self.fill_value, mode=self.interpolation
        )


@kind
class RandomTranslation(Augmentation):
    """Keras's RandomTranslation: shift images."""

    height_factor: Range = 0.0
    width_factor: Range = 0.0
    fill_mode: str = "reflect"
    interpolation: str = "bilinear"
    seed: int | None = None
    fill_value: float = 0.0
    data_format: str | None = "channels_last"

    limits = dict.fromkeys(("height_factor", "width_factor"), Limit(-1, 1))

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from . import _torch_augmentation as random

        shifts = (random.ends(self.height_factor), random.ends(self.width_factor))
        return random.RandomAffine(
            shifts=shifts, fill=self.fill_mode, value=self.fill_value, mode=self.interpolation
        )


@kind
class RandomZoom(Augmentation):
    """Keras's RandomZoom: enlarge or shrink images."""

    height_factor: Range = 0.0
    width_factor: Range | None = None
    fill_mode: str = "reflect"
    interpolation: str = "bilinear"
    seed: int | None = None
    fill_value: float = 0.0
    data_format: str | None = "channels_last"

    limits = dict.fromkeys(("height_factor", "width_factor"), Limit(-1, 1, above=True))

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from . import _torch_augmentation as random

        low, high = random.ends(self.height_factor)
        columns = None if self.width_factor is None else random.ends(self.width_factor)
        return random.RandomAffine(
            zooms=((1 + low, 1 + high), None if columns is None else (1 + columns[0], 1 + columns[1])),
            fill=self.fill_mode,
            value=self.fill_value,
            mode=self.interpolation,
        )


@kind
class RandomShear(Augmentation):
    """Keras's RandomShear: slant images."""

    x_factor: Range = 0.0
    y_factor: Range = 0.0
    interpolation: str = "bilinear"
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = dict.fromkeys(("x_factor", "y_factor"), Limit(-1, 1))  # Keras writes a factor and its negative


@kind
class RandomPerspective(Augmentation):
    """Keras's RandomPerspective: tilt images."""

    factor: Range = 1.0
    scale: Range = 1.0
    interpolation: str = "bilinear"
    fill_value: float = 0.0
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"factor": CHANCE}


@kind
class RandomElasticTransform(Augmentation):
    """Keras's RandomElasticTransform: bend images."""

    factor: Range = 1.0
    scale: Range = 1.0
    interpolation: str = "bilinear"
    fill_mode: str = "reflect"
    fill_value: float = 0.0
    value_range: tuple[float, float] = (0, 255)
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = dict.fromkeys(("factor", "scale"), CHANCE)


@kind
class RandomBrightness(Augmentation):
    """Keras's RandomBrightness: lighten or darken images."""

    factor: Range = 0.0
    value_range: tuple[float, float] = (0, 255)
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"factor": FACTOR}

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from . import _torch_augmentation as random

        return random.RandomBrightness(self.factor, self.value_range)


@kind
class RandomContrast(Augmentation):
    """Keras's RandomContrast: change images' contrast."""

    factor: Range = 0.0
    value_range: tuple[float, float] = (0, 255)
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"factor": CHANCE}

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from . import _torch_augmentation as random

        return random.RandomContrast(self.factor, self.value_range)


@kind
class RandomHue(Augmentation):
    """Keras's RandomHue: turn images' colours."""

    factor: Range = 0.0
    value_range: tuple[float, float] = (0, 255)
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"factor": CHANCE}


@kind
class RandomSaturation(Augmentation):
    """Keras's RandomSaturation: make colours stronger or weaker."""

    factor: Range = 0.0
    value_range: tuple[float, float] = (0, 255)
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"factor": FACTOR}


@kind
class RandomSharpness(Augmentation):
    """Keras's RandomSharpness: sharpen or blur images."""

    factor: Range = 0.0
    value_range: tuple[float, float] = (0, 255)
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"factor": CHANCE}


@kind
class RandomColorDegeneration(Augmentation):
    """Keras's RandomColorDegeneration: take colour away."""

    factor: Range = 0.0
    value_range: tuple[float, float] = (0, 255)
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"factor": FACTOR}


@kind
class RandomColorJitter(Augmentation):
    """Keras's RandomColorJitter: change brightness, contrast, saturation and hue."""

    value_range: tuple[float, float] = (0, 255)
    brightness_factor: Range | None = None
    contrast_factor: Range | None = None
    saturation_factor: Range | None = None
    hue_factor: Range | None = None
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {
        "brightness_factor": FACTOR,
        "contrast_factor": CHANCE,
        "saturation_factor": FACTOR,
        "hue_factor": CHANCE,
    }


@kind
class RandomGaussianBlur(Augmentation):
    """Keras's RandomGaussianBlur: blur images."""

    factor: Range = 1.0
    kernel_size: int | tuple[int, ...] = 3
    sigma: Range = 1.0
    value_range: tuple[float, float] = (0, 255)
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = dict.fromkeys(("factor", "sigma"), CHANCE)


@kind
class RandomPosterization(Augmentation):
    """Keras's RandomPosterization: leave fewer colours."""

    factor: Range = 8
    value_range: tuple[float, float] = (0, 255)
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"factor": Limit(1, 8, overlap=True)}


@kind
class RandomInvert(Augmentation):
    """Keras's RandomInvert: turn images into negatives."""

    factor: Range = 1.0
    value_range: tuple[float, float] = (0, 255)
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"factor": CHANCE}


@kind
class RandomErasing(Augmentation):
    """Keras's RandomErasing: blank out a rectangle."""

    factor: Range = 1.0
    scale: tuple[float, float] = (0.02, 0.33)
    fill_value: float | None = None
    value_range: tuple[float, float] = (0, 255)
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = dict.fromkeys(("factor", "scale"), CHANCE)


@kind
class RandomGrayscale(Augmentation):
    """Keras's RandomGrayscale: take all colour away."""

    factor: Range = 0.5
    data_format: str | None = "channels_last"

    limits = {"factor": Limit(0, 1)}


@kind
class Solarization(Augmentation):
    """Keras's Solarization: invert light pixels."""

    addition_factor: Range = 0.0
    threshold_factor: Range = 0.0
    value_range: tuple[float, float] = (0, 255)
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = dict.fromkeys(("addition_factor", "threshold_factor"), Limit(0, 1))


@kind
class RandAugment(Augmentation):
    """Keras's RandAugment: a few random changes."""

    value_range: tuple[float, float] = (0, 255)
    num_ops: int = 2
    factor: Range = 0.5
    interpolation: str = "bilinear"
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"factor": CHANCE}


@kind
class AugMix(Augmentation):
    """Keras's AugMix: mixtures of chains of random changes."""

    value_range: tuple[float, float] = (0, 255)
    num_chains: int = 3
    chain_depth: int = 3
    factor: Range = 0.3
    alpha: float = 1.0
    all_ops: bool = True
    interpolation: str = "bilinear"
    seed: int | None = None
    data_format: str | None = "channels_last"

    limits = {"factor": CHANCE}
