"""What an exported file carries beside its network, so that it can be asked about photographs alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...graph import Graph
    from ...insight.answer_rule import AnswerRule


def carried(graph: Graph, rule: AnswerRule) -> dict[str, Any]:
    """The definition of the pixels that go in, and the rule by which logits become answers, as JSON objects.

    Args:
        graph: the network.
        rule: of its run.

    Example:
        >>> from convsmith.insight.answer_rule import AnswerRule
        >>> from convsmith.zoo import network
        >>> found = carried(network("lenet5"), AnswerRule(temperature=1.5))
        >>> found["pixels"]["channels"], found["answer_rule"]["temperature"]
        (1, 1.5)
    """
    from ...data.pixels_in import described
    from ...insight.answer_rule import METADATA

    found: dict[str, Any] = {METADATA: rule.to_json()}
    if len(graph.inputs) == 1 and len(graph.input_shape) == 3:
        rows, columns, channels = graph.input_shape
        found["pixels"] = described((rows, columns), channels)
    return found


def as_texts(carried: dict[str, Any]) -> dict[str, str]:
    """Each as JSON text, for files whose metadata are texts."""
    return {name: json.dumps(value, ensure_ascii=False, sort_keys=True) for name, value in carried.items()}
