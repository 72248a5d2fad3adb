"""Layers over any axis against Keras: outputs, gradients, statistics, parameters, ONNX."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.engine.predict import predict
from convsmith.engine.weights import dump
from convsmith.errors import BadInput
from convsmith.graph import notation
from convsmith.graph.fold import fold
from convsmith.kinds import KINDS
from convsmith.testing.kind_exam import examine_kind, one_layer
from convsmith.testing.random_networks import random_weights

shapes = st.sampled_from([(4, 6, 2), (2, 4, 6), (6, 4), (4,)])
flags = st.booleans()


@st.composite
def cases(draw: Any) -> tuple[Any, tuple[int, ...]]:
    shape = draw(shapes)
    rank = len(shape)
    axis = draw(st.sampled_from([*range(1, rank + 1), *range(-rank, 0)]))
    several = tuple(sorted(draw(st.sets(st.integers(1, rank), min_size=1))))
    learned = {"center": draw(flags), "scale": draw(flags)}
    name = draw(st.sampled_from(["Batch", "Layer", "Group", "Unit", "Softmax"]))
    if name == "Softmax":
        return KINDS["Softmax"](draw(st.sampled_from([axis, several]))), shape
    if name == "Unit":
        return KINDS["UnitNormalization"](draw(st.sampled_from([axis, several]))), shape
    if name == "Layer":
        return KINDS["LayerNormalization"](draw(st.sampled_from([axis, several])), **learned), shape
    if name == "Group":
        return KINDS["GroupNormalization"](draw(st.sampled_from([2, 1, -1])), axis, **learned), shape
    return KINDS["BatchNormalization"](axis, **learned), shape


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(cases())
def test_a_layer_over_any_axis_is_keras_s(case: tuple[Any, tuple[int, ...]]) -> None:
    kind, shape = case
    examine_kind(kind, shape)


@pytest.mark.parametrize("axis", [1, 2, -3])
def test_statistics_over_rows_and_columns_are_keras_s(axis: int) -> None:
    shape = (3, 4, 5)
    graph = one_layer(KINDS["BatchNormalization"](axis=axis, momentum=0.5), shape)
    layer = keras.layers.BatchNormalization(axis=axis, momentum=0.5)
    x = torch.randn(6, *shape)
    theirs = layer(x, training=True)
    module = lower(graph).train()
    torch.testing.assert_close(
        module(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1), theirs, rtol=1e-4, atol=1e-5
    )
    after = dump(module)
    for name in ("moving_mean", "moving_variance"):
        np.testing.assert_allclose(after[f"layer/{name}"], getattr(layer, name).numpy(), rtol=1e-4, atol=1e-6)


def test_a_norm_over_rows_is_not_folded_into_a_convolution() -> None:
    x = inputs = notation.Input((6, 6, 2))
    x = notation.layers.BatchNormalization(axis=1)(notation.layers.Conv2D(6, 3, padding="same")(x))
    graph = notation.Model(inputs, x)
    weights = random_weights(graph, np.random.default_rng(0))
    images = np.random.default_rng(1).normal(size=(2, 6, 6, 2)).astype(np.float32)
    plain = lower(graph, weights)(torch.from_numpy(images).permute(0, 3, 1, 2)).detach().numpy()
    assert "batch_normalization" in fold(graph, weights)[0]
    np.testing.assert_allclose(predict(graph, images, weights=weights), plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["BatchNormalization", "LayerNormalization", "GroupNormalization",
                                  "UnitNormalization", "Softmax"])  # fmt: skip
@pytest.mark.parametrize("axis", [0, 4, -4])
def test_the_batch_and_axes_that_are_not_there_are_refused_by_the_layer_s_name(kind: str, axis: int) -> None:
    inputs = notation.Input((4, 4, 2))
    with pytest.raises(BadInput, match=rf"layer own \({kind}\): {kind} over axis \(?{axis}"):
        notation.Model(inputs, getattr(notation.layers, kind)(axis=axis, name="own")(inputs))
