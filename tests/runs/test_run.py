from __future__ import annotations

import errno
import getpass
import json
import os
import platform
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from convsmith.errors import BadInput
from convsmith.runs import NotARun, OtherVersion, Run, RunBusy, environment, run_key
from convsmith.runs.folder import is_driven


def make(folder, **settings):
    return Run.create(folder, kind="train", recipe={"epochs": 1}, **settings)


def test_numbered_folders(tmp_path):
    (tmp_path / "0007").mkdir()
    (tmp_path / "notes").mkdir()
    assert [make(tmp_path / "new").path.name for _ in range(3)] == ["0001", "0002", "0003"]
    assert make(tmp_path).path.name == "0008"
    assert make(tmp_path, name="mine").path.name == "mine"
    with pytest.raises(BadInput, match="already there"):
        make(tmp_path, name="mine")


def test_many_at_once_get_a_folder_each(tmp_path):
    runs: list[Run] = []
    threads = [threading.Thread(target=lambda: runs.append(make(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run.path.name for run in runs) == [f"{number:04d}" for number in range(1, 9)]
    assert sorted(os.listdir(tmp_path)) == [f"{number:04d}" for number in range(1, 9)]


def test_written_files_come_back(tmp_path):
    with make(tmp_path, key="k", command=["convsmith", "train"]) as run:
        run.write_json("metrics.json", {"accuracy": 0.5})
        run.write("explain/a.txt", "cat")
        run.append("history.jsonl", {"epoch": 1})
        run.append("history.jsonl", {"epoch": 2})
        with (run.path / "history.jsonl").open("a") as handle:
            handle.write('{"epoch": 3')
    read = Run.open(run.path)
    assert read.read_json("metrics.json") == {"accuracy": 0.5}
    assert read.lines("history.jsonl") == [{"epoch": 1}, {"epoch": 2}]
    assert read.lines("absent.jsonl") == []
    assert (read.kind, read.key, read.finished, read.command) == ("train", "k", False, ["convsmith", "train"])
    assert read.has("explain/a.txt")
    assert not read.has("explain/b.txt")
    assert set(os.listdir(run.path)) >= {"run.json", "recipe.json", "env.json"}
    with pytest.raises(BadInput, match="reading only"):
        read.append("history.jsonl", {})
    with pytest.raises(BadInput, match=r"has no weights\.json"):
        read.read_json("weights.json")


def test_a_spoilt_line_is_named(tmp_path):
    run = make(tmp_path)
    (run.path / "history.jsonl").write_text('{"epoch": 1}\nrubbish\n{"epoch": 2}\n')
    with pytest.raises(BadInput, match=r"history\.jsonl, line 2: is not JSON"):
        run.lines("history.jsonl")


def test_only_one_process_drives(tmp_path):
    run = make(tmp_path)
    with pytest.raises(RunBusy, match="another process is driving"):
        Run.resume(run.path)
    program = "import sys; from convsmith.runs import Run; Run.resume(sys.argv[1])"
    other = subprocess.run([sys.executable, "-c", program, str(run.path)], capture_output=True, text=True)
    assert "RunBusy" in other.stderr
    assert is_driven(run.path)
    run.close()
    assert not is_driven(run.path)
    assert not is_driven(tmp_path / "nowhere")
    Run.resume(run.path).close()


def test_who_only_looks_keeps_nobody_out(tmp_path):
    run = make(tmp_path)
    run.close()
    ends = threading.Event()

    def look() -> None:
        while not ends.is_set():
            is_driven(run.path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(20):
            Run.resume(run.path).close()
    finally:
        ends.set()
        looking.join()


def test_kill_gives_the_lock_back(tmp_path):
    program = textwrap.dedent(
        """
        import sys, time
        from convsmith.runs import Run
        run = Run.create(sys.argv[1], kind="train", recipe={}, key="k")
        print(run.path, flush=True)
        time.sleep(60)
        """
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    path = child.stdout.readline().strip()
    assert Run.find(tmp_path, key="k") is None
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    found = Run.find(tmp_path, key="k")
    assert found is not None
    assert str(found.path) == path


def test_find_goes_on_with_the_newest_unfinished_of_the_same_key(tmp_path):
    key = run_key({"seed": 0}, "images")
    first, second, done = (make(tmp_path, key=key) for _ in range(3))
    other = make(tmp_path, key=run_key({"seed": 1}, "images"))
    done.finish()
    for run in (first, second, done, other):
        run.close()
    (tmp_path / "0009").mkdir()
    (tmp_path / "0009" / "run.json").write_text("half")
    found = Run.find(tmp_path, key=key)
    assert found is not None
    assert found.path == second.path
    assert Run.find(tmp_path, key="") is None
    assert Run.find(tmp_path / "absent", key=key) is None
    assert run_key({"seed": 0}, "other images") != key


def test_resume_removes_what_a_kill_left(tmp_path):
    run = make(tmp_path)
    run.close()
    (run.path / ".weights.safetensors.123.tmp").write_text("half")
    Run.resume(run.path)
    assert not list(run.path.glob("*.tmp"))
    assert not list(run.path.glob(".*.tmp"))


@pytest.mark.parametrize(
    ("content", "error", "text"),
    [
        (None, NotARun, "holds no run.json"),
        ("{", NotARun, "is not JSON"),
        ("[]", NotARun, "expected an object"),
        ('{"format": 99, "convsmith": "7.0"}', OtherVersion, "a run in format 99, written by convsmith 7.0"),
    ],
)
@pytest.mark.parametrize("opening", [Run.open, Run.resume])
def test_folders_that_are_no_runs_of_ours(tmp_path, content, error, text, opening):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(error, match=text) as caught:
        opening(tmp_path)
    assert "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == before


def test_absent_folder_and_file(tmp_path):
    with pytest.raises(NotARun, match="does not exist"):
        Run.open(tmp_path / "absent")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotARun, match="is not a folder"):
        Run.open(tmp_path / "file")


def test_unwritable_places(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"cannot be written") as caught:
        make(tmp_path / "file" / "runs")
    assert "\n" not in str(caught.value)
    if os.geteuid() == 0:  # the administrator may write everywhere but where the kernel itself says no
        with pytest.raises(BadInput, match="cannot be written"):
            make("/proc/runs")
    else:
        tmp_path.chmod(0o500)
        with pytest.raises(BadInput, match="no permission"):
            make(tmp_path / "runs")
        tmp_path.chmod(0o700)


def test_full_disk_leaves_no_half_made_run(tmp_path, monkeypatch):
    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="disk is full"):
        make(tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []


def test_environment_says_what_but_not_who_or_where():
    text = json.dumps(environment())
    assert environment()["packages"]["numpy"] == __import__("numpy").__version__
    assert environment()["cores"] >= environment()["usable_cores"] >= 1
    for private in (platform.node(), str(os.path.expanduser("~"))):
        assert private not in text
    if len(getpass.getuser()) > 4:
        assert getpass.getuser() not in text


def test_reading_runs_imports_nothing_heavy():
    program = (
        "import sys, convsmith.runs; print([m for m in ('numpy', 'torch', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_that_is_reopened_is_of_another_key(tmp_path):
    with Run.create(tmp_path, kind="forge", recipe={"trials": 2}, key="before") as run:
        run.finish()
        run.reopen({"trials": 4}, "after")
    again = Run.open(run.path)
    assert (again.key, again.finished, again.read_json("recipe.json")) == ("after", False, {"trials": 4})
    assert Run.find(tmp_path, key="before") is None
