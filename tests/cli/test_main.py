"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from typer.main import get_command

from convsmith import __version__
from convsmith.cli.build import command
from convsmith.cli.main import run
from convsmith.errors import BadInput
from convsmith.units import Count, Size
from convsmith.verbs import COMMANDS


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"convsmith {__version__}\n"


@pytest.mark.parametrize("raises", [KeyboardInterrupt, typer.Abort])
def test_ctrl_c_is_130_and_says_how_to_go_on(
    raises: type[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*given: object, **named: object) -> None:
        raise raises

    for line, says in (
        (["train", "lenet5", "digits"], "the same command again goes on where it stopped"),
        (["forge", "--resume", "runs/0001", "--more-trials", "3"], "without --more-... goes on"),
        (["size", "lenet5"], "interrupted"),
    ):
        monkeypatch.setattr("convsmith.cli.app.get_command", lambda app: interrupted)
        assert run(line) == 130
        said = capsys.readouterr().err
        assert says in said
        assert said.count("\n") == 1


def test_without_arguments_it_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help_of_every_command_names_arguments_and_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([name, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"Usage: convsmith {name}" in shown
    assert all(example in shown for example in COMMANDS[name].examples)
    assert all("--" + name in shown for name in COMMANDS[name].formats)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["forg"], "command: no 'forg'; did you mean 'forge'?"),
        (["forge", "digits", "--max-parms", "20k"], "--max-params"),
        (["forge", "digits", "--max-params", "20q"], "--max-params: got '20q'; expected a number"),
        (["forge", "digits"], "budget: no limit was given"),
        (["forge", "digits", "--max-params", "9k", "--minutes", "1", "--trials", "4"], "one of them"),
        (["forge", "digits", "--max-params", "9k", "--space", "stagse"], "did you mean 'stages'?"),
        (["forge", "digits", "--max-params", "9k", "--algorithm", "evolutoin"], "did you mean 'evolution'?"),
        (["forge", "digist", "--max-params", "9k", "--quiet"], "did you mean 'digits'"),
        (["size", "lenet"], "did you mean 'lenet5'?"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


class Answer:
    """A verb's result."""

    exit_code = 1

    def __init__(self, **given: object) -> None:
        self.given = given

    def render(self, wanted: str) -> str:
        return f"{wanted} {sorted(self.given.items())}"


def verb(
    *names: str,
    limit: Count | None = None,
    size: Size | None = None,
    mode: Literal["quick", "slow"] = "quick",
    shuffle: bool = True,
    hidden: Annotated[object, "api"] = None,
) -> Answer:
    """Do something with names.

    Args:
        names: what to take.
        limit: at most so many
            of them.
        hidden: not for the command line.
    """
    return Answer(names=names, limit=limit, size=size, mode=mode, shuffle=shuffle)


def call(*arguments: str) -> int:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(command(verb, formats=("json",)))
    return get_command(app)(args=list(arguments), standalone_mode=False)


def test_a_verb_becomes_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("a", "b", "--limit", "2k", "--size", "8x8x1", "--mode", "slow", "--no-shuffle") == 1
    given = [
        ("limit", 2000),
        ("mode", "slow"),
        ("names", ("a", "b")),
        ("shuffle", False),
        ("size", (8, 8, 1)),
    ]
    assert capsys.readouterr().out == f"text {given}\n"
    assert call("a", "--json") == 1
    assert capsys.readouterr().out.startswith("json [('limit', None)")


def test_its_help_comes_from_the_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    call("--help")
    shown = " ".join(capsys.readouterr().out.split())
    assert "Do something with names." in shown
    assert "at most so many of them." in shown
    assert "--hidden" not in shown


def test_own_parsers_name_the_option() -> None:
    with pytest.raises(BadInput, match="--limit: got 'x'"):
        call("a", "--limit", "x")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["train", "lenet5", "fotos"], "no such file, folder or set; .* did you mean 'photos'?"),
        (["forge", "fotos/cats", "--max-params", "5k"], "did you mean 'photos'?"),
        (["check", "phots"], "did you mean 'photos'?"),
        (["train", "lenet5", "digit"], "did you mean 'digits'?"),
        (["train", "lenet5", "photos", "--pretrained", "imagnet"], "did you mean 'imagenet'?"),
        (["train", "lenet5", "photos", "--teacher", "run/0001"], "did you mean 'runs'?"),
        (["size", "net.kers"], "did you mean 'net.keras'?"),
        (["trials", "runs/001"], "did you mean 'runs/0001'?"),
        (["trials", "elsewhere"], "try: convsmith list runs"),
        (["size", "lenet5", "--input", "32x32"], "--input: got 32x32; .* try: --input 32x32x1"),
        (["size", "resnet50", "--input", "64"], "rows, columns and channels; try: --input 64x64x3"),
        (["compare", "lenet5", "alexnet", "--input", "32x32"], "rows, columns and channels"),
    ],
)
def test_a_misspelt_place_gets_its_neighbour_before_any_work(
    line: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name in ("photos/cats", "runs/0001"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "net.keras").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert run(line) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1  # no step was begun
    first, _, rest = says.partition(" .* ")
    assert first in said
    assert rest in said
    assert sorted(tmp_path.rglob("*")) == before
