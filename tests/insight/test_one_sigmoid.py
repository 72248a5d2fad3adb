"""A network that ends in one sigmoid unit: its answer is explained, "not" included, on the logit."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.engine.predict import predict
from convsmith.engine.weights import initial
from convsmith.errors import BadInput
from convsmith.graph import notation as keras
from convsmith.insight.adversarial import fgsm
from convsmith.insight.explain import explain, explain_again
from convsmith.insight.fooling.ascent import ascend
from convsmith.insight.method import METHODS
from convsmith.insight.switched_off import missed
from convsmith.insight.target import Versus, aim, outputs

SHORT = {"rise": {"masks": 40}, "gradient_shap": {}, "smooth_grad": {"copies": 3}}


def network(*, apart: bool = False):
    x = inputs = keras.Input((12, 12, 1))
    x = keras.layers.Rescaling(1 / 255)(x)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    x = keras.layers.Dense(1, activation=None if apart else "sigmoid", name="yes")(x)
    x = keras.layers.Activation("sigmoid", name="end")(x) if apart else x
    return keras.Model(inputs, x, name="one")


@pytest.fixture(scope="module", params=[False, True], ids=["in the layer", "a layer of its own"])
def case(request):
    """The network, its softmax twin of two units (its weights: minus and plus), and images."""
    graph = network(apart=request.param)
    weights = initial(graph, seed=3)
    x = np.random.default_rng(0).integers(0, 256, (6, 12, 12, 1)).astype(np.uint8)
    plain = lower(graph, weights)
    middle = float(np.median(plain.logits(torch.from_numpy(x).permute(0, 3, 1, 2).float()).detach()))
    weights["yes/bias"] = weights["yes/bias"] - middle  # three images on either side
    y = inputs = keras.Input((12, 12, 1))
    y = keras.layers.Rescaling(1 / 255)(y)
    y = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(y)
    y = keras.layers.GlobalAveragePooling2D(name="mean")(y)
    twin = keras.Model(inputs, keras.layers.Dense(2, activation="softmax", name="yes")(y), name="two")
    halves = {
        "conv/kernel": weights["conv/kernel"],
        "conv/bias": weights["conv/bias"],
        "yes/kernel": np.concatenate([-weights["yes/kernel"] / 2, weights["yes/kernel"] / 2], 1),
        "yes/bias": np.concatenate([-weights["yes/bias"] / 2, weights["yes/bias"] / 2]),
    }
    return lower(graph, weights), lower(twin, halves), x


def test_both_answers_are_aimed_at(case):
    net, twin, x = case
    x_NCHW = torch.from_numpy(x).permute(0, 3, 1, 2).float()
    p = predict(net, x)[:, 0]
    said = (p > 0.5).astype(int)
    assert sorted(said.tolist()) == [0, 0, 0, 1, 1, 1]
    aimed = aim(net, x_NCHW, None)
    assert aimed.plus == tuple(said.tolist())
    assert aimed.output == "logit"
    scores = aimed.scores(outputs(net, x_NCHW)).detach().numpy()
    np.testing.assert_allclose(scores, np.abs(np.log(p / (1 - p))), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(predict(twin, x)[:, 1], p, rtol=1e-5)
    with pytest.raises(BadInput, match="class 2"):
        aim(net, x_NCHW, 2)


@pytest.mark.parametrize("method", list(METHODS))
def test_every_method_explains_the_answer_as_the_twin_s_difference(case, method):
    net, twin, x = case
    run = partial(METHODS[method], **SHORT.get(method, {}))
    x_NCHW = torch.from_numpy(x).permute(0, 3, 1, 2).float()
    found = explain_again(run, net, x_NCHW, None)
    said = (predict(net, x)[:, 0] > 0.5).astype(int).tolist()
    assert list(found.target) == said
    if method != "lrp":  # it hands on a unit's parts, and the twin has two units
        again = explain_again(run, twin, x_NCHW, Versus(said, [1 - side for side in said]))
        np.testing.assert_allclose(found.maps_NHW, again.maps_NHW, rtol=2e-3, atol=1e-5)
    other = explain_again(run, net, x_NCHW, [1 - side for side in said])
    np.testing.assert_allclose(np.array(other.scores), -np.array(found.scores), rtol=1e-4, atol=1e-6)
    if found.signed:
        np.testing.assert_allclose(other.maps_NHW, -found.maps_NHW, rtol=1e-2, atol=1e-4)


def test_in_words():
    graph = network()
    found = explain(lower(graph, initial(graph, 0)), np.zeros((1, 12, 12, 1), np.uint8), target=0)
    assert found.of(0, ("cat", "dog")) == "logit of cat minus dog"


def test_units_attacks_and_fooling_know_both_answers(case):
    net, _, x = case
    y = (predict(net, x)[:, 0] > 0.5).astype(int)
    rows = missed(net, "conv", x, y, classes=2)
    assert len(rows) == 4
    assert all(len(row["classes"]) == 2 for row in rows)
    assert min(row["accuracy"] for row in rows) < 0
    x_NCHW = torch.from_numpy(x).permute(0, 3, 1, 2).float()
    moved = fgsm(net, x_NCHW, torch.from_numpy(y), epsilon=64)
    fooled = net(moved)[:, 0].detach().numpy()
    before = predict(net, x)[:, 0]
    assert (np.abs(fooled - y) > np.abs(before - y)).all()
    made = ascend(net, [0, 1], mean_HWC=x.mean(0), steps=8)
    assert predict(net, made.images_NHWC)[1, 0] > predict(net, made.images_NHWC)[0, 0]
