"""Commands from signatures: a verb's arguments become arguments and options, its docstring the help."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import typer

from ..errors import BadInput
from ..options import Option, flag_of, summary
from ..printable import printable
from ..signatures import options_of
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

    What the verb returns is shown by its ``render(format)``, or written by its ``write(format, say)``; its
    ``exit_code``, if any, ends the command.

    Args:
        verb: any function with a typed signature; arguments annotated ``Annotated[..., "api"]`` stay out.
        formats: which of `FORMATS` its result can be printed in, besides text.
        then: a method of its result to call before that is shown, such as "save".
    """
    parameters, parsers = [], {}
    arguments = options_of(verb)
    variadic = next((one.name for one in arguments if one.kind is inspect.Parameter.VAR_POSITIONAL), None)
    names = [one.name for one in arguments]
    before = names[: names.index(variadic)] if variadic else []
    for one in arguments:
        kind, parser, metavar, shown = _type(one.hint)
        if shown:
            if parser:
                parsers[one.name] = parser
            parameters.append(_parameter(one, kind, metavar, parser is not None))
    for name in formats:
        flag = typer.Option(f"--{name}", help=FORMATS[name])
        parameters.append(_keyword(name, Annotated[bool, flag], False))

    def run(**given: Any) -> None:
        wanted = [name for name in formats if given.pop(name)]
        if len(wanted) > 1:
            raise BadInput("output", "got " + " and ".join(f"--{name}" for name in wanted), "one of them")
        for name, parser in parsers.items():
            if given[name] is not None:
                given[name] = parser(given[name], flag_of(name))
        several = (given.pop(variadic) or ()) if variadic else ()  # a verb that needs one says so itself
        result = verb(*[given.pop(name) for name in before], *several, **given)
        if then:
            getattr(result, then)()
        show(result, wanted[0] if wanted else "text")

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__doc__ = summary(inspect.getdoc(verb) or "")
    return run


def show(result: Any, wanted: str) -> None:
    """Print a verb's result in the wanted format, and end with its exit code where it has one."""
    if hasattr(result, "write"):  # long results come piece by piece
        result.write(wanted, lambda piece: print(piece, end=""))
    text = (
        None if hasattr(result, "write") else result.render(wanted) if hasattr(result, "render") else result
    )
    if text is not None and text != "":
        print(text if wanted == "json" else printable(str(text)), flush=True)
    code = getattr(result, "exit_code", 0)
    if code:
        raise typer.Exit(code)


def _parameter(one: Option, kind: Any, metavar: str | None, parsed: bool) -> inspect.Parameter:
    default, note = one.default, one.words.doc
    if one.kind is inspect.Parameter.VAR_POSITIONAL:
        several = Annotated[list[kind] | None, typer.Argument(help=note)]
        return _keyword(one.name, several, None)
    if one.kind is inspect.Parameter.KEYWORD_ONLY:
        flags = ["--input", "--input-shape"] if one.name == "input_shape" else [one.flag]
        if one.name == "output":
            flags.append("-o")
        if kind is bool and default is True:
            flags = [f"{one.flag}/--no-{one.flag[2:]}"]
        option = typer.Option(
            *flags, help=note, metavar=metavar, show_default=default is not None and default is not False
        )
        text = str(default) if parsed and default not in (None, inspect.Parameter.empty) else default
        return _keyword(one.name, Annotated[kind, option], text)
    argument = typer.Argument(help=note, metavar=metavar)
    return _keyword(one.name, Annotated[kind, argument], default)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


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
