"""The how-to's reader and its exam, run as they stand; and readers that fail the exam."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from convsmith.data.readers import READERS
from convsmith.data.readers.folder import folder
from convsmith.testing.readers import exam_reader

Maker = Callable[..., Path]
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-reader.md"


def test_the_how_to_runs_as_it_stands() -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S))
    try:
        exec(compile(code, str(PAGE), "exec"), {"__name__": "how_to"})
        assert "sidecar" in READERS
    finally:
        READERS._things.pop("sidecar", None)


def test_the_exam_finds_faults(make_folder: Maker) -> None:
    root = make_folder(cat=4, dog=4)
    (root / "cat" / "bad.png").write_bytes(b"")
    exam_reader(folder, root, counts={"cat": 4, "dog": 4}, unreadable=1)
    with pytest.raises(AssertionError, match="counts"):
        exam_reader(folder, root, counts={"cat": 5, "dog": 4}, unreadable=1)
    with pytest.raises(AssertionError, match="unreadable"):
        exam_reader(folder, root, counts={"cat": 4, "dog": 4})

    def greedy(source: object) -> object:
        """Takes everything."""
        return folder(root)

    with pytest.raises(AssertionError, match="which is not its own"):
        exam_reader(greedy, root, counts={"cat": 4, "dog": 4}, unreadable=1)  # type: ignore[arg-type]
