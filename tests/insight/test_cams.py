"""The other class-activation methods: the papers' formulas in loops, and cases where they must agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.graph import notation
from convsmith.insight.methods._cam import features_and_gradient
from convsmith.insight.methods.grad_cam import grad_cam
from convsmith.insight.methods.grad_cam_pp import grad_cam_pp
from convsmith.insight.methods.hires_cam import hires_cam
from convsmith.insight.methods.layer_cam import layer_cam
from convsmith.insight.methods.score_cam import score_cam
from convsmith.insight.place import field_of, stretched
from convsmith.testing.random_networks import random_weights


def built(head, seed=0):
    layers = notation.layers
    x = inputs = notation.Input((9, 8, 1))
    x = layers.Conv2D(4, 3, activation="relu", padding="same", name="conv1")(x)
    x = layers.Conv2D(6, 3, strides=2, activation="relu", padding="same", name="conv2")(x)
    x = layers.GlobalAveragePooling2D()(x) if head == "mean" else layers.Flatten()(x)
    if head == "deep":
        x = layers.Dense(8, activation="tanh")(x)
    graph = notation.Model(inputs, layers.Dense(3, activation="softmax", name="classes")(x))
    rng = np.random.default_rng(seed)
    weights = random_weights(graph, rng)
    return (
        lower(graph, weights),
        weights,
        torch.from_numpy(rng.uniform(0, 4, (3, 1, 9, 8)).astype(np.float32)),
    )


def coarse(method, net, x_NCHW, target):
    return method(net, x_NCHW, target).arrays["coarse_Nhw"]


def test_behind_global_pooling_all_are_the_class_activation_map():
    """There (Zhou et al., 2016) the map is Σ wₖ Aᵏ; Grad-CAM and HiResCAM are its mean share."""
    net, weights, x_NCHW = built("mean")
    features, *_ = features_and_gradient(net, x_NCHW, 1, "conv2")
    cam = np.einsum("k,nkhw->nhw", weights["classes/kernel"][:, 1], features.numpy()).clip(0) / (5 * 4)
    np.testing.assert_allclose(coarse(grad_cam, net, x_NCHW, 1), cam, atol=1e-6)
    np.testing.assert_allclose(coarse(hires_cam, net, x_NCHW, 1), cam, atol=1e-6)


def test_hires_cam_adds_up_to_the_logit_before_a_linear_head():
    net, weights, x_NCHW = built("flat")
    features, gradient, _, scores = features_and_gradient(net, x_NCHW, 2, "conv2")
    whole = (features * gradient).sum((1, 2, 3)).numpy() + weights["classes/bias"][2]
    np.testing.assert_allclose(whole, scores.numpy(), atol=1e-5)
    np.testing.assert_allclose(
        coarse(hires_cam, net, x_NCHW, 2), (features * gradient).sum(1).clamp(min=0).numpy(), atol=1e-6
    )


def test_grad_cam_pp_by_loops():
    """Equations 10 and 19 of the paper, as written; the exponential's derivatives cancel out."""
    net, _, x_NCHW = built("deep")
    features, gradient, *_ = features_and_gradient(net, x_NCHW, 0, "conv2")
    A, g = features.double().numpy(), gradient.double().numpy()
    literal = np.zeros((3, 5, 4))
    for n in range(3):
        for k in range(6):
            weight = 0.0
            for place in np.ndindex(5, 4):
                slope = g[(n, k, *place)]
                if slope:
                    alpha = slope**2 / (2 * slope**2 + A[n, k].sum() * slope**3)
                    weight += alpha * max(slope, 0)
            literal[n] += weight * A[n, k]
    np.testing.assert_allclose(coarse(grad_cam_pp, net, x_NCHW, 0), literal.clip(0), atol=1e-5, rtol=1e-4)


def test_layer_cam_by_loops():
    net, _, x_NCHW = built("deep")
    features, gradient, *_ = features_and_gradient(net, x_NCHW, 1, "conv1")
    literal = np.zeros((3, 9, 8))
    for n, k, i, j in np.ndindex(3, 4, 9, 8):
        literal[n, i, j] += max(float(gradient[n, k, i, j]), 0) * float(features[n, k, i, j])
    found = layer_cam(net, x_NCHW, 1, layer="conv1").arrays["coarse_Nhw"]
    np.testing.assert_allclose(found, literal.clip(0), atol=1e-5)


@pytest.mark.parametrize("batch_size", [2, 64])
def test_score_cam_by_loops(batch_size):
    net, _, x_NCHW = built("deep")
    found = score_cam(net, x_NCHW, [0, 1, 2], batch_size=batch_size).arrays["coarse_Nhw"]
    features, *_ = features_and_gradient(net, x_NCHW, 0, "conv2")
    for n in range(3):
        said = []
        for k in range(6):
            mask = stretched(features[n, k : k + 1].numpy(), (9, 8), field_of(net.graph, "conv2"))[0]
            mask = (mask - mask.min()) / max(float(mask.max() - mask.min()), 1e-12)
            image, mean = x_NCHW[n, 0].numpy(), float(x_NCHW[n].mean())
            faded = torch.from_numpy((mean + mask * (image - mean)).astype(np.float32))[None, None]
            with torch.no_grad():
                said.append(float(net.logits(faded)[0, n]))
        weights = np.exp(said) / np.exp(said).sum()
        literal = np.einsum("k,khw->hw", weights, features[n].numpy()).clip(0)
        np.testing.assert_allclose(found[n], literal, atol=1e-5, rtol=1e-4)
