"""Penalties on outputs, constraints and frozen layers: obeyed as by Keras, in `fit` and in `train`."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import pytest
import torch

import convsmith as cs
from convsmith.engine.loop import fit
from convsmith.engine.predict import predict
from convsmith.engine.train.constraints import constraint
from convsmith.errors import BadInput
from convsmith.graph import Graph, notation, read
from convsmith.testing.random_networks import random_weights

layers = keras.layers
X = np.random.default_rng(0).normal(size=(24, 6, 6, 2)).astype(np.float32)
Y = np.arange(24) % 3


def model(optimizer: Any, **ends: Any) -> Any:
    keras.utils.set_random_seed(0)
    found = keras.Sequential([
        keras.Input((6, 6, 2)),
        layers.Conv2D(4, 3, activation="relu", activity_regularizer=keras.regularizers.L1L2(0.02, 0.01),
                      kernel_constraint=keras.constraints.MaxNorm(0.4, axis=[0, 1, 2])),
        layers.MaxPooling2D(), layers.ActivityRegularization(l1=0.01, l2=0.1),
        layers.DepthwiseConv2D(1, depthwise_constraint=keras.constraints.UnitNorm(axis=[0, 1])),
        layers.BatchNormalization(gamma_constraint="non_neg", beta_constraint=keras.constraints.NonNeg()),
        layers.Flatten(),
        layers.Dense(3, activation="softmax", activity_regularizer="l2",
                     kernel_constraint=keras.constraints.MinMaxNorm(0.3, 0.6, rate=0.5), **ends),
    ])  # fmt: skip
    found.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return found


@pytest.mark.parametrize("how", ["sgd", "averaged", "accumulated"])
def test_fit_and_evaluate_obey_penalties_and_constraints_as_keras_does(how: str) -> None:
    settings_ = {"averaged": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
                 "accumulated": {"gradient_accumulation_steps": 2}, "sgd": {}}[how]  # fmt: skip
    ours, theirs = (model(keras.optimizers.SGD(0.2, **settings_)) for _ in range(2))
    options = {"batch_size": 10, "epochs": 2, "shuffle": False, "verbose": 0, "validation_split": 0.25}
    found, wanted = cs.fit(ours, X, Y, **options), theirs.fit(X, Y, **options)
    for name in wanted.history:
        np.testing.assert_allclose(found.history[name], wanted.history[name], rtol=1e-4, err_msg=name)
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-3, atol=1e-5, err_msg=one.path)
    judged = cs.evaluate(ours, X, Y, verbose=0, return_dict=True)
    assert judged == pytest.approx(ours.evaluate(X, Y, verbose=0, return_dict=True), rel=1e-4)


def test_penalties_count_without_a_single_weight_that_is_regularized() -> None:
    ours = keras.Sequential([keras.Input((6, 6, 2)), layers.Flatten(), layers.ActivityRegularization(l1=1.0)])
    ours.compile("sgd", "mse")
    assert cs.evaluate(ours, X, X.reshape(24, -1), verbose=0) == pytest.approx(np.abs(X).sum() / 24, rel=1e-5)


@pytest.mark.parametrize("name", ["max_norm", "MaxNorm", "non_neg", "unit_norm", "min_max_norm"])
def test_a_constraint_by_its_name_alone_has_keras_s_numbers(name: str) -> None:
    w = torch.randn(5, 4) * 3
    torch.testing.assert_close(constraint(name, "layer a")(w), keras.constraints.get(name)(w))


def test_a_constraint_that_is_not_known_names_the_layer() -> None:
    with pytest.raises(BadInput, match=r"layer a: constraint Steady; expected MaxNorm, NonNeg"):
        constraint("Steady", "layer a")


def network(**settings_: Any) -> Graph:
    x = inputs = notation.Input((6, 6, 2))
    x = notation.layers.Conv2D(3, 3, name="conv", activation="relu", **settings_)(x)
    x = notation.layers.Dense(3, activation="softmax", name="dense")(notation.layers.Flatten()(x))
    return notation.Model(inputs, x)


def trained(graph: Graph, **options: Any) -> Any:
    weights = random_weights(graph, np.random.default_rng(0))
    settings_ = {"epochs": 2, "batch_size": 8, "augment": "none", "optimizer": "sgd", "learning_rate": 0.1}
    return weights, fit(graph, X, Y, weights=weights, **settings_ | options)


@pytest.mark.parametrize("ema", [0, 2])
def test_train_keeps_to_the_network_s_own_constraints(ema: float) -> None:
    _, found = trained(network(kernel_constraint='{"class_name":"UnitNorm","config":{"axis":[0,1,2]}}',
                               bias_constraint="non_neg"), ema=ema)  # fmt: skip
    norms = np.sqrt((found.weights["conv/kernel"] ** 2).sum((0, 1, 2)))
    np.testing.assert_allclose(norms, 1, rtol=1e-4)
    assert (found.weights["conv/bias"] >= 0).all()


def test_train_penalises_weights_and_outputs() -> None:
    _, plain = trained(network())
    strong = '{"class_name":"L2","config":{"l2":0.5}}'
    _, small = trained(network(kernel_regularizer=strong))
    assert np.abs(small.weights["conv/kernel"]).mean() < 0.7 * np.abs(plain.weights["conv/kernel"]).mean()
    graph = network(activity_regularizer=strong)
    _, quiet = trained(graph, learning_rate=0.03)
    _, loud = trained(network(), learning_rate=0.03)
    assert quiet.history[0]["loss"] > plain.history[0]["loss"]
    body = Graph("body", graph.nodes[:2])

    def size(fitted: Any) -> float:
        own = {name: array for name, array in fitted.weights.items() if name.startswith("conv")}
        return float(np.square(predict(body, X, weights=own)).mean())

    assert size(quiet) < 0.7 * size(loud)


def test_the_first_loss_of_train_is_keras_s_with_its_penalties() -> None:
    theirs = model("sgd")
    graph = read(theirs)
    weights = dict(zip(graph.weights, (variable.numpy() for variable in theirs.weights), strict=True))
    found = fit(graph, X, Y, weights=weights, epochs=1, batch_size=24, augment="none", label_smoothing=0.0,
                optimizer="sgd", learning_rate=1e-9, ema=0)  # fmt: skip
    wanted = theirs.train_on_batch(X, Y, return_dict=True)["loss"]
    assert found.history[0]["loss"] == pytest.approx(float(wanted), rel=1e-4)


def test_train_leaves_frozen_layers_as_they_are() -> None:
    before, found = trained(network(trainable=False))
    np.testing.assert_array_equal(found.weights["conv/kernel"], before["conv/kernel"])
    assert not np.array_equal(found.weights["dense/kernel"], before["dense/kernel"])
