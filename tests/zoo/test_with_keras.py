"""The zoo is written in Keras's notation: with Keras itself in its place the same networks come out."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from convsmith.zoo import NETWORKS, network

SMALL = {
    "alexnet": 96, "convnext_tiny": 32, "darts_cifar": 16, "densenet121": 32, "efficientnet_b0": 32,
    "enas_micro": 16, "googlenet": 32, "inception_v3": 96, "lenet5_1998": 32, "mnasnet0_5": 32,
    "mobilenet_025": 32, "mobilenet_v2": 32, "mobilenet_v3_small": 32, "nasnet_mobile": 64,
    "regnet_y_400mf": 32, "resnet18": 32, "resnet20": 16, "resnet50_v2": 32, "shufflenet_v2_x0_5": 40,
    "squeezenet1_1": 48, "vgg11_bn": 32, "wide_resnet16_4": 16, "xception": 75,
}  # fmt: skip
"""One network of each file -> a side that keeps it quick."""


@pytest.fixture(scope="module")
def real_keras() -> Any:
    """Keras, with the two layers that keras.applications keeps to itself."""
    import keras
    from keras.src.applications.convnext import LayerScale, StochasticDepth

    names = {name: getattr(keras.layers, name) for name in dir(keras.layers) if name[0].isupper()}
    layers = SimpleNamespace(**{**names, "LayerScale": LayerScale, "StochasticDepth": StochasticDepth})
    return SimpleNamespace(Input=keras.Input, Model=keras.Model, ops=keras.ops, layers=layers)


def shape(name: str, side: int) -> tuple[int, int, int]:
    return side, side, 1 if name.startswith("lenet") else 3


@pytest.mark.parametrize(
    "name", ["shufflenet_v2_x0_5", "darts_cifar", "convnext_tiny", "lenet5_1998", "resnet20"]
)
def test_runs_with_keras_in_the_notations_place(
    name: str, real_keras: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from convsmith.graph import read

    ours = network(name, shape(name, SMALL[name]), 7)
    build = NETWORKS[name]
    module = importlib.import_module(getattr(build, "func", build).__module__)
    for part in (module.__name__, "convsmith.zoo._parts", "convsmith.zoo._cells"):
        monkeypatch.setattr(f"{part}.keras", real_keras)
    theirs = build(input_shape=shape(name, SMALL[name]), classes=7)
    assert theirs.count_params() == ours.params  # type: ignore[attr-defined]
    assert tuple(theirs.output_shape[1:]) == ours.output_shape  # type: ignore[attr-defined]
    again = read(theirs)
    assert (again.params, again.macs, len(again)) == (ours.params, ours.macs, len(ours))


@pytest.mark.parametrize("name", sorted(SMALL))
def test_the_engine_answers_as_keras_does(name: str) -> None:
    import torch

    from convsmith.engine.lower import lower
    from convsmith.engine.weights import initial, load
    from convsmith.formats.keras import to_keras

    graph, rng = network(name, shape(name, SMALL[name]), 7), np.random.default_rng(0)
    weights = initial(graph, 0)
    for key, value in weights.items():
        if key.endswith(("moving_mean", "beta", "bias")):
            weights[key] = (0.1 * rng.normal(size=value.shape)).astype("float32")
    x_NHWC = rng.uniform(0, 255, (2, *shape(name, SMALL[name]))).astype("float32")
    module = lower(graph)
    load(module, weights)
    with torch.no_grad():
        ours = module.eval()(torch.from_numpy(x_NHWC.transpose(0, 3, 1, 2))).numpy()
    model = to_keras(graph, weights)
    assert model.count_params() == graph.params
    theirs = np.asarray(model.predict(x_NHWC, verbose=0))
    assert np.abs(ours - theirs).max() < 2e-3
    assert np.abs(ours.sum(axis=1) - 1).max() < 1e-5


@pytest.mark.parametrize(
    "name", ["shufflenet_v2_x0_5", "lenet5_1998", "enas_micro", "mobilenet_v3_small", "resnet20"]
)
def test_onnx_runtime_answers_as_the_engine_does(name: str) -> None:
    import onnxruntime
    import torch

    from convsmith.engine.lower import lower
    from convsmith.engine.weights import initial, load
    from convsmith.formats.onnx import to_onnx

    graph, rng = network(name, shape(name, SMALL[name]), 7), np.random.default_rng(0)
    weights = initial(graph, 0)
    x_NHWC = rng.uniform(0, 255, (2, *shape(name, SMALL[name]))).astype("float32")
    module = lower(graph)
    load(module, weights)
    with torch.no_grad():
        ours = module.eval()(torch.from_numpy(x_NHWC.transpose(0, 3, 1, 2))).numpy()
    session = onnxruntime.InferenceSession(to_onnx(graph, weights).SerializeToString())
    theirs = session.run(None, {session.get_inputs()[0].name: x_NHWC})[0]
    assert np.abs(ours - theirs).max() < 1e-4
