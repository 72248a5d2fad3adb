"""Views: where they lie, what they show, and that a bank makes nothing twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convsmith.pretrained import Source
from convsmith.pretrained.bank import Bank
from convsmith.pretrained.features import Features
from convsmith.pretrained.views import SMALLEST, drawn, rendered, rounded


def test_crops_lie_inside_and_show_enough() -> None:
    places = drawn(4000, 1, seed=0, flips=True)
    assert (np.abs(places[:, :2]) + places[:, 2:4] <= 1 + 1e-6).all()
    assert (places[:, 2] * places[:, 3]).min() >= SMALLEST * 0.75 / (4 / 3)
    assert 0.45 < (places[:, 4] == -1).mean() < 0.55
    assert (drawn(50, 1, seed=0, flips=False)[:, 4] == 1).all()
    assert not np.array_equal(places, drawn(4000, 2, seed=0, flips=True))


def test_the_whole_image_is_itself_and_its_mirror_image_mirrored() -> None:
    x = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 3)).astype(np.uint8)
    whole = drawn(2, 0, seed=0, flips=True)
    assert np.array_equal(rounded(rendered(x, whole, (12, 16))), x)
    whole[:, 4] = -1
    assert np.array_equal(rounded(rendered(x, whole, (12, 16))), x[:, :, ::-1])


def test_a_crop_is_the_part_of_the_image_at_its_place() -> None:
    x = np.arange(16 * 16, dtype=np.uint8).reshape(1, 16, 16, 1)
    corner = np.array([[-0.5, 0.5, 0.5, 0.5, 1]], np.float32)  # the upper right quarter
    found = rounded(rendered(x, corner, (8, 8)))
    assert found.shape == (1, 8, 8, 1)
    quarter = x[0, :8, 8:, 0].reshape(4, 2, 4, 2).mean((1, 3))
    assert rounded(rendered(x, corner, (4, 4)))[0, :, :, 0] == pytest.approx(quarter, abs=8)


def test_a_bank_is_made_once(lite0: Source, tmp_path: Path) -> None:
    x = np.random.default_rng(1).integers(0, 256, (3, 40, 40, 3)).astype(np.uint8)
    bank = Bank(x, "three", 2, seed=0, flips=True, folder=tmp_path)
    seer = Features(lite0, (32, 32, 3), ["block3"])
    features, pixels = bank.features(seer, "lite0"), bank.pixels((24, 24, 3))
    assert features.shape == (3, 2, 24)
    assert pixels.shape == (6, 24, 24, 3)
    whole = rounded(rendered(x, drawn(3, 0, seed=0, flips=True), (24, 24)))
    assert np.array_equal(pixels[::2], whole)
    files = {path: path.stat().st_ino for path in tmp_path.iterdir()}
    assert np.array_equal(bank.features(seer, "lite0"), features)
    assert np.array_equal(bank.pixels((24, 24, 3)), pixels)
    assert {path: path.stat().st_ino for path in tmp_path.iterdir()} == files
    expected = seer.of(rendered(x, drawn(3, 1, seed=0, flips=True), (32, 32)))[0]
    assert features[:, 1] == pytest.approx(expected, abs=2e-2)
