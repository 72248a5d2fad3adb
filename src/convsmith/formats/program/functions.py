"""What comes several times in a program becomes a function; what comes in a row becomes a loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .terms import WIDTH, Arg, Literal, Term, call, text

Named = Callable[[Term], tuple[str, str]]
FAR = 10_000
SHORT = 60
"""Letters of a function's body that is written out where it is called twice."""
LONGEST = 8
"""Terms that a repeated pattern may consist of."""


@dataclass(frozen=True)
class Function:
    """A function of the program.

    Args:
        name: of the function.
        parameters: in order.
        body: what it returns.
        about: what it is, in one line.
    """

    name: str
    parameters: tuple[str, ...]
    body: Term
    about: str

    @property
    def source(self) -> str:
        """Its text."""
        head = f"def {self.name}({', '.join(self.parameters)}):"
        return f'{head}\n    """{self.about}"""\n    return {text(self.body, 4, 89)}\n'


def functions(
    terms: list[Term], named: Callable[[Term], tuple[str, str]]
) -> tuple[list[Term], list[Function]]:
    """The terms with a function for every part that comes twice or more, the smallest parts first.

    Args:
        terms: in a row.
        named: a name for a part, and what it is.

    Returns:
        The terms, and the functions in an order in which each comes after those that it calls.
    """
    made: list[Function] = []
    taken: set[str] = set()
    whole = Term("", tuple(map(Arg, terms)))
    while True:
        groups: dict[Any, list[Term]] = {}
        for part in _parts(whole):
            groups.setdefault(_skeleton(part), []).append(part)
        several = [group for group in groups.values() if len(group) > 1]
        if not several:
            break
        group = min(several, key=lambda group: (_height(group[0]), -len(group)))
        function, calls = _function(group, named, taken)
        made.append(function)
        args = tuple(replace(arg, value=_replaced(arg.value, calls)) for arg in whole.args)
        whole = replace(whole, args=args)
    return _inlined([arg.value for arg in whole.args], made)


def _inlined(terms: list[Term], made: list[Function]) -> tuple[list[Term], list[Function]]:
    """Functions that are called at a single place, and short ones of two, in those places."""
    named = {function.name: function for function in made}
    for name in list(named):
        one = named.pop(name)
        places = [*terms, *(each.body for each in named.values())]
        uses = [found for place in places for found in _calls(place, name)]
        if len(uses) > (2 if len(text(one.body, 0, FAR)) <= SHORT else 1):
            named[name] = one
            continue
        bodies: dict[Term, Term] = {}
        for use in uses:
            given = dict(zip(one.parameters, (arg.value for arg in use.args), strict=True))
            bodies[use] = _with(one.body, given)
        terms = [_replaced(term, bodies) for term in terms]
        named = {key: replace(each, body=_replaced(each.body, bodies)) for key, each in named.items()}
    return terms, [named[function.name] for function in made if function.name in named]


def _calls(term: Any, name: str) -> list[Term]:
    if not isinstance(term, Term):
        return []
    inside = [found for arg in term.args for found in _calls(arg.value, name)]
    return [*inside, term] if term.name == name else inside


def _with(term: Any, given: dict[str, Any]) -> Any:
    """A function's body with arguments in the place of its parameters."""
    if isinstance(term, Literal):
        return given.get(term.text, term)
    if not isinstance(term, Term):
        return term
    return replace(term, args=tuple(replace(arg, value=_with(arg.value, given)) for arg in term.args))


def _parts(whole: Term) -> list[Term]:
    """Every term of terms, functions' calls aside."""
    found = []
    for part in whole.parts:
        found += _parts(part)
        if any(isinstance(arg.value, Term) and not _is_slot(arg) for arg in part.args):
            found.append(part)
    return found


def _height(term: Term) -> int:
    return 1 + max((_height(part) for part in term.parts), default=-1)


def _replaced(term: Any, calls: dict[Term, Term]) -> Any:
    if not isinstance(term, Term):
        return term
    if term in calls:
        return calls[term]
    return replace(term, args=tuple(replace(arg, value=_replaced(arg.value, calls)) for arg in term.args))


def _skeleton(term: Any) -> Any:
    """What two parts have in common that may be calls of one function."""
    if not isinstance(term, Term):
        return type(term).__name__ if not isinstance(term, int | float | tuple) else "number"
    return term.name, tuple(
        (arg.role, arg.keyword, "" if _is_slot(arg) else _skeleton(arg.value)) for arg in term.args
    )


def _is_slot(arg: Arg) -> bool:
    """Whether an argument may be a parameter: a value, or a layer without settings that has a role."""
    return not isinstance(arg.value, Term) or (arg.role != "" and not arg.value.args)


def _slots(term: Term) -> list[Arg]:
    found = []
    for arg in term.args:
        found += [arg] if _is_slot(arg) else _slots(arg.value)
    return found


def _function(group: list[Term], named: Named, taken: set[str]) -> tuple[Function, dict[Term, Term]]:
    """A function of what differs among parts, and the call that each of them is."""
    columns = list(zip(*(_slots(part) for part in group), strict=True))
    names: dict[tuple[Any, ...], str] = {}
    order: list[tuple[tuple[Any, ...], Arg]] = []
    values: list[Any] = []
    for column in columns:
        vector = tuple((type(arg.value).__name__, arg.value) for arg in column)
        if len(set(vector)) == 1:
            values.append(column[0].value)
            continue
        if vector not in names:
            names[vector] = _free(column[0].role or "value", set(names.values()))
            order.append((vector, column[0]))
        values.append(Literal(names[vector]))
    rest = iter(values)
    body = _filled(group[0], rest)
    wanted, about = named(group[0])
    name = _free(wanted, taken)
    taken.add(name)
    calls = {}
    for place, part in enumerate(group):
        args = [Arg(vector[place][1], arg.role) for vector, arg in order]
        calls[part] = call(name, *args)
    return Function(name, tuple(names[vector] for vector, _ in order), body, about), calls


def _filled(term: Term, values: Any) -> Term:
    args = []
    for arg in term.args:
        args.append(replace(arg, value=next(values) if _is_slot(arg) else _filled(arg.value, values)))
    return replace(term, args=tuple(args))


def _free(wanted: str, taken: set[str]) -> str:
    name, count = wanted, 2
    while name in taken:
        name, count = f"{wanted}{count}", count + 1
    return name


def loops(terms: list[Term]) -> list[Any]:
    """The terms with those that come in a row as a loop: ``*[block(8) for _ in range(3)]``."""
    texts = [text(term, 0, FAR) for term in terms]
    found: list[Any] = []
    at = 0
    while at < len(terms):
        period, times = _longest(texts, at)
        inside = ", ".join(texts[at : at + period])
        if times == 1:
            found.append(terms[at])
        elif period == 1:
            found.append(Literal(f"*[{inside} for _ in range({times})]"))
        else:
            found.append(Literal(f"*[part for _ in range({times}) for part in ({inside})]"))
        at += period * times
    return found


def _longest(texts: list[str], at: int) -> tuple[int, int]:
    """Length and number of the repetitions that begin here and cover most; (1, 1) for none in a line."""
    best = (1, 1)
    for period in range(1, min(LONGEST, (len(texts) - at) // 2) + 1):
        copy, times = texts[at : at + period], 1
        while texts[at + times * period : at + (times + 1) * period] == copy:
            times += 1
        if times > 1 and times * period > best[0] * best[1] and sum(map(len, copy)) < WIDTH - 50:
            best = (period, times)
    return best
