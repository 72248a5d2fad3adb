"""Sheets of thumbnails: every image lies where the list says, and findings point into the list."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsmith.data import Images
from convsmith.data.doctor.check import check
from convsmith.data.doctor.sheets import ACROSS, DOWN, SIDE, write_sheets
from convsmith.data.items import Rows

Maker = Callable[..., Path]


def squares(sheet: Path) -> np.ndarray:
    """(DOWN, ACROSS, SIDE, SIDE, 3) of a sheet."""
    pixels = np.asarray(Image.open(sheet).convert("RGB"))
    return pixels.reshape(DOWN, SIDE, ACROSS, SIDE, 3).swapaxes(1, 2)


def test_each_image_lies_in_its_place(tmp_path: Path) -> None:
    count = ACROSS * DOWN + 5
    x = np.zeros((count, 16, 8, 1), np.uint8)
    x[:] = (np.arange(count) % 250)[:, None, None, None]
    labels = np.arange(count) % 2
    images = Images.listed(Rows([("x", x)]), labels, ("a", "b"), source="x").examined()
    assert write_sheets(images, tmp_path / "thumbs") == 2
    held = json.loads((tmp_path / "thumbs" / "images.json").read_text())
    assert held["labels"] == labels.tolist()
    assert held["sizes"] == [[16, 8]] * count
    assert held["names"][-1] == f"x[{count - 1}]"
    found = [squares(tmp_path / "thumbs" / f"sheet-{k:04d}.jpg") for k in range(2)]
    for k in (0, 33, 511, 512, count - 1):
        at = found[k // 512][k % 512 // 32, k % 32]
        assert abs(at[32, 32].astype(int) - k % 250).max() <= 6  # enlarged to 32 by 64, JPEG
        assert abs(at[32, 4].astype(int) - 128).max() <= 12  # beside it


def test_findings_point_to_positions(
    make_folder: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSMITH_CACHE", str(tmp_path / "cache"))
    root = make_folder(cat=6, dog=6)
    (root / "cat" / "zero.png").write_bytes(b"")
    Image.open(root / "cat" / "003.png").save(root / "dog" / "again.bmp")
    said = check(root, thumbnails=tmp_path / "thumbs").to_json()
    held = json.loads((tmp_path / "thumbs" / "images.json").read_text())
    assert said["working"]["channels"] in (1, 3)
    names = dict(zip(held["rows"], held["names"], strict=True))
    (torn,) = (one for one in said["findings"] if "cat/003.png" in one["names"])
    assert [names[row] for row in torn["rows"]] == list(torn["names"])
    assert "cat/zero.png" not in names.values()
