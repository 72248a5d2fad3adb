"""Real signals from outside, in several phases: one line, the right exit code, the run whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from convsmith.runs import Run

PROGRAM = [sys.executable, "-c", "from convsmith.cli import main; main()"]
WAY_ON = "; the same command again goes on where it stopped"


def listen(stream, at: str, signals: list[int], process: subprocess.Popen[str]) -> list[str]:
    """Read the lines of the process, and send the signals when one has these words."""
    said, sent = [], False
    for line in stream:
        said.append(line.rstrip())
        if at in line and not sent:
            sent = True
            for number in signals:
                process.send_signal(number)
    return said


def started(arguments: list[str], cwd: Path, *, program: list[str] = PROGRAM) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(
        [*program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=cwd,
        env=environment,
        # A shell lets what it starts in the background ignore Ctrl-C, and so would this process.
        preexec_fn=lambda: [signal.signal(n, signal.SIG_DFL) for n in (signal.SIGINT, signal.SIGHUP)],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("at", "signals", "said"),
    [
        ("[1/8] images", [signal.SIGINT], "interrupted"),
        ("each candidate", [signal.SIGTERM], "stopped by SIGTERM"),
        ("each candidate", [signal.SIGHUP], "stopped by SIGHUP"),
        ("each candidate", [signal.SIGINT, signal.SIGINT], "interrupted"),
    ],
)
def test_a_search_says_how_to_go_on(tmp_path: Path, at: str, signals: list[int], said: str) -> None:
    x, y = load_digits(return_X_y=True)
    np.savez(tmp_path / "digits.npz", x=(x[:200].reshape(-1, 8, 8) * 15.9).astype(np.uint8), y=y[:200])
    process = started(
        ["search", "chain", "digits.npz", "--max-params", "3k", "--trials", "5000", "--epochs", "1",
         "--threads", "1"], tmp_path,
    )  # fmt: skip
    watch = threading.Timer(60, process.kill)
    watch.start()
    lines = listen(process.stderr, at, signals, process)
    watch.cancel()
    assert process.wait() == 128 + signals[0], lines[-5:]
    assert lines[-1] == f"convsmith: {said}{WAY_ON}"
    assert not any("Traceback" in line or line.startswith("convsmith: ") for line in lines[:-1])
    for folder in (tmp_path / "runs").glob("0*"):
        with Run.resume(folder) as run:
            assert not run.finished
            run.lines("trials.jsonl")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_modules_are_imported(tmp_path: Path, number: int) -> None:
    process = started(
        ["size", "lenet5"], tmp_path, program=[sys.executable, "-X", "importtime", *PROGRAM[1:]]
    )
    lines = listen(process.stderr, " typer.", [number], process)
    assert process.wait() == 128 + number, lines[-5:]
    said = [line for line in lines if not line.startswith("import time:")]
    what = "interrupted" if number == signal.SIGINT else "stopped by SIGTERM"
    assert said == [f"convsmith: {what}"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_an_output_without_room_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*PROGRAM, "size", "lenet5"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "convsmith: standard output: cannot be written: no space left on device; expected a place with room\n"
    )


def test_an_output_that_knows_no_signs_but_ascii() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*PROGRAM, "size", "lenet5"], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "61,706" in done.stdout


def test_a_name_longer_than_any_file(capsys: pytest.CaptureFixture[str]) -> None:
    from convsmith.cli.main import run

    assert run(["size", "x" * 10_000]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert len(said) < 1_000


PHASES = (
    "a first finished network",  # the linear head stands
    "[4/8] train",  # a cut is fine-tuned
    "tuned-1: ",  # a teacher is asked
    "no teacher: ",  # the last training
)


@pytest.mark.slow
def test_ctrl_c_twice_leaves_a_network_wherever_a_first_one_stands(tmp_path: Path) -> None:
    from convsmith.jobs.inputs.trained import trained
    from convsmith.ledger.budget import Budget

    rng = np.random.default_rng(0)
    y = np.arange(48) % 3
    wave = np.where(np.arange(32) // 4 % 2, 9.0, -9.0)
    plain = np.stack([wave[:, None] + 0 * wave, wave + 0 * wave[:, None], np.zeros((32, 32))])
    x = 128 + plain[y][..., None] + rng.normal(0, 60, (48, 32, 32, 3))
    np.savez(tmp_path / "stripes.npz", x=x.clip(0, 255).astype(np.uint8), y=y)
    line = ["forge", "stripes.npz", "--max-params", "9k", "--trials", "2", "--epochs", "2", "--threads", "1",
            "--validation", "0.25", "--option", "population=2", "--algorithm", "evolution"]  # fmt: skip
    for phase in PHASES:
        process = started(line, tmp_path)
        watch = threading.Timer(200, process.kill)
        watch.start()
        lines = listen(process.stderr, phase, [signal.SIGINT, signal.SIGINT], process)
        watch.cancel()
        assert process.wait() == 128 + signal.SIGINT, lines[-5:]
        assert lines[-1] == f"convsmith: interrupted{WAY_ON}"
        assert any(phase in said for said in lines)
        (run,) = (tmp_path / "runs").glob("0*")
        assert Budget(params=9_000).check(trained(run).graph).kept
        with Run.resume(run) as kept:
            assert not kept.finished
    done = subprocess.run([*PROGRAM, "export", str(run), "net.onnx"], cwd=tmp_path, capture_output=True)
    assert (done.returncode, (tmp_path / "net.onnx").exists()) == (0, True)
