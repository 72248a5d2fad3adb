"""The commands as the parser has them, each imported only when it is called."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from .. import __version__
from ..errors import BadName
from ..verbs import COMMANDS
from .build import command

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
        epilog = "\n\n".join(("Examples:", *about.examples)) if about.examples else None
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(cmd_name, epilog=epilog)(
            command(about.function, formats=about.formats, then=about.then)
        )
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


def work(arguments: list[str]) -> int:
    """Find the command and run it; returns its exit code.

    Raises:
        ConvsmithError: what the command refuses.
        USAGE_ERROR: wrong arguments; `usage` makes a line of it.
        KeyboardInterrupt: Ctrl-C where nobody handles signals.
    """
    try:
        code = get_command(app)(args=arguments or ["--help"], prog_name="convsmith", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0


def usage(error: Any) -> str:
    """A usage error of the parser as one line with the way out."""
    text = " ".join(error.format_message().split())
    ctx = getattr(error, "ctx", None)
    where = ctx.command_path if ctx else "convsmith"
    return f"{text} (see {where} --help)"
