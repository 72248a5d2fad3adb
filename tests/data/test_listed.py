"""A kept listing gives what a fresh one gives, whatever has changed in the meantime."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from convsmith.data.files import listed, listing
from convsmith.data.files.listing import Walked, walk


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(listed, "FROM", 1)
    root = tmp_path / "photos"
    for folder in ("cat/persian", "cat", "dog", "d\udcffg"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for k in range(3):
            (root / folder / f"{k}.png").write_bytes(b"x")
    (root / "dog" / "notes.txt").write_text("")
    for folder in root.rglob("*"):
        if folder.is_dir():
            os.utime(folder, (1_000_000_000, 1_000_000_000))  # old enough to be trusted
    os.utime(root, (1_000_000_000, 1_000_000_000))
    return root


def _both(root: Path, cache: Path) -> tuple[list[str], list[str], Walked, Walked]:
    fresh, kept = Walked(), Walked()
    return list(walk(root, fresh)), list(walk(root, kept, cache=cache)), fresh, kept


def test_a_second_walk_opens_no_folder(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    first = list(walk(tree, Walked(), cache=cache))
    opened: list[str] = []
    look = listing._look
    monkeypatch.setattr(listing, "_look", lambda folder, *rest: opened.append(folder) or look(folder, *rest))
    walked = Walked()
    assert list(walk(tree, walked, cache=cache)) == first
    assert len(first) == 12
    assert opened == []
    assert (walked.others, walked.example) == (1, "dog/notes.txt")


def test_what_has_changed_is_seen(tree: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    list(walk(tree, Walked(), cache=cache))
    (tree / "dog" / "new.png").write_bytes(b"x")
    shutil.rmtree(tree / "cat" / "persian")
    fresh, kept, *_ = _both(tree, cache)
    assert kept == fresh
    assert "dog/new.png" in kept


def test_a_folder_that_is_still_changing_is_not_trusted(tree: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    os.utime(tree / "dog")  # now
    list(walk(tree, Walked(), cache=cache))
    (tree / "dog" / "new.png").write_bytes(b"x")
    stamp = os.stat(tree / "dog").st_mtime_ns
    list(walk(tree, Walked(), cache=cache))
    (tree / "dog" / "newer.png").write_bytes(b"x")
    os.utime(tree / "dog", ns=(stamp, stamp))  # as if within one tick of the clock
    fresh, kept, *_ = _both(tree, cache)
    assert kept == fresh


def test_folders_with_links_are_looked_at_again(tree: Path, tmp_path: Path) -> None:
    cache, outside = tmp_path / "cache", tmp_path / "outside"
    outside.mkdir()
    (outside / "x.png").write_bytes(b"x")
    (tree / "dog" / "link").symlink_to(tree / "cat")
    os.utime(tree / "dog", (1_000_000_000, 1_000_000_000))
    before = _both(tree, cache)
    (tree / "dog" / "link").unlink()
    (tree / "dog" / "link").symlink_to(outside)
    os.utime(tree / "dog", (1_000_000_000, 1_000_000_000))
    fresh, kept, walked, walked_kept = _both(tree, cache)
    assert before[0] == before[1] != fresh
    assert kept == fresh
    assert walked.outside == walked_kept.outside == 1


@pytest.mark.parametrize("content", [b"", b"no gzip", None])
def test_a_damaged_listing_is_made_again(tree: Path, tmp_path: Path, content: bytes | None) -> None:
    cache = tmp_path / "cache"
    list(walk(tree, Walked(), cache=cache))
    (path,) = cache.glob("listed-*.gz")
    path.write_bytes(path.read_bytes()[:40] if content is None else content)
    fresh, kept, *_ = _both(tree, cache)
    assert kept == fresh


def test_progress_says_how_many(tmp_path: Path) -> None:
    for k in range(5000):
        (tmp_path / f"{k:05}.png").write_bytes(b"")
    told: list[tuple[str, int, int]] = []
    assert len(list(walk(tmp_path, Walked(), progress=lambda *what: told.append(what)))) == 5000
    assert told == [("listing files", 4096, 0)]
