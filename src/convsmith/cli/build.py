"""Commands from signatures: a verb's arguments become arguments and options, its docstring the help."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import typer

from ..errors import BadInput
from ..printable import printable
from ..units import parse_bytes, parse_count, parse_size

PARSERS: dict[str, tuple[Callable[[str, str], Any], str]] = {
    "count": (parse_count, "NUMBER"),
    "bytes": (parse_bytes, "BYTES"),
    "size": (parse_size, "HxWxC"),
}
FORMATS = {
    "json": "Print one JSON object, for programs.",
    "csv": "Print comma-separated values.",
    "markdown": "Print a Markdown table.",
    "latex": "Print a LaTeX table (booktabs).",
    "html": "Print an HTML page.",
    "svg": "Print an SVG picture.",
}


def command(
    verb: Callable[..., Any], *, formats: tuple[str, ...] = (), then: str = ""
) -> Callable[..., None]:
    """A function that typer can turn into a command: the verb's arguments, plus a flag for each format.

    What the verb returns is shown by its ``render(format)``; its ``exit_code``, if any, ends the command.

    Args:
        verb: any function with a typed signature; arguments annotated ``Annotated[..., "api"]`` stay out.
        formats: which of `FORMATS` its result can be printed in, besides text.
        then: a method of its result to call before that is shown, such as "save".
    """
    hints = {name: _hint(verb, note) for name, note in verb.__annotations__.items() if name != "return"}
    notes = _argument_notes(inspect.getdoc(verb) or "")
    parameters, parsers = [], {}
    arguments = inspect.signature(verb).parameters
    variadic = next((name for name, each in arguments.items() if each.kind is each.VAR_POSITIONAL), None)
    before = list(arguments)[: list(arguments).index(variadic)] if variadic else []
    for name, parameter in arguments.items():
        kind, parser, metavar, shown = _type(hints.get(name, str))
        if shown:
            if parser:
                parsers[name] = parser
            parameters.append(_parameter(parameter, kind, metavar, notes.get(name, ""), parser is not None))
    for name in formats:
        flag = typer.Option(f"--{name}", help=FORMATS[name])
        parameters.append(_keyword(name, Annotated[bool, flag], False))

    def run(**given: Any) -> None:
        wanted = [name for name in formats if given.pop(name)]
        if len(wanted) > 1:
            raise BadInput("output", "got " + " and ".join(f"--{name}" for name in wanted), "one of them")
        for name, parser in parsers.items():
            if given[name] is not None:
                given[name] = parser(given[name], _flag(name))
        several = (given.pop(variadic) or ()) if variadic else ()  # a verb that needs one says so itself
        result = verb(*[given.pop(name) for name in before], *several, **given)
        if then:
            getattr(result, then)()
        show(result, wanted[0] if wanted else "text")

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__doc__ = _summary(inspect.getdoc(verb) or "")
    return run


def show(result: Any, wanted: str) -> None:
    """Print a verb's result in the wanted format, and end with its exit code where it has one."""
    text = result.render(wanted) if hasattr(result, "render") else result
    if text is not None and text != "":
        print(text if wanted == "json" else printable(str(text)), flush=True)
    code = getattr(result, "exit_code", 0)
    if code:
        raise typer.Exit(code)


def _hint(verb: Callable[..., Any], note: Any) -> Any:
    """The type that an annotation means; text where it names what is imported for type checkers alone."""
    try:
        return eval(note, verb.__globals__) if isinstance(note, str) else note
    except NameError:
        return str


def _parameter(
    parameter: inspect.Parameter, kind: Any, metavar: str | None, note: str, parsed: bool
) -> inspect.Parameter:
    default = parameter.default
    if parameter.kind is parameter.VAR_POSITIONAL:
        several = Annotated[list[kind] | None, typer.Argument(help=note)]
        return _keyword(parameter.name, several, None)
    if parameter.kind is parameter.KEYWORD_ONLY:
        flags = ["--input", "--input-shape"] if parameter.name == "input_shape" else [_flag(parameter.name)]
        if parameter.name == "output":
            flags.append("-o")
        if kind is bool and default is True:
            flags = [f"{flags[0]}/--no-{parameter.name.replace('_', '-')}"]
        option = typer.Option(
            *flags, help=note, metavar=metavar, show_default=default is not None and default is not False
        )
        text = str(default) if parsed and default not in (None, inspect.Parameter.empty) else default
        return _keyword(parameter.name, Annotated[kind, option], text)
    argument = typer.Argument(help=note, metavar=metavar)
    return _keyword(parameter.name, Annotated[kind, argument], default)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _type(hint: Any) -> tuple[Any, Callable[[str, str], Any] | None, str | None, bool]:
    """What typer should read for a type hint: (type, own parser, metavar, whether the command shows it)."""
    origin = typing.get_origin(hint)
    if origin is Callable:
        return str, None, None, False
    if origin is list:
        return hint, None, None, True
    if origin is Annotated:
        base, *marks = typing.get_args(hint)
        if "api" in marks:
            return str, None, None, False
        for mark in marks:
            if mark in PARSERS:
                return str, *PARSERS[mark], True
        return _type(base)
    if origin in (Union, types.UnionType):
        kinds = [item for item in typing.get_args(hint) if item is not type(None)]
        optional = len(kinds) < len(typing.get_args(hint))
        if any(typing.get_origin(item) is Callable for item in kinds):
            return str, None, None, False
        kind, parser, metavar, shown = _type(kinds[0])
        if set(kinds) == {str, Path} or len(kinds) > 1:
            kind = str
        return (kind | None if optional else kind), parser, metavar, shown
    if origin is Literal or hint in (str, int, float, bool, Path):
        return hint, None, None, True
    return str, None, None, True


def _summary(doc: str) -> str:
    """The docstring before its sections, as help."""
    return re.split(r"\n\s*(?:Args|Returns|Raises|Example|Examples|Source):", doc)[0].strip()


def _argument_notes(doc: str) -> dict[str, str]:
    """What the docstring's Args section says of each argument, on one line each."""
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
