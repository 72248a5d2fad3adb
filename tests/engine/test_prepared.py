"""What is kept of a model between calls, and when it is read anew."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import convsmith as cs
from convsmith.engine.keras import prepared as rooms


@pytest.fixture
def reads(monkeypatch):
    """How often a model was lowered."""
    found = []
    original = rooms.lower

    def lower(graph, **more):
        found.append(graph.name)
        return original(graph, **more)

    monkeypatch.setattr(rooms, "lower", lower)
    return found


def test_a_model_is_lowered_once_for_training_and_once_for_use(rows, small, reads):
    x, y = rows
    model = small()
    for _ in range(3):
        cs.fit(model, x, y, verbose=0)
        cs.predict(model, x, verbose=0)
        cs.evaluate(model, x, y, verbose=0)
    assert len(reads) == 2


def test_weights_that_others_changed_are_seen(rows, small):
    x, y = rows
    theirs, ours = small(), small()
    for step in range(3):
        cs.fit(ours, x, y, shuffle=False, verbose=0)
        theirs.fit(x, y, shuffle=False, verbose=0)
        for model in (theirs, ours):
            model.set_weights([array * 0.9 for array in model.get_weights()])
        np.testing.assert_allclose(
            cs.predict(ours, x, verbose=0), theirs.predict(x, verbose=0), atol=1e-4, err_msg=str(step)
        )


def _activation(model, keras):
    model.layers[0].activation = keras.activations.tanh


def _inside_a_penalty(model, keras):
    model.layers[0].kernel_regularizer.l2 = 0.5


def _frozen(model, keras):
    model.layers[0].trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")


def _longer(model, keras):
    model.pop()
    model.add(keras.layers.Dense(10, activation="softmax", kernel_initializer="ones"))
    model.compile("sgd", "sparse_categorical_crossentropy")


@pytest.mark.parametrize("change", [_activation, _inside_a_penalty, _frozen, _longer])
def test_a_changed_model_trains_as_in_keras(rows, change):
    import keras

    x, y = rows

    def make():
        keras.utils.set_random_seed(1)
        penalty = keras.regularizers.L2(0.01)
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(4, 3, activation="relu", kernel_regularizer=penalty),
                keras.layers.Flatten(),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    theirs, ours = make(), make()
    for round_ in range(2):
        if round_:
            change(theirs, keras)
            change(ours, keras)
        wanted = theirs.fit(x, y, shuffle=False, verbose=0).history["loss"]
        found = cs.fit(ours, x, y, shuffle=False, verbose=0).history["loss"]
        np.testing.assert_allclose(found, wanted, rtol=1e-4)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_calls_within_a_call_do_not_meet(rows, small):
    """A callback that trains and asks the same model."""
    import keras

    x, y = rows
    said = []

    class Within(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            said.append(cs.evaluate(self.model, x, y, verbose=0)[0])
            cs.fit(self.model, x[:16], y[:16], verbose=0, shuffle=False)

    class Theirs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.evaluate(x, y, verbose=0)
            keep = self.model.stop_training, self.model.history
            self.model.fit(x[:16], y[:16], verbose=0, shuffle=False)
            self.model.stop_training, self.model.history = keep

    ours, theirs = small(), small()
    cs.fit(ours, x, y, epochs=2, shuffle=False, verbose=0, callbacks=[Within()])
    theirs.fit(x, y, epochs=2, shuffle=False, verbose=0, callbacks=[Theirs()])
    assert len(said) == 2
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_nothing_keeps_a_model_alive(rows, small):
    x, _ = rows
    model = small()
    cs.predict(model, x, verbose=0)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
