"""Expressions that programs are made of: a call with arguments, of which some are calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

WIDTH = 100
"""Letters of a line."""
SEQUENTIAL = "sequential"
"""What stands for a row of layers until a framework gives it its name."""


class Omitted:
    """A default that no value equals."""


@dataclass(frozen=True)
class Weight:
    """An array of a layer.

    Args:
        name: the framework's name for it.
        source: full name in the Graph.
        turn: from Keras's layout into the framework's.
    """

    name: str
    source: str
    turn: Callable[[Any], Any] = lambda array: array


@dataclass(frozen=True)
class Arg:
    """One argument.

    Args:
        value: a number, text, tuple or Term; what prints as it is to be written.
        role: what a parameter for it is called: "channels", "stride".
        keyword: by which it is given; empty for one by its place.
        default: the value with which it is left out.
    """

    value: Any
    role: str = ""
    keyword: str = ""
    default: Any = Omitted

    @property
    def left_out(self) -> bool:
        """Whether it is the default."""
        return self.default is not Omitted and self.value == self.default and type(self.value) is not Term


@dataclass(frozen=True)
class Term:
    """One call.

    Args:
        name: of what is called.
        args: its arguments in order.
        weights: the arrays of the layer that it makes.
        slot: the attribute that holds the parts of it, for terms of terms.
    """

    name: str
    args: tuple[Arg, ...] = ()
    weights: tuple[Weight, ...] = ()
    slot: str = ""

    @property
    def parts(self) -> list[Term]:
        """The terms among its arguments."""
        return [arg.value for arg in self.args if isinstance(arg.value, Term)]


@dataclass(frozen=True)
class Literal:
    """Text that stands for itself, such as a parameter's name."""

    text: str

    def __repr__(self) -> str:
        return self.text


def call(name: str, *values: Any, **more: Any) -> Term:
    """A call of plain values: arguments without a role."""
    given = [value if isinstance(value, Arg) else Arg(value) for value in values]
    return Term(name, (*given, *(Arg(value, keyword, keyword) for keyword, value in more.items())))


def row(parts: list[Term]) -> Term:
    """Layers one after the other; a single one is itself."""
    return parts[0] if len(parts) == 1 else Term(SEQUENTIAL, tuple(map(Arg, parts)), slot=SEQUENTIAL)


def leaves(term: Term, path: str = "") -> Iterator[tuple[str, Term]]:
    """The layers of a term, each by the path of attributes that leads to it.

    Example:
        >>> made = row([call("Relu"), Term("Add", (Arg(call("Conv")),), slot="branches")])
        >>> [path for path, _ in leaves(made)]
        ['0', '1.branches.0']
    """
    if not term.slot:
        yield path, term
        return
    inside = path if term.slot == SEQUENTIAL else f"{path}.{term.slot}"
    for place, part in enumerate(term.parts):
        yield from leaves(part, f"{inside}.{place}".lstrip("."))


def number(value: Any) -> str:
    """A value as a program has it: short, and the same number.

    Example:
        >>> number(0.1), number((3, 3)), number(((0, 1), (0, 1))), number(float("-inf"))
        ('0.1', '3', '((0, 1), (0, 1))', 'float("-inf")')
    """
    if isinstance(value, tuple) and len(value) == 2 and value[0] == value[1] and type(value[0]) is int:
        return number(value[0])
    if isinstance(value, tuple | list):
        inner = ", ".join(number(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return f'float("{value}")'
    if isinstance(value, str):
        return json.dumps(value)  # whatever stands in it stays text
    return repr(value)


def text(term: Any, indent: int = 0, room: int = WIDTH) -> str:
    """A term as source text that fits the line; the first line goes on where it stands.

    Args:
        term: the term or value.
        indent: letters before the lines that follow.
        room: letters left on the first line.
    """
    if not isinstance(term, Term):
        return number(term)
    flat = _flat(term)
    if len(flat) <= room:
        return flat
    inner = indent + 4
    lines: list[str] = []
    for item in _shown(term):
        prefix = f"{item.keyword}=" if item.keyword else ""
        piece = prefix + text(item.value, inner, WIDTH - inner - len(prefix) - 1) + ","
        joined = f"{lines[-1]} {piece}" if lines else ""
        if (
            lines
            and "\n" not in piece
            and len(joined.rpartition("\n")[2]) + inner <= WIDTH
            and ("\n" not in lines[-1])
        ):
            lines[-1] = joined
        else:
            lines.append(piece)
    body = "".join(f"\n{' ' * inner}{line}" for line in lines)
    return f"{term.name}({body}\n{' ' * indent})"


def _shown(term: Term) -> list[Arg]:
    """The arguments that are written: all but defaults."""
    return [arg for arg in term.args if not arg.left_out]


def _flat(term: Term) -> str:
    parts = []
    for arg in _shown(term):
        value = _flat(arg.value) if isinstance(arg.value, Term) else number(arg.value)
        parts.append(f"{arg.keyword}={value}" if arg.keyword else value)
    return f"{term.name}({', '.join(parts)})"
