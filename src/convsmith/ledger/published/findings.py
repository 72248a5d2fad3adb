"""What an audit found: each wrong cell with the right value, its formula and the likely cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ...graph import Graph
from ..table import Column, Table, Tabled, shown

TITLES = {
    "output_shape": "output shape", "activation_size": "activation size", "params": "parameters",
    "trainable_params": "trainable parameters", "macs": "MACs", "input_shape": "input shape",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One cell that is wrong, or that cannot be read.

    Args:
        row: the table's name of the row.
        layer: the network's name of the layer; "total" for sums.
        column: the column's title as published.
        figure: what the column holds, e.g. "params".
        came: the cell as published.
        right: the right value, a number or a shape.
        formula: how the right value comes about, numbers filled in.
        causes: what probably went wrong, most likely first.
        readable: False where the cell cannot be read.
    """

    row: str
    layer: str
    column: str
    figure: str
    came: str
    right: Any
    formula: str
    causes: tuple[str, ...]
    readable: bool = True

    def __str__(self) -> str:
        right = self.formula or shown(self.right)
        what = TITLES[self.figure]
        if not self.readable:
            return f"{self.row}, {what}: {self.came!r} cannot be read; the right value is {right}"
        cause = f"; likely cause: {' or: '.join(self.causes[:2])}" if self.causes else "; no known cause"
        return f"{self.row}, {what}: {self.came} is wrong; right: {right}{cause}"

    def to_json(self) -> dict[str, Any]:
        """The finding as a JSON-able dictionary."""
        right = list(self.right) if isinstance(self.right, tuple) else self.right
        return {
            "row": self.row, "layer": self.layer, "column": self.column, "figure": self.figure,
            "came": self.came, "right": right, "formula": self.formula, "causes": list(self.causes),
            "readable": self.readable,
        }  # fmt: skip


class ExplainedCell(NamedTuple):
    """One cell that is right by another convention than the ledger's.

    Args:
        row: the table's name of the row.
        column: the column's title as published.
        came: the cell as published.
        convention: the way of counting that fits, in words.
    """

    row: str
    column: str
    came: str
    convention: str


@dataclass(frozen=True, repr=False)
class Audit(Tabled):
    """What an audit found. ``print(audit)`` shows it; exit code 1 when a cell is wrong or unreadable.

    Args:
        graph: the network that the table was held against.
        wrong: cells with a wrong value.
        unreadable: cells that are neither empty nor figures.
        unmatched: rows that fit no layer.
        checked: how many cells were compared.
        remarks: what the reader should know: columns left out, conventions taken from the table.
        explained: cells that are right by another convention than the ledger's.
        rows_are: "layer" or "network": what the table's rows were taken for.
    """

    graph: Graph
    wrong: tuple[Finding, ...]
    unreadable: tuple[Finding, ...]
    unmatched: tuple[str, ...]
    checked: int
    remarks: tuple[str, ...] = ()
    explained: tuple[ExplainedCell, ...] = ()
    rows_are: str = "layer"

    @property
    def table(self) -> Table:
        """The findings as a table."""
        columns = (
            Column("row", "row", right=False),
            Column("column", "column", right=False),
            Column("published", "came"),
            Column("right", "right"),
            Column("likely cause", "cause", right=False),
        )
        body = [
            (
                found.row,
                TITLES[found.figure],
                found.came,
                found.formula or found.right,
                " or: ".join(found.causes[:2]),
            )
            for found in self.wrong
        ]
        body += [
            (found.row, TITLES[found.figure], found.came, found.formula or found.right, "cannot be read")
            for found in self.unreadable
        ]
        return Table(self.summary, columns, tuple(body), (), self.notes)

    @property
    def summary(self) -> str:
        """One line."""
        count = len(self.wrong)
        said = "no wrong cell" if not count else "1 wrong cell" if count == 1 else f"{count} wrong cells"
        more = f", {len(self.unreadable)} that cannot be read" if self.unreadable else ""
        against = self.graph.name if self.rows_are == "layer" else "the networks that the rows name"
        return f"{said}{more}, in {self.checked} checked against {against}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Rows without a layer, the conventions that explain cells, and the remarks."""
        lost: tuple[str, ...] = ()
        if self.unmatched:
            lost = (f"rows that fit no {self.rows_are}: {', '.join(self.unmatched)}",)
        return (*lost, *_conventions(self.explained), *self.remarks)

    @property
    def text(self) -> str:
        """The findings as sentences."""
        lines = [self.summary, *(f"  {finding}" for finding in (*self.wrong, *self.unreadable)), *self.notes]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The audit as a JSON-able dictionary."""
        return {
            "network": self.graph.name,
            "checked": self.checked,
            "wrong": [finding.to_json() for finding in self.wrong],
            "unreadable": [finding.to_json() for finding in self.unreadable],
            "unmatched": list(self.unmatched),
            "explained": [found._asdict() for found in self.explained],
            "remarks": list(self.remarks),
        }

    @property
    def exit_code(self) -> int:
        """1 when a cell is wrong or cannot be read, else 0."""
        return 1 if self.wrong or self.unreadable else 0


def _conventions(explained: tuple[ExplainedCell, ...]) -> tuple[str, ...]:
    """One line for each column and convention, with the cells that it explains."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row, column, came, convention in explained:
        groups.setdefault((column, convention), []).append(f"{row} {came}")
    return tuple(
        f"right by another convention ({convention}): {column} of {', '.join(found[:3])}"
        + (f" and {len(found) - 3} more" if len(found) > 3 else "")
        for (column, convention), found in groups.items()
    )
