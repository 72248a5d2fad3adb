"""The ways of counting that published tables use: a cell that one of them explains is not wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...graph import Graph
from ..rows import Row, rows

LEARNED = "batch-norm statistics not counted, as torchvision and most papers do"
UNBIASED = "biases not counted, weights only"
ADDITIONS = "the additions of the biases counted too"
NO_NORM = "batch norms not counted at all, as TF-slim's tables do"
TWICE = "two operations for each multiply-add"
ONCE = "one operation for each multiply-add"


class Reading(NamedTuple):
    """What a cell should say under one convention.

    Args:
        value: the number.
        words: the convention; empty for the ledger's own.
    """

    value: int
    words: str = ""


def of_layer(row: Row, figure: str, factor: int = 1) -> Iterator[Reading]:
    """A layer's figure under every convention that a single cell may follow.

    Args:
        row: the ledger's row.
        figure: "params", "trainable_params", "macs" or "activation_size".
        factor: operations for each multiply-add.
    """
    value = getattr(row, figure)
    if value is None:
        return
    yield Reading(value * factor if figure == "macs" else value)
    if figure == "params" and row.statistics:
        yield Reading(value - row.statistics, LEARNED)
    if figure == "macs" and value == 0 and row.input_shapes and row.activation_size:
        yield from _small(row)


def _small(row: Row) -> Iterator[Reading]:
    """What operation counters say of layers without multiply-adds: a few operations for each number."""
    size = row.activation_size or 0
    if not any(word in row.kind for word in ("Pool", "Norm", "ReLU", "Activation", "Softmax", "Add")):
        return
    for each in (1, 2, 4) if "Norm" in row.kind else (1,):
        noun = "one operation" if each == 1 else f"{each} operations"
        yield Reading(each * size, f"{noun} for each number of the output, as some operation counters do")
    window = getattr(row.node.kind, "pool_size", None)
    if window:
        yield Reading(
            window[0] * window[1] * size, "an operation for each number in each window, as some counters do"
        )


def of_column(row: Row, figure: str, factor: int = 1) -> dict[str, int]:
    """A layer's figure under the conventions that only a whole column may follow: words -> number.

    One cell alone without its biases is a mistake; all of them without are a way of counting.
    """
    own = getattr(row, figure)
    if own is None or not row.input_shapes:
        return {}
    biases = _biases(row)
    if figure == "params":
        return {UNBIASED: own - biases, f"{UNBIASED}; {LEARNED}": own - biases - (row.statistics or 0)}
    if figure == "macs" and biases:
        found = {ADDITIONS: factor * own + (row.activation_size or 0)}
        if factor == 2 and own:
            found["multiplications and additions counted apart"] = 2 * own - (row.activation_size or 0)
        return found
    return {}


def _biases(row: Row) -> int:
    """The biases that the layer owns."""
    if not getattr(row.node.kind, "use_bias", False) or row.node.owner != row.node.name:
        return 0
    return sum(weight.size for weight in row.node.kind.weights(*row.input_shapes) if weight.name == "bias")


def of_network(graph: Graph, figure: str, factors: tuple[int, ...] = (1,)) -> Iterator[Reading]:
    """A whole network's figure under every convention, the likeliest first.

    Args:
        graph: the network.
        figure: "params", "trainable_params" or "macs".
        factors: operations for each multiply-add, the column's own first.
    """
    layers = rows(graph)
    if figure == "macs":
        if graph.macs is None:
            return
        added = sum(row.activation_size or 0 for row in layers if row.macs and _biases(row))
        for factor in factors:
            words = "" if factor == factors[0] else (TWICE if factor == 2 else ONCE)
            yield Reading(factor * graph.macs, words)
        yield Reading(factors[0] * graph.macs + added, ADDITIONS)
        return
    params, learned = graph.params, graph.trainable_params
    if params is None or learned is None:
        return
    statistics = params - learned
    yield Reading(params if figure == "params" else learned)
    if figure == "params" and statistics:
        yield Reading(learned, LEARNED)
    ways = tuple(_keras(layers, graph))
    for base, said in ((params, ()), (learned, (LEARNED,)))[0 if figure == "params" else 1 :]:
        for more, words in ways:
            yield Reading(base + more, "; ".join((*said, words)))
    normed = sum(row.params or 0 for row in layers if row.kind == "BatchNormalization")
    if normed and figure == "params":
        yield Reading(params - normed, NO_NORM)
    top = next((row for row in reversed(layers) if row.kind == "Dense"), None)
    if top is not None and top.params and figure == "params":
        yield Reading(params - top.params, "without the last dense layer, the features alone")
        yield Reading(learned - top.params, f"without the last dense layer; {LEARNED}")
    unbiased = sum(map(_biases, layers))
    if unbiased and figure == "params":
        yield Reading(learned - unbiased, UNBIASED)


def _keras(layers: tuple[Row, ...], graph: Graph) -> Iterator[tuple[int, str]]:
    """How much more (or less) Keras's own version of a published network holds, and why."""
    filters = sum(
        row.output_shape[-1] or 0
        for row in layers
        if row.kind == "Conv2D" and not getattr(row.node.kind, "use_bias", True)
    )
    if filters:
        yield filters, "a bias for each filter of each convolution, as Keras's ResNets have"
    scales = sum(
        row.output_shape[-1] or 0
        for row in layers
        if row.kind == "BatchNormalization" and getattr(row.node.kind, "scale", False)
    )
    if scales:
        yield -scales, "batch norms without a scale, as Keras's InceptionV3 has them"
    channels = graph.input_shape[-1] if len(graph.input_shape) == 3 else 0
    if channels:
        yield 2 * channels + 1, "a layer that normalises the image, as Keras's EfficientNets have"
