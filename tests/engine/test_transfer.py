"""Weights of one network in another: what is taken, what is new, and that it is worth it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from convsmith.engine.loop import fit
from convsmith.engine.predict import evaluate, predict
from convsmith.engine.transfer import transfer
from convsmith.engine.weights import initial
from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.graph.head import frozen
from convsmith.zoo import network


def test_all_but_the_head_is_taken() -> None:
    theirs = initial(network("resnet20", classes=10), seed=1)
    graph = network("resnet20", classes=4)
    found = transfer(graph, theirs, where="there", seed=0)
    assert found.new == ("softmax/kernel", "softmax/bias")
    assert set(found.weights) == set(graph.weights)
    for name, array in found.weights.items():
        assert array.shape == graph.weights[name].shape
        assert np.array_equal(array, theirs[name]) == (not name.startswith("softmax/"))
    same = transfer(network("resnet20", classes=10), theirs, where="there", seed=0)
    assert not same.new
    assert all(np.array_equal(same.weights[name], theirs[name]) for name in theirs)


def test_another_network_is_refused() -> None:
    with pytest.raises(BadInput, match=r"there: has no layer in common with 'lenet5'.*expected .*weights"):
        transfer(
            network("lenet5"), initial(network("resnet20"), 0), where="there", seed=0, of=network("resnet20")
        )


def test_a_layer_takes_weights_where_it_is_the_same_in_the_same_place() -> None:
    wide = initial(network("lenet5", input_shape=(28, 28, 1)), 1)
    found = transfer(network("lenet5"), wide, where="there", seed=0)
    # fc4 has the same name and shape on both sides, and behind another fc3 it would mean nothing.
    taken = {name for name, array in found.weights.items() if np.array_equal(array, wide[name])}
    assert {name for name in taken if name.endswith("/kernel")} == {"conv1/kernel", "conv2/kernel"}
    assert found.note == (
        "weights from there for 2 of 4 layers before the head; new: fc3, fc4; "
        "the head 'softmax' is new: 10 classes"
    )
    assert found.known == pytest.approx((156 + 2416) / (156 + 2416 + 48120 + 10164))


def test_layers_of_other_names_are_compared_in_their_order() -> None:
    theirs = network("lenet5", classes=4)
    renamed = {f"there_{name}": array for name, array in initial(theirs, 1).items()}
    nodes = [
        replace(node, name=f"there_{node.name}", owner=f"there_{node.owner}",
                inputs=tuple(f"there_{name}" for name in node.inputs))
        for node in theirs.nodes
    ]  # fmt: skip
    other = Graph("there", nodes, ("there_softmax",), tuple(f"there_{name}" for name in theirs.inputs))
    found = transfer(network("lenet5", classes=3), renamed, where="there", seed=0, of=other)
    assert np.array_equal(found.weights["fc4/kernel"], renamed["there_fc4/kernel"])
    assert found.known == 1.0
    with pytest.raises(BadInput, match="no layer in common"):
        transfer(network("lenet5", classes=3), renamed, where="there", seed=0)


def test_a_kernel_for_colours_becomes_one_for_grey_images() -> None:
    theirs = initial(network("resnet20"), 1)
    found = transfer(network("resnet20", (32, 32, 1)), theirs, where="there", seed=0)
    grey = np.random.default_rng(0).uniform(size=(2, 32, 32, 1)).astype(np.float32)
    wanted = predict(network("resnet20"), np.repeat(grey, 3, -1), weights=theirs)
    assert predict(network("resnet20", (32, 32, 1)), grey, weights=found.weights) == pytest.approx(
        wanted, abs=1e-5
    )
    assert found.new == ()


def test_a_head_of_other_classes_is_new_although_it_would_fit() -> None:
    theirs = initial(network("lenet5"), 1)
    found = transfer(network("lenet5"), theirs, where="there", seed=0, new_head=True)
    assert found.new == ("softmax/kernel", "softmax/bias")


@pytest.mark.parametrize("freeze", [None, "conv2"])
def test_half_of_the_classes_help_the_other_half(freeze: str | None) -> None:
    # Digits 0-4 in plenty, then 5-9 with eight images each, as many epochs with and without.
    x, y = load_digits(return_X_y=True)
    x = np.repeat(np.repeat(x.reshape(-1, 8, 8, 1) * 15.9, 4, 1), 4, 2).astype(np.uint8)
    first, second = y < 5, y >= 5
    known = network("lenet5", classes=5)
    learnt = fit(known, x[first], y[first], epochs=5, augment="none").weights
    gains = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(np.flatnonzero(second))
        few = np.concatenate([order[y[order] == label][:8] for label in range(5, 10)])
        test = np.setdiff1d(order, few)[:300]
        graph = network("lenet5", classes=5)
        start = transfer(graph, learnt, where="digits 0-4", seed=seed).weights
        options = {"epochs": 15, "augment": "none", "seed": seed}
        tuned = frozen(graph, freeze) if freeze else graph
        found = [
            evaluate(graph, x[test], y[test] - 5, weights=weights)["accuracy"]
            for weights in (
                fit(graph, x[few], y[few] - 5, **options).weights,  # type: ignore[arg-type]
                fit(
                    tuned, x[few], y[few] - 5, weights=start,
                    learning_rate=0.003, **options,  # type: ignore[arg-type]
                ).weights,
            )
        ]  # fmt: skip
        gains.append(found[1] - found[0])
    assert np.mean(gains) > 0.02, gains
