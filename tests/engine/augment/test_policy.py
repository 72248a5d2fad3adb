"""Augmentation: labels keep their meaning, amounts are as said, the generator decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convsmith.engine.augment import POLICIES, Policy, policy, strength
from convsmith.errors import BadInput, BadName


def _apply(given: Policy, x: torch.Tensor, seed: int = 0, classes: int = 3):
    target = torch.arange(len(x)) % classes
    return given(x, target, classes=classes, generator=torch.Generator().manual_seed(seed))


def _ramp(count: int = 64, rows: int = 12, columns: int = 16) -> torch.Tensor:
    """Images whose value is the column's place: what a move does to it can be read off."""
    row = torch.arange(columns, dtype=torch.float32)
    return row.expand(count, 1, rows, columns).contiguous()


def test_no_policy_changes_nothing():
    x = torch.rand(5, 3, 8, 8) * 255
    out, target = _apply(POLICIES["none"], x)
    assert out is x
    assert target.tolist() == [0, 1, 2, 0, 1]


def test_a_flip_is_exact():
    x = torch.rand(40, 3, 7, 10) * 255
    out, _ = _apply(Policy(flip=0.5), x)
    mirrored = 0
    for before, after in zip(x, out, strict=True):
        same = torch.allclose(before, after, atol=1e-2)
        other = torch.allclose(before.flip(2), after, atol=1e-2)
        assert same or other
        mirrored += other
    assert 8 <= mirrored <= 32


def test_a_shift_moves_by_no_more_than_said():
    out, _ = _apply(Policy(shift=0.125), _ramp(200))
    moved = out[:, 0, 6, 8] - 8
    assert float(moved.abs().max()) <= 0.125 * 16 + 1e-3
    assert float(moved.abs().max()) > 0.1 * 16
    assert float(moved.mean()) == pytest.approx(0, abs=0.3)


def test_zoom_scales_about_the_middle():
    out, _ = _apply(Policy(zoom=0.25), _ramp(300))
    slope = (out[:, 0, 6, 9] - out[:, 0, 6, 6]) / 3  # 1 / zoom
    assert float(slope.min()) == pytest.approx(1 / 1.25, abs=0.02)
    assert float(slope.max()) == pytest.approx(1.25, abs=0.03)
    middle = (out[:, 0, 6, 7] + out[:, 0, 6, 8]) / 2
    assert torch.allclose(middle, torch.full_like(middle, 7.5), atol=1e-3)


def test_rotation_turns_in_pixels_not_in_shares_of_the_sides():
    # A right angle between two directions stays one though the image is not square.
    rows, columns = 20, 30
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    both = torch.stack([x, y]).float().expand(50, 2, rows, columns).contiguous()
    out, _ = _apply(Policy(rotate=10), both)
    across = out[:, :, 10, 16] - out[:, :, 10, 14]
    down = out[:, :, 11, 15] - out[:, :, 9, 15]
    assert torch.allclose((across * down).sum(1), torch.zeros(50), atol=1e-3)
    assert torch.allclose(across.norm(dim=1), torch.full((50,), 2.0), atol=1e-3)
    turned = torch.rad2deg(torch.atan2(across[:, 1], across[:, 0])).abs()
    assert 8 < float(turned.max()) <= 10.01


def test_colour_stays_within_the_range():
    x = torch.rand(30, 3, 6, 6) * 255
    out, _ = _apply(Policy(brightness=0.2, contrast=0.4, colour=0.2), x)
    assert float(out.min()) >= 0
    assert float(out.max()) <= 255
    assert not torch.allclose(out, x)


def test_brightness_adds_one_number_to_an_image():
    x = torch.full((50, 3, 4, 4), 100.0) + torch.rand(50, 3, 4, 4)
    out, _ = _apply(Policy(brightness=0.1), x)
    change = out - x
    assert torch.allclose(change, change[:, :1, :1, :1].expand_as(change), atol=1e-3)
    assert 20 < float(change.abs().max()) <= 25.5 + 1e-3


def test_contrast_keeps_each_channels_mean():
    x = torch.rand(20, 3, 8, 8) * 100 + 70
    out, _ = _apply(Policy(contrast=0.3), x)
    assert torch.allclose(out.mean(dim=(2, 3)), x.mean(dim=(2, 3)), atol=1e-2)


def test_cutout_is_one_square():
    out, _ = _apply(Policy(cutout=0.25), torch.zeros(20, 1, 16, 16))
    assert [int((image == 127.5).sum()) for image in out] == [16] * 20


def test_mixup_blends_labels_as_images():
    x = torch.zeros(6, 3, 2, 2)
    x[range(6), [0, 1, 2, 0, 1, 2]] = 1.0
    out, shares = _apply(Policy(mixup=1.0), x, seed=3)
    assert shares.shape == (6, 3)
    assert torch.allclose(out[:, :, 0, 0], shares)
    assert torch.allclose(shares.sum(1), torch.ones(6))


@pytest.mark.parametrize("name", ["digits", "photos"])
def test_the_generator_decides(name):
    x = torch.rand(8, 3, 16, 16) * 255
    first, again, other = (_apply(POLICIES[name], x.clone(), seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_automatic_choice_says_why():
    chosen, why = policy("auto", np.zeros((2, 28, 28, 1), np.uint8))
    assert chosen is POLICIES["digits"]
    assert not chosen.flip
    assert "28x28" in why
    assert policy("auto", np.zeros((2, 64, 64, 3), np.uint8))[0] is POLICIES["photos"]
    assert policy("auto", np.zeros((2, 256, 256, 1), np.uint8))[0] is POLICIES["photos"]
    assert policy(None, np.zeros((2, 8, 8, 1)))[0] is POLICIES["none"]
    assert policy({"flip": 0.5}, np.zeros((2, 8, 8, 1)))[0] == Policy(flip=0.5)


def test_bad_names():
    x = np.zeros((2, 8, 8, 1))
    with pytest.raises(BadName, match="did you mean 'photos'"):
        policy("photo", x)
    with pytest.raises(BadName, match="rotate"):
        policy({"rotation": 3}, x)
    with pytest.raises(BadInput, match="augment"):
        policy(3, x)  # type: ignore[arg-type]


def test_strength_grows_with_the_epochs():
    assert [strength(epochs) for epochs in (1, 10, 60, 1000)] == [0, 0, 1, 1]
    assert 0 < strength(20) < strength(40) < 1
    whole = POLICIES["photos"]
    half = whole.scaled(0.5)
    assert (half.rotate, half.cutout, half.flip) == (whole.rotate / 2, whole.cutout / 2, whole.flip)
    assert whole.scaled(0.0) == Policy(flip=whole.flip)
    assert whole.scaled(1.0) == whole
