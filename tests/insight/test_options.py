"""Every method with every option that explain gives it: used, or refused by its name."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from convsmith.engine.lower import lower
from convsmith.errors import BadInput, BadName
from convsmith.insight import explain as module
from convsmith.insight.explain import explain
from convsmith.insight.method import METHODS
from convsmith.insight.target import Versus
from convsmith.testing.planted import planted

SHORT = {
    "rise": {"masks": 60},
    "occlusion": {"window": 8, "stride": 8},
    "integrated_gradients": {"steps": 6},
    "smooth_grad": {"copies": 3},
}
LOOKS_AT_A_LAYER = {"grad_cam", "grad_cam_pp", "hires_cam", "layer_cam", "score_cam"}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """The methods that look often look less often."""
    real = module.by_name
    monkeypatch.setattr(module, "by_name", lambda name: partial(real(name), **SHORT.get(name, {})))


@pytest.fixture(scope="module")
def case(trained):
    return lower(*trained), planted(3, seed=8).x_NHWC


@pytest.mark.parametrize("method", list(METHODS))
def test_the_layer(case, method):
    net, x = case
    if method in LOOKS_AT_A_LAYER:
        found, usual = explain(net, x, method=method, target=1, layer="conv2"), explain(net, x, method=method)
        assert found.layer == "conv2"
        assert usual.layer == "relu3"
        assert np.abs(found.maps_NHW - usual.maps_NHW).max() > 1e-6
        refused = "has no rows and columns left"
    else:
        refused = f"--layer: got '.*', and {method} looks at no layer"
        with pytest.raises(BadInput, match=refused):
            explain(net, x[:1], method=method, target=1, layer="conv2")
    with pytest.raises(BadInput, match=refused):
        explain(net, x[:1], method=method, target=1, layer="classes")
    with pytest.raises(BadName, match="did you mean 'conv2'"):
        explain(net, x[:1], method=method, target=1, layer="conv22")


@pytest.mark.parametrize("method", list(METHODS))
def test_the_class_the_other_class_and_the_batch(case, method):
    net, x = case
    one = explain(net, x, method=method, target=1)
    assert one.target == (1, 1, 1)
    other = explain(net, x, method=method, target=[0, 2, 0])
    assert other.target == (0, 2, 0)
    against = explain(net, x, method=method, target=Versus(1, [0, 2, 0]))
    assert against.versus == (0, 2, 0)
    np.testing.assert_allclose(
        np.array(one.scores) - np.array(other.scores), np.array(against.scores), rtol=1e-3, atol=1e-3
    )
    for maps in (other.maps_NHW, against.maps_NHW):
        assert np.abs(maps - one.maps_NHW).max() > 1e-6
    told: list[tuple[int, int]] = []
    alone = explain(net, x, method=method, target=1, batch_size=1, on_batch=lambda *at: told.append(at))
    assert told == [(1, 3), (2, 3), (3, 3)]
    np.testing.assert_allclose(alone.maps_NHW, one.maps_NHW, rtol=1e-3, atol=1e-4)
    with pytest.raises(BadInput, match="class 3"):
        explain(net, x, method=method, target=3)
    with pytest.raises(BadInput, match="batch size"):
        explain(net, x, method=method, batch_size=0)
