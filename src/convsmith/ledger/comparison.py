"""`compare`: several networks beside each other, as a table and as a chart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..graph import Graph
from ..notebooks import framed, picture
from ..units import Bytes, Count, Size, show_bytes
from .budget import Budget, Excess
from .chart import Point, chart
from .files import check_ending, save
from .rows import rows
from .source import Network, graph_of
from .table import Column, Table, Tabled, Worked, page
from .totals import Totals, totals


@dataclass(frozen=True)
class Entry:
    """One network of a comparison.

    Args:
        name: what it was asked for as.
        graph: the network.
        totals: what it costs.
        layers: how many layers have weights.
        top1: published top-1 accuracy on ImageNet in percent; None where none is known.
        over: the limits that it exceeds.
    """

    name: str
    graph: Graph
    totals: Totals
    layers: int
    top1: float | None
    over: tuple[Excess, ...] = ()


@dataclass(frozen=True, repr=False)
class Comparison(Tabled):
    """Several networks. ``print(comparison)`` shows the table, ``.svg`` and ``.png`` the chart."""

    entries: tuple[Entry, ...]

    @property
    def table(self) -> Table:
        """A line for each network."""
        columns = (
            Column("network", "network", right=False), Column("input", "input"), Column("layers", "layers"),
            Column("params", "params", bar=True), Column("weights fp32", "weight_bytes"),
            Column("MACs", "macs", bar=True), Column("peak memory", "peak_memory"),
            Column("field", "receptive_field"), Column("top-1 %", "top1"),
        )  # fmt: skip
        lines = tuple(
            (
                entry.name, entry.graph.input_shape, entry.layers, entry.totals.params,
                _bytes(entry.totals.weight_bytes["float32"]), entry.totals.macs,
                _bytes(entry.totals.peak_memory["liveness"]), entry.totals.receptive_field,
                "" if entry.top1 is None else Worked(f"{entry.top1:.1f}", entry.top1),
            )
            for entry in self.entries
        )  # fmt: skip
        notes = (
            "layers: those with weights, batch normalisation included; MACs: multiply-adds of one image, "
            "without bias",
            "peak memory: activations of one image at float32, model liveness; field: the largest local one",
            "top-1: on ImageNet as published, at the network's own input size",
            *(f"OVER BUDGET: {entry.name}, {excess}" for entry in self.entries for excess in entry.over),
        )
        return Table("", columns, lines, (), notes)

    @property
    def html(self) -> str:
        """The table and the chart as one page."""
        return page("Networks compared", f"{self.table.fragment}\n{self.svg}")

    @property
    def in_short(self) -> str:
        """The networks' names."""
        return ", ".join(entry.name for entry in self.entries)

    def _repr_html_(self) -> str:
        drawn = picture(self.svg, "parameters against multiply-adds") if self.points else ""
        return framed(self.table.fragment, drawn)

    @property
    def points(self) -> list[Point]:
        """What the chart shows."""
        return [
            Point(entry.name, entry.totals.macs, entry.totals.params, entry.top1)
            for entry in self.entries
            if entry.totals.macs and entry.totals.params
        ]

    @property
    def svg(self) -> str:
        """Parameters against MACs, with published accuracy, as SVG."""
        return chart(self.points).svg

    @property
    def png(self) -> bytes:
        """The same chart as PNG."""
        return chart(self.points).png

    @property
    def exit_code(self) -> int:
        """1 when one is over the budget, else 0."""
        return int(any(entry.over for entry in self.entries))

    def to_json(self) -> dict[str, Any]:
        """The comparison as a JSON-able dictionary."""
        return {
            "networks": [
                {
                    "network": entry.name,
                    "input_shape": list(entry.graph.input_shape),
                    "layers": entry.layers,
                    "top1": entry.top1,
                    "over_budget": [excess.to_json() for excess in entry.over],
                    **entry.totals.to_json(),
                }
                for entry in self.entries
            ]
        }


def compare(
    *networks: Network,
    input_shape: Size | None = None,
    classes: int | None = None,
    max_params: Count | None = None,
    max_macs: Count | None = None,
    max_bytes: Bytes | None = None,
    max_memory: Bytes | None = None,
    output: Path | None = None,
) -> Comparison:
    """Compare networks: parameters, MACs, bytes, memory, receptive field, published accuracy. Exit code 1
    when one is over a limit.

    Args:
        networks: names in the zoo, .keras, .h5, .json or .onnx files, or (in Python) Keras models or Graphs.
        input_shape: rows, columns and channels for all; each network's own without it.
        classes: how many classes, for names in the zoo.
        max_params: limit on parameters, statistics included.
        max_macs: limit on multiply-adds of one image.
        max_bytes: limit on the bytes of the weights at float32.
        max_memory: limit on peak bytes of activations (float32, one image, model liveness).
        output: also write it to this .svg or .png (the chart), .txt, .csv, .md, .tex, .html or .json file.

    Example:
        >>> found = compare("lenet5", "course_cnn", input_shape=(28, 28, 1))
        >>> [entry.totals.params for entry in found.entries]
        [44426, 1199882]
    """
    if not networks:
        raise BadInput(
            "compare", "given without networks", "at least one", "convsmith compare lenet5 course_cnn"
        )
    budget = Budget(params=max_params, macs=max_macs, bytes=max_bytes, memory=max_memory)
    if output is not None:
        check_ending(output, Comparison)
    entries = []
    for network in networks:
        graph = graph_of(network, input_shape=input_shape, classes=classes)
        found = rows(graph)
        name = network if isinstance(network, str) and "/" not in network else graph.name
        layers = len({row.node.owner for row in found if row.params})
        entries.append(Entry(name, graph, totals(graph, found), layers, _top1(network), budget.over(graph)))
    comparison = Comparison(tuple(entries))
    if output is not None:
        save(comparison, output)
    return comparison


def _top1(network: Any) -> float | None:
    """The accuracy that the zoo gives for the network."""
    from .. import zoo

    if not isinstance(network, str) or network not in zoo.NETWORKS:
        return None
    record = zoo.published(network)
    return record.top1 if record is not None and record.trained_on == "ImageNet" else None


def _bytes(value: int | None) -> Worked:
    return Worked("" if value is None else show_bytes(value), value)
