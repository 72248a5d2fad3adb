"""Receptive fields against distill.pub's published ones and against gradients of the real thing."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.ledger import Field, fields

layers = keras.layers


def published(shared: Path, name: str) -> dict[str, str]:
    with open(shared / "truth" / "receptive_field_summary.csv", newline="") as file:
        return next(row for row in csv.DictReader(file) if row["cnn"] == name)


def vgg16() -> Graph:
    x = inputs = keras.Input((224, 224, 3))
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            x = layers.Conv2D(width, 3, padding="same")(x)
        x = layers.MaxPooling2D(2)(x)
    return keras.Model(inputs, x)


def resnet_v1(*depths: int) -> Graph:
    """TF-slim's bottleneck ResNet: the stride is in the last block of a stage, not the first."""
    x = inputs = keras.Input((224, 224, 3))
    x = layers.ZeroPadding2D(3)(x)
    x = layers.Conv2D(64, 7, strides=2)(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for stage, depth in enumerate(depths):
        for block in range(depth):
            stride = 2 if block == depth - 1 and stage < 3 else 1
            shortcut = layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
            y = layers.Conv2D(8, 1)(x)
            y = layers.ZeroPadding2D(1)(y)
            y = layers.Conv2D(8, 3, strides=stride)(y)
            y = layers.Conv2D(64, 1)(y)
            x = layers.Add()([shortcut, y])
    return keras.Model(inputs, x)


def mobilenet_v1() -> Graph:
    x = inputs = keras.Input((224, 224, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same")(x)
    for stride in (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1):
        x = layers.Conv2D(8, 1)(layers.DepthwiseConv2D(3, strides=stride, padding="same")(x))
    return keras.Model(inputs, x)


def alexnet_v2() -> Graph:
    x = inputs = keras.Input((224, 224, 3))
    x = layers.MaxPooling2D(3, strides=2)(layers.Conv2D(64, 11, strides=4)(x))
    x = layers.MaxPooling2D(3, strides=2)(layers.Conv2D(192, 5, padding="same")(x))
    for width in (384, 384, 256):
        x = layers.Conv2D(width, 3, padding="same")(x)
    return keras.Model(inputs, layers.MaxPooling2D(3, strides=2)(x))


@pytest.mark.parametrize(
    ("name", "graph"),
    [
        ("vgg_16", vgg16()),
        ("alexnet_v2", alexnet_v2()),
        ("mobilenet_v1", mobilenet_v1()),
        ("resnet_v1_50", resnet_v1(3, 4, 6, 3)),
        ("resnet_v1_101", resnet_v1(3, 4, 23, 3)),
        ("resnet_v1_152", resnet_v1(3, 8, 36, 3)),
        ("resnet_v1_200", resnet_v1(3, 24, 36, 3)),
    ],
)
def test_published_fields(shared: Path, name: str, graph: Graph) -> None:
    right = published(shared, name)
    field = fields(graph)[graph.outputs[0]]
    assert field.size == (int(right["rf"]),) * 2
    assert field.stride == (int(right["effective_stride"]),) * 2
    assert field.start == (-int(right["effective_padding"]),) * 2
    assert not field.whole


def test_a_gate_is_followed_along_its_local_path_and_marked() -> None:
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(4, 3, name="before")(inputs)
    gate = layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Multiply(name="gate")([x, gate])
    x = layers.Conv2D(4, 3, name="after")(x)
    found = fields(keras.Model(inputs, layers.GlobalAveragePooling2D(name="pool")(x)))
    assert found["gate"] == Field((3, 3), (1, 1), (0, 0), gated=True)
    assert found["after"] == Field((5, 5), (1, 1), (0, 0), gated=True)
    assert str(found["after"]) == "5*"
    assert found["pool"].whole


def test_adding_something_global_is_no_gate() -> None:
    inputs = keras.Input((32, 32, 3))
    everywhere = layers.GlobalAveragePooling2D(keepdims=True)(inputs)
    assert fields(keras.Model(inputs, layers.Add(name="sum")([inputs, everywhere])))["sum"].whole


def test_splitting_and_shuffling_channels_stays_in_place() -> None:
    from convsmith.zoo import network

    original = fields(network("lenet5_1998"))  # its third layer takes chosen channels
    assert original["c3"] == Field((14, 14), (2, 2), (0, 0))
    shuffled = fields(network("shufflenet_v2_x1_0"))
    last = [name for name, field in shuffled.items() if not field.whole][-1]
    assert shuffled[last].stride == (32, 32)


def test_rows_and_columns_grow_by_their_own_strides() -> None:
    """Windows that differ in rows and columns: each axis is what the same windows give along it alone."""
    first, second = ((3, 5), (2, 1)), ((3, 3), (1, 1))
    plan = [first, ((2, 3), (1, 3)), ((5, 2), (3, 2)), second]

    def field(windows: list[tuple[tuple[int, int], tuple[int, int]]], padding: str) -> Field:
        x = inputs = keras.Input((96, 96, 1))
        for kernel, strides in windows:
            x = layers.Conv2D(1, kernel, strides=strides, padding=padding)(x)
        graph = keras.Model(inputs, x)
        return fields(graph)[graph.outputs[0]]

    for padding, windows in (("valid", plan), ("same", plan), ("same", [first, second])):
        both = field(windows, padding)
        for axis in (0, 1):
            alone = field([((k[axis],) * 2, (s[axis],) * 2) for k, s in windows], padding)
            assert (both.size[axis], both.stride[axis], both.start[axis]) == (
                alone.size[axis], alone.stride[axis], alone.start[axis],
            )  # fmt: skip
    both = field(plan, "valid")
    assert both.size == (1 + 2 + 2 + 8 + 12, 1 + 4 + 2 + 3 + 12)
    assert both.stride == (6, 6)


WINDOW = st.tuples(
    st.sampled_from(["conv", "pool", "branch"]), st.integers(1, 4), st.integers(1, 3),
    st.sampled_from(["same", "valid"]), st.integers(1, 2),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(WINDOW, min_size=1, max_size=4))
def test_fields_are_where_a_changed_pixel_arrives(plan: list[tuple[str, int, int, str, int]]) -> None:
    """The second opinion: windows of ones run over one-hot rows, literally."""
    rows = 64
    seen = np.eye(rows, dtype=bool)  # row r of the output depends on the columns that are True
    x = inputs = keras.Input((rows, rows, 1))

    def slide(seen: np.ndarray, kernel: int, stride: int, padding: str, dilation: int) -> np.ndarray:
        reach, n = (kernel - 1) * dilation + 1, len(seen)
        out = -(-n // stride) if padding == "same" else (n - reach) // stride + 1
        before = max((out - 1) * stride + reach - n, 0) // 2 if padding == "same" else 0
        result = np.zeros((out, rows), bool)
        for place in range(out):
            for tap in range(kernel):
                at = place * stride - before + tap * dilation
                if 0 <= at < n:
                    result[place] |= seen[at]
        return result

    for what, kernel, stride, padding, dilation in plan:
        if len(seen) < 12:
            break
        if what == "conv":
            stride = 1 if dilation > 1 else stride
            x = layers.Conv2D(1, kernel, strides=stride, padding=padding, dilation_rate=dilation)(x)
            seen = slide(seen, kernel, stride, padding, dilation)
        elif what == "pool":
            x = layers.MaxPooling2D(kernel, strides=stride, padding=padding)(x)
            seen = slide(seen, kernel, stride, padding, 1)
        else:
            x = layers.Add()(
                [layers.Conv2D(1, 5, padding="same")(x), layers.Conv2D(1, kernel, padding="same")(x)]
            )
            seen = slide(seen, 5, 1, "same", 1) | slide(seen, kernel, 1, "same", 1)
    graph = keras.Model(inputs, x)
    field = fields(graph)[graph.outputs[0]]
    for place, row in enumerate(seen):
        first = field.start[0] + place * field.stride[0]
        last = first + field.size[0] - 1
        where = np.flatnonzero(row)
        if first >= 0 and last < rows:  # inside the image the bounds are exact
            assert (where[0], where[-1]) == (first, last)
        elif len(where):
            assert where[0] >= first
            assert where[-1] <= last
