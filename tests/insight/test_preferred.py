"""Images made for units: they excite their unit, regularisers do what they say, deconvolution by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from convsmith.engine.lower import lower
from convsmith.errors import BadInput
from convsmith.graph import notation
from convsmith.insight.deconvolved import deconvolved
from convsmith.insight.one_layer import answers
from convsmith.insight.preferred import SETTINGS, Regularisers, fourier, yosinski
from convsmith.insight.preferred.fourier import colours_of, moved
from convsmith.insight.preferred.yosinski import blurred, regularised
from convsmith.testing.planted import planted
from convsmith.testing.random_networks import random_weights

layers = notation.layers


def heard(net, layer, images_NHWC, *, centre):
    x = torch.from_numpy(np.ascontiguousarray(images_NHWC)).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        out = answers(net, layer, x, before=True)
    if out.dim() == 2:
        return out.numpy()
    return (out[:, :, out.shape[2] // 2, out.shape[3] // 2] if centre else out.mean((2, 3))).numpy()


@pytest.mark.parametrize("layer", ["relu3", "classes"])
def test_a_unit_answers_more_to_its_image_than_to_any_photograph(trained, layer):
    net, data = lower(*trained), planted(60, seed=8)
    units = [0, 1, 2]
    made = fourier(net, layer, units, steps=32, robust=False, seed=3)
    own = heard(net, layer, made, centre=False)[range(3), units]
    photographs = heard(net, layer, data.x_NHWC, centre=False)[:, units].max(0)
    assert (own > photographs).all()
    made = yosinski(net, layer, units, steps=32, seed=3)
    own = heard(net, layer, made, centre=True)[range(3), units]
    assert (own > np.median(heard(net, layer, data.x_NHWC, centre=True)[:, units], 0)).all()


@pytest.mark.parametrize("make", [fourier, yosinski])
def test_an_image_depends_on_its_seed_and_not_on_the_others(trained, make):
    net = lower(*trained)
    several = make(net, "relu2", [1, 4, 9], steps=3, seed=5)
    np.testing.assert_allclose(make(net, "relu2", [4], steps=3, seed=5)[0], several[1], atol=1)
    assert (make(net, "relu2", [4], steps=3, seed=6)[0] != several[1]).any()
    with pytest.raises(BadInput, match="unit 16 of layer relu2: it has 16 units"):
        make(net, "relu2", [16], steps=1)


def test_the_table_of_the_paper():
    """Yosinski et al. 2015, table 1: decay, blur width, blur every, norm and contribution percentiles."""
    rows = [(s.decay, s.blur, s.every, s.norm_percentile, s.contribution_percentile) for s in SETTINGS]
    assert rows == [(0, 0.5, 4, 50, 0), (0.3, 0, 0, 20, 0), (0.0001, 1.0, 4, 0, 0), (0, 0.5, 4, 0, 90)]


def test_each_regulariser_literally():
    rng = np.random.default_rng(0)
    away, slope = (torch.from_numpy(rng.normal(size=(2, 3, 10, 10)).astype(np.float32)) for _ in range(2))
    assert torch.allclose(regularised(away, slope, Regularisers(decay=0.25), 1), away * 0.75)
    blur = Regularisers(blur=0.8, every=4)
    assert torch.equal(regularised(away, slope, blur, 3), away)
    assert not torch.allclose(regularised(away, slope, blur, 4), away, atol=0.1)
    for by, size in (
        (Regularisers(norm_percentile=50), (away**2).sum(1)),
        (Regularisers(contribution_percentile=50), (away * slope).sum(1).abs()),
    ):
        left = regularised(away, slope, by, 1)
        for n in range(2):
            gone = (left[n] == 0).all(0)
            assert int(gone.sum()) == 50
            assert size[n][gone].max() <= size[n][~gone].min()
            assert torch.equal(left[n][:, ~gone], away[n][:, ~gone])


def test_the_blur_is_a_gaussian():
    point = np.zeros((21, 21), np.float32)
    point[10, 10] = 1
    ours = blurred(torch.from_numpy(point)[None, None], 2.0)[0, 0].numpy()
    place = np.arange(21) - 10
    line = np.exp(-(place**2) / 8) * (np.abs(place) <= 6)
    np.testing.assert_allclose(ours, np.outer(line, line) / line.sum() ** 2, atol=1e-6)
    theirs = np.asarray(Image.fromarray(point * 255).convert("L").filter(ImageFilter.GaussianBlur(2)))
    assert abs(ours * 255 - theirs).max() < 2


def test_moving_keeps_the_middle_and_no_colour_comes_in():
    grey = torch.full((2, 3, 32, 32), 40.0)
    assert torch.allclose(moved(grey, torch.Generator().manual_seed(0)), grey, atol=1e-3)


def test_colours_become_independent():
    rng = np.random.default_rng(1)
    mix = rng.normal(size=(3, 3))
    images = np.clip(128 + 20 * (rng.normal(size=(40, 9, 9, 3)) @ mix.T), 0, 255)
    root = colours_of(images)
    plain = (images.reshape(-1, 3) / 255 - images.reshape(-1, 3).mean(0) / 255) @ np.linalg.inv(root).T
    np.testing.assert_allclose(np.cov(plain.T), np.eye(3), atol=1e-6)


def test_deconvolution_by_hand():
    """Two convolutions and a pool: transposed convolutions, switches, ReLUs that pass what is positive."""
    graph = notation.Sequential(
        [
            notation.Input((8, 8, 1)),
            layers.Conv2D(3, 3, activation="relu", name="one"),
            layers.MaxPooling2D(2),
            layers.Conv2D(2, 2, activation="relu", name="two"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(4)
    weights = random_weights(graph, rng)
    images = rng.integers(0, 256, (2, 1, 8, 8, 1)).astype(np.uint8)
    found = deconvolved(lower(graph, weights), "two", images)
    for unit in range(2):
        x = images[unit, 0, ..., 0].astype(float)
        first = np.zeros((6, 6, 3))
        for i, j in np.ndindex(6, 6):
            window = x[i : i + 3, j : j + 3, None, None]
            first[i, j] = (window * weights["one/kernel"]).sum((0, 1, 2)) + weights["one/bias"]
        first = first.clip(0)
        pooled, switch = np.zeros((3, 3, 3)), {}
        for i, j, c in np.ndindex(3, 3, 3):
            window = first[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c]
            switch[i, j, c] = divmod(int(window.argmax()), 2)
            pooled[i, j, c] = window.max()
        second = np.zeros((2, 2))
        for i, j in np.ndindex(2, 2):
            own = weights["two/kernel"][..., unit]
            second[i, j] = (pooled[i : i + 2, j : j + 2] * own).sum() + weights["two/bias"][unit]
        at = np.unravel_index(second.clip(0).argmax(), (2, 2))
        back, ahead = np.zeros((8, 8)), np.zeros((6, 6, 3))
        for i, j, c in np.ndindex(2, 2, 3):
            row, column = at[0] + i, at[1] + j
            up = switch[row, column, c]
            ahead[2 * row + up[0], 2 * column + up[1], c] += weights["two/kernel"][i, j, c, unit]
        for i, j, c in np.ndindex(6, 6, 3):
            back[i : i + 3, j : j + 3] += max(0.0, ahead[i, j, c]) * weights["one/kernel"][:, :, 0, c]
        np.testing.assert_allclose(found[unit, 0, 0], back, atol=1e-4)
