"""What cannot be used is said in one line, with exit code 2, before anything is trained; nothing is lost."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsmith.cli.main import run
from convsmith.errors import BadInput


def photos(folder: Path, **counts: int) -> Path:
    rng = np.random.default_rng(0)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(rng.integers(0, 255, (12, 12, 3), np.uint8)).save(folder / name / f"{number}.png")
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that the command ends with; its steps before that are left out."""
    assert run(["forge", *arguments, "--quiet"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in said(capsys, "empty", "--max-params", "9k")
    assert not (tmp_path / "runs").exists()


def test_one_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(tmp_path / "one", cats=4)
    assert "class" in said(capsys, "one", "--max-params", "9k")


def test_a_class_with_one_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(tmp_path / "few", cats=4, dogs=1)
    line = said(capsys, "few", "--max-params", "9k")
    assert "dogs" in line
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "option", ["--max-params 50", "--max-macs 100", "--max-bytes 200", "--max-memory 100"]
)
def test_a_budget_that_nothing_meets_says_the_smallest_possible(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = said(capsys, "digits", *option.split(), "--trials", "2")
    assert "smallest" in line
    (folder,) = (tmp_path / "runs").glob("0*")
    assert not (folder / "trials.jsonl").exists()


def test_a_latency_that_nothing_meets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = said(capsys, "digits", "--max-latency-ms", "0.000001", "--trials", "2")
    assert "smallest" in line
    assert "ms" in line


def test_a_run_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "cannot be written" in said(capsys, "digits", "--max-params", "9k", "--runs", "file/runs")


def test_a_run_of_another_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "run.json").write_text(json.dumps({"format": 99, "convsmith": "9.9"}))
    line = said(capsys, "--resume", "old")
    assert "format 99" in line
    assert "9.9" in line


def test_a_folder_that_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "does not exist" in said(capsys, "--resume", "nothing")


def test_no_images_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no images were given" in said(capsys, "--max-params", "9k")


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(tmp_path: Path) -> None:
    options = [
        "--max-params",
        "2k",
        "--trials",
        "2",
        "--epochs",
        "4",
        "--threads",
        "1",
        "--runs",
        str(tmp_path),
    ]
    command = [sys.executable, "-m", "convsmith", "forge", "digits", *options, "--quiet"]
    # No file may grow beyond this: the pixels and the trials fit, the report does not.
    size = 150_000
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))  # noqa: E731
    full = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)
    assert full.returncode == 2, full.stderr
    assert "the disk is full" in full.stderr
    assert full.stderr.count("\n") == 1
    (folder,) = (path.parent for path in tmp_path.glob("*/run.json"))
    assert not list(folder.rglob("*.tmp"))
    trials = (folder / "trials.jsonl").read_text()
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert (folder / "report.html").exists()
    assert (folder / "trials.jsonl").read_text() == trials


def test_a_resume_that_fails_leaves_the_run_free(tmp_path: Path) -> None:
    from convsmith.jobs.forge import forge
    from convsmith.runs import Run

    with Run.create(tmp_path, kind="forge", recipe={"data": str(tmp_path / "gone")}) as made:
        path = made.path
    with pytest.raises(BadInput, match="gone"):
        forge(resume=str(path), quiet=True)
    Run.resume(path).close()
