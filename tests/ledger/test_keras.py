"""The ledger against Keras itself: random networks, built by one function in both, layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convsmith import ledger
from convsmith.graph import notation
from convsmith.kinds import ShapeError

PADDING = st.sampled_from(["same", "valid"])
STRIDE = st.integers(1, 2)
POOL = st.sampled_from(["MaxPooling2D", "AveragePooling2D"])
LAYER = st.one_of(
    st.tuples(st.just("conv"), st.integers(1, 6), st.integers(1, 4), STRIDE, PADDING, st.booleans()),
    st.tuples(st.just("grouped"), st.integers(1, 3), st.integers(1, 3), PADDING),
    st.tuples(st.just("dilated"), st.integers(1, 4), st.integers(1, 3), PADDING),
    st.tuples(st.just("depthwise"), st.integers(1, 3), st.integers(1, 2), PADDING, st.integers(1, 2)),
    st.tuples(st.just("separable"), st.integers(1, 5), st.integers(1, 3), st.integers(1, 2)),
    st.tuples(st.just("pool"), POOL, st.integers(1, 3), PADDING),
    st.tuples(st.just("norm"), st.booleans(), st.booleans()),
    st.tuples(st.just("residual"), st.integers(1, 3)),
    st.tuples(st.just("concat"), st.integers(1, 4)),
    st.tuples(st.just("gate"), st.integers(1, 4)),
    st.tuples(st.just("pad"), st.integers(0, 2), st.integers(0, 2)),
)


def build(keras: Any, plan: list[tuple[Any, ...]], side: int) -> Any:
    """The network of a plan, in Keras or in its notation here."""
    layers = keras.layers
    x = inputs = keras.Input((side, side + 3, 2), name="image")
    for number, (what, *how) in enumerate(plan):
        name = f"{what}{number}"
        if what == "conv":
            filters, kernel, stride, padding, bias = how
            x = layers.Conv2D(filters, kernel, strides=stride, padding=padding, use_bias=bias, name=name)(x)
        elif what == "grouped":
            x = layers.Conv2D(6, 1, name=f"{name}_to")(x)
            x = layers.Conv2D(6 * how[0], how[1], groups=how[0], padding=how[2], name=name)(x)
        elif what == "dilated":
            x = layers.Conv2D(how[0], how[1], dilation_rate=2, padding=how[2], name=name)(x)
        elif what == "depthwise":
            more = {"strides": how[1], "padding": how[2], "depth_multiplier": how[3]}
            x = layers.DepthwiseConv2D(how[0], **more, name=name)(x)
        elif what == "separable":
            x = layers.SeparableConv2D(how[0], how[1], depth_multiplier=how[2], padding="same", name=name)(x)
        elif what == "pool":
            x = getattr(layers, how[0])(how[1], padding=how[2], name=name)(x)
        elif what == "norm":
            x = layers.BatchNormalization(center=how[0], scale=how[1], name=name)(x)
        elif what == "pad":
            x = layers.ZeroPadding2D(((how[0], how[1]), (how[1], how[0])), name=name)(x)
        elif what == "residual":
            x = layers.Conv2D(4, 1, name=f"{name}_to")(x)
            y = layers.Conv2D(4, how[0], padding="same", activation="relu", name=f"{name}_body")(x)
            x = layers.Add(name=name)([x, y])
        elif what == "concat":
            y = layers.Conv2D(how[0], 3, padding="same", name=f"{name}_new")(x)
            x = layers.Concatenate(name=name)([x, y])
        else:
            x = layers.Conv2D(how[0], 1, name=f"{name}_to")(x)
            gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
            gate = layers.Dense(how[0], activation="sigmoid", name=f"{name}_excite")(gate)
            x = layers.Multiply(name=name)([x, gate])
    x = layers.Dense(3, activation="softmax", name="classes")(layers.Flatten(name="flat")(x))
    return keras.Model(inputs, x, name="random")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LAYER, max_size=6), st.integers(9, 16))
def test_random_networks_have_kerass_parameters_and_shapes(plan: list[tuple[Any, ...]], side: int) -> None:
    import keras

    try:
        graph = build(notation, plan, side)
    except ShapeError:  # a window larger than its image: Keras refuses it too
        with pytest.raises(ValueError, match=r"dimension|negative|Negative|output"):
            build(keras, plan, side)
        return
    model = build(keras, plan, side)
    found = ledger.size(graph)
    rows = {row.name: row for row in found.rows}
    for layer in model.layers:
        row = rows[layer.name]
        assert row.output_shape == tuple(layer.output.shape[1:]), layer.name
        assert row.params == layer.count_params(), layer.name
        assert row.trainable_params == sum(int(np.prod(each.shape)) for each in layer.trainable_weights)
    assert found.totals.params == model.count_params()
    real = np.asarray(model(np.zeros((2, *model.input_shape[1:]), np.float32)).detach())
    assert real.shape == (2, *graph.output_shape)
