"""A published table whose rows are networks: each row against the network that it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ... import zoo
from ...errors import BadInput
from ...graph import Graph
from ..rows import rows
from . import cells
from .causes import causes
from .conventions import LEARNED, Reading, of_network
from .findings import Audit, ExplainedCell, Finding
from .matching import known_as
from .naming import Named, built, named
from .table_in import SHAPES, Head, Published

FIGURES = ("params", "trainable_params", "macs")
At = Callable[[tuple[int, ...] | None], Graph]
"""The network that was asked about, at a size of image; None for its own."""


def is_of_networks(table: Published, graph: Graph) -> bool:
    """Whether the rows are networks and not layers: the labels' title says it, or most labels name one."""
    if table.subject == "layer" or not any(head.figure in FIGURES for head in table.heads):
        return False
    layers = {re.sub(r"\W", "", row.name.lower()) for row in rows(graph)}
    known = sum(
        re.sub(r"\W", "", label.lower()) not in layers
        and (known_as(label, graph.name) or named(label, graph.name) is not None)
        for label in table.labels
    )
    return known > 0 and (table.subject == "network" or known * 2 > len(table.labels))


def audit_networks(table: Published, at: At, remarks: list[str], classes: int | None) -> Audit:
    """Every cell against the network of its row.

    Args:
        table: the table.
        at: the network that was asked about.
        remarks: what is to be said already.
        classes: of networks of the zoo; their own without it.
    """
    asked = at(None)
    heads = [head for head in table.heads if head.figure in FIGURES]
    left = [head.title for head in table.heads if head.figure not in (*FIGURES, "input_shape")]
    if left:
        remarks.append(f"columns not checked: {', '.join(left)}")
    known: dict[tuple[str, int | None], list[_Candidate]] = {}
    found = []
    for place, label in enumerate(table.labels):
        key = (label, _side(table, place))
        if key not in known:
            known[key] = _candidates(label, key[1], asked, at, classes)
        found.append(known[key])
    wrong: list[Finding] = []
    unreadable: list[Finding] = []
    explained: list[ExplainedCell] = []
    checked = 0
    for head in heads:
        factors: tuple[int, ...] = (1,)
        if head.flops and head.figure == "macs":
            factors = _factors(table, head, found)
            said = "two operations" if factors[0] == 2 else "one operation"
            remarks.append(f"{head.title}: {said} for each multiply-add")
        for place, candidates in enumerate(found):
            text = table.cell(place, head)
            if not candidates or cells.clean(text).lower() in cells.EMPTY:
                continue
            readings = list(_readings(candidates, head.figure, factors))
            if not readings:
                continue
            checked += 1
            outcome = _check(table, head, place, candidates[0].graph, readings)
            if isinstance(outcome, ExplainedCell):
                explained.append(outcome)
            elif outcome is not None:
                (wrong if outcome.readable else unreadable).append(outcome)
    if not checked:
        raise BadInput("table", "no row names a known network", "rows named after networks", "--network")
    order = {label: place for place, label in enumerate(table.labels)}
    lost = [label or "(no name)" for label, some in zip(table.labels, found, strict=True) if not some]
    return Audit(
        asked,
        tuple(sorted(wrong, key=lambda finding: order[finding.row])),
        tuple(unreadable),
        tuple(lost),
        checked,
        tuple(dict.fromkeys(remarks)),
        tuple(explained),
        "network",
    )


class _Candidate:
    """A network that a row may mean.

    Args:
        graph: the network.
        words: how it differs from the likeliest one; empty for that.
        sized: whether its size of image is the row's, so that its MACs may be compared.
    """

    def __init__(self, graph: Graph, words: str = "", sized: bool = True) -> None:
        self.graph, self.words, self.sized = graph, words, sized
        self._found: dict[tuple[str, tuple[int, ...]], list[Reading]] = {}

    def readings(self, figure: str, factors: tuple[int, ...]) -> list[Reading]:
        """What a cell may say, found once."""
        if figure == "macs" and not self.sized:
            return []
        key = (figure, factors)
        if key not in self._found:
            self._found[key] = [
                Reading(value, "; ".join(filter(None, (self.words, words))))
                for value, words in of_network(self.graph, figure, factors)
            ]
        return self._found[key]


def _candidates(label: str, side: int | None, asked: Graph, at: At, classes: int | None) -> list[_Candidate]:
    """The networks that a row may mean, the likeliest first; none where the row names none."""
    called = named(label, asked.name)
    side = side or (called.side if called else None)
    channels = (asked.input_shape[-1] if len(asked.input_shape) == 3 else None) or 3
    shape = None if side is None else (side, side, channels)
    others: tuple[str, ...] = called.others if called else ()
    if known_as(label, asked.name) or (called is not None and str(called) == asked.name):
        own = at(shape)
        found = [_Candidate(own, sized=shape is None or own.input_shape == shape)]
    elif called is not None:
        found = [_Candidate(built(called, shape, classes))]
    else:
        return []
    for other in others:
        found.append(_Candidate(built(Named(other), shape, classes), f"of {other}, Keras's version"))
    if called is not None and called.width is None and shape is None:
        record = zoo.published(called.name)
        for other_side in record.sides if record else ():
            at_side = built(called, (other_side, other_side, channels), classes)
            found.append(_Candidate(at_side, f"at {other_side}×{other_side} pixels"))
    return found


def _side(table: Published, place: int) -> int | None:
    """The size of image that the row's input column gives; square ones only."""
    head = next((head for head in table.heads if head.figure == "input_shape"), None)
    if head is None:
        return None
    sizes = [int(size) for size in re.findall(r"\d+", re.sub(r"²|\^2", "", table.cell(place, head)))]
    square = len(sizes) == 1 or (len(sizes) in (2, 3) and sizes[0] == sizes[1])
    return sizes[0] if square and 8 <= sizes[0] <= 8192 else None


def _readings(candidates: Sequence[_Candidate], figure: str, factors: tuple[int, ...]) -> Iterator[Reading]:
    """What the cell may say, the likeliest first."""
    for candidate in candidates:
        yield from candidate.readings(figure, factors)
    first = candidates[0].graph
    record = zoo.published(first.name) if first.name in zoo.NETWORKS else None
    if record is None or first != zoo.network(first.name):
        return
    value = record.params if figure == "params" else record.macs if figure == "macs" else None
    if value is not None:
        note = f"; {record.note}" if record.note else ""
        yield Reading(round(value), f"as published: {record.source}{note}")


def _factors(table: Published, head: Head, found: Sequence[Sequence[_Candidate]]) -> tuple[int, ...]:
    """Operations for each multiply-add in a column called FLOPs, what most cells fit first."""
    votes = {1: 0, 2: 0}
    for place, candidates in enumerate(found):
        came = cells.figure(table.cell(place, head), head.scale)
        macs = [candidate.graph.macs or 0 for candidate in candidates if candidate.sized]
        for factor in votes:
            votes[factor] += came is not None and any(came.agrees(factor * each) for each in macs if each)
    return (1, 2) if votes[1] > votes[2] else (2, 1)


def _check(
    table: Published, head: Head, place: int, graph: Graph, readings: Sequence[Reading]
) -> Finding | ExplainedCell | None:
    """What is to be said of one cell, if anything."""
    label, text = table.labels[place], table.cell(place, head)
    came, right = cells.clean(text), readings[0].value
    formula = ""
    if head.figure == "params" and graph.params != graph.trainable_params:
        learned = graph.trainable_params or 0
        formula = f"{learned:,} learned + {right - learned:,} statistics = {right:,}"
    figure = cells.figure(text, head.scale)
    if figure is None:
        return Finding(label, graph.name, head.title, head.figure, came, right, formula, (), readable=False)
    fits = next((reading for reading in readings if figure.agrees(reading.value)), None)
    if fits is not None and (figure.result is None or figure.agrees(figure.result)):
        return ExplainedCell(label, head.title, came, fits.words) if fits.words else None
    column = tuple(
        (table.labels[other], "another", cells.figure(table.cell(other, head), head.scale))
        for other in range(len(table.labels))
        if other != place
    )
    line = tuple(
        (label, other.title, cells.figure(table.cell(place, other), other.scale))
        for other in table.heads
        if other is not head and other.figure not in SHAPES
    )
    said: dict[str, None] = {}
    for reading in (readings[0], *(reading for reading in readings if reading.words == LEARNED)):
        said |= dict.fromkeys(causes(head.figure, figure, None, reading.value, column, line))
    return Finding(label, graph.name, head.title, head.figure, came, right, formula, tuple(said))
