"""The active backend of Keras is the user's: in a process of its own, on JAX, on TensorFlow."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np, keras
import convsmith as cs
from convsmith.errors import BadInput

rng = np.random.default_rng(0)
x, y = rng.normal(size=(64, 8, 8, 1)).astype("float32"), rng.integers(0, 3, 64)

def make():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 1))
    z = keras.layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(inputs)
    z = keras.layers.ReLU()(keras.layers.BatchNormalization()(z))
    z = keras.layers.Dense(3, activation="softmax")(keras.layers.GlobalAveragePooling2D()(z))
    model = keras.Model(inputs, z)
    rate = keras.optimizers.schedules.ExponentialDecay(0.05, 4, 0.9)
    model.compile(
        optimizer=keras.optimizers.Nadam(rate), loss="sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(k=2)],
    )
    return model

assert keras.backend.backend() == "BACKEND"
theirs, ours = make(), make()
before = [weight.copy() for weight in ours.get_weights()]
variables = [id(variable) for variable in ours.weights]
stops = [keras.callbacks.EarlyStopping("val_loss", patience=5, restore_best_weights=True) for _ in "12"]
kwargs = {"batch_size": 16, "epochs": 4, "verbose": 0, "shuffle": False, "validation_split": 0.25}
expected = theirs.fit(x, y, callbacks=stops[:1], **kwargs)
found = cs.fit(ours, x, y, callbacks=stops[1:], **kwargs)
assert type(found) is keras.callbacks.History and list(found.history) == list(expected.history)
for name, values in expected.history.items():
    np.testing.assert_allclose(found.history[name], values, rtol=2e-3, atol=1e-5, err_msg=name)
assert [id(variable) for variable in ours.weights] == variables, "trained in place"
assert not np.array_equal(ours.get_weights()[0], before[0])
assert int(ours.optimizer.iterations) == int(theirs.optimizer.iterations) == 12
kwargs |= {"initial_epoch": 4, "epochs": 5}
expected, found = theirs.fit(x, y, **kwargs), ours.fit(x, y, **kwargs)  # Keras goes on from there
np.testing.assert_allclose(found.history["loss"], expected.history["loss"], rtol=5e-3)
wanted, got = ours.evaluate(x, y, verbose=0), cs.evaluate(ours, x, y, verbose=0)
np.testing.assert_allclose(got, wanted, rtol=1e-4)
np.testing.assert_allclose(cs.predict(ours, x, verbose=0), ours.predict(x, verbose=0), rtol=1e-3, atol=1e-5)

def own(y_true, y_pred):
    return keras.ops.mean(y_pred, -1)

ours.compile(loss=own, optimizer="sgd")
try:
    cs.fit(ours, x, y, verbose=0)
except BadInput as error:
    assert "loss 'own'" in str(error) and "KERAS_BACKEND=torch" in str(error), error
else:
    raise AssertionError("a loss of the user's runs on torch alone")
print("equal")
"""


@pytest.mark.parametrize(("backend", "package"), [("jax", "jax"), ("tensorflow", "tensorflow")])
def test_trains_in_place_on_that_backend(backend, package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"no {package} here")
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    code = PROGRAM.replace("BACKEND", backend, 1)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().endswith("equal")
