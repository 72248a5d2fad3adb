"""Who trains: a line that says it, also where there are more workers than cores or GPUs."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from convsmith.cli.main import run
from convsmith.jobs.options.searching import Crew
from convsmith.jobs.steps.searching import pool as pools


def job(tmp_path: Path, **settings: object) -> SimpleNamespace:
    said: list[str] = []
    return SimpleNamespace(
        options=SimpleNamespace(threads=None, augment="none"), crew=Crew(**settings), said=said,
        display=SimpleNamespace(say=said.append, within=None),
        run=SimpleNamespace(path=tmp_path, has=lambda name: True, read_json=lambda name: {"images": 2}),
        pixels_NHWC=np.zeros((4, 8, 8, 1), np.uint8), images=SimpleNamespace(y=np.array([0, 1, 0, 1])),
        split=SimpleNamespace(train=np.array([1, 0]), validation=np.array([3, 2])),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("count", "gpus", "line"),
    [
        (2, (), "2 workers with 2 threads each on 4 cores"),
        (4, (), "4 workers with 1 thread each on 4 cores"),
        (5, (), "5 workers with 1 thread each on 4 cores: more than there are, so they share them and each"),
        (2, ("0", "1"), "2 workers with 2 threads each on 2 GPUs"),
        (3, ("0", "1"), "3 workers with 1 thread each on 2 GPUs: more than there are, so they share them"),
    ],
)
def test_one_worker_more_than_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, gpus: tuple[str, ...], line: str
) -> None:
    environment = importlib.import_module("convsmith.runs.environment")
    monkeypatch.setattr(environment, "usable_cores", lambda: 4)
    monkeypatch.setattr(pools, "visible_gpus", lambda: gpus)
    asked = job(tmp_path, workers=count)
    pool = pools.pool(asked)
    assert pool.slots == count
    assert len(asked.said) == 1
    assert asked.said[0].startswith(line)
    assert asked.said[0].count("more than there are") == line.count("more than there are")
    pool.close()


def test_one_worker_is_this_process(tmp_path: Path) -> None:
    asked = job(tmp_path)
    assert pools.pool(asked).slots == 1
    assert asked.said == []


def test_no_time(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["forge", "digits", "--max-params", "9k", "--minutes", "0"]) == 2
    assert "--minutes: got 0" in capsys.readouterr().err
    assert run(["search", "stages", "digits", "--max-params", "9k", "--hours", "0"]) == 2
    assert "--hours: got 0" in capsys.readouterr().err
