"""Peak memory against published figures and against a literal simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.kinds import size
from convsmith.ledger import liveness, peak_memory, training_memory
from convsmith.ledger.memory import STATES


def rounded(value: float) -> int:
    """Channels as MobileNet rounds them: to a multiple of 8, never down by more than a tenth."""
    new = max(8, int(value + 4) // 8 * 8)
    return new + 8 if new < 0.9 * value else new


def mobilenet_v2(side: int = 224, alpha: float = 1.0) -> Graph:
    """Sandler et al. 2018, with batch norm, ReLU6 and padding as layers of their own, as in Keras."""
    layers = keras.layers
    x = inputs = keras.Input((side, side, 3))
    x = layers.Conv2D(rounded(32 * alpha), 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(6)(layers.BatchNormalization()(x))
    channels = rounded(32 * alpha)
    plan = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    for expand, width, repeats, first in plan:
        for block in range(repeats):
            stride, out, shortcut = (first if block == 0 else 1), rounded(width * alpha), x
            if expand > 1:
                x = layers.Conv2D(expand * channels, 1, use_bias=False)(x)
                x = layers.ReLU(6)(layers.BatchNormalization()(x))
            if stride == 2:
                x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
            padding = "valid" if stride == 2 else "same"
            x = layers.DepthwiseConv2D(3, strides=stride, padding=padding, use_bias=False)(x)
            x = layers.ReLU(6)(layers.BatchNormalization()(x))
            x = layers.BatchNormalization()(layers.Conv2D(out, 1, use_bias=False)(x))
            if stride == 1 and channels == out:
                x = layers.Add()([shortcut, x])
            channels = out
    x = layers.Conv2D(max(1280, rounded(1280 * alpha)), 1, use_bias=False)(x)
    x = layers.GlobalAveragePooling2D()(layers.ReLU(6)(layers.BatchNormalization()(x)))
    return keras.Model(inputs, layers.Dense(1000)(x), name="mobilenet_v2")


def mobilenet_v1() -> Graph:
    """Howard et al. 2017."""
    layers = keras.layers
    x = inputs = keras.Input((224, 224, 3))
    x = layers.ReLU(6)(
        layers.BatchNormalization()(layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False)(x))
    )
    for width, stride in [
        (64, 1),
        (128, 2),
        (128, 1),
        (256, 2),
        (256, 1),
        (512, 2),
        *[(512, 1)] * 5,
        (1024, 2),
        (1024, 1),
    ]:
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.ReLU(6)(layers.BatchNormalization()(x))
        x = layers.ReLU(6)(layers.BatchNormalization()(layers.Conv2D(width, 1, use_bias=False)(x)))
    return keras.Model(inputs, layers.Dense(1000)(layers.GlobalAveragePooling2D()(x)), name="mobilenet_v1")


def test_the_networks_of_these_tests_are_the_published_ones() -> None:
    assert mobilenet_v2().params == 3_538_984  # keras.applications
    assert mobilenet_v1().params == 4_253_864


@pytest.mark.parametrize(
    ("graph", "model", "right"),
    [
        (mobilenet_v2(), "in_place_depthwise", 1372 * 1024),  # MIT 6.5940, lecture 10: 112·112·(16 + 96)
        (mobilenet_v2(), "fused", 1470 * 1024),  # 112·112·96 + 56·56·96
        (mobilenet_v1(), "fused", 1176 * 1024),  # 112·112·(32 + 64)
        (mobilenet_v2(144, 0.35), "fused", 311_040),  # MCUNet's "308 kB": 72·72·48 + 36·36·48
    ],
)
def test_published_peaks_under_their_models(graph: Graph, model: str, right: int) -> None:
    assert peak_memory(graph, model, precision="int8") == right


def test_precision_multiplies() -> None:
    graph = mobilenet_v1()
    int8 = peak_memory(graph, "liveness", precision="int8")
    assert int8 is not None
    assert peak_memory(graph, "liveness", precision="float16") == 2 * int8
    assert liveness(graph) == 4 * int8


def literal_liveness(graph: Graph) -> int:
    """Slow: at each step, everything made so far that a later layer (or the caller) still needs."""
    names = [node.name for node in graph.nodes]
    views = {"Flatten", "Reshape", "Dropout"}
    root = {}
    for node in graph.nodes:
        root[node.name] = root[node.inputs[0]] if node.kind_name in views else node.name
    peak = 0
    for step, node in enumerate(graph.nodes):
        alive = {root[node.name]} | {root[source] for source in node.inputs}
        for name in names[: step + 1]:
            later = any(name in other.inputs for other in graph.nodes[step + 1 :])
            if later or name in graph.outputs:
                alive.add(root[name])
        peak = max(peak, sum(size(graph.shapes[name]) or 0 for name in alive))
    return 4 * peak


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["conv", "bn", "pool", "add", "concat", "drop", "fork"]), st.integers(1, 9)
        ),
        max_size=14,
    )
)
def test_liveness_is_the_literal_simulation_and_models_only_improve(plan: list[tuple[str, int]]) -> None:
    layers = keras.layers
    x = inputs = keras.Input((16, 16, 2))
    other = x
    for what, number in plan:
        if what == "conv":
            x = layers.Conv2D(number, 3, padding="same")(x)
        elif what == "bn":
            x = layers.BatchNormalization()(x)
        elif what == "pool":
            x = layers.MaxPooling2D(2, padding="same")(x)
            other = layers.MaxPooling2D(2, padding="same")(other)
        elif what == "add":
            x = layers.Add()([layers.Conv2D(4, 1)(x), layers.Conv2D(4, 1)(other)])
        elif what == "concat":
            x = layers.Concatenate()([x, other])
        elif what == "drop":
            x = layers.Dropout(0.5)(x)
        else:
            other = x
    graph = keras.Model(inputs, layers.Flatten()(x))
    assert liveness(graph) == literal_liveness(graph)
    every, live, fused, in_place = (
        peak_memory(graph, model) or 0 for model in ("every_layer", "liveness", "fused", "in_place_depthwise")
    )
    assert every >= live >= fused >= in_place > 0


def test_what_is_given_back_is_held_to_the_end() -> None:
    """An output that no layer reads again, before larger ones; and what a late layer reads, until it has."""
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    early = layers.Conv2D(10, 3, padding="same")(inputs)
    x = layers.Conv2D(20, 3, padding="same")(early)
    x = layers.Conv2D(30, 3, padding="same")(x)
    given_back = keras.Model(inputs, [early, x])
    assert liveness(given_back) == 4 * 64 * (10 + 20 + 30) == literal_liveness(given_back)
    kept_inside = keras.Model(inputs, x)
    assert liveness(kept_inside) == 4 * 64 * (20 + 30)
    late = keras.Model(inputs, layers.Concatenate()([x, early]))
    assert liveness(late) == 4 * 64 * (10 + 30 + 40) == literal_liveness(late)
    assert peak_memory(given_back, "fused") == peak_memory(given_back, "in_place_depthwise")


def test_a_normalisation_does_not_write_over_what_a_shortcut_still_needs() -> None:
    layers = keras.layers
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(2, 1)(inputs)
    y = layers.ReLU()(layers.BatchNormalization()(x))
    graph = keras.Model(inputs, layers.Add()([x, y]))
    assert peak_memory(graph, "fused") == 4 * 8 * 8 * 2 * 3  # x, y (batch norm and ReLU in one), the sum


def test_the_middle_of_a_separable_convolution_counts() -> None:
    inputs = keras.Input((8, 8, 2))
    graph = keras.Model(inputs, keras.layers.SeparableConv2D(16, 3, padding="same")(inputs))
    assert liveness(graph) == 4 * 64 * (2 + 16)
    assert peak_memory(graph, "in_place_depthwise") == 4 * 64 * (2 + 16)
    narrow = keras.Model(inputs, keras.layers.SeparableConv2D(1, 3, padding="same")(inputs))
    assert liveness(narrow) == 4 * 64 * (2 + 2)
    assert peak_memory(narrow, "in_place_depthwise") == 4 * 64 * (2 + 1)


def test_training_memory_by_part() -> None:
    inputs = keras.Input((10,))
    graph = keras.Model(inputs, keras.layers.Dense(5)(inputs))
    parts = training_memory(graph, batch=8, optimizer="adam")
    assert parts["weights"] == parts["gradients"] == 4 * 55
    assert parts["optimizer_state"] == 2 * 4 * 55
    assert parts["activations"] == 8 * 4 * 15
    assert parts["total"] == 4 * 55 * 4 + 8 * 60
    assert training_memory(graph, optimizer="sgd")["optimizer_state"] == 0


@pytest.mark.parametrize("name", sorted(set(STATES) - {"momentum"}))
def test_optimizer_states_are_kerass(name: str) -> None:
    import keras

    optimizer = keras.optimizers.get(name)
    weight = keras.Variable(np.zeros((7, 11), np.float32))
    optimizer.build([weight])
    held = sum(int(np.prod(each.shape)) for each in optimizer.variables if tuple(each.shape) == (7, 11))
    assert held == STATES[name] * 77


def test_unknown_sizes_and_names_are_refused() -> None:
    inputs = keras.Input((None, None, 3))
    graph = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))
    with pytest.raises(BadInput, match="unknown sizes"):
        liveness(graph)
    with pytest.raises(BadInput, match="optimizer"):
        training_memory(graph, optimizer="adamm")
    with pytest.raises(BadInput, match="liveness or fused"):
        peak_memory(graph, "live")
