"""What covering does, and how maps are weighed by it: against slow literal forms and a linear network."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.engine.weights import initial
from convsmith.graph import notation as keras
from convsmith.insight.evidence.covering import Covered, blurred, cover, on_grid
from convsmith.insight.evidence.faithfulness import Scale, faithfulness, turnings
from convsmith.insight.methods.rise import random_masks
from convsmith.insight.target import Aim


@pytest.fixture(scope="module")
def linear():
    """A network of one dense layer: what covering does to it is known, pixel by pixel."""
    inputs = keras.Input((12, 12, 1))
    x = keras.layers.Flatten()(inputs)
    graph = keras.Model(inputs, keras.layers.Dense(2, name="out")(x), name="linear")
    weights = initial(graph, 0)
    x_NCHW = np.random.default_rng(1).uniform(0, 255, (4, 1, 12, 12)).astype(np.float32)
    return lower(graph, weights), weights["out/kernel"].T.reshape(2, 12, 12), x_NCHW


def test_what_covering_does_by_hand(linear):
    net, kernel_KHW, x_NCHW = linear
    found = cover(net, x_NCHW, Aim((0, 1, 0, 1), (1, 0, 1, 0), "output"), pairs=5, seed=7)
    for index, (plus, minus) in enumerate(((0, 1), (1, 0), (0, 1), (1, 0))):
        masks_PHW = random_masks(5, (12, 12), 6, 0.5, 7 + index)
        away_HW = (x_NCHW[index] - blurred(x_NCHW[index]))[0]
        slope_HW = kernel_KHW[plus] - kernel_KHW[minus]
        for pair in range(5):
            by_hand = ((2 * masks_PHW[pair] - 1) * away_HW * slope_HW).sum()
            assert found.change_NP[index, pair] == pytest.approx(by_hand, rel=1e-3, abs=1e-2)
        np.testing.assert_allclose(found.kept_NPgg[index], 2 * masks_PHW - 1, atol=1e-6)


def test_more_pairs_go_on_where_fewer_ended(linear):
    net, _, x_NCHW = linear
    aimed = Aim((0,) * 4, None, "output")
    whole = cover(net, x_NCHW, aimed, pairs=6, seed=3)
    part = cover(net, x_NCHW, aimed, pairs=2, seed=3)
    again = cover(net, x_NCHW, aimed, pairs=6, before=part, batch_size=3, seed=3)
    np.testing.assert_allclose(again.change_NP, whole.change_NP, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(again.kept_NPgg, whole.kept_NPgg)
    np.testing.assert_array_equal(whole.first(2).kept_NPgg, part.kept_NPgg)


def test_the_grid_is_of_means():
    maps = np.random.default_rng(0).normal(size=(2, 64, 96))
    np.testing.assert_allclose(on_grid(maps), maps.reshape(2, 32, 2, 32, 3).mean((2, 4)), atol=1e-9)
    odd = on_grid(np.random.default_rng(0).normal(size=(1, 45, 70)))
    assert odd.shape == (1, 32, 32)
    np.testing.assert_allclose(on_grid(np.full((1, 45, 70), 3.0)), 3.0)


def test_the_blur_keeps_the_mean_of_a_flat_image_and_flattens_the_rest():
    flat = np.full((3, 16, 12), 99, np.float32)
    np.testing.assert_allclose(blurred(flat), flat, rtol=1e-5)
    noisy = np.random.default_rng(0).normal(100, 50, (1, 32, 32)).astype(np.float32)
    assert blurred(noisy).std() < noisy.std() / 5


def planted_changes(seed: int, pairs: int = 24, side: int = 10):
    """Images, maps, and what covering did where each map is exactly right."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 255, (3, 1, side, side)).astype(np.float32)
    maps = rng.normal(size=(3, side, side))
    kept = rng.choice([-1.0, 1.0], (3, pairs, side, side))
    return images, maps, Covered(kept, np.einsum("npgh,ngh->np", kept, maps))


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_weighing_is_a_partial_correlation_by_least_squares(seed):
    images, _, covered = planted_changes(seed)
    rng = np.random.default_rng(seed + 1)
    noisy = Covered(covered.kept_NPgg, covered.change_NP + rng.normal(0, 5, covered.change_NP.shape))
    scale, other = Scale(images, noisy), rng.normal(size=(10, 10))
    pixels = images[1, 0].astype(float)
    rows = np.arange(10) - 4.5
    plain = [
        np.hypot(*np.gradient(pixels)),
        np.abs(pixels - blurred(images[1])[0]),
        np.exp(-((rows[:, None] / (10 / 3)) ** 2 + (rows[None] / (10 / 3)) ** 2) / 2),
    ]
    kept = noisy.kept_NPgg[1]
    known = np.column_stack([np.ones(24), *((kept * one).sum((1, 2)) for one in plain)])
    rest = lambda v: v - known @ np.linalg.lstsq(known, v, rcond=None)[0]  # noqa: E731
    by_hand = np.corrcoef(rest((kept * other).sum((1, 2))), rest(noisy.change_NP[1]))[0, 1]
    assert scale.weigh(1, other[None])[0] == pytest.approx(by_hand, abs=1e-6)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_elsewhere_is_turned_and_rolled_one_by_one(seed):
    images, maps, covered = planted_changes(seed)
    scale = Scale(images, covered)
    where = np.random.default_rng(seed).integers(0, (8, 10, 10), (6, 3))
    found = scale.elsewhere(2, maps[2], where)
    for value, (turn, down, across) in zip(found, where, strict=True):
        moved = np.roll(turnings(maps[2])[turn], (down, across), (0, 1))
        assert value == pytest.approx(scale.weigh(2, moved[None])[0], abs=1e-8)
    assert scale.elsewhere(2, maps[2], np.zeros((1, 3), int))[0] == pytest.approx(1.0)


def test_right_maps_and_wrong_ones():
    images, maps, covered = planted_changes(5)
    right = faithfulness(Scale(images, covered), maps)
    assert right.correlation == pytest.approx(1.0)
    assert right.p_moved == 0.001
    assert right.p_others == 0.001
    assert right.turned < 0.5
    wrong = faithfulness(Scale(images, covered), maps[[1, 2, 0]])
    assert wrong.correlation < 0.5
    assert wrong.p_moved > 0.05
    assert (
        faithfulness(
            Scale(images[:2], Covered(covered.kept_NPgg[:2], covered.change_NP[:2])), maps[:2]
        ).p_others
        is None
    )


def test_what_anybody_can_draw_and_maps_of_nothing_foretell_nothing():
    images, _, covered = planted_changes(6)
    scale = Scale(images, covered)
    edges = np.hypot(*np.gradient(images[0, 0].astype(float)))
    flat = np.stack([edges, 3 * edges, np.zeros((10, 10))])
    np.testing.assert_array_equal(scale.weigh(0, flat), 0.0)
    still = Scale(images, Covered(covered.kept_NPgg, np.zeros_like(covered.change_NP)))
    assert faithfulness(still, images[:, 0]).correlation == 0.0


def test_eight_turnings():
    one = np.arange(9.0).reshape(3, 3)
    assert len({turned.tobytes() for turned in turnings(one)}) == 8
    np.testing.assert_array_equal(turnings(one)[2], np.rot90(one, 2))
