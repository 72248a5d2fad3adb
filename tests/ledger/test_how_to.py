"""The commands of docs/how-to/know-what-a-network-costs.md run."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from convsmith.cli import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "know-what-a-network-costs.md"
COMMANDS = [line for line in PAGE.read_text().splitlines() if line.startswith("convsmith ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copy(Path(__file__).parent / "tables" / "course_lenet5.md", tmp_path / "table.md")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", shlex.split(command))
    try:
        code = main()
    except SystemExit as end:
        code = end.code
    assert (code or 0) == (1 if "audit" in command else 0)
    assert len(capsys.readouterr().out.splitlines()) > 3


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 9
