"""The badge: right explanations earn it, planted wrong ones do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convsmith.engine.lower import lower
from convsmith.insight import evidence as module
from convsmith.insight.evidence import evidence
from convsmith.insight.explain import explain
from convsmith.testing.planted import planted


@pytest.fixture(scope="module")
def case(trained):
    data = planted(4, seed=6)
    return lower(*trained), data


def test_grad_cam_earns_it(case, tmp_path, monkeypatch):
    net, data = case
    found = explain(net, data.x_NHWC, target=data.y.tolist())
    first = evidence(net, found, images=3, cache=tmp_path)
    assert first["badge"] == "2 of 2 checks passed on 3 images"
    assert first["passed"]
    assert first["agreement"]["occlusion"] > 0.3
    assert [test["name"] for test in first["tests"]] == ["randomisation", "deletion and insertion"]
    assert len(list(tmp_path.glob("grad_cam-*.json"))) == 1

    def never(*args, **settings):
        raise AssertionError("the cascade was computed again")

    monkeypatch.setattr(module, "randomisation", never)
    assert evidence(net, found, images=3, cache=tmp_path) == first


def test_other_weights_are_another_key(case, trained):
    net, data = case
    graph, weights = trained
    found = explain(net, data.x_NHWC[:1], target=0)
    other = lower(graph, {**weights, "classes/bias": weights["classes/bias"] + 1})
    assert module._key(net, found, 0) == module._key(net, found, 0)
    keys = {module._key(net, found, 0), module._key(other, found, 0), module._key(net, found, 1)}
    assert len(keys) == 3


def test_a_damaged_cache_is_computed_again(tmp_path):
    damaged = [
        "", "{", "[" * 100_000, "[1]", "{}", '{"images": null}', '{"images": "9"}', "9" * 5000, "null",
        "\udcff",
    ]  # fmt: skip
    for text in damaged:
        (tmp_path / "key.json").write_bytes(text.encode(errors="surrogateescape"))
        assert module._cached(tmp_path, "key", 2, lambda: {"images": 3, "fresh": True})["fresh"], text
        assert module._cached(tmp_path, "key", 3, lambda: {"images": 3}) == {"images": 3, "fresh": True}
        assert module._cached(tmp_path, "key", 4, lambda: {"images": 4}) == {"images": 4}


def test_integrated_gradients_must_add_up(case):
    net, data = case
    found = explain(net, data.x_NHWC, method="integrated_gradients", target=data.y.tolist())
    names = {test["name"]: test for test in evidence(net, found, beside=())["tests"]}
    assert names["completeness"]["passed"]
    wrong = replace(found, arrays={**found.arrays, "completeness_error_N": np.full(4, 0.3)})
    said = evidence(net, wrong, beside=())
    assert not said["passed"]
    assert said["badge"] == "2 of 3 checks passed on 4 images"
    assert said["tests"][2]["says"].startswith("NOT shown")


def test_a_map_on_the_decoys_does_not_earn_it(case):
    net, data = case
    found = explain(net, data.x_NHWC, target=data.y.tolist())
    said = evidence(
        net, replace(found, maps_NHW=data.decoys_NHW.astype(np.float32)), beside=("grad_cam", "lrp")
    )
    assert not said["passed"]
    assert not said["tests"][1]["passed"]
    assert set(said["agreement"]) == {"lrp"}  # the method itself is left out
