"""The badge as a classifier: right maps earn it; spoiled ones, and those of ignorant networks, do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convsmith.engine.lower import lower
from convsmith.engine.weights import initial
from convsmith.insight.evidence import verdict as module
from convsmith.insight.evidence.covering import blurred, cover, on_grid
from convsmith.insight.evidence.faithfulness import Scale
from convsmith.insight.evidence.learned import LITTLE, Answered
from convsmith.insight.evidence.verdict import evidence, is_clear, judged, plan, weighed
from convsmith.insight.explain import explain
from convsmith.insight.target import Aim
from convsmith.testing.planted import edges, planted
from convsmith.zoo import network

GOOD = ("grad_cam", "hires_cam", "layer_cam", "integrated_gradients", "gradient_x_input", "lrp")


@pytest.fixture(scope="module")
def case(trained):
    data = planted(6, seed=6)
    return lower(*trained), data


def shuffled(weights, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.permutation(array.ravel()).reshape(array.shape) for name, array in weights.items()}


def test_grad_cam_earns_it(case, tmp_path, monkeypatch):
    net, data = case
    found = explain(net, data.x_NHWC, target=data.y.tolist())
    told: list[tuple[float, str]] = []
    first = evidence(net, found, images=4, cache=tmp_path, on_step=lambda *step: told.append(step))
    assert first["badge"] == "4 of 4 checks passed on 4 images"
    assert first["passed"]
    assert first["agreement"]["occlusion"] > 0.3
    assert [test["name"] for test in first["tests"]] == ["learned", "randomisation", "places", "own image"]
    assert first["tests"][2]["figures"]["correlation"] > 0.3
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert len(told) >= 4
    assert len(list(tmp_path.glob("grad_cam-*.json"))) == 1

    def never(*args, **settings):
        raise AssertionError("the cascade was computed again")

    monkeypatch.setattr(module, "randomisation", never)
    assert evidence(net, found, images=4, cache=tmp_path) == first


def spoiled(maps, data, blank):
    """Bad maps of every sort."""
    rng, (n, side, _) = np.random.default_rng(1), maps.shape
    pixels = maps.reshape(n, -1).copy()
    for row in pixels:
        rng.shuffle(row)
    images = data.x_NHWC[..., 0].astype(np.float32)
    waves = np.fft.fftfreq(side)[:, None] ** 2 + np.fft.fftfreq(side)[None] ** 2
    smooth = np.fft.ifft2(np.fft.fft2(rng.normal(size=maps.shape)) * np.exp(-200 * waves)).real
    return {
        "turned by 180": np.rot90(maps, 2, (1, 2)),
        "turned by 90": np.rot90(maps, 1, (1, 2)),
        "mirrored": maps[:, :, ::-1],
        "shifted": np.roll(maps, (side // 2, side // 4), (1, 2)),
        "shuffled": pixels.reshape(maps.shape),
        "of another image": np.roll(maps, 1, 0),
        "of random weights": blank,
        "noise": rng.normal(size=maps.shape),
        "smooth noise": smooth,
        "the same noise for all": np.repeat(smooth[:1], n, 0),
        "edges": np.stack([edges(image) for image in images]),
        "contrast": np.stack([np.abs(image - blurred(image[None])[0]) for image in images]),
        "decoys": data.decoys_NHW.astype(np.float32),
    }


def test_the_badge_tells_good_maps_from_bad_ones(trained):
    """A reduced form of bench/evidence.py: six methods, thirteen ways to spoil a map, one network."""
    graph, weights = trained
    net, blanks, data = (
        lower(graph, weights),
        [lower(graph, initial(graph, k)) for k in (1, 2)],
        planted(8, 9),
    )
    x_NCHW = data.x_NHWC.transpose(0, 3, 1, 2).astype(np.float32)
    y, wrong = data.y.tolist(), []
    covered = cover(net, x_NCHW, Aim(tuple(y), None, "logit"), pairs=32)
    scale = {pairs: Scale(x_NCHW, covered.first(pairs)) for pairs in (16, 32)}
    cascade = {"stages": [], "passed": True, "images": 8}

    def passes(maps, blank):
        for pairs in (16, 32):
            grid = on_grid(maps)
            found, by_chance = weighed(scale[pairs], grid, grid, on_grid(blank), 0)
            if is_clear(found, pairs):
                break
        return all(test["passed"] for test in judged(cascade, found, by_chance, pairs, images=8))

    for method in GOOD:
        maps, blank, other = (
            explain(each, data.x_NHWC, method=method, target=y).maps_NHW for each in (net, *blanks)
        )
        if not passes(maps, blank):
            wrong.append((method, "as it is"))
        for kind, bad in spoiled(maps, data, other).items():
            if passes(bad, blank):
                wrong.append((method, kind))
    assert len(wrong) <= 1, wrong
    assert passes(data.masks_NHW.astype(np.float32), blank)


@pytest.mark.parametrize("method", ["grad_cam", "integrated_gradients", "occlusion"])
def test_maps_of_a_network_that_knows_nothing_do_not_earn_it(case, trained, method):
    """Untrained, with labels and without; and with every weight array shuffled."""
    graph, weights = trained
    x, by_chance = case[1].x_NHWC[:2], Answered(36, 100, 36)
    untrained = initial(graph, 3)
    for state, answered in ((untrained, None), (untrained, by_chance), (shuffled(weights), by_chance)):
        net = lower(graph, state)
        said = evidence(net, explain(net, x, method=method), answered=answered)
        assert not said["passed"]
        assert said["badge"] == f"not shown: {LITTLE}"
        assert [test["says"] for test in said["tests"]] == [LITTLE]


def test_other_weights_are_another_key(case, trained):
    net, data = case
    graph, weights = trained
    found = explain(net, data.x_NHWC[:1], target=0)
    other = lower(graph, {**weights, "classes/bias": weights["classes/bias"] + 1})
    assert module._key(net, found, 0) == module._key(net, found, 0)
    keys = {module._key(net, found, 0), module._key(other, found, 0), module._key(net, found, 1)}
    assert len(keys) == 3


def test_a_damaged_cache_is_computed_again(tmp_path):
    whole = {"images": 3, "passed": True, "stages": [{"layers": 1, "spearman": 0.1}]}
    damaged = [
        "", "{", "[" * 100_000, "[1]", "{}", '{"images": null}', '{"images": "9"}', '{"images": 9}',
        "9" * 5000,
        '{"images": 9, "passed": "yes"}', '{"images": 9, "passed": true, "stages": []}', "null", "\udcff",
        '{"images": 9, "passed": true, "stages": [{}]}',
    ]  # fmt: skip
    for text in damaged:
        (tmp_path / "key.json").write_bytes(text.encode(errors="surrogateescape"))
        assert module._cached(tmp_path, "key", 2, lambda: whole | {"fresh": True})["fresh"], text
        assert module._cached(tmp_path, "key", 3, lambda: whole) == whole | {"fresh": True}
        assert module._cached(tmp_path, "key", 4, lambda: {"images": 4}) == {"images": 4}


def test_integrated_gradients_must_add_up(case):
    net, data = case
    found = explain(net, data.x_NHWC, method="integrated_gradients", target=data.y.tolist())
    names = {test["name"]: test for test in evidence(net, found, beside=())["tests"]}
    assert names["completeness"]["passed"]
    wrong = replace(found, arrays={**found.arrays, "completeness_error_N": np.full(6, 0.3)})
    said = evidence(net, wrong, beside=())
    assert not said["passed"]
    assert said["tests"][-1]["says"].startswith("NOT shown: its parts add up")


def test_maps_that_may_not_be_drawn_are_left_out(case):
    net, data = case
    found = explain(net, data.x_NHWC, target=data.y.tolist())
    some = replace(found, maps_NHW=found.maps_NHW * (np.arange(6) % 2)[:, None, None])
    assert evidence(net, some, beside=())["images"] == 3
    nothing = evidence(net, replace(found, maps_NHW=np.zeros_like(found.maps_NHW)), beside=())
    assert not nothing["passed"]
    assert [test["passed"] for test in nothing["tests"]] == [True, False, False]


def test_the_method_itself_is_not_compared_with(case):
    net, data = case
    found = explain(net, data.x_NHWC[:2], target=data.y[:2].tolist())
    assert set(evidence(net, found, beside=("grad_cam", "lrp"))["agreement"]) == {"lrp"}


def test_cost_is_bounded_by_multiply_adds(case, trained, monkeypatch):
    """As many looks as planned, fewer on a large network, and one map at most of a method of many looks."""
    net, data = case
    for name, images, pairs in (("lenet5", 8, 64), ("efficientnet_lite0", 3, 20), ("resnet50", 2, 16)):
        asked = plan(network(name), 8)
        assert (asked.images, asked.pairs) == (images, pairs), name
    found = explain(net, data.x_NHWC, method="occlusion", target=data.y.tolist())
    count = [0]
    step = net.steps_by_name["conv1"]
    handle = step.register_forward_pre_hook(
        lambda part, inputs: count.__setitem__(0, count[0] + len(inputs[0]))
    )
    monkeypatch.setattr(module, "MACS", 1.2 * 2 * 2 * 16 * (net.graph.macs or 1))
    looked: list[int] = []
    original = module.explain_again
    monkeypatch.setattr(
        module, "explain_again", lambda *args, **rest: looked.append(len(args[2])) or original(*args, **rest)
    )
    said = evidence(net, found, beside=("occlusion",))
    handle.remove()
    assert said["images"] == 2
    assert 2 * 2 * 16 <= count[0] <= 2 * 2 * 16 + 4
    assert looked == [1]
    assert len(said["tests"][1]["figures"]["stages"]) == 1
