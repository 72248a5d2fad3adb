"""Kinds that change rows and columns: the values, in torch and in ONNX Runtime, over sizes and settings."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from convsmith.engine.lower import lower
from convsmith.errors import BadInput
from convsmith.formats.check import open_session
from convsmith.formats.onnx import to_onnx
from convsmith.graph import notation
from convsmith.graph.onnx.reader import Reader
from convsmith.kinds import KINDS, Kind
from convsmith.kinds.kind import ShapeError
from convsmith.kinds.resizing import _undecided
from convsmith.kinds.window import length
from convsmith.testing.kind_exam import one_layer


def ran(graph: Any, weights: dict[str, np.ndarray], x_NHWC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the torch form and what ONNX Runtime make of the images, channels last."""
    with torch.no_grad():
        ours = lower(graph, weights)(torch.from_numpy(x_NHWC).permute(0, 3, 1, 2))
    session = open_session(to_onnx(graph, weights), threads=1)
    (theirs,) = session.run(None, {session.get_inputs()[0].name: x_NHWC})
    return (ours.permute(0, 2, 3, 1) if ours.dim() == 4 else ours).numpy(), theirs


def test_a_transposed_convolution_has_keras_s_values_over_kernel_stride_and_output_padding() -> None:
    """Random kernels have no symmetry that would hide a shift by one pixel."""
    rng = np.random.default_rng(0)
    x_NHWC = rng.normal(size=(1, 3, 2, 2)).astype(np.float32)
    seen = set()
    for f, stride, padding in itertools.product((1, 2, 3, 4, 5), (1, 2, 3), ("valid", "same")):
        for extra in (None, *range(stride)):
            other = None if extra is None else (extra, (extra + 1) % stride)
            kind: Any = KINDS["Conv2DTranspose"](
                2, (f, 6 - f), (stride, stride), padding, output_padding=other
            )
            graph = one_layer(kind, (3, 2, 2))
            weights = {
                name: rng.normal(size=weight.shape).astype(np.float32)
                for name, weight in graph.weights.items()
            }
            layer = keras.layers.Conv2DTranspose(2, (f, 6 - f), stride, padding, output_padding=other)
            layer.build((None, 3, 2, 2))
            layer.set_weights(list(weights.values()))
            wanted = layer(x_NHWC).detach().numpy()
            for found in ran(graph, weights, x_NHWC):
                np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5, err_msg=str(kind))
            seen.add((f, stride, padding, extra))
    assert len(seen) == 5 * (2 + 3 + 4) * 2


def test_the_reported_transposed_convolution() -> None:
    kind: Any = KINDS["Conv2DTranspose"](1, (3, 3), (2, 2), "same", output_padding=(1, 1), use_bias=False)
    graph = one_layer(kind, (2, 2, 1))
    kernel = np.arange(9, dtype=np.float32).reshape(3, 3, 1, 1)
    x_NHWC = np.zeros((1, 2, 2, 1), np.float32)
    x_NHWC[0, 0, 0, 0] = 1
    corner = [[0, 1, 2, 0], [3, 4, 5, 0], [6, 7, 8, 0], [0, 0, 0, 0]]
    for found in ran(graph, {"layer/kernel": kernel}, x_NHWC):
        np.testing.assert_array_equal(found[0, :, :, 0], corner)


def test_the_sizes_that_rounded_quotients_got_wrong() -> None:
    """11 × float32(13/11) is a little less than 13: with scales there were 12 rows, which did not fit."""
    layers = notation.layers
    x = inputs = notation.Input((8, 8, 1))
    x = layers.Resizing(13, 13)(layers.CenterCrop(7, 7)(x))
    graph = notation.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    rng = np.random.default_rng(0)
    weights = {
        name: rng.normal(size=weight.shape).astype(np.float32) for name, weight in graph.weights.items()
    }
    ours, theirs = ran(graph, weights, rng.normal(size=(2, 8, 8, 1)).astype(np.float32))
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)
    (_, theirs) = ran(
        one_layer(KINDS["Resizing"](13, 13), (11, 11, 1)), {}, np.zeros((1, 11, 11, 1), np.float32)
    )  # type: ignore[call-arg]
    assert theirs.shape == (1, 13, 13, 1)


FORMS = st.tuples(st.sampled_from(["nearest", "bilinear", "bicubic"]), st.booleans())
SIZES = st.integers(1, 70)
SMALL = st.integers(1, 4)


@st.composite
def changing(draw: st.DrawFn) -> tuple[Kind, tuple[int, int, int]]:
    """A kind whose output has other rows and columns, and an input."""
    rows, columns = draw(SIZES), draw(SIZES)
    pair = (draw(SMALL), draw(SMALL))
    name = draw(st.sampled_from(["Resizing", "Resizing", "UpSampling2D", "Pool", "Conv", "Crop"]))
    kind: Any
    if name == "Resizing":
        form, smooth = draw(FORMS)
        kind = KINDS[name](draw(SIZES), draw(SIZES), form, antialias=smooth)  # type: ignore[call-arg]
    elif name == "UpSampling2D":
        kind = KINDS[name](pair, interpolation=draw(FORMS)[0])  # type: ignore[call-arg]
    elif name == "Pool":
        pool = KINDS[draw(st.sampled_from(["MaxPooling2D", "AveragePooling2D"]))]
        kind = pool((draw(SMALL), draw(SMALL)), pair, "same")  # type: ignore[call-arg]
    elif name == "Conv":
        kind = KINDS["Conv2D"](2, (draw(SMALL), draw(SMALL)), pair, "same")  # type: ignore[call-arg]
    else:
        kind = KINDS["CenterCrop"](draw(st.integers(1, rows)), draw(st.integers(1, columns)))  # type: ignore[call-arg]
    return kind, (rows, columns, 2)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(case=changing())
def test_every_size_in_onnx_runtime_is_torch_s(case: tuple[Kind, tuple[int, int, int]]) -> None:
    kind, shape = case
    graph = one_layer(kind, shape)
    rng = np.random.default_rng(0)
    weights = {
        name: rng.normal(size=weight.shape).astype(np.float32) for name, weight in graph.weights.items()
    }
    ours, theirs = ran(graph, weights, rng.normal(size=(2, *shape)).astype(np.float32))
    assert theirs.shape[1:] == graph.output_shape
    np.testing.assert_allclose(theirs, ours, rtol=1e-3, atol=1e-4)
    assert Reader(to_onnx(graph, weights)).read("again").output_shape == graph.output_shape


def test_where_nearest_is_not_decided_by_its_quotient() -> None:
    """All other pairs of sizes are the same by exact arithmetic; these go by the rows' numbers."""
    for n, target in itertools.product(range(1, 40), range(1, 40)):
        exact = [(2 * x + 1) * n // (2 * target) for x in range(target)]
        x = torch.arange(n, dtype=torch.float32).reshape(1, 1, n, 1)
        found = F.interpolate(x, (target, 1), mode="nearest-exact").flatten().int().tolist()
        assert found == exact or _undecided(n, target), (n, target)
    assert _undecided(6, 37)
    assert not _undecided(8, 4)
    assert not _undecided(7, 13)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_resizing_is_keras_s(interpolation: str, antialias: bool) -> None:
    x_NHWC = np.random.default_rng(0).normal(size=(2, 9, 12, 3)).astype(np.float32)
    for height, width in ((5, 17), (9, 4), (30, 12)):
        layer = keras.layers.Resizing(height, width, interpolation, antialias=antialias)
        kind = KINDS["Resizing"].from_config(layer.get_config())
        for found in ran(one_layer(kind, (9, 12, 3)), {}, x_NHWC):
            np.testing.assert_allclose(found, layer(x_NHWC).numpy(), rtol=1e-4, atol=1e-5)


def test_resizing_takes_images_of_any_size() -> None:
    x_NHWC = np.random.default_rng(0).normal(size=(2, 11, 7, 1)).astype(np.float32)
    ours, theirs = ran(one_layer(KINDS["Resizing"](13, 5), (None, None, 1)), {}, x_NHWC)  # type: ignore[call-arg]
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)


def test_what_resizing_cannot_be_is_refused_by_name() -> None:
    for more, words in (
        ({"interpolation": "lanczos3"}, "lanczos3"),
        ({"pad_to_aspect_ratio": True}, "aspect"),
    ):
        graph = one_layer(KINDS["Resizing"](4, 4, **more), (8, 8, 1))  # type: ignore[call-arg]
        for call in (lower, lambda graph: to_onnx(graph, {})):
            with pytest.raises(BadInput, match=words):
                call(graph)


def test_a_dilated_window_needs_the_pixels_between_its_first_and_last():
    assert (length(5, 3, 1, "valid", 2), length(9, 3, 1, "valid", 4)) == (1, 1)
    assert length(9, 3, 2, "valid", 2) == 3
    with pytest.raises(ShapeError, match="kernel 5 on a 4-pixel input"):
        length(4, 3, 1, "valid", 2)
