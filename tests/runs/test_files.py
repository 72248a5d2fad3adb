from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsmith.errors import BadInput
from convsmith.runs import CannotWrite, append_line, read_lines, to_json, write_whole
from convsmith.runs.files import saying_why

TEXT = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))


@given(lines=st.lists(TEXT), torn=st.binary(max_size=30).filter(lambda data: b"\n" not in data), more=TEXT)
def test_torn_last_line_is_not_there_and_does_not_spoil_the_next(tmp_path_factory, lines, torn, more):
    file = tmp_path_factory.mktemp("lines") / "a.jsonl"
    for line in lines:
        append_line(file, line)
    with file.open("ab") as handle:
        handle.write(torn)
    assert read_lines(file) == lines
    append_line(file, more)
    assert read_lines(file) == [*lines, more]


@pytest.mark.parametrize("writes", ["append", "whole"])
def test_what_is_written_is_forced_to_the_disk_and_so_is_its_name(tmp_path, monkeypatch, writes):
    """The file before it is told of, and the folder where its name is new: else a power cut takes either."""
    forced, real = [], os.fsync

    def fsync(descriptor):
        forced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    file = tmp_path / "runs" / "trials.jsonl"
    for count in (1, 2):
        if writes == "append":
            append_line(file, "a line")
            wanted = [str(file), str(file.parent)] if count == 1 else [str(file)]
        else:
            write_whole(file, "a line\n")
            wanted = [str(file.with_name(f".{file.name}.{os.getpid()}.tmp")), str(file.parent)]
        assert forced == wanted
        forced.clear()


def test_torn_line_longer_than_a_block_is_cut(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"first\n" + b"x" * 200_000)
    append_line(file, "second")
    assert file.read_bytes() == b"first\nsecond\n"


def test_line_breaks_are_refused(tmp_path):
    with pytest.raises(ValueError, match="line break"):
        append_line(tmp_path / "a", "one\ntwo")


def test_write_whole_replaces_and_leaves_nothing_else(tmp_path):
    write_whole(tmp_path / "deep" / "a.txt", "old")
    write_whole(tmp_path / "deep" / "a.txt", b"new")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "deep").iterdir()] == [("a.txt", b"new")]


@pytest.mark.parametrize("name", ["write", "fsync", "replace"])
def test_full_disk_keeps_the_old_file(tmp_path, monkeypatch, name):
    write_whole(tmp_path / "a.txt", "old")

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, name, full)
    with pytest.raises(CannotWrite, match="disk is full") as caught:
        write_whole(tmp_path / "a.txt", "new")
    assert isinstance(caught.value, BadInput)
    assert "\n" not in str(caught.value)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_file_that_really_cannot_grow_keeps_its_whole_lines(tmp_path):
    """The kernel, not a mock, stops the write in mid-line (a limit on the size of files)."""
    program = textwrap.dedent(
        """
        import resource, signal, sys
        from convsmith.runs import CannotWrite, append_line
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        append_line(sys.argv[1], "x" * 60)
        try:
            append_line(sys.argv[1], "y" * 60)
        except CannotWrite as error:
            print(error)
        """
    )
    file = tmp_path / "a.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True
    )
    assert "the disk is full" in done.stdout
    assert file.read_text() == "x" * 60 + "\n"


def test_dev_full_is_a_full_disk():
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full on this system")
    with (
        pytest.raises(CannotWrite, match="disk is full"),
        saying_why("/dev/full"),
        open("/dev/full", "w") as out,
    ):
        out.write("x")


def test_kill_in_the_middle_of_writing_never_shows_half_a_file(tmp_path):
    program = textwrap.dedent(
        """
        import sys
        from convsmith.runs import append_line, write_whole
        number = 0
        while True:
            number += 1
            write_whole(sys.argv[1] + "/whole.txt", str(number) * 20_000)
            append_line(sys.argv[1] + "/lines.txt", str(number) * 2_000)
            print(number, flush=True)
        """
    )
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        for _line in range(7):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        text = (tmp_path / "whole.txt").read_text()
        once = len(text) // 20_000
        assert text == text[:once] * 20_000
        assert all(len(line) % 2_000 == 0 for line in read_lines(tmp_path / "lines.txt"))


def test_json_of_what_numpy_and_training_give():
    value = {
        "a": np.float32(0.5),
        "b": np.arange(3),
        "c": math.nan,
        "d": [np.inf, np.int64(3)],
        "e": (True, None),
    }
    assert json.loads(to_json(value)) == {
        "a": 0.5,
        "b": [0, 1, 2],
        "c": None,
        "d": [None, 3],
        "e": [True, None],
    }
    with pytest.raises(TypeError, match="object is not JSON"):
        to_json(object())
