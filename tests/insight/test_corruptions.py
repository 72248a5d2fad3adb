"""Corruptions against SciPy, Pillow and arithmetic; accuracy falls with severity on a trained network."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from convsmith.engine.lower import lower
from convsmith.engine.predict import predict
from convsmith.errors import BadInput, BadName
from convsmith.insight.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from convsmith.insight.robustness import robustness


def photos(n: int = 4, side: int = 32, channels: int = 3) -> np.ndarray:
    """Smooth pictures with an edge: every corruption shows on them."""
    rng = np.random.default_rng(0)
    x = ndimage.gaussian_filter(rng.random((n, side, side, channels)), (0, 2, 2, 0))
    x = (x - x.min()) / (x.max() - x.min())
    x[:, side // 4 : side // 2, side // 4 : side // 2] *= 0.4
    return (x * 220 + 10).astype(np.uint8)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize(("side", "channels"), [(8, 1), (32, 3), (100, 3)])
def test_pictures_keep_their_shape_and_change_ever_more(name: str, side: int, channels: int) -> None:
    x = photos(3, side, channels)
    far = []
    for severity in SEVERITIES:
        found = corrupt(x, name, severity)
        assert found.shape == x.shape
        assert found.dtype == np.uint8
        far.append(float(np.abs(found.astype(float) - x).mean()))
        assert (found == corrupt(x, name, severity)).all()
    assert far[-1] > far[0]
    if side == 100 and name != "pixelate":  # whose blocks do not nest
        assert all(b >= 0.97 * a for a, b in pairwise(far)), far


def test_gaussian_blur_is_scipys() -> None:
    x = photos()
    expected = ndimage.gaussian_filter(x.astype(float), (0, 1, 1, 0), mode="nearest")
    assert np.abs(corrupt(x, "gaussian_blur", 5).astype(float) - expected).max() <= 1


def test_noise_has_the_strength_that_is_said() -> None:
    x = np.full((20, 32, 32, 1), 128, np.uint8)
    gaussian = corrupt(x, "gaussian_noise", 5).astype(float) - 128
    assert gaussian.std() == pytest.approx(0.10 * 255, rel=0.02)
    shot = corrupt(x, "shot_noise", 5).astype(float)
    assert shot.mean() == pytest.approx(128, rel=0.01)
    assert shot.std() / 255 == pytest.approx(np.sqrt(128 / 255 / 50), rel=0.03)  # Poisson: variance is mean
    impulse = corrupt(x, "impulse_noise", 5)
    assert (impulse == 0).mean() == pytest.approx(0.035, abs=0.004)
    assert (impulse == 255).mean() == pytest.approx(0.035, abs=0.004)


def test_contrast_and_brightness_are_arithmetic() -> None:
    import colorsys

    x = photos()
    mean = x.astype(float).mean((1, 2), keepdims=True)
    assert np.abs(corrupt(x, "contrast", 3) - (mean + (x - mean) * 0.4)).max() <= 1
    found = corrupt(x, "brightness", 4)
    for place in ((0, 3, 3), (1, 10, 20), (2, 31, 0)):
        h, s, v = colorsys.rgb_to_hsv(*(x[place] / 255))
        expected = np.array(colorsys.hsv_to_rgb(h, s, min(1, v + 0.2))) * 255
        assert np.abs(found[place] - expected).max() <= 1


def test_motion_is_a_blur_along_a_line_and_images_do_not_depend_on_each_other() -> None:
    x = np.zeros((70, 65, 65, 1), np.uint8)
    x[:, 32, 32] = 255
    found = corrupt(x, "motion_blur", 5).astype(float)[..., 0]
    assert found.sum((1, 2)) == pytest.approx(np.full(70, 255), rel=0.2)  # rounding of many small numbers
    rows, columns = np.mgrid[-32:33, -32:33]
    for one in found[:5]:
        weights = one / one.sum()
        spread = np.cov(np.stack([rows.ravel(), columns.ravel()]), aweights=weights.ravel())
        across, along = np.linalg.eigvalsh(spread)
        assert along > 5 * across
    # 70 images are more than are taken at once; the first ones are the same without the others
    assert (corrupt(x[:3], "motion_blur", 5) == corrupt(x, "motion_blur", 5)[:3]).all()
    noisy = corrupt(x, "gaussian_noise", 2)
    assert (corrupt(x[:3], "gaussian_noise", 2) == noisy[:3]).all()


def test_jpeg_is_pillows() -> None:
    x = photos(1)
    buffer = io.BytesIO()
    Image.fromarray(x[0]).save(buffer, "JPEG", quality=40)
    assert (corrupt(x, "jpeg", 5)[0] == np.asarray(Image.open(buffer))).all()


def test_pixels_are_the_means_of_their_blocks() -> None:
    x = photos(2, 100, 3)
    blocks = x.reshape(2, 50, 2, 50, 2, 3).astype(float).mean((2, 4))
    expected = blocks.repeat(2, 1).repeat(2, 2)
    assert np.abs(corrupt(x, "pixelate", 2) - expected).max() <= 1


def test_rotation_and_shift_are_scipys() -> None:
    x = photos(6, 64, 1)
    turned = corrupt(x, "rotation", 3).astype(float)
    for one, found in zip(x, turned, strict=True):
        both = [
            ndimage.rotate(one[..., 0].astype(float), sign * 15, reshape=False, order=1, mode="nearest")
            for sign in (1, -1)
        ]
        assert min(np.abs(found[..., 0] - other)[4:-4, 4:-4].mean() for other in both) < 1.0
    shifted = corrupt(x, "shift", 3).astype(float)
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, 6)
    for one, found, angle in zip(x, shifted, angles, strict=True):
        way = (-0.1 * 64 * np.sin(angle), -0.1 * 64 * np.cos(angle))
        expected = ndimage.shift(one[..., 0].astype(float), way, order=1, mode="nearest")
        assert np.abs(found[..., 0] - expected).max() <= 1


def test_filters_keep_a_plain_picture_and_the_mean() -> None:
    plain = np.full((2, 32, 32, 3), 90, np.uint8)
    for name in ("gaussian_blur", "defocus_blur", "motion_blur", "pixelate", "shift", "rotation"):
        assert np.abs(corrupt(plain, name, 5).astype(int) - 90).max() <= 1, name


def test_defocus_of_a_point_is_a_disk() -> None:
    x = np.zeros((1, 224, 224, 1), np.uint8)
    x[0, 112, 112] = 255
    radius = 3
    found = corrupt(np.repeat(x, 1, 0), "defocus_blur", 1)[0, ..., 0]
    rows, columns = np.nonzero(found)
    reach = np.hypot(rows - 112, columns - 112)
    assert reach.max() <= radius + 0.8
    assert len(rows) == pytest.approx(np.pi * radius**2, rel=0.35)


def test_accuracy_falls_with_severity_on_a_trained_network(trained) -> None:
    from convsmith.testing.planted import planted

    net, data = lower(*trained), planted(100, seed=2)
    found = robustness(lambda x: predict(net, x), data.x_NHWC, data.y)
    assert found["clean"]["accuracy"] > 0.9
    by_severity = np.array([[s["accuracy"] for s in row["severities"]] for row in found["corruptions"]])
    means = by_severity.mean(0)
    assert (np.diff(means) <= 0.01).all(), means
    assert found["mean_accuracy"] == pytest.approx(by_severity.mean())
    assert found["mean_error"] + found["mean_accuracy"] == pytest.approx(1)
    assert found["relative_error"] == pytest.approx(found["clean"]["accuracy"] - by_severity.mean())
    assert found["kept"] < 1
    assert found["constants"] == "CIFAR-10-C"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: corrupt(photos(1), "gausian_noise", 1), "did you mean 'gaussian_noise'"),
        (lambda: corrupt(photos(1), "jpeg", 6), "severity: got 6"),
        (lambda: corrupt(photos(1).astype(float), "jpeg", 1), "expected uint8"),
        (lambda: robustness(lambda x: x, photos(1)[:0], np.zeros(0, int)), "0 images"),
    ],
)
def test_bad_input(call, says: str) -> None:
    with pytest.raises((BadInput, BadName), match=says):
        call()
