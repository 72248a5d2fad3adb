"""Kinds that ONNX has and Keras has not: against onnxruntime, and a slow literal form."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.errors import BadInput
from convsmith.formats.keras import to_keras
from convsmith.formats.onnx import to_onnx
from convsmith.graph import Graph, Node
from convsmith.kinds import KINDS, ShapeError
from convsmith.kinds.input_layer import InputLayer


def alone(kind: Any, shape: tuple[int, ...]) -> Graph:
    return Graph("one", [Node("x", InputLayer(shape)), Node("layer", kind, ("x",))])


def ours(graph: Graph, weights: dict[str, Any], x: Any) -> Any:
    """What the engine makes of numbers in Keras's layout."""
    turned = torch.from_numpy(x)
    turned = turned.permute(0, 3, 1, 2) if x.ndim == 4 else turned
    with torch.no_grad():
        found = lower(graph, weights)(turned)
    return (found.permute(0, 2, 3, 1) if x.ndim == 4 else found).numpy()


def written(graph: Graph, weights: dict[str, Any], x: Any) -> Any:
    """What onnxruntime makes of the written file."""
    session = onnxruntime.InferenceSession(
        to_onnx(graph, weights).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(None, {session.get_inputs()[0].name: x})
    return found


@settings(max_examples=15, deadline=None)
@given(
    size=st.integers(1, 9), channels=st.integers(1, 6), alpha=st.floats(1e-4, 2), beta=st.floats(0.2, 2),
    bias=st.floats(0.5, 2), seed=st.integers(0, 99),
)  # fmt: skip
def test_local_response_normalization(
    size: int, channels: int, alpha: float, beta: float, bias: float, seed: int
) -> None:
    x = np.random.default_rng(seed).normal(size=(2, 3, 2, channels)).astype(np.float32)
    kind: Any = KINDS["LocalResponseNormalization"](size, alpha, beta, bias)  # type: ignore[call-arg]
    graph = alone(kind, x.shape[1:])
    literal = np.empty_like(x)
    for c in range(channels):
        low, high = max(0, c - (size - 1) // 2), min(channels - 1, c + size // 2)
        squares = sum(x[..., k] ** 2 for k in range(low, high + 1))
        literal[..., c] = x[..., c] / (bias + alpha / size * squares) ** beta
    np.testing.assert_allclose(ours(graph, {}, x), literal, rtol=2e-5, atol=1e-6)
    if size % 2:  # onnxruntime takes odd sizes alone
        np.testing.assert_allclose(written(graph, {}, x), literal, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("sizes", [(3,), (1,), (2, 1, 3), (5, 2, 1)])
@pytest.mark.parametrize(("scale", "center"), [(True, True), (True, False), (False, True)])
def test_scale(sizes: tuple[int, ...], scale: bool, center: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 2, 3)).astype(np.float32)
    sizes = (1, *sizes[1:]) if sizes[0] == 2 else sizes
    kind: Any = KINDS["Scale"](sizes, scale, center)  # type: ignore[call-arg]
    graph = alone(kind, (5, 2, 3))
    weights = {name: rng.normal(size=w.shape).astype(np.float32) for name, w in graph.weights.items()}
    expected = x * weights.get("layer/gamma", np.float32(1)) + weights.get("layer/beta", np.float32(0))
    for run in (ours, written):
        np.testing.assert_allclose(run(graph, weights, x), expected, rtol=1e-5, atol=1e-6)
    assert graph.params == (scale + center) * int(np.prod(sizes))
    assert graph.macs == 0
    with pytest.raises(ShapeError, match="Scale by arrays"):
        kind.shape((4,) * (len(sizes) - 1) if len(sizes) > 1 else ())


def test_an_operator_that_is_only_sized() -> None:
    kind: Any = KINDS["OnnxOperator"](  # type: ignore[call-arg]
        "LSTM", (7, 1, 4), (("W", 1, 16, 3), ("R", 1, 16, 4)), 7 * 16 * 7, ((7, 3),)
    )
    graph = alone(kind, (7, 3))
    assert (graph.params, graph.macs, graph.output_shape) == (112, 784, (7, 1, 4))
    assert Graph.from_json(graph.to_json()).fingerprint == graph.fingerprint
    assert kind.shape((8, 3)) == (None, None, None)
    assert kind.macs((8, 3)) is None
    with pytest.raises(BadInput, match="operator LSTM of an ONNX file: is sized here but not run"):
        lower(graph)
    for made in (graph, alone(KINDS["Scale"]((3,)), (5, 5, 3))):  # type: ignore[call-arg]
        with pytest.raises(BadInput):
            to_keras(made)
