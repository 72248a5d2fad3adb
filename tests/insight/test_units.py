"""Units by a literal search, planted answers, and weights set to zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.errors import BadInput
from convsmith.graph import notation
from convsmith.insight.switched_off import missed, without_unit
from convsmith.insight.target import Refused
from convsmith.insight.units import feature_layers, top_images
from convsmith.testing.planted import planted
from convsmith.testing.random_networks import random_weights
from convsmith.zoo import network

layers = notation.layers


@pytest.fixture
def case():
    graph = notation.Sequential(
        [
            notation.Input((12, 10, 1)),
            layers.Conv2D(4, 3, activation="relu", name="one"),
            layers.MaxPooling2D(2),
            layers.Conv2D(5, 3, padding="same", name="two"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", name="classes"),
        ]
    )
    rng = np.random.default_rng(0)
    return graph, random_weights(graph, rng), rng.integers(0, 256, (23, 12, 10, 1)).astype(np.uint8)


def test_the_layers_are_the_convolutions_behind_their_activations(case):
    assert feature_layers(case[0]) == ["one", "relu"]
    assert feature_layers(network("lenet5")) == ["conv1", "conv2"]
    assert len(feature_layers(network("resnet20"))) == 19


@pytest.mark.parametrize("batch_size", [4, 100])
def test_by_a_literal_search(case, batch_size):
    graph, weights, images = case
    net = lower(graph, weights)
    found = {one.layer: one for one in top_images(net, images, top=5, batch_size=batch_size)}
    kept = {}
    for name in ("one", "relu"):
        net.steps_by_name[name].register_forward_hook(lambda m, i, o, name=name: kept.__setitem__(name, o))
    with torch.no_grad():
        net(torch.from_numpy(images).permute(0, 3, 1, 2).float())
    for name, field, start, stride in (("one", 3, 0, 1), ("relu", 8, -2, 2)):
        out = kept[name].numpy()
        for unit in range(out.shape[1]):
            highest = out[:, unit].reshape(23, -1).max(1)
            order = np.argsort(-highest, kind="stable")[:5]
            np.testing.assert_allclose(found[name].values_UK[unit], highest[order], rtol=1e-5)
            np.testing.assert_array_equal(found[name].images_UK[unit], order)
            for number, image in enumerate(order):
                row, column = np.unravel_index(out[image, unit].argmax(), out.shape[2:])
                top, left = start + stride * row, start + stride * column
                literal = [max(0, top), max(0, left), min(12, top + field), min(10, left + field)]
                if highest[image] > 0:
                    assert found[name].patches_UK4[unit, number].tolist() == literal


def test_dead_units_and_twins_that_were_planted(case):
    graph, weights, images = case
    weights["one/kernel"][..., 1] = 0
    weights["one/bias"][1] = -1  # never above 0
    weights["one/kernel"][..., 3] = 2 * weights["one/kernel"][..., 0]
    weights["one/bias"][[0, 3]] = 0.1, 0.2
    (found, _) = top_images(lower(graph, weights), images)
    assert found.dead == (1,)
    assert [(a, b) for a, b, _ in found.twins] == [(0, 3)]
    assert found.twins[0][2] == pytest.approx(1)


def test_a_unit_of_the_trained_network_shows_its_texture(trained):
    """The last layer's units are excited by planted textures, not by decoys."""
    graph, weights = trained
    data = planted(120, seed=4)
    (last,) = top_images(lower(graph, weights), data.x_NHWC, layers=["relu3"], top=6)
    used = [u for u in range(24) if u not in last.dead and np.abs(weights["classes/kernel"][u]).max() > 0.2]
    pure = []
    for unit in used:
        shares = []
        for image, (top, left, bottom, right) in zip(
            last.images_UK[unit], last.patches_UK4[unit], strict=True
        ):
            patch = data.masks_NHW[image, top:bottom, left:right]
            decoy = data.decoys_NHW[image, top:bottom, left:right]
            shares.append(patch.sum() > decoy.sum())
        pure.append(np.mean(shares))
    assert np.mean(pure) > 0.6  # one patch in four is the planted one


def test_switching_a_unit_off_is_setting_its_channel_to_zero(case):
    graph, weights, images = case
    found = without_unit(lower(graph, weights), "relu", 2, images, batch_size=5)
    silent = {name: array.copy() for name, array in weights.items()}
    silent["norm/gamma"][2] = silent["norm/beta"][2] = 0
    with torch.no_grad():
        theirs = lower(graph, silent)(torch.from_numpy(images).permute(0, 3, 1, 2).float()).numpy()
    np.testing.assert_allclose(found, theirs, atol=1e-5)
    with pytest.raises(BadInput, match="unit 5 of layer relu: it has 5 units"):
        without_unit(lower(graph, weights), "relu", 5, images)


def test_the_network_is_left_as_it_was(case):
    graph, weights, images = case
    net = lower(graph, weights).train()
    top_images(net, images)
    without_unit(net, "one", 0, images)
    assert net.training
    assert not any(part._forward_hooks for part in net.modules())


def test_what_each_class_misses_is_the_difference_of_accuracies(case):
    graph, weights, images = case
    net, y = lower(graph, weights), np.arange(len(images)) % 2
    rows = missed(net, "relu", images, y, classes=3)
    assert len(rows) == 5
    for unit in (0, 4):
        with torch.no_grad():
            whole = net(torch.from_numpy(images).permute(0, 3, 1, 2).float()).numpy().argmax(1) == y
        now = without_unit(net, "relu", unit, images).argmax(1) == y
        assert rows[unit]["accuracy"] == pytest.approx(now.mean() - whole.mean())
        assert rows[unit]["classes"][1] == pytest.approx(now[y == 1].mean() - whole[y == 1].mean())
        assert rows[unit]["classes"][2] is None


def test_refusals(case):
    graph, weights, images = case
    net = lower(graph, weights)
    with pytest.raises(Refused, match="units of layer classes: its output is no image"):
        top_images(net, images, layers=["classes"])
    with pytest.raises(BadInput, match=r"of shape \(23, 11, 10, 1\)"):
        top_images(net, images[:, :11])
    flat = notation.Sequential([notation.Input((4, 4, 1)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(Refused, match="it has no convolution"):
        top_images(lower(flat), images[:, :4, :4])
