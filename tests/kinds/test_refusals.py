"""Whatever a kind refuses, the refusal names the layer; and it refuses the numbers that Keras refuses."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import pytest

import convsmith as cs
from convsmith.engine.lower import lower
from convsmith.engine.weights import initial
from convsmith.errors import BadInput
from convsmith.formats.onnx import to_onnx
from convsmith.graph import Graph, Node, notation, read
from convsmith.kinds import KINDS, Kind
from convsmith.kinds.augmentation import Augmentation
from convsmith.kinds.input_layer import InputLayer
from convsmith.kinds.merge import Merge

NEEDED: dict[str, dict[str, Any]] = {
    "Activation": {"activation": "relu"}, "AlphaDropout": {"rate": 0.5},
    "AveragePooling2D": {"pool_size": 2}, "CenterCrop": {"height": 2, "width": 2},
    "Conv2D": {"filters": 4, "kernel_size": 3}, "Conv2DTranspose": {"filters": 2, "kernel_size": 3},
    "Conv1D": {"filters": 4, "kernel_size": 3}, "Conv3D": {"filters": 4, "kernel_size": 2},
    "CustomScaleLayer": {"scale": 0.5}, "Dense": {"units": 2}, "DepthwiseConv2D": {"kernel_size": 3},
    "Dropout": {"rate": 0.5}, "GaussianDropout": {"rate": 0.5}, "GaussianNoise": {"stddev": 1.0},
    "Embedding": {"input_dim": 5, "output_dim": 2}, "GRU": {"units": 2}, "LSTM": {"units": 2},
    "GroupNormalization": {"groups": 2}, "MultiHeadAttention": {"num_heads": 2, "key_dim": 2},
    "LocalResponseNormalization": {"size": 3}, "SpatialDropout1D": {"rate": 0.5},
    "SpatialDropout3D": {"rate": 0.5},
    "TimeDistributed": {"layer": '{"class_name":"Dense","config":{"name":"d","units":2}}'},
     "LayerScale": {"init_values": 0.1, "projection_dim": 4},
    "Normalization": {"axis": None, "mean": 0.5, "variance": 2.0}, "Permute": {"dims": (1, 2, 3)},
    "RandomPosterization": {"factor": (1, 2)},
    "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1}, "RepeatVector": {"n": 2},
    "Rescaling": {"scale": 2.0},
    "Reshape": {"target_shape": (-1,)}, "Resizing": {"height": 2, "width": 2},
    "SeparableConv2D": {"filters": 2, "kernel_size": 3}, "SpatialDropout2D": {"rate": 0.5},
    "StochasticDepth": {"drop_path_rate": 0.1},
}  # fmt: skip
OWN = {"InputLayer", "OnnxOperator", "Operation", "Scale", "Unknown"}
NAMES = sorted(set(KINDS) - OWN)
SHAPES = [(), (6,), (4, 5), (5, 5, 4), (5, 5, 3), (None, None, 4), (5, 5, None), (2, 2, 2, 2), (1, 1, 1)]


def graph_of(kind: Kind, shape: tuple[int | None, ...]) -> Graph:
    count = count_for(type(kind).__name__)
    inputs = [Node(f"in{at}", InputLayer(shape)) for at in range(count)]
    return Graph("one", [*inputs, Node("the_layer", kind, tuple(node.name for node in inputs))])


def variants(name: str) -> Iterator[Kind]:
    """The kind with what must be given, and with settings that some steps cannot take."""
    kind = KINDS[name](**NEEDED.get(name, {}))
    yield kind
    fields = {field.name for field in dataclasses.fields(kind)}
    for setting, value in (
        ("interpolation", "lanczos3"), ("crop_to_aspect_ratio", True), ("groups", 3), ("axis", 7),
        ("shared_axes", (9,)), ("activation", "nonsense"), ("kernel_size", 9), ("pool_size", 9),
        ("target_shape", (7, 7)), ("dims", (1, 1)), ("cropping", 3), ("height", 50), ("padding", "same"),
    ):  # fmt: skip
        if setting in fields and not (setting == "padding" and name.startswith("Zero")):
            yield kind.changed(setting, value)


def refusals(kind: Kind, shape: tuple[int | None, ...]) -> Iterator[str]:
    """What is said of a layer on the way from its settings to its torch and ONNX forms."""
    try:
        graph = graph_of(kind, shape)
        cs.size(graph)
    except BadInput as error:
        yield str(error)
        return
    steps: list[Callable[[Graph], Any]] = [lower]
    if None not in shape:  # no weights for a size that is open
        steps.append(lambda graph: to_onnx(graph, initial(graph, 0)))
    for step in steps:
        try:
            step(graph)
        except BadInput as error:
            yield str(error)


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_refused_of_a_layer_names_it(name: str) -> None:
    for kind in variants(name):
        for shape in SHAPES:
            for text in refusals(kind, shape):
                assert "the_layer" in text, (kind, shape)


RATES = ("AlphaDropout", "Dropout", "GaussianDropout", "SpatialDropout2D")
RANGES: list[tuple[str, str, list[Any], list[Any]]] = [
    *((name, "rate", [0, 0.5, 1], [-0.1, 1.5, 2, float("nan"), float("inf")]) for name in RATES),
    ("GaussianNoise", "stddev", [0, 1], [-1, 1.01]),
    ("StochasticDepth", "drop_path_rate", [0, 0.9], []),
    ("LeakyReLU", "negative_slope", [0, 0.3, 2], [-0.1]),
    ("ReLU", "max_value", [None, 0, 6.0, float("inf")], [-1]),
    ("ReLU", "negative_slope", [0, 2], [-0.5]),
    ("ReLU", "threshold", [0, 2], [-0.5]),
    ("ELU", "alpha", [-1, 0, 3], []),
    ("ActivityRegularization", "l1", [0, 0.1], [-0.1]),
    ("ActivityRegularization", "l2", [0, 0.1], [-0.1]),
    ("BatchNormalization", "momentum", [0, 1, 1.5, -1], []),
    ("BatchNormalization", "epsilon", [0, 1e-3], []),
    ("BatchNormalization", "axis", [1, 2, 3, -1, -3], [0, 4, -4]),
    ("LayerNormalization", "axis", [1, -1, (1, 3)], [0, 4, (1, 1)]),
    ("GroupNormalization", "groups", [1, 2, 4, -1], [0, -2, 3, 8]),
    ("GroupNormalization", "axis", [3, -1], [0, 4]),
    ("UnitNormalization", "axis", [1, (1, 2)], [0, 5]),
    ("Softmax", "axis", [1, (1, 2)], [0, 5]),
    ("Concatenate", "axis", [1, -1], [0, 5]),
    *((name, "kernel_size", [1, (2, 3)], [0, -1, (3, 0), (1, 2, 3)])
      for name in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose")),
    *((name, "strides", [1, (2, 3)], [0, -1, (1, 0)])
      for name in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose", "MaxPooling2D",
                   "AveragePooling2D")),
    *((name, "dilation_rate", [1, 2], [0, -1])
      for name in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose")),
    *((name, "filters", [1, 4], [0, -1]) for name in ("Conv2D", "SeparableConv2D", "Conv2DTranspose")),
    *((name, "depth_multiplier", [1, 3], [0, -1]) for name in ("DepthwiseConv2D", "SeparableConv2D")),
    ("Conv2D", "groups", [1, 2, 4], [0, -1, 3]),
    ("Conv2DTranspose", "output_padding", [None, 0], [-1, 1]),
    ("MaxPooling2D", "pool_size", [1, (2, 3)], [0, -1]),
    ("Dense", "units", [1], [0, -1, 1.5]),
    ("UpSampling2D", "size", [1, (2, 3)], [0, -1]),
    ("ZeroPadding2D", "padding", [0, 1, ((0, 1), (2, 0))], [-1]),
    ("Cropping2D", "cropping", [0, 1], [-1, 3]),
    ("PReLU", "shared_axes", [(1,), (1, 2)], [(9,)]),
    ("Resizing", "height", [1, 9], [0, -1]),
    ("RandomRotation", "factor", [0.1, (-0.2, 0.3), 1], [1.5, (2, 3)]),
    ("RandomZoom", "height_factor", [0.3, (-0.5, 0.5)], [-1, 1.5, (0, 2)]),
    ("RandomTranslation", "width_factor", [0.3, -1], [-1.5, (0, 2)]),
    ("RandomBrightness", "factor", [0.3, -1], [1.5]),
    ("RandomContrast", "factor", [0.3, (0, 1)], [-0.5, 1.5]),
    ("RandomPosterization", "factor", [1, 8, (2, 4)], [0, 9]),
    ("Solarization", "addition_factor", [0, 1], [-0.1, 1.1]),
    ("RandomGrayscale", "factor", [0, 1], [-0.1, 1.1]),
]  # fmt: skip
"""Kind, setting, what Keras takes, what it refuses (the constructor, or the first call)."""


def shape_for(name: str) -> tuple[int, ...]:
    if name == "RepeatVector":
        return (6,)
    return (6, 6, 3) if issubclass(KINDS[name], Augmentation) else (6, 6, 4)


def count_for(name: str) -> int:
    several = issubclass(KINDS[name], Merge) or name in ("Concatenate", "MultiHeadAttention")
    return 2 if several else 1


def as_keras(name: str, settings: dict[str, Any]) -> Graph:
    entry = {"class_name": name, "module": KINDS[name].home, "config": {"name": "the_layer", **settings}}
    first = {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, *shape_for(name)]}}
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": [first, entry]}}
    return read(json.loads(json.dumps(model)))


def as_notation(name: str, settings: dict[str, Any]) -> Graph:
    inputs = [notation.Input(shape_for(name)) for _ in range(count_for(name))]
    layer = getattr(notation.layers, name)(name="the_layer", **settings)
    return notation.Model(inputs, layer(inputs if len(inputs) > 1 else inputs[0]))


def as_json(name: str, settings: dict[str, Any]) -> Graph:
    plain = json.loads(json.dumps(settings))
    node = {"name": "the_layer", "kind": name, "settings": plain, "inputs": ["x"] * count_for(name)}
    given = {"name": "x", "kind": "InputLayer", "settings": {"shape_": list(shape_for(name))}}
    ends = {"inputs": ["x"], "outputs": ["the_layer"]}
    return Graph.from_json({"format": 1, "name": "g", **ends, "nodes": [given, node]})


@pytest.mark.parametrize(("name", "setting", "good", "bad"), RANGES, ids=lambda item: str(item)[:30])
def test_numbers_out_of_range_name_layer_and_setting(name: str, setting: str, good: Any, bad: Any) -> None:
    for value in good:
        as_json(name, {**NEEDED.get(name, {}), setting: value})
    for value in bad:
        own = {**NEEDED.get(name, {}), setting: value}
        for form in (as_notation, as_json, *([as_keras] if count_for(name) == 1 else [])):
            with pytest.raises(BadInput, match=f"layer the_layer \\({name}\\)"):
                form(name, own)


@pytest.mark.parametrize("name", NAMES)
def test_no_setting_takes_what_is_no_number(name: str) -> None:
    for field in dataclasses.fields(KINDS[name]):
        if "float" not in str(field.type) and "Range" not in str(field.type):
            continue
        with pytest.raises(BadInput, match="got nan"):
            KINDS[name](**NEEDED.get(name, {})).changed(field.name, float("nan"))
