"""Processes that decode: the same answers as without, and what happens when one dies, hangs or grows."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsmith.data import read
from convsmith.data.decoding.record import RECORD
from convsmith.data.decoding.workers import Decoders
from convsmith.errors import BadInput, ConvsmithError

from .conftest import noise

Maker = Callable[..., Path]


def job(path: Path) -> tuple[dict[str, object], bytes]:
    return {"do": "scan", "path": str(path), "name": path.name, "max_pixels": 10**8}, b""


def test_workers_see_and_decode_the_same(make_folder: Maker) -> None:
    root = make_folder(cat=8, dog=8)
    (root / "cat" / "bad.png").write_bytes(b"")
    (root / "dog" / "bad.jpg").write_text("text\n")
    alone, helped = read(root, workers=0), read(root, workers=2)
    assert helped.unreadable == alone.unreadable
    assert np.array_equal(helped.seen, alone.seen)
    assert helped.fingerprint == alone.fingerprint


def test_pixels_by_workers_are_the_same(make_folder: Maker, tmp_path: Path) -> None:
    images = read(make_folder(cat=10, dog=10))  # enough files for workers to be used by themselves
    direct = np.concatenate([one.pixels((9, 7), 3) for one in images])
    assert np.array_equal(images.pixels((9, 7), 3), direct)
    assert np.array_equal(images.pixels((9, 7), 3, tmp_path / "cache"), direct)


def test_workers_notice_files_that_change_or_vanish(make_folder: Maker) -> None:
    root = make_folder(cat=30, dog=30)
    images = read(root)
    Image.fromarray(noise(77)).save(root / "cat" / "001.png")
    with pytest.raises(BadInput, match=r"cat/001\.png: has changed since it was read"):
        images.pixels((8, 8))
    (root / "cat" / "001.png").unlink()
    with pytest.raises(BadInput, match=r"cat/001\.png: cannot be opened: No such file"):
        images.pixels((8, 8))


def test_a_crash_costs_one_image(make_folder: Maker, tmp_path: Path) -> None:
    root = make_folder(cat=3)
    files = sorted(root.rglob("*.png"))
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)  # opening it blocks until the process is killed
    with Decoders(1) as decoders:
        process: list[int] = []

        def kill() -> None:
            while not process:
                time.sleep(0.01)
            time.sleep(0.2)
            os.kill(process[0], signal.SIGSEGV)

        def jobs() -> object:
            yield job(files[0])
            process.append(decoders._idle[0].process.pid)
            yield job(pipe)
            yield job(files[1])

        threading.Thread(target=kill).start()
        answers = {n: answer for n, answer, _ in decoders.map(jobs())}  # type: ignore[arg-type]
    assert answers == {
        0: {"ok": True},
        1: {"ok": False, "reason": "damaged: the decoder crashed on it"},
        2: {"ok": True},
    }


def test_an_exception_in_a_worker_costs_one_image(make_folder: Maker) -> None:
    files = sorted(make_folder(cat=2).rglob("*.png"))
    with Decoders(1) as decoders:
        bad = ({"do": "scan", "path": str(files[0])}, b"")  # no name: a KeyError
        answers = {n: answer["ok"] for n, answer, _ in decoders.map([job(files[0]), bad, job(files[1])])}
    assert answers == {0: True, 1: False, 2: True}


def test_an_endless_file_is_given_up(make_folder: Maker, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    good = sorted(make_folder(cat=1).rglob("*.png"))[0]
    with Decoders(1, seconds=2) as decoders:
        answers = {n: answer for n, answer, _ in decoders.map([job(tmp_path / "pipe.png"), job(good)])}
    assert answers[0]["reason"] == "takes longer than 2 s to decode"
    assert answers[1]["ok"]


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no limit on memory on this system")
def test_an_image_that_wants_too_much_memory_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (6000, 6000)).save(tmp_path / "large.png")
    with Decoders(1, memory=60_000_000) as decoders:
        (_, answer, _) = next(decoders.map([job(tmp_path / "large.png")]))
    assert answer == {"ok": False, "reason": "needs more memory than there is"}
    with Decoders(1) as decoders:
        (_, answer, body) = next(decoders.map([job(tmp_path / "large.png")]))
    assert np.frombuffer(body, RECORD)[0]["height"] == 6000


def test_a_process_that_does_not_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convsmith.data.decoding.workers.START", 1)
    for text in ("exit 1", "echo hello, this is not what a worker says", "exec sleep 60"):
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\n{text}\n")
        python.chmod(0o755)
        monkeypatch.setattr("sys.executable", str(python))
        with pytest.raises(ConvsmithError, match="does not start"), Decoders(2) as decoders:
            list(decoders.map([job(tmp_path / "a.png")] * 3))


def test_nothing_is_imported_from_the_folder_that_the_user_is_in(
    make_folder: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_folder(cat=3, dog=3)
    for name in ("numpy", "PIL", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the current folder')\n")
    monkeypatch.chdir(tmp_path)
    assert len(read(root, workers=1)) == 6


def test_no_process_is_left_behind(make_folder: Maker) -> None:
    files = sorted(make_folder(cat=9).rglob("*.png"))
    with Decoders(2) as decoders:
        answers = decoders.map(map(job, files))
        next(answers)
        answers.close()  # type: ignore[attr-defined]
        idle = [process.process for process in decoders._idle]
    assert all(process.poll() is not None for process in idle)


def test_a_second_look_opens_only_what_is_new(
    make_folder: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = make_folder(cat=150, dog=60), tmp_path / "cache"
    (root / "dog" / "bad.png").write_bytes(b"")
    first = read(root, cache=cache)
    opened: list[str] = []
    monkeypatch.setattr(
        "convsmith.data.items.read_bytes", lambda path: opened.append(path) or Path(path).read_bytes()
    )
    again = read(root, cache=cache, workers=0)
    assert opened == []
    assert again.unreadable == first.unreadable
    assert np.array_equal(again.seen, first.seen)
    Image.fromarray(noise(1000)).save(root / "cat" / "007.png")
    Image.fromarray(noise(1001)).save(root / "cat" / "0070.png")
    (root / "dog" / "003.png").unlink()
    changed = read(root, cache=cache, workers=0)
    assert [Path(path).name for path in opened] == ["007.png", "0070.png"]
    assert changed.fingerprint == read(root, cache=None).fingerprint != first.fingerprint


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x05\x06" + bytes(18)])
def test_a_damaged_memory_is_ignored(make_folder: Maker, tmp_path: Path, content: bytes) -> None:
    root, cache = make_folder(cat=120, dog=80), tmp_path / "cache"
    first = read(root, cache=cache)
    path = next(cache.glob("seen-*.npz"))
    path.write_bytes(content)
    assert read(root, cache=cache).fingerprint == first.fingerprint
    assert len(path.read_bytes()) > 100


@pytest.mark.parametrize("count", [10, 120])
def test_a_dataset_object_that_gives_arrays_is_read(count: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (count, 12, 9, 3), np.uint8)

    class Pairs:
        targets = np.arange(count) % 2

        def __len__(self) -> int:
            return count

        def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
            if not 0 <= i < count:
                raise IndexError(i)
            return x[i], int(self.targets[i])

    images = read(Pairs(), reader="objects")
    assert len(images) == count
    assert not images.unreadable
    assert np.array_equal(images.pixels((12, 9), 3), x)
