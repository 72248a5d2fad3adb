"""Which columns a ledger shows: the default, with formulas, all of them, or the course's notation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..graph import Graph
from ..printable import shortened
from .rows import Row
from .table import Column, Table, Worked
from .totals import Totals

Cell = Callable[[Row], Any]


class Counted(Protocol):
    """What is shown: a `Ledger`, by what is asked of it."""

    @property
    def graph(self) -> Graph: ...
    @property
    def rows(self) -> tuple[Row, ...]: ...
    @property
    def totals(self) -> Totals: ...
    @property
    def milliseconds(self) -> Mapping[str, Any] | None: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


_LAYER = Column("layer", "name", right=False)
_KIND = Column("kind", "kind", right=False)
_SHAPE = Column("output shape", "output_shape")
_SIZE = Column("size", "activation_size", bar=True)
_PARAMS = Column("params", "params", bar=True)
_MACS = Column("MACs", "macs", bar=True)
_FIELD = Column("field", "receptive_field")


def _params(row: Row) -> Any:
    return Worked(row.formula.params, row.params)


def _macs(row: Row) -> Any:
    return Worked(row.formula.macs, row.macs)


def _table(ledger: Counted, columns: list[tuple[Column, Cell]]) -> Table:
    """The rows in these columns, with sums below the columns that have them."""
    totals = ledger.totals
    sizes = [row.activation_size for row in ledger.rows]
    sums: dict[str, Any] = {
        "name": "total",
        "activation_size": None if None in sizes else sum(item or 0 for item in sizes),
        "params": _at_least(totals.params, totals.known_params),
        "trainable_params": totals.trainable_params, "statistics": totals.statistics,
        "macs": _at_least(totals.macs, totals.known_macs), "float32": totals.weight_bytes["float32"],
        "float16": totals.weight_bytes["float16"], "int8": totals.weight_bytes["int8"],
    }  # fmt: skip
    measured = ledger.milliseconds
    if measured is not None:
        columns = [
            *columns,
            (Column("ms", "milliseconds", bar=True), lambda row: measured.get(row.name, {}).get("ms", "")),
            (Column("at best", "bound_ms"), lambda row: measured.get(row.name, {}).get("bound_ms", "")),
            (Column("bound", "bound", right=False), lambda row: measured.get(row.name, {}).get("bound", "")),
        ]
        sums["milliseconds"] = sum(entry["ms"] for entry in measured.values())
    heads = tuple(column for column, _ in columns)
    shape = "×".join("?" if item is None else str(item) for item in ledger.graph.input_shape)
    return Table(
        f"{shortened(ledger.graph.name)} at {shape}",
        heads,
        tuple(tuple(cell(row) for _, cell in columns) for row in ledger.rows),
        tuple(sums.get(column.key, "") for column in heads),
        ledger.notes,
    )


def _at_least(total: int | None, known: int) -> Any:
    """A sum, or its known part where a layer's share is not known."""
    return f"≥ {known:,}" if total is None and known else total


def default(ledger: Counted) -> Table:
    """Shape, size, parameters with their formula, MACs, receptive field."""
    return _table(
        ledger,
        [
            (_LAYER, lambda row: row.name),
            (_KIND, lambda row: row.label),
            (_SHAPE, lambda row: row.output_shape),
            (_SIZE, lambda row: row.activation_size),
            (_PARAMS, _params),
            (_MACS, lambda row: row.macs),
            (_FIELD, lambda row: row.receptive_field),
        ],
    )


def formulas(ledger: Counted) -> Table:
    """Every figure as its formula."""
    return _table(
        ledger,
        [
            (_LAYER, lambda row: row.name),
            (_KIND, lambda row: row.label),
            (Column("rows out", "rows_out"), lambda row: row.formula.shape),
            (_SIZE, lambda row: Worked(row.size_formula, row.activation_size)),
            (_PARAMS, _params),
            (_MACS, _macs),
        ],
    )


def full(ledger: Counted) -> Table:
    """Every column as a plain number."""
    return _table(
        ledger,
        [
            (_LAYER, lambda row: row.name),
            (_KIND, lambda row: row.label),
            (_SHAPE, lambda row: row.output_shape),
            (_SIZE, lambda row: row.activation_size),
            (_PARAMS, lambda row: row.params),
            (Column("trainable", "trainable_params"), lambda row: row.trainable_params),
            (Column("statistics", "statistics"), lambda row: row.statistics),
            (_MACS, lambda row: row.macs),
            (Column("bytes fp32", "float32"), lambda row: row.weight_bytes),
            (Column("fp16", "float16"), lambda row: _times(row.params, 2)),
            (Column("int8", "int8"), lambda row: row.params),
            (Column("FLOP/byte", "intensity"), lambda row: row.intensity),
            (_FIELD, lambda row: row.receptive_field),
            (Column("stride", "field_stride"), lambda row: row.receptive_field.stride[0]),
            (Column("start", "field_start"), lambda row: row.receptive_field.start[0]),
        ],
    )


def course(ledger: Counted) -> Table:
    """The course's notation: filter f, padding p, stride s, output n_H, n_W, n_C, (n + 2p - f)/s + 1."""

    def axis(place: int) -> Cell:
        return lambda row: row.output_shape[place] if len(row.output_shape) == 3 else ""

    channels = lambda row: row.output_shape[-1] if row.output_shape else ""  # noqa: E731
    return _table(
        ledger,
        [
            (_LAYER, lambda row: row.name),
            (Column("f", "f"), lambda row: _square(_setting(row, "kernel_size", "pool_size"))),
            (Column("p", "p"), _padding),
            (Column("s", "s"), lambda row: _square(_setting(row, "strides"))),
            (Column("n_H", "n_H"), axis(0)),
            (Column("n_W", "n_W"), axis(1)),
            (Column("n_C", "n_C"), channels),
            (Column("(n + 2p − f)/s + 1", "shape_formula"), lambda row: row.formula.shape),
            (_SIZE, lambda row: row.activation_size),
            (_PARAMS, _params),
        ],
    )


def _times(value: int | None, factor: int) -> int | None:
    return None if value is None else value * factor


def _setting(row: Row, *names: str) -> Any:
    return next((value for name in names if (value := getattr(row.node.kind, name, None))), "")


def _square(pair: Any) -> Any:
    if not pair:
        return ""
    return pair[0] if pair[0] == pair[1] else pair


def _padding(row: Row) -> Any:
    """Pixels at the top; "0/1" where the bottom has one more."""
    if not _setting(row, "kernel_size", "pool_size"):
        return ""
    kind = row.node.kind
    if getattr(kind, "padding", "valid") == "valid":
        return 0
    from ..kinds import window

    seen = _setting(row, "kernel_size", "pool_size")
    stride = _setting(row, "strides") or seen
    dilation = getattr(kind, "dilation_rate", (1, 1))
    rows, columns, _ = row.input_shapes[0]
    top, bottom, _, _ = window.pads(rows, columns, seen, stride, "same", dilation)
    return top if top == bottom else f"{top}/{bottom}"


VIEWS: dict[str, Callable[[Counted], Table]] = {
    "default": default, "formulas": formulas, "full": full, "course": course,
}  # fmt: skip
