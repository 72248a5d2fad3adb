"""A trained network's answers: probabilities, loss and accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import BadInput
from ..graph import Graph
from ..graph.fold import fold
from .lower import Lowered, lower
from .lowered.passes import INFERENCE, keep_pages
from .tta import views
from .weights import check


def to_NCHW(x: np.ndarray) -> Tensor:  # noqa: N802
    """Images (N, H, W, C) of any number type as a float32 tensor, NCHW in channels-last memory."""
    array = np.ascontiguousarray(x)
    tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
    # Converted before it is permuted: the other way round torch takes ten times as long.
    tensor = tensor.to(torch.float32)
    return tensor.permute(0, 3, 1, 2) if tensor.dim() == 4 else tensor


def predict(
    network: Lowered | Graph,
    x: np.ndarray,
    *,
    weights: Mapping[str, np.ndarray] | None = None,
    batch_size: int = 256,
    tta: str = "none",
) -> np.ndarray:
    """What the network says of each image.

    Args:
        network: a lowered network, or a Graph together with its weights.
        x: raw pixels, (N, H, W, C), uint8 or float; may be memory-mapped.
        weights: full name -> array; needed with a Graph.
        batch_size: images at once.
        tta: how images are varied: "none", "flip", "shift" or "flip_shift"; the mean of what the network
            says of the views (see `engine.tta`).

    Returns:
        The network's output, float32 (N, classes): probabilities where it ends in a softmax.

    Raises:
        BadInput: images of another shape, or a Graph without weights.

    Example:
        >>> from convsmith.engine.weights import initial
        >>> from convsmith.zoo import network
        >>> graph = network("lenet5")
        >>> predict(graph, np.zeros((2, 32, 32, 1), np.uint8), weights=initial(graph, seed=0)).shape
        (2, 10)
    """
    module = _module(network, weights)
    check_images(module.graph, x)
    keep_pages()
    module.eval()
    place = next(module.parameters(), torch.empty(0)).device
    outputs = []
    with torch.inference_mode():
        for start in range(0, len(x), batch_size):
            seen = [
                module(to_NCHW(view).to(place)).cpu().numpy()
                for view in views(x[start : start + batch_size], tta)
            ]
            outputs.append(seen[0] if len(seen) == 1 else np.mean(seen, axis=0))
    if not outputs:
        return np.zeros((0, *(size or 0 for size in module.graph.output_shape)), np.float32)
    return np.concatenate(outputs)


def evaluate(
    network: Lowered | Graph,
    x: np.ndarray,
    y: np.ndarray,
    *,
    weights: Mapping[str, np.ndarray] | None = None,
    batch_size: int = 256,
    tta: str = "none",
) -> dict[str, float]:
    """Loss and accuracy on labelled images.

    Args:
        network: a lowered network, or a Graph together with its weights.
        x: raw pixels, (N, H, W, C).
        y: class numbers, (N,).
        weights: full name -> array; needed with a Graph.
        batch_size: images at once.
        tta: how images are varied, as in `predict`.

    Returns:
        ``{"loss": mean cross-entropy in nats, "accuracy": share right}``.
    """
    if not len(x):
        raise BadInput("evaluate", "no images", "at least one image")
    return scores(predict(network, x, weights=weights, batch_size=batch_size, tta=tta), y)


def scores(probabilities: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Loss and accuracy of probabilities (N, classes) against class numbers (N,)."""
    right = np.clip(probabilities[np.arange(len(y)), y].astype(np.float64), 1e-7, 1.0)
    return {
        "loss": float(-np.log(right).mean()),
        "accuracy": float((probabilities.argmax(1) == y).mean()),
    }


def check_images(graph: Graph, x: Any) -> None:
    """Raise BadInput unless `x` is a batch of images that the network takes."""
    wanted = graph.input_shape
    fits = len(x.shape) == len(wanted) + 1 and all(
        size is None or size == came for size, came in zip(wanted, x.shape[1:], strict=True)
    )
    if not fits:
        raise BadInput(
            f"network '{graph.name}'",
            f"images of shape {tuple(x.shape)}",
            f"(N, {', '.join(str(size or 'any') for size in wanted)})",
            "images of the network's size, channels last",
        )


def _module(network: Lowered | Graph, weights: Mapping[str, np.ndarray] | None) -> Lowered:
    if isinstance(network, Lowered):
        if weights is not None:
            from .weights import load

            load(network, weights)
        return network
    if weights is None:
        raise BadInput(f"network '{network.name}'", "given without weights", "weights=...", "fit it first")
    check(network, weights)
    return lower(*fold(network, dict(weights)), passes=INFERENCE)
