"""Fooling images: the mutation's distribution, the encodings against literal versions, the evolution."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.engine.predict import predict
from convsmith.errors import BadInput
from convsmith.graph import notation as keras
from convsmith.insight.fooling.ascent import ascend
from convsmith.insight.fooling.cppn import FUNCTIONS, Cppn, Painter, answer, rgb
from convsmith.insight.fooling.direct import Direct
from convsmith.insight.fooling.elites import Elites, evolve
from convsmith.insight.fooling.mutation import polynomial

SHAPE = (8, 8, 1)


def linear_classifier(seed: int = 0, classes: int = 4):
    """A network without hidden layers: everything about it can be worked out by hand."""
    inputs = keras.Input(SHAPE, name="image")
    x = keras.layers.Flatten(name="flat")(keras.layers.Rescaling(1 / 255, name="scale")(inputs))
    graph = keras.Model(
        inputs, keras.layers.Dense(classes, activation="softmax", name="out")(x), name="linear"
    )
    rng = np.random.default_rng(seed)
    kernel = rng.normal(0, 0.6, (64, classes)).astype(np.float32)
    return lower(graph, {"out/kernel": kernel, "out/bias": np.zeros(classes, np.float32)}), kernel


def test_a_tenth_of_the_numbers_move_and_as_far_as_the_density_says() -> None:
    """The polynomial density is (eta+1)/2 (1-|d|)^eta, so the mean of |d| is 1/(eta+2)."""
    start = np.full(200_000, 0.5)
    moved = polynomial(start, np.random.default_rng(0), rate=0.1, eta=15)
    steps = (moved - start)[moved != start]
    assert len(steps) / len(start) == pytest.approx(0.1, abs=0.003)
    assert np.abs(steps).mean() == pytest.approx(1 / 17, rel=0.03)
    for limit in (0.02, 0.1, 0.3):
        assert (np.abs(steps) <= limit).mean() == pytest.approx(1 - (1 - limit) ** 16, abs=0.01)
    assert abs(steps.mean()) < 0.002


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_mutated_numbers_stay_within_bounds(seed: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random(50)
    moved = polynomial(values, rng, rate=rate)
    assert moved.min() >= 0
    assert moved.max() <= 1
    if rate == 0:
        assert (moved == values).all()


def test_the_direct_rate_is_halved_every_thousand_generations() -> None:
    made = Direct((64, 64, 3))
    parent = made.random(1, np.random.default_rng(0))
    shares = []
    for generation in (1, 1000, 1001, 2001):
        child = made.children(parent, generation, np.random.default_rng(1))
        shares.append(float((child[0] != parent[0]).mean()))
    assert shares == pytest.approx([0.1, 0.1, 0.05, 0.025], abs=0.008)
    assert made.images(parent).dtype == np.uint8


@given(st.integers(0, 10_000), st.sampled_from([1, 3]))
@settings(max_examples=15, deadline=None)
def test_painted_pictures_are_those_of_a_slow_literal_painter(seed: int, channels: int) -> None:
    rng = np.random.default_rng(seed)
    made = Cppn((5, 7, channels))
    painters = made.random(2, rng)
    for generation in range(15):
        painters = made.children(painters, generation, rng)
    pictures = made.images(painters)
    for painter, picture in zip(painters, pictures, strict=True):
        for row, column in ((0, 0), (2, 3), (4, 6)):
            expected = literal(painter, 2 * row / 4 - 1, 2 * column / 6 - 1, channels)
            assert np.abs(picture[row, column].astype(float) - expected).max() <= 1


def literal(painter: Painter, y: float, x: float, channels: int) -> list[float]:
    values = {0: x, 1: y, 2: math.hypot(x, y), 3: 1.0}
    for node in sorted(painter.function, key=lambda node: painter.depth[node]):
        total = sum(
            (2 * weight - 1) * 10 * values[a] for (a, b), weight in painter.links.items() if b == node
        )
        values[node] = {
            "sine": lambda s: math.sin(s),
            "sigmoid": lambda s: 2 / (1 + math.exp(-s)) - 1,
            "gaussian": lambda s: math.exp(-s * s),
            "linear": lambda s: min(max(s, -3), 3) / 3,
        }[painter.function[node]](total)
    out = [min(abs(values[4 + k]), 1.0) for k in range(channels)]
    return [255 * v for v in (out if channels == 1 else colorsys.hsv_to_rgb(*out))]


def test_painters_are_without_loops_and_grow() -> None:
    rng, made = np.random.default_rng(0), Cppn(SHAPE)
    painters = made.random(30, rng)
    assert all(len(one.depth) == 5 for one in painters)  # no hidden node at first
    for generation in range(40):
        painters = made.children(painters, generation, rng)
    for one in painters:
        assert all(one.depth[a] < one.depth[b] for a, b in one.links)
        assert all(0 <= weight <= 1 for weight in one.links.values())
        assert set(one.function.values()) <= set(FUNCTIONS)
    assert max(len(one.depth) for one in painters) > 8
    again = made.unpack(made.pack(painters))
    assert again == painters


def test_hue_saturation_and_value_are_those_of_the_standard_library() -> None:
    hsv = np.random.default_rng(0).random((200, 3))
    expected = [colorsys.hsv_to_rgb(*one) for one in hsv]
    np.testing.assert_allclose(rgb(hsv), expected, atol=1e-12)


def test_functions_lie_within_minus_one_and_one() -> None:
    x = np.linspace(-20, 20, 101, dtype=np.float32)
    for name in FUNCTIONS:
        assert np.abs(answer(name, x)).max() <= 1


@pytest.mark.parametrize("encoding", [Direct(SHAPE), Cppn(SHAPE)], ids=lambda one: one.name)
def test_evolution_is_repeated_by_its_seed_and_resumes_anywhere(encoding) -> None:
    net, _ = linear_classifier()
    confidences = lambda x: predict(net, x)  # noqa: E731
    whole = evolve(encoding, confidences, generations=8, children=20, seed=3)
    kept: list[dict[str, np.ndarray]] = []

    def stop(elites: Elites) -> None:
        if elites.generation == 5:
            kept.append(elites.packed(encoding))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evolve(encoding, confidences, generations=8, children=20, seed=3, on_generation=stop)
    resumed = evolve(
        encoding, confidences, generations=8, children=20, seed=3, start=Elites.unpacked(kept[0], encoding)
    )
    assert (encoding.images(resumed.genotypes) == encoding.images(whole.genotypes)).all()
    assert (np.stack(resumed.history) == np.stack(whole.history)).all()
    other = evolve(encoding, confidences, generations=8, children=20, seed=4)
    assert (encoding.images(other.genotypes) != encoding.images(whole.genotypes)).any()


def test_elites_only_improve_and_are_what_the_network_says_of_the_pictures() -> None:
    net, _ = linear_classifier()
    made = Direct(SHAPE)
    found = evolve(made, lambda x: predict(net, x), generations=30, children=40, seed=0)
    history = np.stack(found.history)
    assert (np.diff(history, axis=0) >= 0).all()
    said = predict(net, made.images(found.genotypes))
    np.testing.assert_allclose(np.diag(said), found.confidence, rtol=1e-5)
    assert found.median > 0.9 > np.median(history[0])


def test_every_child_competes_in_every_class() -> None:
    """One picture that is best at everything takes every place."""
    made = Direct(SHAPE)

    def bright(x: np.ndarray) -> np.ndarray:
        return np.repeat(x.reshape(len(x), -1).mean(1, keepdims=True) / 255, 5, 1)

    found = evolve(made, bright, generations=3, children=10, seed=0)
    assert all((one == found.genotypes[0]).all() for one in found.genotypes)


def test_ascent_goes_where_a_linear_network_points() -> None:
    """Without decay the picture of a class changes along its own weights less the others' mean pull."""
    net, kernel = linear_classifier()
    found = ascend(net, [0, 2], steps=300, seed=0)
    assert found.images_NHWC.shape == (2, *SHAPE)
    assert (found.confidence > 0.93).all()
    said = predict(net, found.images_NHWC)
    np.testing.assert_allclose(said[[0, 1], [0, 2]], found.confidence, rtol=1e-4)
    change = found.images_NHWC[0].astype(float).ravel() - 127.5
    away = kernel[:, 0] - kernel[:, 1:].mean(1)
    assert np.corrcoef(change, away)[0, 1] > 0.8


def test_more_decay_stays_nearer_to_the_mean() -> None:
    net, _ = linear_classifier()
    far, near = (ascend(net, [1], steps=120, decay=decay).images_NHWC for decay in (0.0, 0.05))
    size = lambda x: np.linalg.norm(x.astype(float) - 127.5)  # noqa: E731
    assert size(near) < size(far)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda net: ascend(net, [9]), "numbers from 0 to 3"),
        (lambda net: ascend(net, [0], steps=0), "--steps: got 0"),
        (lambda net: ascend(net, [0], decay=1.0), "--decay: got 1"),
        (lambda net: evolve(Direct(SHAPE), lambda x: x, generations=-1), "--generations: got -1"),
        (lambda net: evolve(Direct(SHAPE), lambda x: x, children=0), "--children: got 0"),
        (
            lambda net: evolve(Direct(SHAPE), lambda x: np.full((len(x), 3), np.nan), generations=1),
            "not finite",
        ),
        (lambda net: ascend(torch.nn.Linear(2, 2), [0]), "engine.lower"),
    ],
)
def test_bad_input(call, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        call(linear_classifier()[0])
