"""Every network of keras.applications: shapes, parameters and the way back, against Keras itself."""

from __future__ import annotations

import functools
import inspect
import json
from typing import Any

import keras
import pytest
from keras import applications

from convsmith.graph import Graph, read
from convsmith.graph.keras.writer import to_keras_json

NAMES = sorted(name for name, item in inspect.getmembers(applications, inspect.isfunction))
LARGE = {"ConvNeXtXLarge", "ConvNeXtLarge", "EfficientNetV2L", "EfficientNetB7", "NASNetLarge", "VGG19"}
WITH_HIDDEN_LAYERS = ("ConvNeXt", "InceptionResNet")


def build(name: str, **settings: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        if name == "NASNetMobile":
            # Keras refuses it on torch for the sake of its weights' layout; its definition is the same.
            patch.setattr("keras.src.applications.nasnet.backend.backend", lambda: "jax")
        return getattr(applications, name)(weights=None, **settings)


@functools.lru_cache(maxsize=1)
def built(name: str) -> tuple[Any, Graph]:
    """The Keras model without numbers (its weights take no memory), and the Graph read from its JSON."""
    with keras.device("meta"):
        model = build(name)
    return model, read(model.to_json())


def count(weights: list[Any]) -> int:
    return sum(functools.reduce(lambda a, b: a * int(b), weight.shape, 1) for weight in weights)


def marked(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name


@pytest.mark.parametrize("name", [marked(name) for name in NAMES])
def test_a_published_network_is_read_exactly(name: str) -> None:
    model, graph = built(name)
    assert graph.params == model.count_params()
    assert graph.trainable_params == count(model.trainable_weights)
    assert graph.output_shape == model.output_shape[1:]
    for layer in model.layers:
        if not hasattr(layer, "layers"):
            assert graph.shapes[layer.name] == tuple(layer.output.shape[1:]), layer.name
            shapes = [tuple(weight.shape) for weight in layer.weights]
            own = [
                weight.shape for key, weight in graph.weights.items() if key.rpartition("/")[0] == layer.name
            ]
            assert own == shapes, layer.name
    assert not graph.unknown
    again = read(json.loads(json.dumps(to_keras_json(graph))))
    assert again.fingerprint == graph.fingerprint
    assert Graph.from_json(json.loads(json.dumps(graph.to_json()))) == graph


@pytest.mark.parametrize("name", ["MobileNetV3Small", "ResNet50V2", "EfficientNetB0", "InceptionV3"])
def test_keras_builds_an_equal_model_layer_by_layer(name: str) -> None:
    model, graph = built(name)
    again = keras.models.model_from_json(json.dumps(to_keras_json(graph)))
    theirs = {layer.name: (type(layer), layer.get_config()) for layer in model.layers}
    ours = {layer.name: (type(layer), layer.get_config()) for layer in again.layers}
    assert ours == theirs


def test_all_published_parameter_counts(shared: Any) -> None:
    import csv

    with (shared / "truth" / "keras_applications.csv").open() as file:
        rows = {row["model"]: row["params_rounded"] for row in csv.DictReader(file)}
    for name in ("ResNet50", "MobileNet", "DenseNet121", "Xception"):
        published = float(rows[name].rstrip("M"))
        assert round((built(name)[1].params or 0) / 1e6, 1) == published


@pytest.mark.parametrize("name", ["MobileNetV3Small", "MobileNetV2"])
def test_an_open_input_size_is_filled_in(name: str) -> None:
    with keras.device("meta"):
        model, fixed = (
            build(name, input_shape=(*size, 3), include_top=name == "MobileNetV3Small")
            for size in ((None, None), (96, 64))
        )
    graph = read(model.to_json(), input_shape=(96, 64, 3))
    assert graph.macs
    assert graph.params == fixed.count_params()
    for layer in fixed.layers:
        if layer.name in graph:
            assert graph.shapes[layer.name] == tuple(layer.output.shape[1:])


@pytest.mark.parametrize("name", ["MobileNetV3Small", "ConvNeXtTiny", "InceptionResNetV2", "NASNetMobile"])
def test_the_lowered_network_gives_what_keras_gives(name: str) -> None:
    import numpy as np
    import torch

    from convsmith.engine.lower import lower
    from convsmith.graph.keras.weights import from_keras_weights

    model = build(name, input_shape=(96, 96, 3), classes=7)
    graph = read(model)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 96, 96, 3)).astype(np.float32)
    module = lower(graph, from_keras_weights(model, graph))
    with torch.no_grad():
        ours = module(torch.from_numpy(image).permute(0, 3, 1, 2))
        theirs = model(image, training=False)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
