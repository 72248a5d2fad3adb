from __future__ import annotations

import math

import numpy as np
import pytest

from convsmith.graph import notation as keras
from convsmith.ledger.budget import Budget
from convsmith.ledger.effort import TRAFFIC, effort, moved
from convsmith.nas.budget.fitting import ensure_feasible
from convsmith.nas.spaces import space
from convsmith.nas.within import Within


def counted_by_hand(graph):
    """As a person would: layer by layer from the table of shapes."""
    total = 0
    for node in graph.nodes:
        if node.kind_name != "InputLayer":
            for name in node.inputs:
                total += math.prod(graph.shapes[name])
            total += math.prod(graph.shapes[node.name])
    return total


@pytest.mark.parametrize("name", ["chain", "stages", "mobile", "nasnet"])
def test_effort_is_multiply_adds_and_what_layers_take_and_give(name):
    images = space(name, (32, 32, 3), 10)
    for seed in range(5):
        graph = images.graph(images.sample(np.random.default_rng(seed)))
        assert moved(graph) == counted_by_hand(graph)
        assert effort(graph) == graph.macs + TRAFFIC * moved(graph)


def test_layers_that_wait_for_memory_count():
    def network(normalised):
        x = inputs = keras.Input((32, 32, 3))
        x = keras.layers.Conv2D(8, 3, padding="same")(x)
        return keras.Model(inputs, keras.layers.BatchNormalization()(x) if normalised else x)

    plain, normalised = network(False), network(True)
    assert plain.macs == normalised.macs
    assert effort(normalised) - effort(plain) == TRAFFIC * 2 * 32 * 32 * 8


def test_a_limit_on_effort_is_kept_but_is_not_the_budget_that_people_see():
    budget = Budget(params=50_000)
    capped = budget.within_effort(20_000_000)
    assert capped.to_json() == budget.to_json()
    assert capped.limits == {"params": 50_000, "effort": 20_000_000}
    images, rng = space("stages", (64, 64, 3), 10), np.random.default_rng(0)
    within = Within(images, capped, ensure_feasible(images, capped, rng))
    drawn = [within.graph(within.sample(rng)) for _ in range(20)]
    assert max(map(effort, drawn)) <= 20_000_000
    free = Within(images, budget, ensure_feasible(images, budget, rng))
    assert max(effort(free.graph(free.sample(rng))) for _ in range(20)) > 20_000_000
