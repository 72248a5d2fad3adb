"""A network of one's own as a source: what its members give is what it gives itself."""

from __future__ import annotations

import numpy as np
import pytest

from convsmith.engine.predict import predict
from convsmith.engine.weights import initial
from convsmith.errors import BadInput
from convsmith.graph import Graph, Node
from convsmith.kinds.dense import Dense
from convsmith.kinds.input_layer import InputLayer
from convsmith.pretrained import Source
from convsmith.pretrained.features import Features
from convsmith.pretrained.inherit import inherited
from convsmith.pretrained.members import member
from convsmith.pretrained.own import own_source
from convsmith.pretrained.table import table

ABOUT = {"licence": "your own", "commercial": True, "origin": "your own", "sha256": "0"}
X = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)


def test_a_member_is_a_source_again_and_its_layers_do_not_clash(lite0: Source) -> None:
    graph = member(lite0, "block2", (32, 32, 3), 5, sides=(64, 64), hidden=8)
    weights = inherited(graph, lite0, seed=1)
    again = own_source("mine", graph, weights, **ABOUT)
    assert again.network.input_shape == (64, 64, 3)
    assert not any(node.kind_name == "Resizing" for node in again.network.nodes)
    same = member(again, again.cuts[-1].name, (32, 32, 3), 5, sides=(64, 64), hidden=8)
    whole = inherited(same, again, seed=2) | {
        name: array for name, array in weights.items() if name.startswith(("hidden/", "classes/"))
    }
    assert predict(same, X, weights=whole) == pytest.approx(predict(graph, X, weights=weights), abs=1e-6)
    assert same.params == graph.params


def test_names_that_members_need_are_given_free() -> None:
    from convsmith.kinds.conv2d import Conv2D
    from convsmith.kinds.global_average_pooling2d import GlobalAveragePooling2D

    nodes = [
        Node("input", InputLayer((32, 32, 3)), ()),
        Node("pooled", Conv2D(4, 3, activation="relu"), ("input",)),
        Node("hidden", Conv2D(6, 3, activation="relu"), ("pooled",)),
        Node("mean", GlobalAveragePooling2D(), ("hidden",)),
        Node("classes", Dense(3, activation="softmax"), ("mean",)),
    ]
    graph = Graph("awkward", nodes, ("classes",), ("input",))
    weights = initial(graph, 3)
    source = own_source("mine", graph, weights, **ABOUT)
    assert [cut.name for cut in source.cuts] == ["own_pooled", "own_hidden"]
    made = member(source, "own_hidden", (32, 32, 3), 3)
    found = inherited(made, source) | {
        name: array for name, array in weights.items() if name.startswith("classes/")
    }
    assert predict(made, X, weights=found) == pytest.approx(predict(graph, X, weights=weights), abs=1e-6)
    seen = Features(source, (32, 32, 3)).of_images(X)
    assert [seen[cut.name].shape[1] for cut in source.cuts] == [4, 6]


def test_a_network_without_a_feature_map_is_refused() -> None:
    nodes = [Node("input", InputLayer((5,)), ()), Node("out", Dense(2, activation="softmax"), ("input",))]
    graph = Graph("flat", nodes, ("out",), ("input",))
    with pytest.raises(BadInput, match="--pretrained mine: takes 1 inputs of shape"):
        own_source("mine", graph, initial(graph, 0), **ABOUT)


def test_the_table_counts_what_is_opened(lite0: Source) -> None:
    row = table()["efficientnet_lite0"]
    assert row["trunk_params"] == lite0.graph.params
    assert row["params"] == lite0.network.params
    assert row["here"]
    # 407M MACs at 224 pixels are published for EfficientNet-Lite0, a little differently counted
    assert row["macs"] == pytest.approx(407e6, rel=0.06)
