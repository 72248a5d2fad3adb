"""The ledger's totals, and where they concentrate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..graph import Graph
from .memory import BYTES, peaks, training_parts
from .receptive import Field
from .rows import Row


@dataclass(frozen=True)
class Totals:
    """What the whole network costs for one image; None is "unknown", because a layer's figure is.

    Args:
        params: numbers that it holds, statistics included, as Keras counts them.
        trainable_params: those that training changes by gradient.
        statistics: those that are kept statistics.
        macs: multiply-adds, bias not counted; FLOP is about twice that.
        weight_bytes: bytes of the weights by precision.
        peak_memory: bytes of activations by memory model, at `precision`.
        receptive_field: of the last layers that still look at a part of the image: the largest.
        receptive_field_at: the layer that has it.
        training_memory: bytes by part; see `convsmith.ledger.memory.training_memory`.
        precision: of the activations in the memory figures.
        unknown: layers whose figures are not known.
        known_params: what the layers hold whose parameters are known: the whole is at least that.
        known_macs: the multiply-adds of the layers whose are known.
    """

    params: int | None
    trainable_params: int | None
    statistics: int | None
    macs: int | None
    weight_bytes: dict[str, int | None]
    peak_memory: dict[str, int | None]
    receptive_field: Field
    receptive_field_at: str
    training_memory: dict[str, Any]
    precision: str
    unknown: tuple[str, ...]
    known_params: int
    known_macs: int

    def to_json(self) -> dict[str, Any]:
        """The totals as ``docs/ledger-json.md`` describes them."""
        return {
            "params": self.params,
            "trainable_params": self.trainable_params,
            "statistics": self.statistics,
            "macs": self.macs,
            "weight_bytes": self.weight_bytes["float32"],
            "weight_bytes_by_precision": self.weight_bytes,
            "peak_memory": self.peak_memory,
            "precision": self.precision,
            "training_memory": self.training_memory,
            "receptive_field": {**self.receptive_field.to_json(), "at": self.receptive_field_at},
            "unknown": list(self.unknown),
            "known_params": self.known_params,
            "known_macs": self.known_macs,
        }


def totals(
    graph: Graph,
    rows: tuple[Row, ...],
    *,
    precision: str = "float32",
    batch: int = 32,
    optimizer: str = "adam",
) -> Totals:
    """Add up the rows."""
    params = _total(rows, lambda row: row.params)
    learned = _total(rows, lambda row: row.trainable_params)
    training = training_parts(graph, params, learned, batch=batch, optimizer=optimizer, precision=precision)
    return Totals(
        params=params,
        trainable_params=learned,
        statistics=_total(rows, lambda row: row.statistics),
        macs=_total(rows, lambda row: row.macs),
        weight_bytes={name: None if params is None else params * each for name, each in BYTES.items()},
        peak_memory=peaks(graph, precision=precision),
        receptive_field=(widest := _widest(rows)).receptive_field,
        receptive_field_at=widest.name,
        training_memory=training,
        precision=precision,
        unknown=tuple(row.name for row in rows if row.params is None or row.macs is None),
        known_params=sum(row.params or 0 for row in rows),
        known_macs=sum(row.macs or 0 for row in rows),
    )


def _total(rows: tuple[Row, ...], of: Callable[[Row], int | None]) -> int | None:
    total = 0
    for row in rows:
        found = of(row)
        if found is None:
            return None
        total += found
    return total


def _widest(rows: tuple[Row, ...]) -> Row:
    """The first row with the largest field of those that do not cover everything."""
    local = [row for row in rows if not row.receptive_field.whole]
    return max(local, key=lambda row: row.receptive_field.size[0] * row.receptive_field.size[1])


def concentration(rows: tuple[Row, ...], what: str, share: float = 0.5) -> tuple[tuple[str, float], ...]:
    """The fewest layers that together hold at least `share` of a figure, largest first.

    Args:
        rows: the ledger's rows.
        what: "params", "macs" or "activation_size".
        share: of the total, above 0 to 1.

    Returns:
        (layer, its share of the total) pairs; empty where the total is 0 or not known.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((8,))
        >>> x = keras.layers.Dense(100, name="wide")(x)
        >>> graph = keras.Model(inputs, keras.layers.Dense(2, name="narrow")(x))
        >>> from convsmith.ledger.rows import rows
        >>> [(name, round(share, 2)) for name, share in concentration(rows(graph), "params")]
        [('wide', 0.82)]
    """
    values = [(getattr(row, what), row.name) for row in rows]
    total = sum(value or 0 for value, _ in values)
    if not total or any(value is None for value, _ in values):
        return ()
    found, held = [], 0.0
    for value, name in sorted(values, key=lambda pair: -pair[0]):
        if held >= share - 1e-12:
            break
        found.append((name, value / total))
        held += value / total
    return tuple(found)
