"""The exam of a layer kind: shapes, parameters, outputs and gradients equal Keras's, and ONNX agrees."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConvsmithError
from ..graph import Graph, Node, read
from ..graph.keras.writer import to_keras_json
from ..kinds import Kind, Shape
from ..kinds.input_layer import InputLayer

if TYPE_CHECKING:
    import numpy as np


class ExamFailed(ConvsmithError, AssertionError):
    """The kind differs from Keras; the text says in what."""


def examine_kind(
    kind: Kind,
    *input_shapes: Shape,
    batch: int = 2,
    tolerance: float = 2e-5,
    gradients: bool = True,
    onnx: bool = True,
    custom_objects: Mapping[str, Any] | None = None,
) -> Graph:
    """Compare one kind of layer with Keras's layer of the same name and settings.

    Args:
        kind: the kind with its settings.
        input_shapes: one shape for each input, without the batch, channels last.
        batch: how many random images.
        tolerance: the largest difference of outputs and gradients, relative to their size.
        gradients: compare gradients too; not for layers without a slope.
        onnx: compare the ONNX form too, in ONNX Runtime; False for a kind that has none.
        custom_objects: the Keras class, where Keras does not know it by itself.

    Returns:
        The network of this one layer that was examined.

    Raises:
        ExamFailed: where something differs, with both values.

    Example:
        >>> from convsmith.kinds.conv2d import Conv2D
        >>> examine_kind(Conv2D(4, 3, strides=2, padding="same"), (8, 7, 3)).params
        112
    """
    import numpy as np

    from ..formats.keras import to_keras

    graph = one_layer(kind, *input_shapes)
    if read(json.loads(json.dumps(to_keras_json(graph)))) != graph:
        raise ExamFailed("Keras's JSON and back is another network")
    rng = np.random.default_rng(0)
    weights = {
        name: rng.uniform(0.1, 1.0, weight.shape).astype(np.float32) for name, weight in graph.weights.items()
    }
    model = to_keras(graph, weights, custom_objects=custom_objects)
    _same("output shape", tuple(model.output_shape[1:]), graph.output_shape)
    _same("parameters", model.count_params(), graph.params)
    _same("trainable parameters", sum(map(_count, model.trainable_weights)), graph.trainable_params)
    layer = model.get_layer("layer")
    _same("weights", [tuple(w.shape) for w in layer.weights], [w.shape for w in graph.weights.values()])
    images = [
        rng.normal(0, 1, (batch, *(item or 1 for item in shape))).astype(np.float32) for shape in input_shapes
    ]
    _compare_torch(graph, weights, model, images, tolerance, gradients)
    if onnx:
        _compare_onnx(graph, weights, model, images, tolerance)
    return graph


def one_layer(kind: Kind, *input_shapes: Shape) -> Graph:
    """The network of inputs and this one layer, called "layer"."""
    names = [f"input_{place}" for place in range(len(input_shapes))]
    nodes = [Node(name, InputLayer(shape)) for name, shape in zip(names, input_shapes, strict=True)]
    return Graph("exam", [*nodes, Node("layer", kind, tuple(names))], ["layer"], names)


def _compare_torch(
    graph: Graph,
    weights: dict[str, np.ndarray],
    model: Any,
    images: Sequence[np.ndarray],
    tolerance: float,
    gradients: bool,
) -> None:
    import torch

    from ..engine.lower import lower
    from ..engine.weights import tensors, to_keras

    ours = lower(graph, weights)
    theirs_in = [torch.tensor(image, requires_grad=gradients) for image in images]
    ours_in = [torch.tensor(image, requires_grad=gradients) for image in images]
    theirs = model(theirs_in if len(theirs_in) > 1 else theirs_in[0], training=False)
    found = _last(ours(*(_first(x) for x in ours_in)))
    _near("output", theirs, found, tolerance)
    if not gradients:
        return
    push = torch.randn(found.shape, generator=torch.Generator().manual_seed(0))
    (theirs * push).sum().backward()
    (found * push).sum().backward()
    for number, (one, other) in enumerate(zip(theirs_in, ours_in, strict=True)):
        if one.grad is not None or other.grad is not None:
            _near(f"gradient of input {number}", one.grad, other.grad, tolerance)
    wanted = {
        name: w for (name, _), w in zip(graph.weights.items(), model.get_layer("layer").weights, strict=True)
    }
    for name, tensor, shape, axes in tensors(ours):
        if graph.weights[name].trainable:
            slope = torch.from_numpy(to_keras(tensor.grad, shape, axes))  # type: ignore[arg-type]
            _near(f"gradient of {name}", wanted[name].value.grad, slope, tolerance)


def _compare_onnx(
    graph: Graph, weights: dict[str, np.ndarray], model: Any, images: Sequence[np.ndarray], tolerance: float
) -> None:
    import onnxruntime
    import torch

    from ..formats.onnx import to_onnx

    session = onnxruntime.InferenceSession(
        to_onnx(graph, weights).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    feeds = {item.name: image for item, image in zip(session.get_inputs(), images, strict=True)}
    (found,) = session.run(None, feeds)
    with torch.no_grad():
        theirs = model(list(images) if len(images) > 1 else images[0], training=False)
    _near("ONNX output", theirs, torch.from_numpy(found), tolerance)


def _count(weight: Any) -> int:
    total = 1
    for size in weight.shape:
        total *= int(size)
    return total


def _first(x: Any) -> Any:
    return x.permute(0, 3, 1, 2) if x.dim() == 4 else x


def _last(x: Any) -> Any:
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def _same(what: str, theirs: Any, ours: Any) -> None:
    if theirs != ours:
        raise ExamFailed(f"{what}: Keras has {theirs}, the kind {ours}")


def _near(what: str, theirs: Any, ours: Any, tolerance: float) -> None:
    if theirs is None or ours is None or tuple(theirs.shape) != tuple(ours.shape):
        shapes = [None if item is None else tuple(item.shape) for item in (theirs, ours)]
        raise ExamFailed(f"{what}: Keras has the shape {shapes[0]}, the kind {shapes[1]}")
    apart = float((theirs.detach().float() - ours.detach().float()).abs().max()) if theirs.numel() else 0.0
    largest = float(theirs.detach().float().abs().max()) if theirs.numel() else 0.0
    if not apart <= tolerance * (1 + largest):
        raise ExamFailed(f"{what}: {apart:.3g} apart, where the largest value is {largest:.3g}")
