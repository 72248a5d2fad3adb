"""Jobs: whatever becomes of the studio, what is on the disk says how each stands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from convsmith.web import jobs as module
from convsmith.web import shim
from convsmith.web.home import Home
from convsmith.web.jobs import Jobs
from convsmith.web.orders import forge, number
from convsmith.web.refusal import Refused
from convsmith.web.state import Studio

from .conftest import told


def test_a_job_is_started_once_for_a_form_and_waits_where_there_is_no_room(
    studio: Studio, browser: TestClient
) -> None:
    data = browser.post("/data/new.json", json={"kind": "named", "source": "digits"}).json()["id"]
    sent = {"data": data, "max_params": "20k", "minutes": "2", "nonce": "abc", "start": True}
    first = browser.post("/new/order.json", json=sent).json()["go"]
    assert browser.post("/new/order.json", json=sent).json()["go"] == first
    assert browser.post("/new/order.json", json={**sent, "nonce": "abd"}).json()["go"] != first
    found = browser.get(f"{first}.json").json()["job"]
    assert found["state"] == "waiting"
    runs = studio.home.runs
    assert found["command"] == f"convsmith forge digits --max-params 20000 --minutes 2 --runs {runs}"
    assert browser.post(f"{first}/stop.json", json={}).json()["state"] == "stopped"
    assert "digits" in browser.get("/jobs").text


def test_too_many_wait(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 3)
    for _ in range(3):
        studio.jobs.start(["list", "runs"], kind="list", title="x")
    with pytest.raises(Refused, match="3 wait already"):
        studio.jobs.start(["list", "runs"], kind="list", title="x")


def process(path: Path, **about: object) -> None:
    told(path / "pid.json", {"pid": os.getpid(), "began": shim.started_at(os.getpid()), **about})


def test_the_state_is_what_the_files_and_the_process_say(studio: Studio) -> None:
    job = studio.jobs.start(["list", "runs"], kind="list", title="x")
    state = lambda: studio.jobs.get(job.id).state  # noqa: E731
    assert state() == "waiting"
    (job.path / "begun").write_text("1")
    assert state() == "running"
    os.utime(job.path / "begun", (1, 1))
    assert state() == "died"
    process(job.path)
    assert state() == "running"
    process(job.path, began="another process that had this number")
    assert state() == "died"
    codes = {0: "done", 1: "done", 2: "failed", 130: "stopped", 143: "stopped", 137: "failed"}
    for code, said in codes.items():
        told(job.path / "exit.json", {"code": code, "at": 1.0})
        assert state() == said
    told(job.path / "job.json", job.about | {"stop": 1.0})
    assert state() == "stopped"
    (job.path / "job.json").write_text("[")
    assert job.id not in [one.id for one in studio.jobs.all()]


def test_a_job_runs_beside_the_studio_and_leaves_everything(home: Home) -> None:
    jobs = Jobs(home, at_once=1)
    job = jobs.start(["list", "recipes", "--json"], kind="list", title="x")
    bad = jobs.start(["size", "lenet6"], kind="size", title="y")
    assert jobs.get(bad.id).state == "waiting"
    _wait(jobs, job.id)
    assert jobs.get(job.id).state == "done"
    assert "fast" in jobs.get(job.id).out()["recipes"]
    again = Jobs(home, at_once=1)  # the studio began anew
    again.tick()
    _wait(again, bad.id)
    assert again.get(bad.id).state == "failed"
    assert "did you mean 'lenet5'" in again.get(bad.id).message()


def _wait(jobs: Jobs, name: str) -> None:
    for _ in range(600):
        if not jobs.get(name).is_open:
            return
        time.sleep(0.1)
    raise AssertionError(jobs.get(name).log())


SLOW = """
import json, signal, sys, time
from pathlib import Path
from convsmith.web import shim
shim.subprocess.Popen = (lambda real: lambda argv, **more: real([sys.executable, "-c",
    "import time, sys; print('on', flush=True); time.sleep(60)"], **more))(shim.subprocess.Popen)
sys.exit(shim.work(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_reaches_the_command_also_where_the_shell_had_it_ignore_ctrl_c(
    number: signal.Signals, tmp_path: Path
) -> None:
    told(tmp_path / "job.json", {"argv": [], "cwd": str(tmp_path)})
    job = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(tmp_path)],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        start_new_session=True,
    )
    try:
        for _ in range(300):
            if (
                (tmp_path / "out").exists()
                and (tmp_path / "out").read_text()
                and (tmp_path / "pid.json").exists()
            ):
                break
            time.sleep(0.05)
        about = json.loads((tmp_path / "pid.json").read_text())
        assert about["pid"] == job.pid
        os.kill(job.pid, number)
        code = job.wait(timeout=20)
    finally:
        job.kill()
    assert code == (1 if number == signal.SIGINT else 143) or code == 130
    assert json.loads((tmp_path / "exit.json").read_text())["code"] == code


WRONG = (
    ({}, "budget"), ({"max_params": "many"}, "--max-params"), ({"max_latency_ms": "-1"}, "max-latency-ms"),
    ({"max_params": "10k", "minutes": "nan"}, "minutes"),
    ({"max_params": "10k", "minutes": "--x"}, "minutes"),
    ({"max_params": "10k", "space": "/x.py:y"}, "space"), ({"max_params": "10k", "seed": "1e9"}, "seed"),
    ({"max_params": "10k", "algorithm": "mine.py:f"}, "algorithm"),
    ({"max_params": "10k", "precision": "int4"}, "precision"),
)  # fmt: skip


@pytest.mark.parametrize(("fields", "what"), WRONG, ids=str)
def test_what_a_form_cannot_say(fields: dict[str, str], what: str) -> None:
    with pytest.raises(Refused) as refused:
        forge(fields, "digits", "runs")
    assert refused.value.what == what
    assert refused.value.status == 400


def test_what_a_form_says() -> None:
    fields = {
        "max_params": "50k", "max_macs": "1.5M", "max_bytes": "1MB", "max_memory": "64kB",
        "max_latency_ms": "2.5", "minutes": 20, "precision": "int8", "augment": "photos", "seed": "7",
        "resume": "--x", "--strict": "1",
    }  # fmt: skip
    assert forge(fields, "/photos", "/runs") == [
        "forge", "/photos", "--max-params", "50000", "--max-macs", "1500000", "--max-bytes", "1000000",
        "--max-memory", "64000", "--max-latency-ms", "2.5", "--minutes", "20", "--augment", "photos",
        "--precision", "int8", "--seed", "7", "--runs", "/runs",
    ]  # fmt: skip
    assert number("0.25", "minutes", 0.1, 1) == "0.25"
