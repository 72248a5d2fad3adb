"""`diff`: two networks, layer by layer."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..graph import Graph
from ..graph.picture.blocks import described
from ..units import Size, counted
from .files import check_ending, save
from .rows import Row, rows
from .source import Network, graph_of
from .table import Column, Table, Tabled, shown

Pair = tuple[Row | None, Row | None]


@dataclass(frozen=True, repr=False)
class Difference(Tabled):
    """Two networks side by side. ``print(difference)`` shows what differs.

    Args:
        before: the first network.
        after: the second.
        pairs: their layers, paired; None where the other network has none.
        every: whether the tables also show equal layers.
    """

    before: Graph
    after: Graph
    pairs: tuple[Pair, ...]
    every: bool = False

    @property
    def equal(self) -> bool:
        """Whether no layer differs."""
        return all(status(*pair) == "=" for pair in self.pairs)

    @property
    def table(self) -> Table:
        """A line for each layer that differs."""
        columns = (
            Column("", "status", right=False), Column("layer", "name", right=False),
            Column("kind", "kind", right=False), Column("output shape", "output_shape", right=False),
            Column("params", "params"), Column("change", "params_change"),
            Column("MACs", "macs"), Column("change", "macs_change"),
        )  # fmt: skip
        lines: list[tuple[Any, ...]] = []
        same = 0
        for before, after in self.pairs:
            kind = status(before, after)
            if kind == "=" and not self.every:
                same += 1
                continue
            if same:
                lines.append(_folded(same))
                same = 0
            lines.append(_line(kind, before, after))
        lines += [_folded(same)] if same else []
        a, b = self.before, self.after
        total = (
            "", "total", f"{len(a)} → {len(b)} layers", "", b.params, _change(a.params, b.params), b.macs,
            _change(a.macs, b.macs),
        )  # fmt: skip
        legend = "+ only in the second, - only in the first, ~ other settings, > other input, = equal"
        return Table(f"{a.name} → {b.name}", columns, tuple(lines), total, (legend,))

    def to_json(self) -> dict[str, Any]:
        """The difference as a JSON-able dictionary."""
        return {
            "before": self.before.name,
            "after": self.after.name,
            "equal": self.equal,
            "params": [self.before.params, self.after.params],
            "macs": [self.before.macs, self.after.macs],
            "layers": [
                {
                    "status": status(before, after),
                    "before": before.to_json() if before else None,
                    "after": after.to_json() if after else None,
                }
                for before, after in self.pairs
            ],
        }


def diff(
    before: Network,
    after: Network,
    *,
    input_shape: Size | None = None,
    classes: int | None = None,
    every: bool = False,
    output: Path | None = None,
) -> Difference:
    """Compare two networks layer by layer: what was added, removed or changed, and what it costs.

    Args:
        before: the first network: a name in the zoo, a .keras, .h5, .json or .onnx file, or (in Python) a
            Keras model or Graph.
        after: the second.
        input_shape: rows, columns and channels for both.
        classes: how many classes, for names in the zoo.
        every: show equal layers too.
        output: also write it to this .txt, .csv, .md, .tex, .html or .json file.

    Example:
        >>> diff("lenet5", "lenet5").equal
        True
    """
    if output is not None:
        check_ending(output, Difference)
    first = graph_of(before, input_shape=input_shape, classes=classes)
    second = graph_of(after, input_shape=input_shape, classes=classes)
    found = Difference(first, second, pairs(first, second), every)
    if output is not None:
        save(found, output)
    return found


def pairs(before: Graph, after: Graph) -> tuple[Pair, ...]:
    """The layers of two networks, paired: by name where people named them, else by what they do."""
    return tuple(_paired(rows(before), rows(after), (_exactly, _roughly, lambda row: row.kind)))


def _paired(
    first: Sequence[Row], second: Sequence[Row], keys: tuple[Callable[[Row], Any], ...]
) -> Iterator[Pair]:
    """Rows with equal keys, paired in order; between those the next, looser key decides."""
    if not keys or not first or not second:
        yield from ((row, None) for row in first)
        yield from ((None, row) for row in second)
        return
    signs = [keys[0](row) for row in first], [keys[0](row) for row in second]
    for tag, a0, a1, b0, b1 in difflib.SequenceMatcher(None, *signs, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from zip(first[a0:a1], second[b0:b1], strict=True)
        else:
            yield from _paired(first[a0:a1], second[b0:b1], keys[1:])


def _exactly(row: Row) -> Any:
    """The name, or for an automatic one what the layer does and gives."""
    return (described(row.node), row.output_shape) if _is_automatic(row) else row.name


def _roughly(row: Row) -> Any:
    return described(row.node) if _is_automatic(row) else row.name


def _is_automatic(row: Row) -> bool:
    plain = re.sub(r"_\d+$", "", row.name).replace("_", "")
    return plain == row.kind.lower() or re.fullmatch(r"input(layer)?|.*/?\d+", plain) is not None


def status(before: Row | None, after: Row | None) -> str:
    """+ only in the second, - only in the first, ~ other settings, > another input, = equal."""
    if before is None or after is None:
        return "+" if before is None else "-"
    if described(before.node) != described(after.node) or before.node.trainable != after.node.trainable:
        return "~"
    figures = lambda row: (row.output_shape, row.params, row.macs)  # noqa: E731
    return "=" if figures(before) == figures(after) else ">"


def _line(kind: str, before: Row | None, after: Row | None) -> tuple[Any, ...]:
    if before is None or after is None:
        row = before or after
        assert row is not None
        sign = -1 if after is None else 1
        change = [None if value is None else _signed(sign * value) for value in (row.params, row.macs)]
        there = (row.params, row.macs) if after is not None else (0, 0)
        return kind, row.name, row.label, row.output_shape, there[0], change[0], there[1], change[1]
    return (
        kind,
        after.name if before.name == after.name else f"{before.name} → {after.name}",
        f"{before.label} → {after.label}" if before.label != after.label else _settings(before, after),
        after.output_shape
        if before.output_shape == after.output_shape
        else f"{shown(before.output_shape)} → {shown(after.output_shape)}",
        after.params,
        _change(before.params, after.params),
        after.macs,
        _change(before.macs, after.macs),
    )


def _settings(before: Row, after: Row) -> str:
    """The label, and the settings that differ without showing in it."""
    first, second = before.node.kind, after.node.kind
    names = sorted({*first.settings(), *second.settings()})
    shown_ones = [
        f"{name} {getattr(first, name)} → {getattr(second, name)}"
        for name in names
        if name in dict(described(before.node)[1]) or name in dict(described(after.node)[1])
        if getattr(first, name) != getattr(second, name)
    ]
    return "; ".join([after.label, *shown_ones])


def _folded(count: int) -> tuple[Any, ...]:
    return "=", counted(count, "equal layer"), "", "", "", "", "", ""


def _change(before: int | None, after: int | None) -> Any:
    if before is None or after is None:
        return None
    return _signed(after - before)


def _signed(value: int) -> str:
    return f"{value:+,}" if value else ""
