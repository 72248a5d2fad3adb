"""How a member of a pretrained network begins its training, wherever it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..searching.searched import part

if TYPE_CHECKING:
    import numpy as np

    from ....graph import Graph
    from ....pretrained import Source

RATE = 0.003
"""Of fine-tuning, as measured (docs/decisions/0061-members-of-a-pretrained-network.md)."""
SEEN = 1000
"""Images that a first linear head is made of, at most."""
SETTLED_ON = 256
"""Images that batch norms' statistics are measured on where channels are left out, at most."""
BATCH = 64


def fine_tuning(
    graph: Graph, source: Source, x_NHWC: np.ndarray, y: np.ndarray, *, seed: int
) -> dict[str, Any]:
    """Arguments of `engine.loop.fit` with which a member begins: weights, optimizer and rate.

    The weights are the source's, with batch norms' statistics measured anew where channels are left out; a
    linear head is logistic regression on what they make of some of the
    images, a hidden layer begins with random numbers.

    Args:
        graph: the member.
        source: the pretrained network.
        x_NHWC: the training images.
        y: their class numbers.
        seed: decides which images the head sees, and what is random.
    """
    from ....engine.lower import lower
    from ....engine.lowered.passes import TRAINING
    from ....engine.predict import predict
    from ....engine.train.statistics import sample, settle
    from ....engine.weights import dump
    from ....pretrained.cuts import upto
    from ....pretrained.heads import logistic
    from ....pretrained.inherit import inherited
    from ....pretrained.members import HEAD

    weights = inherited(graph, source, seed=seed)
    trunk = upto(graph, "pooled", graph.name)
    module = lower(trunk, {name: weights[name] for name in trunk.weights}, passes=TRAINING)
    if any(weights[name].shape[-1] != source.weights[name].shape[-1] for name in trunk.weights):
        settle(module, x_NHWC, sample(len(x_NHWC), seed, SETTLED_ON))  # channels are gone
        weights |= dump(module)
    if graph[HEAD].inputs == ("pooled",):
        rows = part(y, min(SEEN, len(y)), seed)
        head = logistic(predict(module, x_NHWC[rows], batch_size=BATCH), y[rows], classes=_classes(graph))
        weights |= {f"{HEAD}/kernel": head.kernel, f"{HEAD}/bias": head.bias}
    return {"weights": weights, "optimizer": "adamw", "learning_rate": RATE}


def _classes(graph: Graph) -> int:
    return int(graph.output_shape[-1] or 0)
