"""`audit`: a published table against the network that it describes, cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..graph import Graph
from ..units import Size
from . import cells
from .causes import Others, causes, shape_causes
from .files import check_ending, save
from .findings import Audit, Finding
from .matching import TOTAL, match
from .published import Head, Published, read_table
from .rows import Row, rows
from .source import graph_of
from .table import shown
from .what_if import changed


def audit(
    table: str,
    *,
    network: str,
    input_shape: Size | None = None,
    classes: int | None = None,
    what_if: str | None = None,
    output: Path | None = None,
) -> Audit:
    """Find the wrong cells of a published table, the right values with their formulas, and the likely causes.

    Args:
        table: a CSV or Markdown file (or, in Python, its text).
        network: the network that the table describes: a name in the zoo, a .keras, .h5, .json or .onnx file.
        input_shape: rows, columns and channels; without it what the table's own input row says.
        classes: how many classes, for a name in the zoo.
        what_if: changes to the network first, e.g. "conv1.filters=8" for a table of another version.
        output: also write it to this .txt, .csv, .md, .tex, .html or .json file.

    Returns:
        The audit: ``.wrong .unreadable .unmatched``, and the forms of a table.

    Raises:
        BadInput: where there is no table, or nothing in it can be checked.

    Example:
        >>> found = audit("layer,params\\nfc3,48001\\n", network="lenet5")
        >>> found.wrong[0].right, found.wrong[0].causes[0]
        (48120, 'one bias instead of 120 (one for each of the 120 neurons)')
    """
    if output is not None:
        check_ending(output, Audit)
    published = read_table(table)
    remarks = []
    own = None if input_shape is not None else _own_input(published)
    graph = graph_of(network, input_shape=input_shape, classes=classes)
    if own and own != graph.input_shape and len(own) == len(graph.input_shape):
        graph = graph_of(network, input_shape=own, classes=classes)
        remarks.append(f"the input is the table's own, {shown(own)}")
    if published.ignored:
        remarks.append(f"columns not checked: {', '.join(published.ignored)}")
    found = _compare(changed(graph, what_if) if what_if else graph, published, remarks)
    if output is not None:
        save(found, output)
    return found


def _own_input(table: Published) -> tuple[int, ...] | None:
    """The shape in the table's input row."""
    head = next((head for head in table.heads if head.figure == "output_shape"), None)
    if head is None or not table.labels or not table.labels[0].lower().startswith(("input", "image", "x")):
        return None
    found = cells.shape(table.cell(0, head))
    return found if found and len(found) == 3 else None


def _compare(graph: Graph, table: Published, remarks: list[str]) -> Audit:
    layers = rows(graph)
    places = match(table, layers, graph.name)
    wrong: list[Finding] = []
    unreadable: list[Finding] = []
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
        for place, index in enumerate(places):
            text = table.cell(place, head)
            if index is None or cells.clean(text).lower() in cells.EMPTY:
                continue
            row = None if index == TOTAL else layers[index]
            right = _right(graph, row, head.figure)
            if right is None or (row is None and head.figure in ("output_shape", "activation_size")):
                continue
            checked += 1
            sums = _together(places, place, layers, head.figure)
            if row is not None and _says(table, head, place, sums):
                remarks += [f"{table.labels[place]} stands for several layers"]
                continue
            finding = _check(table, head, place, row, right if factor == 1 else right * factor, layers)
            if finding:
                (wrong if finding.readable else unreadable).append(finding)
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
    )


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


def _right(graph: Graph, row: Row | None, figure: str) -> Any:
    """The right value; None where it is not known."""
    if row is None:
        return None if figure in ("output_shape", "activation_size") else getattr(graph, figure)
    value = getattr(row, figure)
    if figure == "output_shape":
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
            right = _right(graph, None if index == TOTAL else layers[index], "macs")
            for factor in votes:
                votes[factor] += bool(right) and found.agrees(factor * right)
    return 1 if votes[1] > votes[2] else 2


def _check(
    table: Published, head: Head, place: int, row: Row | None, right: Any, layers: tuple[Row, ...]
) -> Finding | None:
    """What is wrong with one cell, if anything."""
    text, label = table.cell(place, head), table.labels[place]
    layer = row.name if row else "total"
    formula = _formula(row, head.figure, right)

    def finding(found: tuple[str, ...], readable: bool = True) -> Finding:
        came = cells.clean(text)
        return Finding(label, layer, head.title, head.figure, came, right, formula, found, readable)

    if head.figure == "output_shape":
        shape = cells.shape(text)
        if shape is None:
            return finding((), readable=False)
        if shape in (cells.squeezed(right), right) or _flattened(shape, right):
            return None
        assert row is not None
        return finding(shape_causes(shape, row, _column(table, head, place)))
    figure = cells.figure(text, head.scale)
    if figure is None:
        return finding((), readable=False)
    contradiction = figure.result is not None and not figure.agrees(figure.result)
    if figure.agrees(right) and not contradiction:
        return None
    line = tuple(
        (label, other.title, cells.figure(table.cell(place, other), other.scale))
        for other in table.heads
        if other is not head and other.figure != "output_shape"
    )
    column = (*_column(table, head, place), *_layers(layers, row, head.figure))
    return finding(causes(head.figure, figure, row, right, column, line))


def _flattened(shape: tuple[int, ...], right: tuple[int, ...]) -> bool:
    """Channels first throughout: PyTorch's tables."""
    return len(shape) == len(right) == 3 and shape == (right[2], *right[:2]) and right[0] != right[2]


def _column(table: Published, head: Head, place: int) -> Others:
    """The column's other cells, nearest rows above first, then those below."""
    where = {place - 1: "the previous"}
    above, below = range(place - 1, -1, -1), range(place + 1, len(table.labels))
    read = cells.shape if head.figure == "output_shape" else lambda text: cells.figure(text, head.scale)
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


def _formula(row: Row | None, figure: str, right: Any) -> str:
    if row is None or figure == "trainable_params":
        return ""
    if figure == "activation_size":
        return row.size_formula
    found = {"params": row.formula.params, "macs": row.formula.macs, "output_shape": ""}[figure]
    return found if figure != "macs" or right == row.macs else f"2 × ({found.split(' = ')[0]}) = {right:,}"
