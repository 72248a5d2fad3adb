"""What a training leaves and finds in Keras's objects: metrics, validations, layers frozen on the way."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import convsmith as cs


def one_hot(y):
    return np.eye(10, dtype=np.float32)[y]


@pytest.mark.parametrize("metrics", [["mae"], ["accuracy"], ["mae", "accuracy"]])
def test_evaluate_leaves_the_model_usable(rows, small, metrics):
    x, y = rows[0], one_hot(rows[1])
    ours, theirs = (small(loss="categorical_crossentropy", metrics=metrics) for _ in range(2))
    for _ in range(2):
        np.testing.assert_allclose(
            cs.evaluate(ours, x, y, verbose=0), theirs.evaluate(x, y, verbose=0), rtol=1e-4
        )
    ours.fit(x, y, shuffle=False, verbose=0)
    cs.fit(theirs, x, y, shuffle=False, verbose=0)
    np.testing.assert_allclose(ours.evaluate(x, y, verbose=0), theirs.evaluate(x, y, verbose=0), rtol=1e-3)


def test_no_call_leaves_numbers_that_cannot_be_changed(rows, small):
    """Nor does what a callback makes within one."""
    import keras

    x, y = rows
    made = []

    class Makes(keras.callbacks.Callback):
        def on_predict_batch_begin(self, batch, logs=None):
            made.append(keras.Variable(np.zeros(2)))

        on_test_batch_begin = on_train_batch_begin = on_predict_batch_begin

    def own(y_true, y_pred):
        return -keras.ops.log(keras.ops.max(y_pred, axis=-1))

    model = small(metrics=["sparse_top_k_categorical_accuracy"])
    for compiled in (model, small(loss=own, metrics=[keras.metrics.MeanSquaredError()])):
        cs.predict(compiled, x, verbose=0, callbacks=[Makes()])
        cs.evaluate(compiled, x, y if compiled is model else one_hot(y), verbose=0, callbacks=[Makes()])
        target = y if compiled is model else one_hot(y)
        cs.fit(compiled, x, target, verbose=0, validation_data=(x, target), callbacks=[Makes()])
        state = [*compiled.variables, *compiled.metrics_variables, *compiled.optimizer.variables, *made]
        values = [variable.value for variable in state if isinstance(variable.value, torch.Tensor)]
        assert made
        assert not any(value.is_inference() for value in values)


def test_a_short_validation_begins_anew_each_epoch(rows, small, alike):
    x, y = rows
    seen = {"batch_size": 8, "validation_batch_size": 8, "validation_steps": 2, "validation_data": (x, y)}
    alike(small, x, y, **seen)


def test_a_short_validation_of_a_dataset_begins_anew(rows, small):
    import keras

    x, y = rows

    class Batches(keras.utils.PyDataset):
        def __init__(self, heard):
            super().__init__()
            self.heard = heard

        def __len__(self):
            return 5

        def __getitem__(self, index):
            self.heard.append(index)
            return x[index * 16 :][:16], y[index * 16 :][:16]

        def on_epoch_end(self):
            self.heard.append("end")

    heard = [], []
    ours, theirs = small(), small()
    asked = {"epochs": 3, "verbose": 0, "shuffle": False, "validation_steps": 2}
    found = cs.fit(ours, x, y, validation_data=Batches(heard[0]), **asked).history
    wanted = theirs.fit(x, y, validation_data=Batches(heard[1]), **asked).history
    np.testing.assert_allclose(found["val_loss"], wanted["val_loss"], rtol=1e-4)
    assert heard[0].count("end") == heard[1].count("end")


def test_metric_objects_of_two_models_begin_at_nothing(rows, small):
    import keras

    x, y = rows[0], one_hot(rows[1])

    def counts(way):
        shared = keras.metrics.TruePositives(thresholds=0.05, name="right")
        found = []
        for _ in range(2):
            model = small(loss="categorical_crossentropy", metrics=[shared])
            found += way(model)(x, y, shuffle=False, verbose=0).history["right"]
        return [*found, float(shared.result())]

    assert counts(lambda m: lambda *a, **k: cs.fit(m, *a, **k)) == counts(lambda m: m.fit)


def test_a_metric_object_can_be_read_afterwards(rows, small):
    import keras

    x, y = rows
    found = []
    for way in (cs.fit, type(small()).fit):
        metric = keras.metrics.SparseCategoricalAccuracy()
        way(small(metrics=[metric]), x, y, shuffle=False, verbose=0)
        found.append(float(metric.result()))
    assert found[0] == pytest.approx(found[1])
    assert found[0] > 0


def normed(keras, optimizer=None):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, use_bias=False, name="conv"),
            keras.layers.BatchNormalization(name="norm", momentum=0.7),
            keras.layers.Activation("relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax", name="head"),
        ]
    )
    model.compile(optimizer or keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("names", [["conv"], ["norm"], ["conv", "norm"], ["conv", "norm", "head"]])
@pytest.mark.parametrize("when", ["epoch", "batch"])
def test_layers_frozen_by_a_callback_stay_as_they_are(rows, names, when):
    import keras

    class Freeze(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if when == "epoch" and epoch == 1:
                self.freeze()

        def on_train_batch_end(self, batch, logs=None):
            if when == "batch" and batch == 2:
                self.freeze()

        def freeze(self):
            self.before = [self.model.get_layer(name).get_weights() for name in names]
            for name in names:
                self.model.get_layer(name).trainable = False

    ours, theirs, call = normed(keras), normed(keras), Freeze()
    asked = {"epochs": 2, "shuffle": False, "verbose": 0}
    with pytest.warns() if "head" in names else _quiet():
        found = cs.fit(ours, *rows, callbacks=[call], **asked)
    with pytest.warns() if "head" in names else _quiet():
        wanted = theirs.fit(*rows, callbacks=[Freeze()], **asked)
    np.testing.assert_allclose(found.history["loss"], wanted.history["loss"], rtol=1e-3)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)
    for name, before in zip(names, call.before, strict=True):
        for one, other in zip(ours.get_layer(name).get_weights(), before, strict=True):
            np.testing.assert_array_equal(one, other)


def _quiet():
    from contextlib import nullcontext

    return nullcontext()


def test_layers_thawed_by_a_callback(rows):
    """A weight that the optimizer knows trains again; one that it does not know is refused, as in Keras."""
    import keras

    class Thaw(keras.callbacks.Callback):
        def __init__(self, first):
            super().__init__()
            self.first = first

        def on_epoch_begin(self, epoch, logs=None):
            self.model.get_layer("conv").trainable = epoch != 1

        def on_train_begin(self, logs=None):
            if self.first:
                self.model.optimizer.build(self.model.trainable_variables)

    asked = {"epochs": 3, "shuffle": False, "verbose": 0}
    ours, theirs = normed(keras), normed(keras)
    cs.fit(ours, *rows, callbacks=[Thaw(False)], **asked)
    theirs.fit(*rows, callbacks=[Thaw(True)], **asked)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)
    late = normed(keras)
    late.get_layer("conv").trainable = False
    with pytest.raises(cs.errors.BadInput, match=r"layer conv.*compile"):
        cs.fit(late, *rows, callbacks=[Thaw(False)], **asked)
