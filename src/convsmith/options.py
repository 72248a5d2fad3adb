"""Options, each defined once: groups of them make signatures, help, recipes, checks and descriptions.

A group is a frozen dataclass whose fields are made by `define`. Larger groups inherit from smaller ones, and
a verb takes groups as keyword arguments; `signatures.composed` makes the flat signature that people see.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import numbers
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from .errors import BadInput, BadName

EMPTY = inspect.Parameter.empty
_MOST = 1e9  # numbers that have only a lower end stay below this
_WORDS = "words"


@dataclass(frozen=True)
class Choices:
    """The names that an option takes, known when they are asked for.

    Args:
        table: ``module:NAME`` of a mapping, a registry or a sequence of names; "" for none.
        more: further names.

    Example:
        >>> Choices("convsmith.units:_COUNT", "auto").names[:3]
        ('auto', '', 'k')
    """

    table: str
    more: tuple[str, ...] = ()

    def __init__(self, table: str, *more: str) -> None:
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "more", more)

    @property
    def names(self) -> tuple[str, ...]:
        """All of them; may import the module that knows them."""
        if not self.table:
            return self.more
        module, _, name = self.table.partition(":")
        return (*self.more, *getattr(importlib.import_module(module), name))


@dataclass(frozen=True)
class Words:
    """What defines an option beside its name, its type and its default.

    Args:
        doc: what it is, with units; shown by every help.
        unit: of a number: "seconds", "bytes", "share", "images", ...
        least: the smallest number; nothing is checked without it.
        span: the smallest and the largest number.
        choices: the names that it takes; case does not matter.
        before: what a recipe means that was written before there was the option; the default without it.
        once: the name that it had in earlier recipes.
    """

    doc: str
    unit: str = ""
    least: float | None = None
    span: tuple[float, float] | None = None
    choices: Choices | None = None
    before: Any = EMPTY
    once: str = ""


def define(default: Any, doc: str, **words: Any) -> Any:
    """A field of a group of options.

    Args:
        default: a value that need not be copied.
        doc: as in `Words`.
        words: the rest of `Words`.
    """
    return dataclasses.field(default=default, metadata={_WORDS: Words(doc, **words)})


@dataclass(frozen=True)
class Option:
    """One option of a verb or of a group.

    Args:
        name: in Python.
        note: its type as it is written.
        default: `EMPTY` where it must be given.
        words: what it is.
        group: the group that defines it; "" for an argument of the verb itself.
        about: what the group is.
        kind: how it is given in Python.
        scope: the names that its type is made of.
    """

    name: str
    note: str
    default: Any
    words: Words
    group: str = ""
    about: str = ""
    kind: Any = inspect.Parameter.KEYWORD_ONLY
    scope: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    @property
    def flag(self) -> str:
        """On the command line."""
        return flag_of(self.name)

    @property
    def hint(self) -> Any:
        """Its type; text where that is known to type checkers alone."""
        return meaning_of(self.note, self.scope)

    def parameter(self) -> inspect.Parameter:
        """In a signature."""
        return inspect.Parameter(self.name, self.kind, default=self.default, annotation=self.note)

    def checked(self, value: Any) -> Any:
        """A value in the form in which it is used.

        Raises:
            BadInput: for a number that means nothing.
            BadName: for a name that there is not.
        """
        if value is None or value == self.default:
            return value
        if self.words.choices is not None and isinstance(value, str):
            known, given = self.words.choices.names, value
            value = value if value in known else value.lower()
            if value not in known:
                raise BadName(self.flag, given, known)
        if self.words.least is not None:
            least = self.words.least
            is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if not is_number or not least <= value < _MOST:
                raise BadInput(
                    self.flag, f"got {value}", f"at least {least:g}", f"{self.flag} {max(least, 1):g}"
                )
        if self.words.span is not None and isinstance(value, int | float):
            low, high = self.words.span
            if not low <= value <= high:
                raise BadInput(self.flag, f"got {value:g}", f"{low:g} to {high:g}")
        return value


@dataclass(frozen=True, kw_only=True)
class Options:
    """A group of options, or several by inheritance; every field is made by `define`.

    A group may have a method `settle`, which puts values into their form and returns the group, and a method
    `check`, which refuses what contradicts itself; each is called for every group that has it.

    Example:
        >>> @dataclass(frozen=True, kw_only=True)
        ... class Split(Options):
        ...     test: float = define(0.2, "share of the images.", unit="share", span=(0.01, 0.9))
        >>> Split(test=0.3).to_json(), [one.flag for one in options_in(Split)]
        ({'test': 0.3}, ['--test'])
        >>> Split(test=3).checked()
        Traceback (most recent call last):
        convsmith.errors.BadInput: --test: got 3; expected 0.01 to 0.9
    """

    def to_json(self) -> dict[str, Any]:
        """Every option by name."""
        return {one.name: getattr(self, one.name) for one in options_in(type(self))}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """The options of a recipe, which an earlier convsmith may have written.

        Example:
            >>> @dataclass(frozen=True, kw_only=True)
            ... class Start(Options):
            ...     known: str = define("auto", "a network.", before="none", once="weights")
            >>> Start.of({"weights": "net.keras"}), Start.of({})
            (Start(known='net.keras'), Start(known='none'))
        """
        found: dict[str, Any] = {}
        for one in options_in(cls):
            value = kept.get(one.name)
            if value is None and one.words.once:
                value = kept.get(one.words.once)
            if value is None:
                value = one.default if one.words.before is EMPTY else one.words.before
            found[one.name] = value
        return cls(**found)

    def checked(self) -> Self:
        """The options in the form in which they are used.

        Raises:
            BadInput: what means nothing or contradicts itself.
        """
        found = self
        for settle in _methods(type(self), "settle"):
            found = settle(found)
        values = found.to_json()
        settled = {one.name: one.checked(values[one.name]) for one in options_in(type(self))}
        changed = {name: value for name, value in settled.items() if value is not values[name]}
        found = dataclasses.replace(found, **changed) if changed else found
        for check in _methods(type(self), "check"):
            check(found)
        return found


def _methods(group: type, name: str) -> list[Callable[..., Any]]:
    return [vars(one)[name] for one in _homes(group) if name in vars(one)]


def _homes(group: type) -> list[type]:
    """The groups that a group is made of, each after those that it inherits from."""
    found = [one for base in group.__bases__ if base is not object for one in _homes(base)]
    return list(dict.fromkeys([*found, group]))


def flag_of(name: str) -> str:
    """An option's name on the command line."""
    return "--" + name.replace("_", "-")


def options_in(group: Any) -> tuple[Option, ...]:
    """The options of a group, those of the groups that it is made of first."""
    return _options_in(group)


@functools.cache
def _options_in(group: Any) -> tuple[Option, ...]:
    return tuple(_of_group(group))


def _of_group(group: type) -> Iterable[Option]:
    fields = {one.name: one for one in dataclasses.fields(group)}
    for home in _homes(group):
        for name in vars(home).get("__annotations__", ()):
            one, scope = fields[name], vars(sys.modules[home.__module__])
            about = summary(inspect.getdoc(home) or "")
            words = one.metadata[_WORDS]
            yield Option(name, str(one.type), one.default, words, home.__name__, about, scope=scope)


def summary(doc: str) -> str:
    """A docstring before its sections."""
    return re.split(r"\n\s*(?:Args|Returns|Raises|Example|Examples|Source):", doc)[0].strip()


def meaning_of(note: Any, scope: Mapping[str, Any]) -> Any:
    """What a type that is written means; text where it names what is imported for type checkers alone."""
    try:
        return eval(note, dict(scope)) if isinstance(note, str) else note
    except NameError:
        return str
