"""The command itself: where it listens, that there is one for a folder, and that nothing is lost with it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from convsmith.errors import BadInput
from convsmith.runs import Run
from convsmith.web import studio as module
from convsmith.web.home import Home
from convsmith.web.state import Studio
from convsmith.web.studio import _alone, _listening, studio


class Served:
    """`convsmith studio` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        argv = [sys.executable, "-m", "convsmith", "studio", "runs", "--no-browser", "--port", "8830"]
        self.process = subprocess.Popen(
            argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        found = None
        while found is None:
            line = self.process.stdout.readline()
            assert line, "it ended"
            found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", line)
        self.port, self.token = int(found[1]), found[2]

    def ask(self, path: str, sent: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        for _ in range(100):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            try:
                body = None if sent is None else json.dumps(sent)
                connection.request("GET" if sent is None else "POST", path, body, headers)
                return json.loads(connection.getresponse().read())
            except ConnectionError:  # it listens before it answers
                time.sleep(0.1)
            finally:
                connection.close()
        raise AssertionError("no answer")

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.mark.slow
def test_killing_the_studio_takes_no_job_and_no_token_with_it(tmp_path: Path) -> None:
    served = Served(tmp_path)
    data = served.ask("/data/new.json", {"kind": "named", "source": "digits"})["id"]
    job = served.ask(f"/data/{data}.json")["job"]
    assert job["state"] in ("running", "waiting")
    assert served.end(signal.SIGKILL) == -signal.SIGKILL
    again = Served(tmp_path)
    try:
        assert again.token == served.token
        argv = [sys.executable, "-m", "convsmith", "studio", "runs", "--no-browser"]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        way = f"one at a time; try: http://127.0.0.1:{again.port}"
        assert f"another studio is open on it; expected {way}" in done.stderr
        for _ in range(600):
            found = again.ask(f"/data/{data}.json")
            if found["job"]["state"] not in ("running", "waiting"):
                break
            time.sleep(0.1)
        assert found["job"]["state"] == "done"
        assert found["check"]["found"]["images"] == 1797
        assert len(again.ask(f"/data/{data}/images.json")["names"]) == 1797
        assert len(again.ask("/jobs.json")["jobs"]) == 1
    finally:
        code = again.end(signal.SIGINT)
    assert code in (0, 130)


def test_it_listens_to_this_machine_alone_and_takes_the_next_port() -> None:
    first = _listening(8850)
    second = _listening(8850)
    try:
        (name, port), (other, next_port) = first.getsockname(), second.getsockname()
        assert name == other == "127.0.0.1"
        assert next_port > port >= 8850
    finally:
        first.close()
        second.close()


def test_one_studio_for_a_folder(tmp_path: Path) -> None:
    home = Home(tmp_path / "runs").made()
    lock = _alone(home)
    (home.own / "address").write_text("http://here")
    with pytest.raises(BadInput, match=r"another studio is open on it.*http://here"):
        _alone(home)
    os.close(lock)
    os.close(_alone(home))


def test_what_cannot_be_opened_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for options, text in (
        ({"port": 0}, "--port"),
        ({"at_once": 0}, "--at-once"),
        ({"data": "nope"}, "--data"),
    ):
        with pytest.raises(BadInput, match=text):
            studio("runs", browser=False, **options)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="a file, not a folder"):
        studio("file", browser=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(BadInput, match=r"convsmith\[studio\]"):
        studio("runs", browser=False)
    assert module.PORT == 8765


@pytest.mark.slow
def test_a_day_of_polling_keeps_nothing(browser: TestClient, home: Home, studio: Studio) -> None:
    """A search that goes on, asked for what is new again and again: memory does not grow with it."""
    with Run.create(home.runs, kind="forge", recipe={"data": "digits"}) as run:
        for number in range(50):
            run.append("trials.jsonl", {"index": number})
        place = 0

        def poll(times: int) -> None:
            nonlocal place
            for number in range(times):
                if number % 10 == 0:
                    run.append("trials.jsonl", {"index": number})
                    run.write_json("now.json", {"at": 1.0, "step": "search", "seconds": 1.0, "left": None})
                found = browser.get(f"/runs/{run.path.name}/live.json?trials={place}").json()
                place = found["trials"]["next"]
                if number % 20 == 0:
                    browser.get("/runs.json")

        poll(40)
        tracemalloc.start()
        try:
            poll(40)
            before = tracemalloc.get_traced_memory()[0]
            poll(120)
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
    assert grown < 100_000  # of 120 requests; a kilobyte kept of each would be more
