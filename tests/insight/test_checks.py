"""The evidence itself is tested: it passes what is right and fails what is planted wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.insight import checks
from convsmith.insight.checks import deletion_insertion, randomisation, spearman
from convsmith.insight.explain import explain
from convsmith.insight.method import METHODS
from convsmith.testing.planted import planted


@pytest.fixture(scope="module")
def case(trained):
    data = planted(6, seed=3)
    net = lower(*trained)
    return net, explain(net, data.x_NHWC, target=data.y.tolist()), data


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), ties=st.booleans())
def test_spearman_is_scipy_s(seed, ties):
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(seed)
    a, b = np.abs(rng.normal(size=(2, 5, 6)))
    if ties:
        a, b = np.round(a), np.round(b)
    theirs = stats.spearmanr(a.ravel(), b.ravel()).statistic
    assert spearman(a, b) == pytest.approx(0.0 if np.isnan(theirs) else theirs, abs=1e-9)


def test_spearman_of_nothing_is_zero():
    assert spearman(np.zeros(4), np.arange(4)) == 0
    assert spearman(np.array([np.nan, 1]), np.arange(2)) == 0


def test_grad_cam_passes_both(case):
    net, found, _ = case
    first = randomisation(net, found)
    assert first["passed"]
    assert [row["layers"] for row in first["stages"]] == [2, 4, 6, 7]
    second = deletion_insertion(net, found)
    assert second["passed"]
    assert second["deletion"] < second["random_deletion"]
    assert second["insertion"] > second["random_insertion"]
    assert (second["images"], second["draws"]) == (6, 19)


def test_a_map_that_does_not_follow_the_weights_fails(case, monkeypatch):
    net, found, _ = case
    monkeypatch.setattr(checks, "by_name", lambda name: lambda *args, **settings: found)
    assert not randomisation(net, found)["passed"]


def test_a_map_on_the_decoys_fails(case):
    net, found, data = case
    assert not deletion_insertion(net, replace(found, maps_NHW=data.decoys_NHW.astype(np.float32)))["passed"]


def test_the_truth_itself_passes(case):
    net, found, data = case
    assert deletion_insertion(net, replace(found, maps_NHW=data.masks_NHW.astype(np.float32)))["passed"]


def test_the_curves_end_where_the_images_are(case):
    """All of the image taken away is the blurred image; the curve by hand, pixel by pixel."""
    import torch

    net, found, _ = case
    start, end = np.zeros((1, 4, 5), np.float32), np.ones((1, 4, 5), np.float32)
    order = np.random.default_rng(0).permutation(20)
    frames = list(checks._replaced(start, end, order, 7))
    assert len(frames) == 8
    np.testing.assert_array_equal(frames[0], start)
    np.testing.assert_array_equal(frames[-1], end)
    for step, frame in enumerate(frames):
        assert set(np.flatnonzero(frame)) == set(order[: round(step * 20 / 7)])
    image = found.images_NCHW[0]
    curve = checks._outputs(net, iter([image]), 1, 8)
    with torch.no_grad():
        assert curve[0] == pytest.approx(float(net(torch.from_numpy(image[None]))[0, 1]))


def test_the_blur_keeps_the_mean_of_a_flat_image_and_flattens_the_rest():
    flat = np.full((3, 16, 12), 99, np.float32)
    np.testing.assert_allclose(checks._blurred(flat), flat, rtol=1e-5)
    noisy = np.random.default_rng(0).normal(100, 50, (1, 32, 32)).astype(np.float32)
    assert checks._blurred(noisy).std() < noisy.std() / 5


def test_maps_that_are_not_drawn_are_left_out(case):
    net, found, _ = case
    some = replace(found, maps_NHW=found.maps_NHW * (np.arange(6) % 2)[:, None, None])
    assert deletion_insertion(net, some)["images"] == 3
    nothing = replace(found, maps_NHW=np.zeros_like(found.maps_NHW))
    for check in (deletion_insertion, randomisation):
        assert check(net, nothing)["images"] == 0
        assert check(net, nothing)["passed"] is False


def test_every_method_keeps_its_name():
    assert all(METHODS[name].__name__ == name for name in METHODS)
