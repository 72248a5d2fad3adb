"""Keras's callbacks: the same program under Keras and here leaves the same model, history and files."""

from __future__ import annotations

import numpy as np
import pytest

import convsmith as cs
from convsmith.errors import BadInput


def plateau(keras):
    return keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.3, patience=0, min_delta=0.05, verbose=0)


CALLBACKS = {
    "EarlyStopping": lambda keras, folder: [
        keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=0.3, restore_best_weights=True)
    ],
    "EarlyStopping from a baseline": lambda keras, folder: [
        keras.callbacks.EarlyStopping("val_accuracy", patience=1, baseline=2.0, start_from_epoch=1)
    ],
    "ReduceLROnPlateau": lambda keras, folder: [plateau(keras)],
    "LearningRateScheduler": lambda keras, folder: [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * (0.5 if epoch else 1.0))
    ],
    "TerminateOnNaN": lambda keras, folder: [keras.callbacks.TerminateOnNaN()],
    "SwapEMAWeights": lambda keras, folder: [keras.callbacks.SwapEMAWeights(swap_on_epoch=False)],
    "several": lambda keras, folder: [
        plateau(keras), keras.callbacks.CSVLogger(str(folder / "log.csv")),
        keras.callbacks.ModelCheckpoint(str(folder / "best.keras"), "val_loss", save_best_only=True),
        keras.callbacks.ModelCheckpoint(str(folder / "w{epoch}.weights.h5"), save_weights_only=True),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks_leave_what_they_leave_in_keras(rows, small, tmp_path, name):
    import keras

    x, y = rows
    found = []
    for train in ("keras", "here"):
        folder = tmp_path / train
        folder.mkdir()
        made = keras.optimizers.SGD(0.2, momentum=0.9, use_ema=name == "SwapEMAWeights", ema_momentum=0.8)
        model = small(optimizer=made)
        kwargs = {
            "epochs": 5, "batch_size": 16, "shuffle": False, "verbose": 0, "validation_split": 0.25,
            "callbacks": CALLBACKS[name](keras, folder),
        }  # fmt: skip
        if name == "TerminateOnNaN":
            x = np.where(np.arange(len(x))[:, None, None, None] == 40, np.nan, x).astype(np.float32)
        history = model.fit(x, y, **kwargs) if train == "keras" else cs.fit(model, x, y, **kwargs)
        found.append((model, history, folder))
    (theirs, expected, _), (ours, history, folder) = found
    assert history.epoch == expected.epoch
    assert list(history.history) == list(expected.history)
    for key in expected.history:
        np.testing.assert_allclose(history.history[key], expected.history[key], rtol=2e-3, err_msg=key)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=5e-3, atol=2e-4)
    assert float(ours.optimizer.learning_rate) == pytest.approx(float(theirs.optimizer.learning_rate))
    if name == "several":
        names = sorted(path.name for path in folder.iterdir())
        assert names == sorted(path.name for path in (tmp_path / "keras").iterdir())
        mine, other = (np.genfromtxt(tmp_path / run / "log.csv", delimiter=",") for run in ("here", "keras"))
        np.testing.assert_allclose(mine, other, rtol=2e-3)
        best, wanted = (keras.saving.load_model(tmp_path / run / "best.keras") for run in ("here", "keras"))
        for one, two in zip(best.get_weights(), wanted.get_weights(), strict=True):
            np.testing.assert_allclose(one, two, rtol=5e-3, atol=2e-4)


def test_backup_and_restore_goes_on_where_it_broke(rows, small, tmp_path):
    """Interrupted here, gone on here: the same weights as without the interruption."""
    import keras

    x, y = rows

    class Break(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def train(*more):
        model = small(optimizer=keras.optimizers.Adam(0.01))
        backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
        return model, cs.fit(
            model, x, y, epochs=4, batch_size=20, shuffle=False, verbose=0, callbacks=[backup, *more]
        )

    whole, _ = train()
    with pytest.raises(KeyboardInterrupt):
        train(Break())
    resumed, history = train()
    assert history.epoch == [2, 3]
    assert int(resumed.optimizer.iterations) == int(whole.optimizer.iterations) == 16
    for one, other in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_who_looks_at_every_batch_sees_the_weights_then(rows, small):
    import keras

    x, y = rows
    seen = {}
    for train in ("keras", "here"):
        model = small(optimizer=keras.optimizers.SGD(0.1, momentum=0.9))
        kept = seen[train] = []

        def look(batch, logs, model=model, kept=kept):
            kept.append((batch, logs["loss"], model.get_weights()[0].copy()))
            if batch == 1:  # and what it changes there counts
                model.layers[-1].bias.assign(np.zeros(10))

        kwargs = {
            "epochs": 2, "batch_size": 32, "shuffle": False, "verbose": 0,
            "callbacks": [keras.callbacks.LambdaCallback(on_train_batch_end=look)],
        }  # fmt: skip
        _ = model.fit(x, y, **kwargs) if train == "keras" else cs.fit(model, x, y, **kwargs)
        kept.append((0, 0.0, model.get_weights()[-1]))
    assert len(seen["here"]) == len(seen["keras"]) == 7
    for mine, theirs in zip(seen["here"], seen["keras"], strict=True):
        assert mine[:2] == pytest.approx(theirs[:2], rel=1e-4)
        np.testing.assert_allclose(mine[2], theirs[2], rtol=1e-3, atol=1e-5)


def test_tensorboard_writes_its_events(rows, small, tmp_path):
    pytest.importorskip("tensorboard")
    import keras

    x, y = rows
    try:
        board = keras.callbacks.TensorBoard(str(tmp_path), histogram_freq=0)
        small().fit(x, y, epochs=1, verbose=0, callbacks=[board])
    except (ImportError, ModuleNotFoundError):
        pytest.skip("Keras's TensorBoard callback does not run in this environment")
    board = keras.callbacks.TensorBoard(str(tmp_path / "here"))
    cs.fit(small(), x, y, epochs=2, verbose=0, validation_split=0.2, callbacks=[board])
    assert list((tmp_path / "here").rglob("events*"))


def test_hooks_are_called_as_in_keras(rows, small):
    """Every hook, in Keras's order, with the same names in the logs."""
    import keras

    x, y = rows
    hooks = [name for name in dir(keras.callbacks.Callback) if name.startswith("on_") and "_batch_" in name]
    hooks += ["on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_test_begin"]
    hooks += ["on_test_end", "on_predict_begin", "on_predict_end"]
    told = {}
    for train in ("keras", "here"):
        heard = told[train] = []

        def hook(name, heard=heard):
            return lambda self, *args, **kwargs: heard.append((name, *[sorted(a) if isinstance(a, dict) else a
                                                                       for a in args]))  # fmt: skip

        spy = type("Spy", (keras.callbacks.Callback,), {name: hook(name) for name in hooks})()
        model = small()
        kwargs = {"batch_size": 32, "verbose": 0, "callbacks": [spy]}
        fit, evaluate, predict = (
            (model.fit, model.evaluate, model.predict)
            if train == "keras"
            else (lambda *a, m=model, f=f, **k: f(m, *a, **k) for f in (cs.fit, cs.evaluate, cs.predict))
        )
        fit(x, y, epochs=2, validation_split=0.2, **kwargs)
        evaluate(x, y, **kwargs)
        predict(x, **kwargs)
    assert told["here"] == told["keras"]


def test_several_batches_per_call_only_where_no_callback_would_tell(rows, small):
    import keras

    x, y = rows
    kwargs = {"batch_size": 16, "epochs": 2, "shuffle": False, "verbose": 0}
    plain, several = small(), small(steps_per_execution=4, run_eagerly=True, jit_compile=False)
    once = cs.fit(plain, x, y, **kwargs)
    stops = keras.callbacks.EarlyStopping("loss")
    assert cs.fit(several, x, y, callbacks=stops, **kwargs).history == once.history
    seen = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    with pytest.raises(BadInput, match=r"steps_per_execution=4: LambdaCallback.*steps_per_execution=1"):
        cs.fit(several, x, y, callbacks=[stops, seen], **kwargs)

    class Hears(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            pass

    with pytest.raises(BadInput, match="Hears"):
        cs.evaluate(several, x, y, callbacks=[Hears()], verbose=0)
    cs.evaluate(plain, x, y, callbacks=[Hears()], verbose=0)
