"""Limits on what a network may cost, checked from its definition, before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from ..errors import BadInput
from ..graph import Graph
from .memory import BYTES, liveness


@dataclass(frozen=True)
class Excess:
    """One figure that is over its limit."""

    what: str
    value: int
    limit: int

    def __str__(self) -> str:
        times = self.value / self.limit
        return f"{self.what}: {self.value:,} is over the limit of {self.limit:,} ({times:.2f} times)"

    def to_json(self) -> dict[str, Any]:
        """The excess as a JSON-able dictionary."""
        return {"what": self.what, "value": self.value, "limit": self.limit}


@dataclass(frozen=True)
class Budget:
    """Upper limits, each inclusive; None is no limit.

    Args:
        max_params: numbers held, statistics included.
        max_macs: multiply-adds of one image.
        max_bytes: bytes of the weights at float32.
        max_memory: peak bytes of activations of one image at float32, model "liveness".

    Example:
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((32, 32, 3))
        >>> graph = keras.Model(inputs, keras.layers.Conv2D(10, 3)(x))
        >>> [str(excess) for excess in Budget(max_params=200).over(graph)]
        ['params: 280 is over the limit of 200 (1.40 times)']
    """

    max_params: int | None = None
    max_macs: int | None = None
    max_bytes: int | None = None
    max_memory: int | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))

    def over(self, graph: Graph) -> tuple[Excess, ...]:
        """What is over its limit; empty when the network fits.

        Raises:
            BadInput: where a limited figure is not known, because a layer is not.
        """
        found = []
        for what, limit in (
            ("params", self.max_params), ("macs", self.max_macs),
            ("bytes", self.max_bytes), ("memory", self.max_memory),
        ):  # fmt: skip
            if limit is None:
                continue
            value = _figure(graph, what)
            if value > limit:
                found.append(Excess(what, value, limit))
        return tuple(found)


def _figure(graph: Graph, what: str) -> int:
    if what == "memory":
        return liveness(graph)
    value = graph.macs if what == "macs" else graph.params
    if value is None:
        where = f"layer {graph.unknown[0]}" if graph.unknown else f"network '{graph.name}'"
        raise BadInput(where, f"its {what} are not known", "known layers and sizes to keep a budget")
    return value * BYTES["float32"] if what == "bytes" else value
