"""The budget: hard limits on what a network costs, checked from its Graph before anything is trained.

The one definition: `size`, `compare`, `forge` and every search check with it.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from ..device.cost import int8_cost
from ..device.layers import NoForm
from ..errors import BadInput, BadName
from ..graph import Graph
from ..units import show_bytes, show_count
from .effort import effort
from .memory import BYTES, peak_memory

Latency = Callable[[Graph], float]
MEMORY_MODELS = {
    "every": "every_layer", "liveness": "liveness", "fused": "fused", "in-place": "in_place_depthwise",
}  # fmt: skip
"""Short names of the ledger's memory models (`convsmith.ledger.memory`)."""
PRECISIONS = ("float32", "int8")
"""What the bytes and the memory of a budget are counted in."""
NEVER = 2**60
"""Bytes of an int8 file that cannot be: a layer has no such form."""


@dataclass(frozen=True)
class Budget:
    """Limits on a network; None means no limit.

    Args:
        params: numbers that the network holds, batch-norm statistics included, as Keras counts them.
        macs: multiply-adds for one image.
        bytes: the weights in fp32: four bytes for each of params; in int8 the .tflite file.
        memory: bytes of activations at their peak, fp32, one image, under the memory model; in int8 the arena
            of TensorFlow Lite Micro, what it keeps for itself included.
        latency_ms: milliseconds, as the caller's function measures or knows them.
        memory_model: a key of `MEMORY_MODELS`: the ledger's models by their short names.
        effort: work of a training step (`ledger.effort`); set by a search for its short trainings.
        precision: a key of `PRECISIONS`: what bytes and memory mean.
        classes: the classes' names, which stand in an int8 file.

    Raises:
        BadInput: a limit that is not a positive number, or another memory model.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((32, 32, 3))
        >>> graph = keras.Model(inputs, keras.layers.Conv2D(10, 3)(x))
        >>> verdict = Budget(params=300, macs=200_000).check(graph)
        >>> verdict.kept, verdict.over
        (False, ('macs',))
        >>> print(verdict)
        params 280 of 300; macs 243k of 200k: over
    """

    params: int | None = None
    macs: int | None = None
    bytes: int | None = None
    memory: int | None = None
    latency_ms: float | None = None
    memory_model: str = "liveness"
    effort: int | None = None
    precision: str = "float32"
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise BadName("--precision", self.precision, PRECISIONS)
        if self.memory_model not in MEMORY_MODELS:
            raise BadName("--memory-model", self.memory_model, MEMORY_MODELS)
        for name, limit in self.limits.items():
            number = isinstance(limit, numbers.Real) and not isinstance(limit, bool)
            if not number or not math.isfinite(limit) or limit <= 0:
                option = "--max-" + name.replace("_", "-")
                raise BadInput(option, f"got {limit!r}", "a number above zero", f"{option} {_EXAMPLES[name]}")

    @property
    def limits(self) -> dict[str, float]:
        """The limits that are set, by quantity."""
        return {name: limit for name in _LIMITED if (limit := getattr(self, name)) is not None}

    def figures(self, graph: Graph, names: Iterable[str] | None = None) -> dict[str, Any]:
        """What a network costs by the quantities of `names`, or by all; memory under the budget's model."""
        found = figures_of(graph, QUANTITIES if names is None else names, memory_model=self.memory_model)
        if self.precision == "int8":
            asked = [name for name in ("bytes", "memory") if name in found]
            try:
                cost = (
                    dict(zip(("bytes", "memory"), int8_cost(graph, self.classes), strict=True))
                    if asked
                    else {}
                )
            except NoForm:  # a network that no device runs is never a candidate
                cost = dict.fromkeys(asked, NEVER)
            found |= {name: cost[name] for name in asked}
        return found

    def without_latency(self) -> Budget:
        """The part of the budget that a Graph alone decides."""
        return replace(self, latency_ms=None)

    def capped(self, macs: float) -> Budget:
        """The same budget with at most this many multiply-adds."""
        return replace(self, macs=max(1, int(macs if self.macs is None else min(macs, self.macs))))

    def within_effort(self, most: float) -> Budget:
        """The same budget with at most so much work in a training step (`ledger.effort`)."""
        return replace(self, effort=max(1, int(most)))

    def times(self, share: float) -> Budget:
        """Every limit times a share, at least 1 where it is a count."""
        scaled: dict[str, Any] = {
            name: limit * share if name == "latency_ms" else max(1, int(limit * share))
            for name, limit in self.limits.items()
        }
        return replace(self, **scaled)

    def check(self, graph: Graph, latency_ms: Latency | None = None) -> Verdict:
        """Whether a network keeps the budget, with every figure.

        Args:
            graph: the network.
            latency_ms: measures a network in milliseconds for one image; asked last, and only when
                there is a limit on latency and every other limit is kept.

        Raises:
            BadInput: a quantity with a limit is not known for this network, or latency cannot be measured.
        """
        limits = self.limits
        figures = self.figures(graph, dict.fromkeys((*QUANTITIES, *limits)))
        over = self._above(graph, figures, limits)
        if "latency_ms" in limits and not over:
            if latency_ms is None:
                raise BadInput("--max-latency-ms", "nothing here measures latency", "a function that does")
            figures["latency_ms"] = latency_ms(graph)
            if figures["latency_ms"] > limits["latency_ms"]:
                over.append("latency_ms")
        return Verdict(figures, limits, tuple(over))

    @staticmethod
    def _above(graph: Graph, figures: dict[str, Any], limits: dict[str, float]) -> list[str]:
        """What the Graph alone decides and is above its limit."""
        over = []
        for name, limit in limits.items():
            if name == "latency_ms":
                continue
            if figures[name] is None:
                raise _unknown(graph, name)
            if figures[name] > limit:
                over.append(name)
        return over

    def over(self, graph: Graph) -> tuple[Excess, ...]:
        """What of a network is over its limit; empty where it fits.

        Raises:
            BadInput: a limited figure is not known, because a layer is not; or, in int8, a layer that no
                device runs.

        Example:
            >>> from convsmith.zoo import network
            >>> [str(excess) for excess in Budget(params=50_000).over(network("lenet5"))]
            ['params: 61,706 is over the limit of 50,000 (1.23 times)']
        """
        limits = self.limits
        figures = self.figures(graph, limits)
        if NEVER in figures.values():
            int8_cost(graph)  # says which layer it is
        return tuple(
            Excess(name, figures[name], limits[name]) for name in self._above(graph, figures, limits)
        )

    def to_json(self) -> dict[str, Any]:
        """The limits as a JSON-able dict, None where there is none; an unusual memory model."""
        return (
            {name: getattr(self, name) for name in QUANTITIES}
            | ({} if self.memory_model == "liveness" else {"memory_model": self.memory_model})
            | ({} if self.precision == "float32" else {"precision": self.precision})
        )


_EXAMPLES = {"params": "50k", "macs": "5M", "bytes": "200kB", "memory": "1MB", "latency_ms": "2"}
QUANTITIES = tuple(field.name for field in fields(Budget) if field.name in _EXAMPLES)
_LIMITED = (*QUANTITIES, "effort")


def _unknown(graph: Graph, name: str) -> BadInput:
    """Why a figure with a limit cannot be checked."""
    where = f"layer {graph.unknown[0]}" if graph.unknown else f"network '{graph.name}'"
    verb = "is" if name in ("memory", "effort") else "are"
    return BadInput(where, f"its {name} {verb} not known", "known layers and sizes to keep a budget")


@dataclass(frozen=True)
class Excess:
    """One figure that is over its limit."""

    what: str
    value: float
    limit: float

    def __str__(self) -> str:
        times = self.value / self.limit
        return f"{self.what}: {self.value:,} is over the limit of {self.limit:,} ({times:.2f} times)"

    def to_json(self) -> dict[str, Any]:
        """The excess as a JSON-able dictionary."""
        return {"what": self.what, "value": self.value, "limit": self.limit}


@dataclass(frozen=True)
class Verdict:
    """What a network costs, against what it may cost.

    Args:
        figures: every quantity; latency_ms is None where it was not measured.
        limits: the limits that are set.
        over: the quantities that are above their limit.
    """

    figures: dict[str, Any]
    limits: dict[str, float]
    over: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether every limit is kept."""
        return not self.over

    @property
    def excess(self) -> float:
        """How far it is over, as the sum of the natural logarithms of figure / limit; 0 when kept."""
        return math.fsum(math.log(self.figures[name] / self.limits[name]) for name in self.over)

    def __str__(self) -> str:
        parts = []
        for name, limit in self.limits.items():
            end = ": over" if name in self.over else ""
            parts.append(f"{name} {show(name, self.figures[name])} of {show(name, limit)}{end}")
        return "; ".join(parts) or "no limits"


def figures_of(
    graph: Graph, names: Iterable[str] = QUANTITIES, *, memory_model: str = "liveness"
) -> dict[str, Any]:
    """The quantities of a network that its Graph decides, and latency_ms as None.

    Args:
        graph: the network.
        names: which quantities; params and macs are counts, bytes and memory are bytes (fp32, one image).
        memory_model: a key of `MEMORY_MODELS`.
    """
    return {name: _FIGURES[name](graph, memory_model) for name in names}


_FIGURES: dict[str, Callable[[Graph, str], Any]] = {
    "params": lambda graph, _: graph.params,
    "macs": lambda graph, _: graph.macs,
    "bytes": lambda graph, _: None if graph.params is None else graph.params * BYTES["float32"],
    "memory": lambda graph, model: peak_memory(graph, MEMORY_MODELS[model]),
    "latency_ms": lambda graph, _: None,
    "effort": lambda graph, _: effort(graph),
}


def show(name: str, figure: float | None) -> str:
    """A figure of a quantity as a person says it.

    Example:
        >>> show("params", 19_900), show("latency_ms", 1.23456), show("bytes", 80_000)
        ('19.9k', '1.23 ms', '80.0 kB')
    """
    if figure is None:
        return "not measured"
    if name == "latency_ms":
        return f"{figure:.3g} ms"
    return show_bytes(figure) if name in ("bytes", "memory") else show_count(figure)
