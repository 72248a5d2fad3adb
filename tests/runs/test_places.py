"""Nothing is written outside a run, and what cannot be written is said before any work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convsmith.errors import BadInput
from convsmith.runs import CannotWrite, Run
from convsmith.runs.files import append_line, place_in


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path, kind="train", recipe={}, name="run")


def test_a_link_out_of_the_run_is_refused(run: Run, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (run.path / "explain").symlink_to(outside)
    for write in (
        lambda: place_in(run.path, "explain/units"),
        lambda: run.write("explain/a.txt", "a"),
        lambda: run.write_json("explain/fool/fool.json", {}),
    ):
        with pytest.raises(BadInput, match=r"explain.*: leads out of the folder, .*remove the link"):
            write()
    assert list(outside.iterdir()) == []


def test_files_that_are_links_are_replaced_or_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for name in ("note.txt", "trials.jsonl"):
        (run.path / name).symlink_to(tmp_path / "mine.txt")
    run.write("note.txt", "new")
    with pytest.raises(CannotWrite, match="is a symbolic link"):
        append_line(run.path / "trials.jsonl", "{}")
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_link_inside_the_run_is_fine(run: Run) -> None:
    (run.path / "other").mkdir()
    (run.path / "explain").symlink_to(run.path / "other")
    run.write("explain/a.txt", "a")
    assert (run.path / "other" / "a.txt").read_text() == "a"


def test_a_folder_that_cannot_be_written_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(CannotWrite, match="explain/units: cannot be written: no permission"):
        place_in(run.path, "explain/units")
    (run.path / "file").write_text("")
    with pytest.raises(CannotWrite, match="a part of this path is a file"):
        place_in(run.path, "file/units")


def test_the_same_job_that_is_driven_is_named(tmp_path: Path) -> None:
    made = Run.create(tmp_path, kind="train", recipe={}, key="k")
    assert Run.busy(tmp_path, key="k") == made.path
    assert Run.busy(tmp_path, key="other") is None
    made.close()
    assert Run.busy(tmp_path, key="k") is None
