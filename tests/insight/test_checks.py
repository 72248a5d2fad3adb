"""The evidence itself is tested: it passes what is right and fails what is planted wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.insight.evidence import checks
from convsmith.insight.evidence.checks import randomisation, spearman
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


def test_grad_cam_follows_the_weights(case):
    net, found, _ = case
    first = randomisation(net, found)
    assert first["passed"]
    assert [row["layers"] for row in first["stages"]] == [2, 4, 6, 7]


def test_a_map_that_does_not_follow_the_weights_fails(case, monkeypatch):
    net, found, _ = case
    monkeypatch.setattr(checks, "by_name", lambda name: lambda *args, **settings: found)
    assert not randomisation(net, found)["passed"]


def test_maps_that_are_not_drawn_are_left_out(case):
    net, found, _ = case
    some = replace(found, maps_NHW=found.maps_NHW * (np.arange(6) % 2)[:, None, None])
    assert randomisation(net, some)["images"] == 3
    nothing = replace(found, maps_NHW=np.zeros_like(found.maps_NHW))
    assert randomisation(net, nothing)["images"] == 0
    assert randomisation(net, nothing)["passed"] is False


def test_every_method_keeps_its_name():
    assert all(METHODS[name].__name__ == name for name in METHODS)
