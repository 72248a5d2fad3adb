"""Classes and functions that are only named like Keras's are never taken for Keras's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import layers, ops

import convsmith as cs
from convsmith.engine.lower import lower
from convsmith.engine.training import Training
from convsmith.engine.weights import initial
from convsmith.errors import BadInput
from convsmith.formats.keras import to_keras
from convsmith.formats.onnx import to_onnx
from convsmith.graph import read
from convsmith.graph.keras.weights import from_keras_weights
from convsmith.kinds import KINDS
from convsmith.kinds.input_layer import InputLayer
from convsmith.kinds.operation import Operation
from convsmith.kinds.unknown import Unknown

NAMED = sorted(
    name
    for name, kind in KINDS.items()
    if kind.home == "keras.layers" and name not in ("InputLayer", "Operation", "Unknown")
)


def dense_model(**settings: Any) -> Any:
    x = keras.Input((4,))
    return keras.Model(x, layers.Dense(3, name="d", **settings)(x))


def forms(model: Any, folder: Path) -> list[Any]:
    """The live model, its JSON and its file."""
    model.save(folder / "net.keras")
    return [model, json.loads(model.to_json()), folder / "net.keras"]


@pytest.mark.parametrize("registered", ["Class", "mine>Class", "keras.layers>Class"])
@pytest.mark.parametrize("name", NAMED)
def test_a_configuration_of_an_own_class_is_no_kind_of_that_name(name: str, registered: str) -> None:
    """Keras writes a class of the running program without a module, with the name it is registered under."""
    settings = {"name": "own", "filters": 2, "kernel_size": 1, "units": 2, "rate": 0.5, "scale": 2.0}
    own = {
        "module": None, "class_name": name, "config": settings,
        "registered_name": registered.replace("Class", name),
    }  # fmt: skip
    start = {"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 4, 4, 2]}}
    for entry in (own, {**own, "module": "mine.layers"}, {**own, "module": "keras_hub.layers"}):
        graph = read({"class_name": "Sequential", "config": {"name": "s", "layers": [start, entry]}})
        assert graph.unknown == ("own",)
        assert graph.params is None


@pytest.mark.parametrize(
    "base",
    [layers.Conv2D, layers.Rescaling, layers.Softmax, layers.Dense, layers.Add],
    ids=lambda c: c.__name__,
)
def test_a_live_layer_of_an_own_class_is_unknown(base: Any, tmp_path: Path) -> None:
    own = type(base.__name__, (base,), {"call": lambda self, x: base.call(self, x) * 2})
    settings = {"Conv2D": (2, 3), "Rescaling": (2.0,), "Dense": (2,)}.get(base.__name__, ())
    x = keras.Input((5, 5, 2))
    model = keras.Model(x, own(*settings, name="own")([x, x] if base is layers.Add else x))
    for form in forms(model, tmp_path):
        graph = read(form)
        assert graph.unknown == ("own",)
        assert isinstance(graph["own"].kind, Unknown)
        with pytest.raises(BadInput, match="add-a-layer-kind"):
            lower(graph)


def test_own_layers_named_like_those_of_keras_applications(tmp_path: Path) -> None:
    class StochasticDepth(layers.Layer):  # without the settings that the other has
        def call(self, x: Any) -> Any:
            return x * 0.5

    class LayerScale(layers.Layer):
        def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.init_values, self.projection_dim = init_values, projection_dim

        def call(self, x: Any) -> Any:
            return x + self.init_values

        def get_config(self) -> dict[str, Any]:
            own = {"init_values": self.init_values, "projection_dim": self.projection_dim}
            return {**super().get_config(), **own}

    x = keras.Input((4, 4, 2))
    model = keras.Model(x, LayerScale(0.5, 2, name="b")(StochasticDepth(name="a")(x)))
    for form in forms(model, tmp_path):
        assert read(form).unknown == ("a", "b")
        assert cs.size(form).graph.params is None
    entry = json.loads(model.to_json())
    for layer in entry["config"]["layers"]:  # as Keras 2 writes it: only what fits is taken for Keras's
        layer.pop("module"), layer.pop("registered_name")
    assert read(entry).unknown == ("a",)


class Doubled(keras.Model):
    """Its own call does more than its layers."""

    def call(self, x: Any, training: Any = None, mask: Any = None) -> Any:
        return super().call(x) * 2


class DoubledRow(keras.Sequential):
    """The same as a Sequential."""

    def call(self, x: Any, training: Any = None, mask: Any = None) -> Any:
        return super().call(x) * 2


class Renamed(keras.Model):
    """Only a name of its own: Keras calls its layers."""


def doubled() -> Any:
    x = keras.Input((4,))
    return Doubled(x, layers.Dense(2, name="d")(x), name="twice")


def doubled_row() -> Any:
    return DoubledRow([keras.Input((4,)), layers.Dense(2, name="d")], name="twice")


def nested(inner: Any) -> Any:
    x = keras.Input((4,))
    return keras.Model(x, layers.Dense(3, name="after")(inner(x)), name="outer")


@pytest.mark.parametrize("build", [doubled, doubled_row])
def test_a_model_with_a_call_of_its_own_is_unknown_behind_its_layers(build: Any, tmp_path: Path) -> None:
    model = build()
    for form in forms(model, tmp_path):
        graph = read(form)
        assert (graph.unknown, graph.params, graph.known_params) == (("twice",), None, 10)
        assert graph.output_shape == (None,)  # its call may give any
        with pytest.raises(BadInput, match=r"layer twice \(Doubled.*keras\.Model\(model\.inputs"):
            lower(graph)
        with pytest.raises(BadInput, match="call of its own"):
            to_keras(graph)
    model.compile("sgd", "mse")
    for call in (
        lambda: cs.predict(model, np.zeros((2, 4), "f4")),
        lambda: cs.fit(model, np.zeros((2, 4)), [0]),
    ):
        with pytest.raises(BadInput, match="may do more than call its layers"):
            call()
    alone = read(keras.Model(model.inputs, model.outputs))
    assert alone.params == 10


@pytest.mark.parametrize("build", [doubled, doubled_row])
def test_such_a_model_inside_another(build: Any, tmp_path: Path) -> None:
    for form in forms(nested(build()), tmp_path):
        graph = read(form)
        assert graph.unknown == ("twice",)
        assert graph.known_params == 10 + 9
        assert graph["after"].inputs == ("twice",)
        assert graph["twice"].inputs == ("twice/d",)
        assert graph.shapes["twice"] == (2,)


def test_a_live_model_without_a_call_of_its_own_is_its_layers(tmp_path: Path) -> None:
    x = keras.Input((4,))
    model = Renamed(x, layers.Dense(2)(x), name="plain")
    assert read(model).params == 10
    assert read(nested(model)).params == 19
    found = cs.predict(model, np.ones((2, 4), "f4"))
    np.testing.assert_allclose(found, model.predict(np.ones((2, 4), "f4"), verbose=0), rtol=1e-5)
    assert read(json.loads(model.to_json())).unknown == ("plain",)  # a file does not say so


def relu(x: Any) -> Any:
    return ops.relu(x) * 7


@keras.saving.register_keras_serializable("mine")
def bent(x: Any) -> Any:
    return x * 0.5


@pytest.mark.parametrize("function", [relu, bent, lambda x: x * 2], ids=["relu", "bent", "lambda"])
def test_an_own_activation_function_is_counted_and_never_run_as_keras_s(function: Any) -> None:
    for layer in (layers.Dense(3, activation=function, name="a"), layers.Activation(function, name="a")):
        x = keras.Input((4,))
        graph = read(keras.Model(x, layer(x)))
        assert graph.params == (15 if isinstance(layer, layers.Dense) else 0)
        for call in (lower, lambda graph: to_onnx(graph, from_zeros(graph))):
            with pytest.raises(BadInput, match=r"layer a \(\w+\), activation: got .* of the program's own"):
                call(graph)


def from_zeros(graph: Any) -> dict[str, np.ndarray]:
    return {name: np.zeros(weight.shape, np.float32) for name, weight in graph.weights.items()}


@pytest.mark.parametrize(
    "layer",
    [layers.ReLU(6.0), layers.LeakyReLU(0.2), layers.ELU(0.5), layers.Softmax()],
    ids=lambda x: x.name,
)
def test_keras_s_layers_are_taken_as_activations(layer: Any) -> None:
    x_NC = np.random.default_rng(0).normal(0, 5, (3, 4)).astype("f4")
    model = dense_model(activation=layer)
    graph = read(model)
    assert (
        graph.fingerprint
        == read(dense_model(activation=type(layer).from_config(layer.get_config()))).fingerprint
    )
    weights = from_keras_weights(model, graph)
    wanted = model.predict(x_NC, verbose=0)
    np.testing.assert_allclose(
        lower(graph, weights)(torch.from_numpy(x_NC)).detach(), wanted, rtol=1e-4, atol=1e-5
    )
    from convsmith.formats.check import open_session

    np.testing.assert_allclose(
        open_session(to_onnx(graph, weights)).run(None, {"image": x_NC})[0], wanted, rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(to_keras(graph, weights).predict(x_NC, verbose=0), wanted, rtol=1e-5)


class MyReLU(layers.ReLU):
    def call(self, x: Any) -> Any:
        return x


@pytest.mark.parametrize("layer", [MyReLU(), layers.PReLU()], ids=["own", "weights"])
def test_an_activation_that_may_own_weights_makes_its_layer_unknown(layer: Any) -> None:
    model = dense_model(activation=layer)
    for form in (model, model.to_json()):
        assert read(form).unknown == ("d",)


class L2(keras.regularizers.Regularizer):
    def __call__(self, x: Any) -> Any:
        return 1000 * ops.sum(x)

    def get_config(self) -> dict[str, Any]:
        return {}


class GlorotUniform(keras.initializers.Initializer):
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return ops.ones(shape)

    def get_config(self) -> dict[str, Any]:
        return {}


class MaxNorm(keras.constraints.Constraint):
    def __call__(self, w: Any) -> Any:
        return w * 0

    def get_config(self) -> dict[str, Any]:
        return {}


def l2(w: Any) -> Any:
    return ops.sum(w)


def he_normal(shape: Any, dtype: Any = None) -> Any:
    return ops.ones(shape)


OWN = {
    "kernel_regularizer": L2(), "bias_regularizer": l2, "kernel_initializer": GlorotUniform(),
    "bias_initializer": he_normal, "kernel_constraint": MaxNorm(),
}  # fmt: skip


@pytest.mark.parametrize("setting", sorted(OWN))
def test_own_regularizers_initializers_and_constraints_are_not_keras_s(setting: str, tmp_path: Path) -> None:
    own = OWN[setting]
    name = getattr(own, "__name__", type(own).__name__)
    model = dense_model(**{setting: own})
    x, y = np.zeros((4, 4), "f4"), np.zeros(4, np.int64)
    for form in (model, json.loads(model.to_json())):
        graph = read(form)
        assert graph.params == 15  # they own nothing
        lower(graph, from_zeros(graph))  # and change no prediction
        with pytest.raises(BadInput, match=f"class {name}"):
            to_keras(graph)
        if setting.endswith("initializer"):
            with pytest.raises(BadInput, match=f"initializer: got {name}"):
                initial(graph, 0)
        else:
            with pytest.raises(BadInput, match=f"layer d, {setting}: got {name}.*of the program's own"):
                Training(graph, x, y, None, from_zeros(graph), None)  # type: ignore[arg-type]
    model.compile("sgd", "mse")
    if setting.endswith("initializer"):  # the model has its weights already
        cs.fit(model, x, np.zeros((4, 3)), verbose=0)
    else:
        with pytest.raises(BadInput, match=name):
            cs.fit(model, x, np.zeros((4, 3)), verbose=0)


def test_an_own_operation_is_unknown() -> None:
    class Square(keras.Operation):
        def call(self, x: Any) -> Any:
            return x * 3

        def compute_output_spec(self, x: Any) -> Any:
            return keras.KerasTensor(x.shape, x.dtype)

    x = keras.Input((4,))
    graph = read(keras.Model(x, Square(name="own")(x)))
    assert isinstance(graph["own"].kind, Unknown)
    assert not isinstance(graph["own"].kind, Operation)


def test_keras_s_own_forms_of_every_version_stay_kinds() -> None:
    """The module that each version wrote, and none."""
    homes = (
        "keras.layers",
        "keras.src.layers.core.dense",
        "tensorflow.keras.layers",
        "tf_keras.layers",
        None,
    )
    for home in homes:
        dense = {
            "module": home,
            "class_name": "Dense",
            "config": {"name": "d", "units": 2},
            "registered_name": None,
        }
        start = {
            "module": home,
            "class_name": "InputLayer",
            "config": {"name": "i", "batch_shape": [None, 3]},
        }
        graph = read({"class_name": "Sequential", "config": {"name": "s", "layers": [start, dense]}})
        assert graph.params == 8
        assert isinstance(graph["i"].kind, InputLayer)
