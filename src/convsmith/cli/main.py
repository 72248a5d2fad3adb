"""`convsmith`: finds the command, runs it, and says what went wrong in one line."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from .. import __version__
from ..errors import BadName, ConvsmithError
from .build import command
from .commands import COMMANDS

USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
"""What the parser raises for wrong arguments; typer exports only this subclass of it."""


class Commands(TyperGroup):
    """The commands of the table, each imported only when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        about = COMMANDS.get(cmd_name)
        if about is None:
            raise BadName("command", cmd_name, COMMANDS)
        module, function = about.verb.split(":")
        verb = getattr(importlib.import_module(module), function)
        epilog = "\n\n".join(("Examples:", *about.examples)) if about.examples else None
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(cmd_name, epilog=epilog)(command(verb, formats=about.formats, then=about.then))
        return get_command(single)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about.help) for name, about in COMMANDS.items()])


app = typer.Typer(
    cls=Commands,
    help="Design, size, train, search and understand convolutional networks, within your own budget.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        print(f"convsmith {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; exit codes: 0 done, 1 over a budget or failed check, 2 bad input, 130 stopped."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The command line with these arguments; returns the exit code.

    Example:
        >>> run(["--version"])
        convsmith 0.1.0
        0
    """
    try:
        code = get_command(app)(args=arguments or ["--help"], prog_name="convsmith", standalone_mode=False)
    except ConvsmithError as error:
        return _fail(str(error))
    except USAGE_ERROR as error:
        return _fail(_usage(error))
    except (KeyboardInterrupt, typer.Abort):
        print(f"convsmith: interrupted{_way_on(arguments)}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code if isinstance(code, int) else 0


def _way_on(arguments: list[str]) -> str:
    """How to go on after Ctrl-C: the same command, unless that would ask for still more."""
    if not arguments or arguments[0] not in ("forge", "search", "train", "fool"):
        return ""
    if any(argument.startswith("--more-") for argument in arguments):
        return "; forge --resume RUN without --more-... goes on where it stopped"
    return "; the same command again goes on where it stopped"


def _fail(line: str) -> int:
    print(f"convsmith: {line}", file=sys.stderr)
    return 2


def _usage(error: Any) -> str:
    """A usage error of the parser as one line with the way out."""
    text = " ".join(error.format_message().split())
    ctx = getattr(error, "ctx", None)
    where = ctx.command_path if ctx else "convsmith"
    return f"{text} (see {where} --help)"
