from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from convsmith.engine.weights import initial
from convsmith.graph import notation as keras
from convsmith.nas.proxies import PROXIES, noise
from convsmith.nas.spaces import space


def two_layers(*, dead=False, width=6):
    x = inputs = keras.Input((4, 4, 1))
    x = keras.layers.Rescaling(0.0 if dead else 1 / 255)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(width, activation="relu", name="first")(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="second")(x))


GRAPH = two_layers()
IMAGES, LABELS = noise(GRAPH, images=8)


def numbers(graph=GRAPH):
    weights = initial(graph, 0)
    return weights["first/kernel"].astype(float), weights["second/kernel"].astype(float)


def test_all_four_are_there():
    assert {"params", "naswot", "synflow", "zico"} <= set(PROXIES)


def test_naswot_by_hand():
    first, _ = numbers()
    on = (IMAGES.reshape(8, -1) / 255) @ first > 0
    kernel = np.array([[np.sum(a == b) for b in on] for a in on], float)
    sign, expected = np.linalg.slogdet(kernel)
    found = PROXIES["naswot"](GRAPH, IMAGES, LABELS)
    assert found == (pytest.approx(expected, abs=1e-6) if sign > 0 and np.isfinite(expected) else -math.inf)


def test_naswot_by_hand_where_images_differ():
    graph = two_layers(width=64)
    first = initial(graph, 0)["first/kernel"]
    on = (IMAGES.reshape(8, -1) / 255) @ first > 0
    kernel = np.array([[np.sum(a == b) for b in on] for a in on], float)
    assert PROXIES["naswot"](graph, IMAGES, LABELS) == pytest.approx(np.linalg.slogdet(kernel)[1], rel=1e-5)


def test_synflow_by_hand():
    """Two layers: each path's product of weights, summed, counts once in each layer."""
    first, second = map(np.abs, numbers())
    flow = (np.ones(16) @ first @ second).sum()
    assert PROXIES["synflow"](GRAPH, IMAGES, LABELS) == pytest.approx(np.log(2 * flow), rel=1e-6)


def test_zico_by_hand():
    first, second = numbers()
    gradients = []
    for x, truth in zip(np.split(IMAGES.reshape(8, -1) / 255, 2), np.split(LABELS, 2), strict=True):
        hidden = np.maximum(x @ first, 0)
        odds = np.exp(hidden @ second)
        odds /= odds.sum(1, keepdims=True)
        odds[np.arange(4), truth] -= 1
        back = (odds / 4) @ second.T * (hidden > 0)
        gradients.append((x.T @ back, hidden.T @ (odds / 4)))
    expected = 0.0
    for pair in zip(*gradients, strict=True):
        both = np.array(pair)
        spread = both.std(0)
        expected += np.log((np.abs(both).mean(0)[spread > 0] / spread[spread > 0]).sum())
    # where both gradients are equal up to rounding the quotient is not: compare what is stable
    assert PROXIES["zico"](GRAPH, IMAGES, LABELS) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("name", ["naswot", "synflow", "zico"])
def test_a_dead_network_scores_lowest(name):
    living, dead = two_layers(width=64), two_layers(width=64, dead=True)
    score = PROXIES[name]
    assert score(dead, IMAGES, LABELS) == -math.inf < score(living, IMAGES, LABELS)


@pytest.mark.parametrize("name", sorted(PROXIES))
def test_same_seed_same_score_and_no_global_generator(name):
    digits = space("stages", (8, 8, 1), 10)
    graph = digits.graph(digits.sample(np.random.default_rng(1)))
    images, labels = noise(graph)
    before = torch.get_rng_state()
    first = PROXIES[name](graph, images, labels, seed=3)
    assert first == PROXIES[name](graph, images, labels, seed=3)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", ["naswot", "synflow"])
def test_it_knows_wider_from_narrower(name):
    """Among networks that differ in width alone, the score follows the width."""
    digits = space("stages", (8, 8, 1), 10)
    answers = digits.sample(np.random.default_rng(4))
    widths = (4, 8, 16, 32, 64)
    graphs = [digits.graph({**answers, "width": width}) for width in widths]
    images, labels = noise(graphs[0])
    assert spearmanr(widths, [PROXIES[name](graph, images, labels) for graph in graphs])[0] > 0.8
