"""Members of a pretrained network: the source's function where nothing is left out, else its weights."""

from __future__ import annotations

import numpy as np
import pytest

from convsmith.engine.predict import predict
from convsmith.engine.weights import check
from convsmith.pretrained import Source
from convsmith.pretrained.features import Features
from convsmith.pretrained.groups import groups, inner
from convsmith.pretrained.inherit import behaviour, inherited, ranking
from convsmith.pretrained.members import HEAD, member


def images(count: int, side: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, channels)).astype(np.uint8)


def test_groups_are_the_expanded_channels(lite0: Source) -> None:
    found = inner(lite0.graph)
    by_name = {group.first: group for group in found}
    assert by_name["block2_expand"].channels == 96
    assert by_name["block2_expand"].last == "block2_project"
    assert "block2_depthwise" in by_name["block2_expand"].between
    assert {group.first for group in groups(lite0.graph)} > set(by_name)  # narrow linear ones are not inner
    assert not any(group.first.endswith("project") for group in found)


def test_a_member_with_all_channels_is_the_source_and_a_head(lite0: Source) -> None:
    graph = member(lite0, "block6", (48, 48, 3), 5)
    weights = inherited(graph, lite0, seed=3)
    x = images(3, 48)
    features = Features(lite0, (48, 48, 3), ["block6"]).of_images(x)["block6"]
    logits = features @ weights[f"{HEAD}/kernel"] + weights[f"{HEAD}/bias"]
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert predict(graph, x, weights=weights) == pytest.approx(expected, abs=1e-4)


def test_grey_images_are_seen_as_three_equal_channels(lite0: Source) -> None:
    x = images(2, 32, 1)
    grey = member(lite0, "block3", (32, 32, 1), 4)
    colour = member(lite0, "block3", (32, 32, 3), 4)
    assert predict(grey, x, weights=inherited(grey, lite0)) == pytest.approx(
        predict(colour, np.repeat(x, 3, 3), weights=inherited(colour, lite0)), abs=1e-4
    )


def test_small_images_are_resized_inside(lite0: Source) -> None:
    graph = member(lite0, "block4", (32, 32, 3), 4, sides=(64, 64))
    assert graph.input_shape == (32, 32, 3)
    assert graph.shapes["resized"] == (64, 64, 3)
    assert graph.macs == member(lite0, "block4", (64, 64, 3), 4).macs
    check(graph, inherited(graph, lite0))


def test_channels_that_stay_are_those_that_matter_most(lite0: Source) -> None:
    whole = {group.first: group for group in inner(lite0.graph)}
    graph = member(lite0, "block3", (32, 32, 3), 4, keep={"block2_expand": 0.5})
    weights = inherited(graph, lite0)
    check(graph, weights)
    group = whole["block2_expand"]
    stay = np.sort(ranking(group, lite0.graph, lite0.weights)[: group.channels // 2])
    for name, axis in (
        ("block2_expand/kernel", 3), ("block2_depthwise/kernel", 2), ("block2_project/kernel", 2),
        ("block2_depthwise_bn/gamma", 0), ("block2_expand_bn/moving_variance", 0),
    ):  # fmt: skip
        assert np.array_equal(weights[name], np.take(lite0.weights[name], stay, axis)), name
    assert np.array_equal(weights["block3_expand/kernel"], lite0.weights["block3_expand/kernel"])


def test_what_is_left_out_is_made_up_for_on_average(lite0: Source) -> None:
    """What the norm behind subtracts is moved by the mean of what is gone."""
    keep = {"block2_expand": 0.75}
    graph = member(lite0, "block2", (32, 32, 3), 4, keep=keep)
    weights = inherited(graph, lite0)
    group = next(group for group in inner(lite0.graph) if group.first == "block2_expand")
    gone = ranking(group, lite0.graph, lite0.weights)[graph.shapes["block2_expand"][2] :]  # type: ignore[misc]
    mean = behaviour(group, lite0.graph, lite0.weights)[0]
    moved = sum(mean[j] * lite0.weights["block2_project/kernel"][0, 0, j] for j in gone)
    name = "block2_project_bn/moving_mean"
    assert weights[name] == pytest.approx(lite0.weights[name] - moved, abs=1e-4)


def test_behaviour_is_what_sampling_finds(lite0: Source) -> None:
    group = next(group for group in inner(lite0.graph) if group.first == "block4_expand")
    mean, spread = behaviour(group, lite0.graph, lite0.weights)
    gamma, beta = (lite0.weights[f"block4_depthwise_bn/{name}"] for name in ("gamma", "beta"))
    drawn = np.random.default_rng(0).normal(size=(100_000, 1))
    for j in range(0, group.channels, 37):
        values = np.clip(beta[j] + gamma[j] * drawn, 0, 6)
        assert mean[j] == pytest.approx(values.mean(), abs=0.03)
        assert spread[j] == pytest.approx(values.std(), abs=0.05)
