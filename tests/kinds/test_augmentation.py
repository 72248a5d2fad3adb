"""Augmentation layers in training: given Keras's own draws, the images are Keras's."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import layers

from convsmith.engine.lower import lower
from convsmith.graph import read
from convsmith.kinds import KINDS

IMAGES = np.random.default_rng(0).uniform(0, 255, (16, 9, 12, 3)).astype(np.float32)


def ours(name: str, settings: dict[str, Any]) -> Any:
    return KINDS[name].from_config(getattr(layers, name)(**settings).get_config()).module((9, 12, 3)).train()


@pytest.mark.parametrize("fill", [{"fill_mode": "constant", "fill_value": 7.0}, {"fill_mode": "nearest"}])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("RandomRotation", {"factor": 0.3}),
        ("RandomTranslation", {"height_factor": 0.4, "width_factor": (0.0, 0.2)}),
        ("RandomZoom", {"height_factor": (-0.4, 0.3)}),
        ("RandomZoom", {"height_factor": 0.4, "width_factor": 0.1}),
    ],
)
def test_geometry_is_keras_for_the_same_draws(
    name: str, settings: dict[str, Any], fill: dict[str, Any]
) -> None:
    layer = getattr(layers, name)(**settings, **fill)
    drawn = layer.get_random_transformation(IMAGES, training=True)
    theirs = layer.transform_images(torch.from_numpy(IMAGES), drawn, training=True)
    zero, one = torch.zeros(len(IMAGES)), torch.ones(len(IMAGES))
    if name == "RandomRotation":
        rows = [drawn["angle"] / 360, zero, zero, one, one]
    elif name == "RandomTranslation":
        across, down = drawn["translations"].T
        rows = [zero, down / 9, across / 12, one, one]
    else:
        rows = [zero, zero, zero, drawn["height_zoom"][:, 0], drawn["width_zoom"][:, 0]]
    module = ours(name, {**settings, **fill})
    made = module.apply_to(torch.from_numpy(IMAGES).permute(0, 3, 1, 2), torch.stack(rows, 1)).permute(
        0, 2, 3, 1
    )
    # Keras reads a pixel that lies half outside as the fill alone; here the edge fades into it.
    inside = (theirs - made).abs() < 0.05
    assert inside.float().mean() > (0.8 if fill["fill_mode"] == "constant" else 0.995)


@pytest.mark.parametrize(
    ("name", "key", "settings"),
    [
        ("RandomFlip", "flips", {"mode": "horizontal"}),
        ("RandomFlip", "flips", {}),
        ("RandomBrightness", "rgb_delta", {"factor": 0.4}),
        ("RandomContrast", "contrast_factor", {"factor": (0.3, 0.6)}),
    ],
)
def test_colour_and_mirrors_are_keras_for_the_same_draws(
    name: str, key: str, settings: dict[str, Any]
) -> None:
    layer = getattr(layers, name)(**settings)
    drawn = layer.get_random_transformation(IMAGES, training=True)
    theirs = layer.transform_images(torch.from_numpy(IMAGES.copy()), drawn, training=True)
    module = ours(name, settings)
    made = module.apply_to(torch.from_numpy(IMAGES).permute(0, 3, 1, 2), drawn[key].reshape(-1))
    torch.testing.assert_close(made.permute(0, 2, 3, 1), theirs, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "settings", "low", "high"),
    [
        ("RandomBrightness", {"factor": 0.4}, -102, 102),
        ("RandomContrast", {"factor": (0.3, 0.6)}, 0.7, 1.6),
        ("RandomRotation", {"factor": 0.25}, -0.25, 0.25),
        ("RandomTranslation", {"height_factor": 0.0, "width_factor": (-0.1, 0.3)}, -0.1, 0.3),
        ("RandomZoom", {"height_factor": (-0.4, 0.3)}, 0.6, 1.3),
    ],
)
def test_draws_fill_keras_range(name: str, settings: dict[str, Any], low: float, high: float) -> None:
    torch.manual_seed(0)
    drawn = ours(name, settings).draw(torch.zeros(4000, 3, 9, 12))
    if drawn.dim() == 2:
        drawn = drawn[:, {"RandomRotation": 0, "RandomTranslation": 2, "RandomZoom": 3}[name]]
    assert float(drawn.min()) == pytest.approx(low, abs=0.01 * (high - low))
    assert float(drawn.max()) == pytest.approx(high, abs=0.01 * (high - low))


def test_a_network_with_augmentation_changes_images_in_training_alone() -> None:
    model = keras.Sequential(
        [
            keras.Input((9, 12, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.2),
        ]
    )
    module = lower(read(model))
    x = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)
    torch.testing.assert_close(module(x), x)
    assert not torch.allclose(module.train()(x), x)


def test_what_has_no_torch_form_is_refused_in_training() -> None:
    module = KINDS["RandomHue"](0.1).module((9, 12, 3))
    x = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)
    torch.testing.assert_close(module.eval()(x), x)
    with pytest.raises(Exception, match="RandomHue"):
        module.train()(x)
    with pytest.raises(Exception, match="fill_mode"):
        KINDS["RandomRotation"](0.1, fill_mode="wrap").module((9, 12, 3))
