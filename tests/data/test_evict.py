"""A cache folder stays within its size: the oldest goes, what is needed and what is not ours stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convsmith.data import read
from convsmith.data.files.evict import evict, limit
from convsmith.errors import BadInput


def test_what_was_used_longest_ago_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSMITH_CACHE_GB", "0.000003")  # 3,000 bytes
    for age, name in enumerate(["pixels-c.npy", "seen-b.npz", "pixels-a.npy", "theirs.npy"]):
        (tmp_path / name).write_bytes(bytes(1500))
        os.utime(tmp_path / name, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "pixels-a.sum").write_text("x")
    removed = evict(tmp_path, keep=tmp_path / "pixels-c.npy")
    assert [path.name for path in removed] == ["pixels-a.npy"]
    assert sorted(os.listdir(tmp_path)) == ["pixels-c.npy", "seen-b.npz", "theirs.npy"]


def test_what_is_needed_now_stays_though_it_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSMITH_CACHE_GB", "1e-9")
    digits = read("digits")
    first = digits.pixels((8, 8), 1, tmp_path)
    second = digits.pixels((9, 9), 1, tmp_path)
    assert first.sum() > 0  # still mapped, though its file is gone
    assert second.shape == (len(digits), 9, 9, 1)
    assert len(list(tmp_path.glob("pixels-*.npy"))) == 1


@pytest.mark.parametrize("text", ["much", "-1", "0", "nan"])
def test_a_limit_that_means_nothing(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSMITH_CACHE_GB", text)
    with pytest.raises(BadInput, match="a number of gigabytes"):
        limit()
