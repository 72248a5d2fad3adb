"""Keras's calls: the course's program, the same numbers as Keras step by step, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import convsmith as cs
from convsmith.errors import BadInput


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.images[..., None] / 16).astype(np.float32), found.target


def course_model(
    *, dropout: bool = True, optimizer="adadelta", loss="categorical_crossentropy", seed=1, **compiled
):
    """The course's model, letter by letter."""
    import keras
    from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
    from keras.models import Sequential

    keras.utils.set_random_seed(seed)
    model = Sequential()
    model.add(keras.Input((8, 8, 1)))
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu"))
    model.add(Conv2D(64, (3, 3), activation="relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    if dropout:
        model.add(Dropout(0.25))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    if dropout:
        model.add(Dropout(0.5))
    model.add(Dense(10, activation="softmax"))
    model.compile(loss=loss, optimizer=optimizer, **{"metrics": ["accuracy"], **compiled})
    return model


def one_hot(y):
    import keras

    return keras.utils.to_categorical(y, 10)


@pytest.mark.parametrize("way", ["torch alone", "compiled"])
def test_the_courses_program(digits, way, request):
    import keras

    if way == "torch alone":
        request.getfixturevalue("torch_alone")
    x, y = digits
    model = course_model(optimizer=keras.optimizers.Adadelta(learning_rate=1.0))
    epochs = 8 if way == "torch alone" else 12  # the masks of dropout are others
    history = cs.fit(model, x, one_hot(y), batch_size=64, epochs=epochs, validation_split=0.2, verbose=0)
    assert isinstance(history, keras.callbacks.History)
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.epoch == list(range(epochs))
    assert history.history["val_accuracy"][-1] > 0.9
    held = x[-360:], one_hot(y[-360:])
    assert cs.evaluate(model, *held)[1] == pytest.approx(history.history["val_accuracy"][-1])
    predicted = cs.predict(model, held[0])
    assert predicted.shape == (360, 10)
    np.testing.assert_allclose(predicted, model.predict(held[0], verbose=0), atol=1e-5)
    assert (predicted.argmax(1) == y[-360:]).mean() == pytest.approx(history.history["val_accuracy"][-1])


OPTIMIZERS = [
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adam", {}),
    ("AdamW", {"weight_decay": 0.05}),
    ("SGD", {"learning_rate": 0.02, "momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"learning_rate": 2e-4}),
    ("Adagrad", {"learning_rate": 0.03}),
]


@pytest.mark.parametrize(("name", "settings"), OPTIMIZERS)
def test_fifty_steps_follow_keras(digits, name, settings):
    """Without randomness every step's loss is Keras's: 50 epochs of one step each."""
    import keras

    x, y = digits[0][:64], one_hot(digits[1][:64])
    losses = []
    for train in ("keras", "here"):
        model = course_model(dropout=False, optimizer=getattr(keras.optimizers, name)(**settings))
        kwargs = {"batch_size": 64, "epochs": 50, "verbose": 0, "shuffle": False}
        history = model.fit(x, y, **kwargs) if train == "keras" else cs.fit(model, x, y, **kwargs)
        losses.append(np.array(history.history["loss"]))
    assert losses[0][-1] < 0.9 * losses[0][0]
    np.testing.assert_allclose(losses[1], losses[0], rtol=5e-3, atol=2e-4)
    np.testing.assert_allclose(losses[1][:15], losses[0][:15], rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("loss", ["sparse", "smooth", "logits"])
def test_losses_weights_and_validation_follow_keras(digits, loss):
    import keras

    x, y = digits[0][:300], digits[1][:300]
    targets = y if loss == "sparse" else one_hot(y)
    given = {
        "sparse": "sparse_categorical_crossentropy",
        "smooth": keras.losses.CategoricalCrossentropy(label_smoothing=0.2),
        "logits": keras.losses.CategoricalCrossentropy(from_logits=True),
    }[loss]
    extra = {
        "sparse": {"class_weight": {0: 3.0, 1: 0.5}},
        "smooth": {"sample_weight": np.linspace(0, 2, 300).astype(np.float32)},
        "logits": {},
    }[loss]
    found = []
    for train in ("keras", "here"):
        model = course_model(dropout=False, optimizer=keras.optimizers.SGD(0.01), loss=given)
        if loss == "logits":
            model.layers[-1].activation = keras.activations.linear
            model.compile(loss=given, optimizer=keras.optimizers.SGD(0.01), metrics=["accuracy"])
        kwargs = {
            "batch_size": 32, "epochs": 2, "verbose": 0, "shuffle": False, "validation_split": 0.25, **extra,
        }  # fmt: skip
        history = model.fit(x, targets, **kwargs) if train == "keras" else cs.fit(model, x, targets, **kwargs)
        found.append(history.history)
    for key in found[0]:
        np.testing.assert_allclose(found[1][key], found[0][key], rtol=1e-3, atol=1e-5, err_msg=key)


def test_batch_norm_follows_keras(digits):
    import keras

    x, y = digits[0][:160], digits[1][:160]
    models = []
    for train in ("keras", "here"):
        keras.utils.set_random_seed(2)
        inputs = keras.Input((8, 8, 1))
        z = keras.layers.Conv2D(6, 3, padding="same", strides=2, use_bias=False)(inputs)
        z = keras.layers.BatchNormalization()(z)
        z = keras.layers.Activation("relu")(z)
        z = keras.layers.DepthwiseConv2D(3, padding="same")(z) + z
        z = keras.layers.Dense(10, activation="softmax")(keras.layers.GlobalAveragePooling2D()(z))
        model = keras.Model(inputs, z)
        model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(0.1))
        kwargs = {"batch_size": 32, "epochs": 3, "verbose": 0, "shuffle": False}
        _ = model.fit(x, y, **kwargs) if train == "keras" else cs.fit(model, x, y, **kwargs)
        models.append(model)
    for ours, theirs in zip(models[1].weights, models[0].weights, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs), rtol=2e-3, atol=2e-4,
            err_msg=ours.path,
        )  # fmt: skip
    assert cs.evaluate(models[1], x, y) == pytest.approx(models[1].evaluate(x, y, verbose=0), rel=1e-5)


def test_training_goes_on_where_either_left_off(digits):
    """The optimizer's state is the model's own: two calls here, or one here and one in Keras, are one."""
    import keras

    x, y = digits[0][:128], one_hot(digits[1][:128])
    kwargs = {"batch_size": 32, "verbose": 0, "shuffle": False}
    found = []
    for calls in (("keras", "keras"), ("here", "here"), ("here", "keras"), ("keras", "here")):
        model = course_model(dropout=False, optimizer=keras.optimizers.Adam(1e-3))
        for call in calls:
            _ = model.fit(x, y, **kwargs) if call == "keras" else cs.fit(model, x, y, **kwargs)
        assert int(model.optimizer.iterations) == 8
        found.append(model.evaluate(x, y, verbose=0)[0])
    assert found[1:] == pytest.approx([found[0]] * 3, rel=1e-4)


def test_callbacks_work(digits, tmp_path):
    import keras

    x, y = digits[0][:200], one_hot(digits[1][:200])
    model = course_model(optimizer="adam")
    seen = []
    rates = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.001 / (1 + epoch))
    stop = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=100.0, restore_best_weights=True)
    probe = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, sorted(logs), model.get_weights()[0].copy())),
        on_train_batch_end=lambda batch, logs: seen.append(batch),
    )
    csv = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    save = keras.callbacks.ModelCheckpoint(str(tmp_path / "best.keras"))
    history = cs.fit(
        model, x, y, batch_size=100, epochs=5, verbose=0, callbacks=[rates, probe, stop, csv, save]
    )
    assert [item for item in seen if isinstance(item, int)] == [0, 1, 0, 1]
    assert len(history.epoch) == 2, "stopped: no epoch improves the loss by 100"
    assert history.history["learning_rate"] == pytest.approx([0.001, 0.0005])
    epochs = [item for item in seen if not isinstance(item, int)]
    assert epochs[0][1] == ["accuracy", "learning_rate", "loss"]
    assert np.array_equal(model.get_weights()[0], epochs[0][2]), "the best weights came back"
    assert (tmp_path / "log.csv").read_text().count("\n") == 3
    saved = keras.saving.load_model(tmp_path / "best.keras")
    assert np.array_equal(saved.get_weights()[0], epochs[1][2])


def test_schedules_count_steps(digits):
    import keras

    x, y = digits[0][:128], one_hot(digits[1][:128])
    losses = []
    for train in ("keras", "here"):
        rate = keras.optimizers.schedules.ExponentialDecay(0.05, decay_steps=2, decay_rate=0.7)
        model = course_model(dropout=False, optimizer=keras.optimizers.SGD(rate))
        kwargs = {"batch_size": 32, "epochs": 3, "verbose": 0, "shuffle": False}
        history = model.fit(x, y, **kwargs) if train == "keras" else cs.fit(model, x, y, **kwargs)
        losses.append(history.history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


def test_the_seed_of_keras_decides(digits):
    x, y = digits[0][:200], one_hot(digits[1][:200])
    losses = [
        cs.fit(course_model(seed=seed), x, y, epochs=2, verbose=0).history["loss"] for seed in (3, 3, 4)
    ]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_frozen_and_nested_layers(digits):
    import keras

    x, y = digits[0][:64], digits[1][:64]
    keras.utils.set_random_seed(0)
    base = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()], name="base"
    )
    base.trainable = False
    inputs = keras.Input((8, 8, 1))
    z = keras.layers.Flatten()(base(inputs))
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(z))
    model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd")
    before = [weight.copy() for weight in model.get_weights()]
    cs.fit(model, x, y, verbose=0)
    after = model.get_weights()
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [True] * 6 + [False] * 2
    np.testing.assert_allclose(cs.predict(model, x), model.predict(x, verbose=0), atol=1e-6)


def test_regularizers_follow_keras(digits):
    import keras

    x, y = digits[0][:96], digits[1][:96]
    found = []
    for train in ("keras", "here"):
        keras.utils.set_random_seed(3)
        both = keras.regularizers.L1L2(1e-3, 2e-3)
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(4, 3, kernel_regularizer=both, bias_regularizer="l1"),
                keras.layers.BatchNormalization(gamma_regularizer=keras.regularizers.L2(0.05)),
                keras.layers.DepthwiseConv2D(1, depthwise_regularizer="l1"),
                keras.layers.SeparableConv2D(4, 3, depthwise_regularizer="l2", pointwise_regularizer="l2"),
                keras.layers.Flatten(),
                keras.layers.Dense(10, activation="softmax", kernel_regularizer="l2"),
            ]
        )
        model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(0.02))
        kwargs = {"batch_size": 32, "epochs": 4, "verbose": 0, "shuffle": False, "validation_split": 1 / 3}
        history = model.fit(x, y, **kwargs) if train == "keras" else cs.fit(model, x, y, **kwargs)
        found.append((history.history, model))
    for key in found[0][0]:
        np.testing.assert_allclose(found[1][0][key], found[0][0][key], rtol=1e-4, err_msg=key)
    ours = cs.evaluate(found[1][1], x, y)
    assert ours == pytest.approx(found[1][1].evaluate(x, y, verbose=0), rel=1e-5)


def test_what_cannot_be_taken_is_named_with_the_way_out(digits):
    import keras

    x, y = digits[0][:32], one_hot(digits[1][:32])

    class OwnNorm(keras.constraints.Constraint):
        def __call__(self, w):
            return w

    regular = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10, kernel_constraint=OwnNorm())]
    )
    regular.compile(loss="categorical_crossentropy", optimizer="sgd")
    inputs = keras.Input((8, 8, 1))
    orthogonal = keras.regularizers.OrthogonalRegularizer()
    out = keras.layers.Dense(10, activity_regularizer=orthogonal)(keras.layers.Flatten()(inputs))
    active = keras.Model(inputs, out)
    active.compile(loss="mse", optimizer="sgd")

    class Own(keras.Model):
        def train_step(self, data):
            return {}

    own = Own(inputs, keras.layers.Flatten()(inputs))
    own.compile(loss="mse", optimizer="sgd")
    cases = [
        (course_model(loss="crossentropy"), {}, "loss 'crossentropy'"),
        (course_model(optimizer="ftrl"), {}, "optimizer Ftrl"),
        (course_model(), {"x": iter([])}, "x: got list_iterator"),
        (course_model(), {"x": [x, x]}, "x: got list"),
        (course_model(), {"validation_data": x}, "validation_data: got ndarray"),
        (regular, {}, "constraint"),
        (active, {}, "regularizer OrthogonalRegularizer"),
        (own, {}, "train_step"),
    ]
    for model, arguments, message in cases:
        with pytest.raises(BadInput, match=message) as raised:
            cs.fit(model, **{"x": x, "y": y, "verbose": 0, **arguments})
        assert "try: model.fit of Keras" in str(raised.value) or "try: loss=" in str(raised.value)


def test_wrong_input_says_what_to_try(digits):
    import keras

    x, y = digits[0][:32], digits[1][:32]
    plain = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    for model, images, labels, message in (
        (plain, x, one_hot(y), r"not compiled.*model.compile"),
        (course_model(), x, y, "to_categorical"),
        (course_model(loss="sparse_categorical_crossentropy"), x, one_hot(y), "categorical_crossentropy"),
        (course_model(loss="sparse_categorical_crossentropy"), x, y + 5, "class numbers 5 to 14"),
        (course_model(), x[:, :7], one_hot(y), r"images of shape \(32, 7, 8, 1\)"),
        (course_model(), x[:5], one_hot(y), "32 targets for 5 images"),
        (object(), x, y, "keras.Model"),
    ):
        with pytest.raises(BadInput, match=message):
            cs.fit(model, images, labels, verbose=0)
