"""Off the usual path: saturated outputs, no epochs, numbers that mean nothing, early stops."""

from __future__ import annotations

import numpy as np
import pytest

import convsmith as cs
from convsmith.errors import BadInput


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        ("CategoricalCrossentropy", {}),
        ("CategoricalCrossentropy", {"label_smoothing": 0.1}),
        ("CategoricalCrossentropy", {"from_logits": True}),
        ("SparseCategoricalCrossentropy", {}),
        ("BinaryCrossentropy", {}),
        ("CategoricalFocalCrossentropy", {}),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_pixels_that_nobody_scaled_train_as_in_keras(loss, settings, weighted):
    """Outputs of 0 and 1: Keras clips them at 1e-7, and what is clipped has no gradient."""
    import keras

    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (64, 6, 6, 1)).astype(np.float32)
    y = rng.integers(0, 5, 64)
    y = y if loss.startswith("Sparse") else np.eye(5, dtype=np.float32)[y]
    found = {}
    for who in ("keras", "here"):
        keras.utils.set_random_seed(3)
        model = keras.Sequential([
            keras.Input((6, 6, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(5, activation=None if settings.get("from_logits") else "softmax"),
        ])  # fmt: skip
        model.compile(keras.optimizers.SGD(1e-4), getattr(keras.losses, loss)(**settings))
        kwargs = {
            "batch_size": 16, "epochs": 4, "shuffle": False, "verbose": 0,
            "sample_weight": np.linspace(0.5, 2, 64).astype(np.float32) if weighted else None,
        }  # fmt: skip
        history = model.fit(x, y, **kwargs) if who == "keras" else cs.fit(model, x, y, **kwargs)
        judged = model.evaluate(x, y, verbose=0), cs.evaluate(model, x, y, verbose=0)
        assert judged[0] == pytest.approx(judged[1], rel=1e-4)
        found[who] = history.history["loss"], model.get_weights()
    np.testing.assert_allclose(found["here"][0], found["keras"][0], rtol=1e-3)
    for ours, theirs in zip(found["here"][1], found["keras"][1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("training", [None, False])
def test_a_base_that_was_called_for_inference_trains_as_in_keras(rows, alike, training):
    """Keras's fit hands training=True to every call: its statistics move; `trainable` is what stops them."""
    import keras

    def make():
        keras.utils.set_random_seed(0)
        base = keras.Sequential([
            keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(momentum=0.5),
        ])  # fmt: skip
        inputs = keras.Input((8, 8, 1))
        x = keras.layers.Flatten()(base(inputs, training=training))
        model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
        model.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
        return model

    before = make().get_weights()
    _, ours = alike(make, *rows)
    for name, old, new in zip((one.path for one in ours.weights), before, ours.get_weights(), strict=True):
        assert not np.array_equal(old, new), name


def test_no_epoch_changes_no_weight(rows, small):
    import keras

    x, y = rows
    model = small(optimizer=keras.optimizers.SGD(0.1, use_ema=True))
    before = model.get_weights()
    assert cs.fit(model, x, y, epochs=0, verbose=0).history == {}
    assert cs.fit(model, x, y, epochs=2, initial_epoch=2, verbose=0).history == {}
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0}, {"batch_size": -3}, {"batch_size": 2.5}, {"epochs": -1}, {"epochs": 1.5},
        {"initial_epoch": -1}, {"steps_per_epoch": 0}, {"validation_freq": 0}, {"validation_freq": 0.5},
        {"validation_batch_size": 0}, {"validation_steps": 0},
    ],
    ids=str,
)  # fmt: skip
def test_numbers_that_mean_nothing_are_one_line(rows, small, wrong):
    x, y = rows
    (name, value), model = *wrong.items(), small()
    before = model.get_weights()
    with pytest.raises(BadInput, match=f"^{name}: got {value}; expected a whole number from"):
        cs.fit(model, x, y, validation_data=(x, y), verbose=0, **wrong)
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))
    assert cs.fit(model, x, y, batch_size=np.int64(16), epochs=np.int32(1), verbose=0).epoch == [0]


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"steps": 0}], ids=str)
def test_numbers_that_mean_nothing_in_evaluate_and_predict(rows, small, wrong):
    x, y = rows
    model = small()
    with pytest.raises(BadInput, match="expected a whole number from 1"):
        cs.evaluate(model, x, y, verbose=0, **wrong)
    with pytest.raises(BadInput, match="expected a whole number from 1"):
        cs.predict(model, x, verbose=0, **wrong)


def test_a_metric_of_ones_own_with_a_name_of_keras(rows, small):
    import keras

    class SparseCategoricalAccuracy(keras.metrics.Metric):
        def update_state(self, *arguments, **more):
            pass

        def result(self):
            return 42.0

        def reset_state(self):
            pass

    x, y = rows
    model = small(metrics=[SparseCategoricalAccuracy(name="mine")])
    assert cs.evaluate(model, x, y, verbose=0, return_dict=True)["mine"] == 42
    assert cs.fit(model, x, y, verbose=0).history["mine"] == [42]


def test_callbacks_end_an_evaluation_and_a_prediction_once(rows, small):
    import keras

    class Enough(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            self.model.stop_evaluating = batch == 1

        def on_predict_batch_end(self, batch, logs=None):
            self.model.stop_predicting = batch == 1

    x, y = rows
    model = small()
    whole = cs.evaluate(model, x, y, batch_size=8, verbose=0)
    assert len(cs.predict(model, x, batch_size=8, callbacks=[Enough()], verbose=0)) == 16
    assert len(cs.predict(model, x, batch_size=8, verbose=0)) == len(x)
    ended = cs.evaluate(model, x, y, batch_size=8, callbacks=[Enough()], verbose=0)
    assert ended == pytest.approx(model.evaluate(x[:16], y[:16], batch_size=8, verbose=0), rel=1e-4)
    assert cs.evaluate(model, x, y, batch_size=8, callbacks=[], verbose=0) == pytest.approx(whole)


def test_callbacks_hear_of_batches_of_keras_size(rows, small):
    import keras

    x, y = rows
    told = {}
    for who in ("keras", "here"):
        model, heard = small(), []
        kwargs = {"callbacks": [keras.callbacks.LambdaCallback(), counting(heard)], "verbose": 0}
        if who == "keras":
            model.evaluate(x, y, **kwargs)
            model.predict(x, **kwargs)
        else:
            cs.evaluate(model, x, y, **kwargs)
            cs.predict(model, x, **kwargs)
        told[who] = heard
    assert told["here"] == told["keras"]
    assert len(told["here"]) > 2


def counting(heard):
    import keras

    class Counts(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            heard.append(("test", batch))

        def on_predict_batch_end(self, batch, logs=None):
            heard.append(("predict", batch))

    return Counts()


def test_several_batches_per_call_with_a_checkpoint_of_each_epoch(rows, small, tmp_path):
    import keras

    x, y = rows
    model = small(steps_per_execution=2)
    saved = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.weights.h5"), save_weights_only=True)
    cs.fit(model, x, y, epochs=2, callbacks=[saved], verbose=0)
    assert len(list(tmp_path.iterdir())) == 2
    often = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "x.weights.h5"), save_weights_only=True, save_freq=3
    )
    with pytest.raises(BadInput, match="ModelCheckpoint"):
        cs.fit(model, x, y, callbacks=[often], verbose=0)
