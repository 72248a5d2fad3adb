"""A published table whose rows are layers: each row against the layer that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import BadInput
from ...graph import Graph
from ..rows import Row, rows
from . import cells
from .causes import Others, causes, shape_causes
from .conventions import ADDITIONS, UNBIASED, Reading, of_column, of_layer, of_network
from .findings import Audit, ExplainedCell, Finding
from .matching import TOTAL, match
from .shapes import another_way, batch_of
from .table_in import SHAPES, Head, Published


def audit_layers(graph: Graph, table: Published, remarks: list[str]) -> Audit:
    """Every cell against the layer of its row.

    Args:
        graph: the network.
        table: the table.
        remarks: what is to be said already.
    """
    layers = rows(graph)
    places = match(table, layers, graph.name)
    wrong: list[Finding] = []
    unreadable: list[Finding] = []
    explained: list[ExplainedCell] = []
    checked = 0
    for head in table.heads:
        factor = 1
        if head.flops:
            factor = _convention(table, head, places, layers, graph)
            remarks.append(
                f"{head.title}: "
                + ("two operations" if factor == 2 else "one operation")
                + " for each multiply-add"
            )
        column = _whole_column(table, head, places, layers, factor)
        sound = True
        totals: list[int] = []
        for place, index in enumerate(places):
            text = table.cell(place, head)
            if index is None or cells.clean(text).lower() in cells.EMPTY:
                continue
            if index == TOTAL:
                totals.append(place)
                continue
            row = layers[index]
            right = _right(row, head.figure)
            if right is None:
                continue
            checked += 1
            if _says(table, head, place, _together(places, place, layers, head.figure)):
                remarks += [f"{table.labels[place]} stands for several layers"]
                continue
            outcome = _check(table, head, place, row, right, layers, factor, column)
            if isinstance(outcome, ExplainedCell):
                explained.append(outcome)
            elif outcome is not None:
                sound = False
                (wrong if outcome.readable else unreadable).append(outcome)
        for place in totals:
            if head.figure in ("activation_size", *SHAPES):
                continue
            checked += 1
            parts = _sum_of_rows(table, head, places) if sound else None
            outcome = _total(table, head, place, graph, factor, column, parts)
            if isinstance(outcome, ExplainedCell):
                explained.append(outcome)
            elif outcome is not None:
                (wrong if outcome.readable else unreadable).append(outcome)
    if not checked:
        raise BadInput(
            "table", f"no row fits a layer of {graph.name}", "rows named after layers", "--network"
        )
    order = {label: place for place, label in enumerate(table.labels)}
    by_row: Callable[[Finding], int] = lambda finding: order[finding.row]  # noqa: E731
    lost = tuple(
        label or "(no name)" for label, index in zip(table.labels, places, strict=True) if index is None
    )
    return Audit(
        graph,
        tuple(sorted(wrong, key=by_row)),
        tuple(unreadable),
        lost,
        checked,
        tuple(dict.fromkeys(remarks)),
        tuple(explained),
    )


def _whole_column(
    table: Published, head: Head, places: Sequence[int | None], layers: tuple[Row, ...], factor: int
) -> str:
    """The convention that the column as a whole follows, in words; empty for the ledger's own.

    At least two cells must fit it and not the ledger's, and more than fit the ledger's and not it.
    """
    votes: dict[str, int] = {}
    support: dict[str, int] = {}
    for place, index in enumerate(places):
        figure = cells.figure(table.cell(place, head), head.scale) if index is not None else None
        if index is None or index == TOTAL or figure is None or head.figure in SHAPES:
            continue
        own = [reading.value for reading in of_layer(layers[index], head.figure, factor)]
        right = any(figure.agrees(value) for value in own)
        for words, value in of_column(layers[index], head.figure, factor).items():
            if figure.agrees(value) != right:
                votes[words] = votes.get(words, 0) + (1 if not right else -1)
                support[words] = support.get(words, 0) + (not right)
    best = max(votes, key=lambda words: votes[words], default="")
    return best if best and votes[best] > 0 and support[best] >= 2 else ""


def _sum_of_rows(table: Published, head: Head, places: Sequence[int | None]) -> float | None:
    """What the column's own cells add up to, where every row is a layer with a number to the last digit."""
    total = 0.0
    for place, index in enumerate(places):
        text = table.cell(place, head)
        if index == TOTAL or cells.clean(text).lower() in cells.EMPTY:
            continue
        figure = cells.figure(text, head.scale)
        if index is None or figure is None or figure.slack:
            return None
        total += figure.value
    return total


def _total(
    table: Published, head: Head, place: int, graph: Graph, factor: int, column: str, parts: float | None
) -> Finding | ExplainedCell | None:
    """What is wrong with a cell of the row of totals, if anything."""
    text, label = table.cell(place, head), table.labels[place]
    came = cells.clean(text)
    by_column = (UNBIASED, ADDITIONS)  # only where the rows are counted so too
    readings = [
        reading for reading in of_network(graph, head.figure, (factor,)) if reading.words not in by_column
    ]
    if column:
        layers = rows(graph)
        each = factor if head.figure == "macs" else 1
        own = [each * (getattr(row, head.figure) or 0) for row in layers]
        parts_of = [of_column(row, head.figure, factor) for row in layers]
        total = sum(part.get(column, value) for part, value in zip(parts_of, own, strict=True))
        readings.append(Reading(total, column))
    if not readings:
        return None
    right = readings[0].value
    figure = cells.figure(text, head.scale)
    if figure is None:
        return Finding(label, "total", head.title, head.figure, came, right, "", (), readable=False)
    for reading in readings:
        if figure.agrees(reading.value) and (figure.result is None or figure.agrees(figure.result)):
            return ExplainedCell(label, head.title, came, reading.words) if reading.words else None
    if parts is not None and figure.agrees(parts):
        return ExplainedCell(label, head.title, came, "the sum of the table's own rows")
    line = _line(table, head, place)
    found = causes(head.figure, figure, None, right, _column(table, head, place), line)
    return Finding(label, "total", head.title, head.figure, came, right, "", found)


def _together(places: Sequence[int | None], place: int, layers: tuple[Row, ...], figure: str) -> set[int]:
    """Sums over the layers between this row's and its neighbours': a row may stand for several layers."""
    index = places[place]
    if index is None or index == TOTAL or figure not in ("params", "trainable_params", "macs"):
        return set()
    found = [(at, other) for at, other in enumerate(places) if other is not None and other != TOTAL]
    before = max((other for at, other in found if at < place), default=-1)
    after = min((other for at, other in found if at > place), default=len(layers))
    own = getattr(layers[index], figure)
    spans = ((before + 1, index + 1), (index, after), (before + 1, after))
    values = [[getattr(row, figure) for row in layers[start:end]] for start, end in spans]
    return {total for span in values if None not in span and (total := sum(span)) != own}


def _says(table: Published, head: Head, place: int, sums: set[int]) -> bool:
    """Whether the cell is one of the sums, to the last digit."""
    found = cells.figure(table.cell(place, head), head.scale) if sums else None
    return found is not None and not found.slack and found.value in sums


def _right(row: Row, figure: str) -> Any:
    """The right value; None where it is not known, or where the layer takes several inputs."""
    if figure == "input_shape":
        value = row.input_shapes[0] if len(row.input_shapes) == 1 else (None,)
    else:
        value = getattr(row, figure)
    if figure in SHAPES:
        return None if None in value else value
    return value


def _convention(
    table: Published, head: Head, places: Sequence[int | None], layers: tuple[Row, ...], graph: Graph
) -> int:
    """Whether a column called FLOPs counts two operations for a multiply-add, by what most cells fit."""
    votes = {1: 0, 2: 0}
    for place, index in enumerate(places):
        found = cells.figure(table.cell(place, head), head.scale)
        if index is not None and found:
            right = graph.macs if index == TOTAL else layers[index].macs
            for factor in votes:
                votes[factor] += bool(right) and found.agrees(factor * (right or 0))
    return 1 if votes[1] > votes[2] else 2


def _check(
    table: Published,
    head: Head,
    place: int,
    row: Row,
    right: Any,
    layers: tuple[Row, ...],
    factor: int,
    column: str,
) -> Finding | ExplainedCell | None:
    """What is to be said of one cell, if anything."""
    text, label = table.cell(place, head), table.labels[place]
    came = cells.clean(text)
    if head.figure in SHAPES:
        return _check_shape(table, head, place, row, right)
    if head.figure == "macs":
        right *= factor
    formula = _formula(row, head.figure, right)
    figure = cells.figure(text, head.scale)
    if figure is None:
        return Finding(label, row.name, head.title, head.figure, came, right, formula, (), readable=False)
    readings = list(of_layer(row, head.figure, factor))
    if column:
        value = of_column(row, head.figure, factor).get(column)
        readings += [] if value is None else [Reading(value, column)]
    if figure.result is None or figure.agrees(figure.result):
        for reading in readings:
            if figure.agrees(reading.value):
                return ExplainedCell(label, head.title, came, reading.words) if reading.words else None
    others = (*_column(table, head, place), *_layers(layers, row, head.figure))
    found = causes(head.figure, figure, row, right, others, _line(table, head, place))
    return Finding(label, row.name, head.title, head.figure, came, right, formula, found)


def _check_shape(
    table: Published, head: Head, place: int, row: Row, right: tuple[int, ...]
) -> Finding | ExplainedCell | None:
    """What is to be said of a cell that is a shape."""
    text, label = table.cell(place, head), table.labels[place]
    came, shape = cells.clean(text), cells.shape(text)
    if shape is None:
        return Finding(label, row.name, head.title, head.figure, came, right, "", (), readable=False)
    if shape in (cells.squeezed(right), right):
        return None
    words = another_way(shape, right, batch_of(table, head))
    if words:
        return ExplainedCell(label, head.title, came, words)
    found = shape_causes(shape, row, _column(table, head, place)) if head.figure == "output_shape" else ()
    return Finding(label, row.name, head.title, head.figure, came, right, "", found)


def _line(table: Published, head: Head, place: int) -> Others:
    """The row's other figures."""
    return tuple(
        (table.labels[place], other.title, cells.figure(table.cell(place, other), other.scale))
        for other in table.heads
        if other is not head and other.figure not in SHAPES
    )


def _column(table: Published, head: Head, place: int) -> Others:
    """The column's other cells, nearest rows above first, then those below."""
    where = {place - 1: "the previous"}
    above, below = range(place - 1, -1, -1), range(place + 1, len(table.labels))
    read = cells.shape if head.figure in SHAPES else lambda text: cells.figure(text, head.scale)
    return tuple(
        (
            table.labels[other],
            where.get(other, "a previous" if other < place else "a later"),
            read(table.cell(other, head)),
        )
        for other in (*above, *below)
    )


def _layers(layers: tuple[Row, ...], row: Row | None, figure: str) -> Others:
    """The right values of the layers before this one, nearest first: the table may not show their rows."""
    before = layers[: layers.index(row)] if row else ()
    return tuple(
        (layer.name, "a previous", cells.Figure(value))
        for layer in reversed(before)
        if (value := getattr(layer, figure)) is not None
    )


_FORMULAS: Mapping[str, Callable[[Row], str]] = {
    "activation_size": lambda row: row.size_formula,
    "params": lambda row: row.formula.params,
    "macs": lambda row: row.formula.macs,
}


def _formula(row: Row, figure: str, right: Any) -> str:
    found = _FORMULAS[figure](row) if figure in _FORMULAS else ""
    return found if figure != "macs" or right == row.macs else f"2 × ({found.split(' = ')[0]}) = {right:,}"
