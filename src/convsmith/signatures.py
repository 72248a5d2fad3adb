"""Verbs and their options: flat signatures of groups, what a docstring says, descriptions for programs."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ForwardRef, Literal, TypeVar, Union

from .errors import nearest
from .options import EMPTY, Option, Options, Words, meaning_of, options_in, summary

T = TypeVar("T")

WIDTH = 106
"""Columns of a docstring that is put together."""


def options_of(verb: Callable[..., Any]) -> tuple[Option, ...]:
    """The options of a verb, in the order in which they are shown.

    Args:
        verb: a function; its options that are no group's are described by their types or in the "Args" of its
            docstring.

    Example:
        >>> def verb(where: str, *, seed: int = 0) -> None:
        ...     \"\"\"Do it.
        ...
        ...     Args:
        ...         where: a place.
        ...         seed: of every random number.
        ...     \"\"\"
        >>> [(one.name, one.words.doc, one.default) for one in options_of(verb)][1]
        ('seed', 'of every random number.', 0)
    """
    return tuple(getattr(verb, "__options__", None) or _of_function(verb))


def _of_function(function: Callable[..., Any]) -> Iterable[Option]:
    notes = argument_notes(inspect.getdoc(function) or "")
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    for name, one in inspect.signature(function).parameters.items():
        note = _text(one.annotation, scope)
        known = _defined(one.annotation, scope)
        words = known if known is not None else Words(notes.get(name, ""))
        yield Option(name, note, one.default, words, kind=one.kind, scope=scope)


def _text(note: Any, scope: Mapping[str, Any]) -> str:
    """A type as it is written; of one that is defined with its words, the type alone."""
    if note is EMPTY:
        return "str"
    if _defined(note, scope) is not None:
        base = typing.get_args(meaning_of(note, scope))[0]
        return base.__forward_arg__ if isinstance(base, ForwardRef) else inspect.formatannotation(base)
    return note if isinstance(note, str) else inspect.formatannotation(note)


def _defined(note: Any, scope: Mapping[str, Any]) -> Words | None:
    """The words that a type is defined with."""
    hint = meaning_of(note, scope)
    marks = typing.get_args(hint)[1:] if typing.get_origin(hint) is Annotated else ()
    return next((mark for mark in marks if isinstance(mark, Words)), None)


def composed(verb: Callable[..., T]) -> Callable[..., T]:
    """A verb that takes groups, as one that takes their options.

    An argument that is named like an option of a group is that option.

    Args:
        verb: its keyword-only arguments that are annotated with a group get that group, unchecked.

    Example:
        >>> from dataclasses import dataclass
        >>> from convsmith.options import define
        >>> @dataclass(frozen=True, kw_only=True)
        ... class Chance(Options):
        ...     seed: int = define(0, "of every random number.", least=0)
        >>> @composed
        ... def roll(dice: int, *, chance: Chance) -> str:
        ...     \"\"\"Roll dice.
        ...
        ...     Args:
        ...         dice: how many.
        ...     \"\"\"
        ...     return f"{dice} with {chance.seed}"
        >>> roll(2, seed=5), str(inspect.signature(roll))
        ('2 with 5', "(dice: 'int', *, seed: 'int' = 0) -> 'str'")
        >>> print(roll.__doc__)
        Roll dice.
        <BLANKLINE>
        Args:
            dice: how many.
            seed: of every random number.
    """
    scope = verb.__globals__
    own = inspect.signature(verb)
    groups: dict[str, type[Options]] = {}
    for name, parameter in own.parameters.items():
        hint = meaning_of(parameter.annotation, scope)
        if isinstance(hint, type) and issubclass(hint, Options):
            groups[name] = hint
    single = [name for name in own.parameters if name not in groups]
    found: list[Option] = []
    for given in _of_function(verb):
        if given.name in groups:
            found += [one for one in options_in(groups[given.name]) if one.name not in single]
        else:
            found.append(given)
    defined = {each.name: each for group in groups.values() for each in options_in(group)}
    found = [
        dataclasses.replace(one, words=defined[one.name].words) if one.name in defined else one
        for one in found
    ]
    signature = inspect.Signature([one.parameter() for one in found], return_annotation=own.return_annotation)

    def called(given: tuple[Any, ...], named: dict[str, Any]) -> T:
        try:
            bound = signature.bind(*given, **named)
        except TypeError as error:
            wrong = next((name for name in named if name not in signature.parameters), "")
            near = nearest(wrong, signature.parameters) if wrong else None
            hint = "" if near is None else f"; did you mean '{near}'?"
            raise TypeError(f"{verb.__name__}() {error}{hint}") from None
        values = bound.arguments
        made: dict[str, Any] = {name: value for name, value in bound.kwargs.items() if name in single}
        for name, group in groups.items():
            mine = [one.name for one in options_in(group)]
            made[name] = group(**{one: values[one] for one in mine if one in values})
        return verb(*bound.args, **made)

    def outer(*given: Any, **named: Any) -> T:
        return called(given, named)

    # A function of the verb's own module: what looks for a module's functions, as doctest does, finds it.
    flat: Any = types.FunctionType(outer.__code__, scope, verb.__name__, None, outer.__closure__)
    functools.update_wrapper(flat, verb)
    flat.__signature__ = signature
    flat.__annotations__ = {one.name: one.note for one in found} | {"return": own.return_annotation}
    flat.__doc__ = _documented(inspect.getdoc(verb) or "", found)
    flat.__options__ = tuple(found)
    made: Callable[..., T] = flat
    return made


def _documented(doc: str, options: Iterable[Option]) -> str:
    """The docstring with every option in its "Args"."""
    notes = argument_notes(doc)
    more = [
        textwrap.fill(
            f"{one.name}: {one.words.doc}", WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8,
            break_long_words=False, break_on_hyphens=False,
        )
        for one in options
        if one.name not in notes
    ]  # fmt: skip
    if not more:
        return doc
    section = re.search(r"\n\nArgs:\n(.*?)(?=\n\n|\Z)", doc, re.S)
    if section is not None:
        return doc[: section.end()] + "\n" + "\n".join(more) + doc[section.end() :]
    after = re.search(r"\n\n(?:Returns|Raises|Example|Examples|Source):", doc)
    place = after.start() if after else len(doc)
    return doc[:place] + "\n\nArgs:\n" + "\n".join(more) + doc[place:]


def argument_notes(doc: str) -> dict[str, str]:
    """What a docstring's Args section says of each argument, on one line each."""
    match = re.search(r"\n\s*Args:\n(.*?)(?:\n\s*(?:Returns|Raises|Example|Examples|Source):|\Z)", doc, re.S)
    notes: dict[str, str] = {}
    if not match:
        return notes
    lines = match[1].splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    name = ""
    for line in lines:
        found = re.match(r"\*{0,2}(\w+)(?: \([^)]*\))?: (.*)", line[indent:])
        if found:
            name, notes[found[1]] = found[1], found[2].strip()
        elif name and line.strip():
            notes[name] += " " + line.strip()
    return {key: value.replace("``", "") for key, value in notes.items()}


def described(verb: Callable[..., Any]) -> dict[str, Any]:
    """A verb and its options for a program: what a form, a completion or a manual needs.

    Args:
        verb: any function with a typed signature.

    Returns:
        "name", "doc" (its summary), "groups" (each group's words) and "options", each with name, flag (None
        for an argument without one), group, type ("text", "whole number", "number", "count", "bytes", "size",
        "yes or no", "texts" or "api", which only Python can give), whether it is optional, required or takes
        several, default, unit, doc, choices (names, or None), least and span. Choices may import what knows
        them.
    """
    options = options_of(verb)
    return {
        "name": getattr(verb, "__name__", ""), "doc": summary(inspect.getdoc(verb) or ""),
        "groups": {one.group: one.about for one in options if one.group},
        "options": [_described(one) for one in options],
    }  # fmt: skip


def _described(one: Option) -> dict[str, Any]:
    """For a program that draws a form: JSON-able but for a default that is not."""
    kind, is_optional, literal = _kind(one.hint)
    choices = one.words.choices
    names = literal if choices is None else list(choices.names)
    return {
        "name": one.name, "flag": one.flag if one.kind is inspect.Parameter.KEYWORD_ONLY else None,
        "group": one.group, "type": kind, "several": one.kind is inspect.Parameter.VAR_POSITIONAL,
        "optional": is_optional or one.default is None, "required": one.default is EMPTY,
        "default": None if one.default is EMPTY else one.default, "unit": one.words.unit,
        "doc": one.words.doc, "choices": names or None, "least": one.words.least,
        "span": None if one.words.span is None else list(one.words.span),
    }  # fmt: skip


_KINDS = {str: "text", int: "whole number", float: "number", bool: "yes or no"}


def _kind(hint: Any) -> tuple[str, bool, list[str]]:
    """A type in a word, whether None is one of its values, and the names that it takes."""
    origin = typing.get_origin(hint)
    if origin is Annotated:
        base, *marks = typing.get_args(hint)
        for mark in marks:
            if isinstance(mark, str):
                return mark, False, []
        return _kind(base)
    if origin is Literal:
        return "text", False, [str(name) for name in typing.get_args(hint)]
    if origin is list:
        return "texts", False, []
    if origin in (Union, types.UnionType):
        kinds = [one for one in typing.get_args(hint) if one is not type(None)]
        kind, _, names = _kind(kinds[0])
        return kind, len(kinds) < len(typing.get_args(hint)), names
    if origin is Callable or getattr(origin, "__name__", "") == "Callable":
        return "api", False, []
    return _KINDS.get(hint, "text"), False, []
