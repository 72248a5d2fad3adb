"""How a member of a pretrained network begins its training, wherever it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .searched import part

if TYPE_CHECKING:
    import numpy as np

    from ...graph import Graph
    from ...pretrained import Source

RATE = 0.003
"""Of fine-tuning, as measured (docs/decisions/0061-members-of-a-pretrained-network.md)."""
SEEN = 1000
"""Images that a first linear head is made of, at most."""
BATCH = 64


def fine_tuning(
    graph: Graph, source: Source, x_NHWC: np.ndarray, y: np.ndarray, *, seed: int
) -> dict[str, Any]:
    """Arguments of `engine.loop.fit` with which a member begins: weights, optimizer and rate.

    The weights are the source's; a linear head is logistic regression on what they make of some of the
    images, a hidden layer begins with random numbers.

    Args:
        graph: the member.
        source: the pretrained network.
        x_NHWC: the training images.
        y: their class numbers.
        seed: decides which images the head sees, and what is random.
    """
    from ...pretrained.heads import logistic
    from ...pretrained.inherit import inherited
    from ...pretrained.members import HEAD

    weights = inherited(graph, source, seed=seed)
    pooled = graph[HEAD].inputs[0]
    if not graph[pooled].kind.weights(*graph.input_shapes(graph[pooled])):
        rows = part(y, min(SEEN, len(y)), seed)
        seen = _features(graph, pooled, weights, x_NHWC[rows])
        head = logistic(seen, y[rows], int(graph.output_shape[-1] or 0))
        weights |= {f"{HEAD}/kernel": head.kernel, f"{HEAD}/bias": head.bias}
    return {"weights": weights, "optimizer": "adamw", "learning_rate": RATE}


def _features(graph: Graph, end: str, weights: dict[str, np.ndarray], x_NHWC: np.ndarray) -> np.ndarray:
    """What a member gives to its head."""
    from ...engine.predict import predict
    from ...pretrained.cuts import upto

    trunk = upto(graph, end, graph.name)
    return predict(trunk, x_NHWC, weights={name: weights[name] for name in trunk.weights}, batch_size=BATCH)
