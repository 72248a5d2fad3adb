"""The relaxed network is the space's own, and what is derived from it is the papers' choice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.engine.weights import dump, initial
from convsmith.nas.relaxed import NoCells, relax
from convsmith.nas.spaces import space
from convsmith.nas.supernet.mixed import Supernet

SMALL = {"cells": 1, "filters": 4}


def one_hot(relaxed, chosen):
    """Weights of 1 for one option of each group."""
    return {
        name: torch.tensor([float(option == chosen[name]) for option in group.options])
        for name, group in relaxed.groups.items()
    }


@pytest.mark.parametrize("seed", [0, 1])
def test_with_one_weight_of_1_it_is_the_network_alone(seed: int) -> None:
    """The layers of a nasbench201 stand in the order of edges, so equal ones are found in that order."""
    found = space("nasbench201", (8, 8, 1), 3)
    relaxed = relax(found)
    net = Supernet(relaxed, seed=3)
    answers = found.sample(np.random.default_rng(seed))
    weights = one_hot(relaxed, answers)
    graph = found.graph(answers)
    sizes = dump(net.module)
    # A layer of the network alone is the one of the supernet that computes the same: what does not reach the
    # end through weights of 1 has no part in it.
    alone = iter(_reached(relaxed, answers))
    own = {}
    for node in graph.nodes:
        if node.kind.weights(*graph.input_shapes(node)):
            other = next(alone)
            for weight in node.kind.weights(*graph.input_shapes(node)):
                own[f"{node.name}/{weight.name}"] = sizes[f"{other}/{weight.name}"]
    x = torch.randn(4, 1, 8, 8) * 50 + 128
    module = lower(graph, own).train()
    with torch.no_grad():
        assert torch.allclose(net.scores(x, weights), module.logits(x), atol=1e-5)


def _reached(relaxed, answers):
    """The layers with weights that a choice uses, in the order of the graph."""
    graph, used = relaxed.graph, set()
    stack = [graph.outputs[0]]
    while stack:
        name = stack.pop()
        if name in used:
            continue
        used.add(name)
        node = graph[name]
        if name in relaxed.mixes:
            group = relaxed.groups[relaxed.mixes[name]]
            option = answers[group.name]
            if option != group.nothing:
                stack.append(node.inputs[group.built.index(option)])
            else:  # zeros, of which what lies before stays part of the network
                stack.append(node.inputs[0])
        else:
            stack += node.inputs
    return [
        node.name for node in graph.nodes
        if node.name in used and node.kind.weights(*graph.input_shapes(node))
    ]  # fmt: skip


def test_the_derived_cell_is_that_of_the_authors_rule() -> None:
    """quark0/darts, model_search.py: the two edges whose best operation, "none" aside, weighs most."""
    found = space("darts", (8, 8, 1), 3)
    relaxed = relax(found, SMALL)
    rng = np.random.default_rng(0)
    weights = {name: rng.dirichlet(np.ones(len(group.options))) for name, group in relaxed.groups.items()}
    cell = next(relaxed.derived(weights))
    for name, node in itertools.product(("normal", "reduction"), range(4)):
        rows = [weights[f"{name}_{node}_{state}"] for state in range(2 + node)]
        strongest = sorted(range(2 + node), key=lambda state: -max(rows[state][1:]))[:2]
        first, second = sorted(strongest)
        assert cell[f"{name}_{node}_from"] == [first, second]
        options = relaxed.groups[f"{name}_{node}_{first}"].options
        assert cell[f"{name}_{node}_first"] == options[1 + int(np.argmax(rows[first][1:]))]
        assert cell[f"{name}_{node}_second"] == options[1 + int(np.argmax(rows[second][1:]))]
    assert found.replay(found.complete({**relaxed.fixed, **cell}))


def test_cells_come_in_the_order_of_their_weights() -> None:
    """Every cell of nasbench201, each once, by its product of weights: as sorting all 15,625 has it."""
    relaxed = relax(space("nasbench201", (8, 8, 1), 3))
    rng = np.random.default_rng(1)
    weights = {name: rng.dirichlet(np.ones(5)) for name in relaxed.groups}
    products = sorted(-np.prod(one) for one in itertools.product(*(weights[name] for name in relaxed.groups)))
    found = []
    for answers in itertools.islice(relaxed.derived(weights), 300):
        places = [relaxed.groups[name].options.index(answers[name]) for name in relaxed.groups]
        found.append(-np.prod([weights[name][at] for name, at in zip(relaxed.groups, places, strict=True)]))
    assert np.allclose(found, products[:300])
    assert len({tuple(one.items()) for one in itertools.islice(relaxed.derived(weights), 300)}) == 300


@pytest.mark.parametrize("name", ["enas", "nasnet"])
def test_cells_with_free_inputs_are_derived_too(name: str) -> None:
    found = space(name, (8, 8, 1), 3)
    relaxed = relax(found, SMALL)
    weights = {one: [1 / len(group.options)] * len(group.options) for one, group in relaxed.groups.items()}
    graph = found.graph(found.complete({**relaxed.fixed, **next(relaxed.derived(weights))}))
    assert graph.params < relaxed.graph.params
    assert set(initial(graph, 0))


def test_a_space_without_cells_is_refused() -> None:
    with pytest.raises(NoCells, match="space 'stages': has no cell"):
        relax(space("stages", (8, 8, 1), 3))
