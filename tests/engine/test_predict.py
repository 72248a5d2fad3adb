"""Answers of a network: against the module itself and literal numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.engine.predict import evaluate, predict
from convsmith.engine.weights import initial
from convsmith.errors import BadInput
from convsmith.graph import notation
from convsmith.zoo import network


def _images(count: int = 7):
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 1), dtype=np.uint8)


def test_batches_do_not_matter():
    graph = network("lenet5")
    weights = initial(graph, seed=0)
    module = lower(graph, weights)
    expected = module(torch.from_numpy(_images().astype(np.float32)).permute(0, 3, 1, 2)).detach().numpy()
    for size in (1, 3, 256):
        np.testing.assert_allclose(
            predict(graph, _images(), weights=weights, batch_size=size), expected, rtol=1e-4, atol=1e-6
        )
    np.testing.assert_allclose(predict(module, _images()), expected, rtol=1e-5, atol=1e-6)
    assert predict(module, _images(0)).shape == (0, 10)


def test_evaluate_is_the_mean_over_images():
    graph = network("lenet5")
    weights = initial(graph, seed=0)
    y = np.arange(7) % 10
    found = evaluate(graph, _images() / np.float32(255), y, weights=weights)
    probabilities = predict(graph, _images() / np.float32(255), weights=weights)
    assert found["accuracy"] == pytest.approx(float(np.mean(probabilities.argmax(1) == y)))
    literal = -sum(np.log(row[label]) for row, label in zip(probabilities, y, strict=True)) / 7
    assert found["loss"] == pytest.approx(literal, rel=1e-5)


def test_training_mode_is_left_for_inference():
    inputs = notation.Input((4,))
    graph = notation.Model(inputs, notation.layers.Dropout(0.5)(inputs))
    module = lower(graph).train()
    assert np.array_equal(predict(module, np.ones((3, 4), np.float32)), np.ones((3, 4)))


def test_bad_input_is_named():
    graph = network("lenet5")
    with pytest.raises(BadInput, match=r"images of shape \(2, 28, 28, 1\).*\(N, 32, 32, 1\)"):
        predict(graph, np.zeros((2, 28, 28, 1)), weights=initial(graph, seed=0))
    with pytest.raises(BadInput, match="without weights"):
        predict(graph, _images())
    with pytest.raises(BadInput, match="no images"):
        evaluate(graph, _images(0), np.zeros(0, np.int64), weights=initial(graph, seed=0))
