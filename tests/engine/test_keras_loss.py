"""Losses and metrics of compiled models: the same program under Keras and here gives the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

import convsmith as cs
from convsmith.engine.keras.ends import ends_of
from convsmith.engine.keras.loss import Objective
from convsmith.engine.keras.metrics import Accuracies, KerasMetrics, metrics_of
from convsmith.errors import BadInput, BadName
from convsmith.graph import read

ONE = np.eye(10, dtype=np.float32)
LOSSES = [
    ("categorical_crossentropy", "softmax", "one_hot", ["accuracy", "top_k_categorical_accuracy"]),
    ("sparse_categorical_crossentropy", "softmax", "labels", ["acc", "sparse_top_k_categorical_accuracy"]),
    ("CategoricalFocalCrossentropy", "softmax", "one_hot", ["accuracy"]),
    ("mse", "softmax", "one_hot", ["accuracy", "mae"]),
    ("kl_divergence", "softmax", "one_hot", ["auc", "precision", "recall"]),
    ("huber", None, "one_hot", ["RootMeanSquaredError", "R2Score"]),
    ("binary_crossentropy", "sigmoid", "bits", ["accuracy", "auc", "precision"]),
    ("BinaryFocalCrossentropy", "sigmoid", "bits", ["binary_accuracy", "f1_score", "recall"]),
    ("dice", "sigmoid", "bits", []),
]


@pytest.mark.parametrize(("loss", "activation", "form", "metrics"), LOSSES)
def test_losses_and_metrics_follow_keras(rows, small, alike, loss, activation, form, metrics):
    x, y = rows
    units = 1 if form == "bits" else 10
    y = {"one_hot": ONE[y], "labels": y[:, None], "bits": (y % 2).astype(np.float32)[:, None]}[form]

    def make():
        return small(units=units, activation=activation, loss=loss, metrics=list(metrics))

    kwargs = {} if loss == "dice" else {"sample_weight": np.linspace(0, 2, len(x)).astype(np.float32)}
    theirs, ours = alike(make, x, y, validation_split=0.2, epochs=1, close=5e-4, **kwargs)
    kwargs = {"batch_size": 16, "verbose": 0, "return_dict": True}
    expected, found = theirs.evaluate(x, y, **kwargs), cs.evaluate(ours, x, y, **kwargs)
    assert list(found) == list(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=2e-3, atol=1e-5)


def test_class_weights_weighted_metrics_and_reductions(rows, small, alike):
    import keras

    x, y = rows
    for reduction in ("sum", "mean_with_sample_weight"):

        def make(reduction=reduction):
            loss = keras.losses.SparseCategoricalCrossentropy(reduction=reduction)
            return small(loss=loss, weighted_metrics=["accuracy"], optimizer=keras.optimizers.SGD(0.005))

        alike(make, x, y, class_weight={0: 3.0, 4: 0.5}, epochs=2)


def test_the_users_own_loss_and_metric(rows, small, alike):
    import keras

    x, y = rows

    def steep(y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** 1.5, axis=-1)

    class Twice(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return 2 * keras.losses.mean_squared_error(y_true, y_pred)

    for loss in (steep, Twice()):
        alike(lambda loss=loss: small(loss=loss, metrics=[steep]), x, ONE[y], epochs=2)


def test_plain_accuracy_is_counted_here(small):
    """The accuracies cost no call of Keras's; everything else is Keras's own object."""
    for metrics, loss, kind in (
        (["accuracy"], "sparse_categorical_crossentropy", Accuracies),
        (["acc", "categorical_accuracy"], "categorical_crossentropy", Accuracies),
        ([], "mse", Accuracies),
        (["categorical_accuracy"], "sparse_categorical_crossentropy", KerasMetrics),
        (["accuracy", "auc"], "categorical_crossentropy", KerasMetrics),
    ):
        model = small(loss=loss, metrics=metrics)
        objective = Objective(model, ends_of(model, read(model))[1])
        assert type(metrics_of(model, objective)) is kind, metrics


def two_ends(form, **compiled):
    """Two inputs, two outputs, in one of the forms in which Keras takes them."""
    import keras

    keras.utils.set_random_seed(1)
    image, row = keras.Input((8, 8, 1), name="image"), keras.Input((4,), name="row")
    z = keras.layers.Flatten()(keras.layers.Conv2D(3, 3, activation="relu")(image))
    z = keras.layers.Concatenate()([z, row])
    kind = keras.layers.Dense(10, activation="softmax", name="kind")(z)
    amount = keras.layers.Dense(1, name="amount")(z)
    inputs, outputs = {
        "list": ([image, row], [kind, amount]),
        "tuple": ((row, image), (kind, amount)),
        "dict": ({"image": image, "row": row}, {"kind": kind, "amount": amount}),
    }[form]
    model = keras.Model(inputs, outputs)
    model.compile(optimizer=keras.optimizers.SGD(0.02), **compiled)
    return model


@pytest.mark.parametrize(
    ("form", "named", "compiled"),
    [
        ("list", False, {"loss": ["sparse_categorical_crossentropy", "mse"], "loss_weights": [0.7, 2.0],
                         "metrics": [["accuracy"], ["mae"]]}),
        ("list", False, {"loss": {"kind": "sparse_categorical_crossentropy", "amount": "huber"},
                         "loss_weights": {"amount": 0.5, "kind": 1.0},
                         "metrics": {"amount": ["mae", "mse"]}}),
        ("tuple", False, {"loss": ["sparse_categorical_crossentropy", "mae"]}),
        ("dict", True, {"loss": {"kind": "sparse_categorical_crossentropy", "amount": "mse"},
                        "metrics": {"kind": ["accuracy"], "amount": ["mae"]},
                        "weighted_metrics": {"kind": ["accuracy"], "amount": []}}),
    ],
)  # fmt: skip
def test_several_inputs_and_outputs(rows, alike, form, named, compiled):
    x, y = rows
    rng = np.random.default_rng(0)
    extra, amount = (
        rng.normal(size=(len(x), 4)).astype(np.float32),
        rng.normal(size=len(x)).astype(np.float32),
    )
    weights = rng.uniform(size=len(x)).astype(np.float32)
    given = {"image": x, "row": extra} if named else [extra, x] if form == "tuple" else [x, extra]
    targets = {"kind": y, "amount": amount} if named else [y, amount]
    theirs, ours = alike(
        lambda: two_ends(form, **compiled), given, targets, validation_split=0.25, sample_weight=weights
    )
    expected = theirs.evaluate(given, targets, verbose=0)
    np.testing.assert_allclose(cs.evaluate(ours, given, targets, verbose=0), expected, rtol=1e-3)
    wanted, found = theirs.predict(given, verbose=0), cs.predict(ours, given, verbose=0)
    assert type(found) is type(wanted)
    for name in ("kind", "amount") if named else (0, 1):
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # Keras's own word on the other output
def test_a_loss_for_one_of_the_outputs(rows, alike):
    x, y = rows
    extra = np.zeros((len(x), 4), np.float32)
    compiled = {"loss": {"kind": "sparse_categorical_crossentropy"}}
    alike(lambda: two_ends("dict", **compiled), {"image": x, "row": extra}, {"kind": y, "amount": y})


def test_wrong_ends_are_named(rows):
    x, y = rows
    extra = np.zeros((len(x), 4), np.float32)
    model = two_ends("list", loss=["sparse_categorical_crossentropy", "mse"])
    for given, targets, message in (
        (x, [y, y], "x: got one ndarray for 2 ends.*image, row"),
        ({"image": x, "rows": extra}, [y, y], "did you mean 'row'"),
        ([x, extra[:5]], [y, y], "input 'row': 5 images"),
        ([extra, x], [y, y], "input 'image': images of shape"),
        ([x, extra], [y], "y: got 1 for 2"),
        ([x, extra], {"kind": y}, "nothing for output 'amount'"),
    ):
        with pytest.raises(BadInput, match=message):
            cs.fit(model, given, targets, verbose=0)
    with pytest.raises(BadName, match="did you mean 'amount'"):
        cs.fit(two_ends("dict", loss={"amounts": "mse"}), {"image": x, "row": extra}, {"amount": y})
    with pytest.raises(BadInput, match="3 for 2 outputs"):
        cs.fit(two_ends("list", loss=["mse"] * 3), [x, extra], [y, y])
