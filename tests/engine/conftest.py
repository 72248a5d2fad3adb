"""What several tests of the engine need: a small model under Keras and here, images, threads, calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

import convsmith as cs
from convsmith.engine import native
from convsmith.engine.native import convolutions

compiled = pytest.mark.skipif(not native.available(), reason="the package was built without a C++ compiler")
checked = settings(
    max_examples=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


def image(*size: int, seed: int = 0, far: float = 0.0) -> torch.Tensor:
    """Standard normal numbers around `far`, channels last."""
    x = torch.randn(size, generator=torch.Generator().manual_seed(seed)) + far
    return x.contiguous(memory_format=torch.channels_last)


def near(found: torch.Tensor, wanted: torch.Tensor, terms: int) -> bool:
    """Whether float32 numbers are what sums of so many products of standard normal numbers come to."""
    return float((found.double() - wanted).abs().max()) <= 4e-6 * terms**0.5 + 1e-6


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture
def small() -> Callable[..., Any]:
    """A model of 8 x 8 images with one convolution; the same first weights each time."""
    import keras

    def make(*, units: int = 10, activation: str | None = "softmax", **compiled: Any) -> Any:
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(4, 3, strides=2, activation="relu"),
                keras.layers.Flatten(),
                keras.layers.Dense(units, activation=activation),
            ]
        )
        usual = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
        model.compile(**{"optimizer": keras.optimizers.SGD(0.1), **usual, **compiled})
        return model

    return make


@pytest.fixture
def alike() -> Callable[..., tuple[Any, Any]]:
    """Train two equal models, one by Keras and one here, and compare everything that comes back."""

    def compare(make: Callable[[], Any], *args: Any, close: float = 1e-4, **kwargs: Any) -> tuple[Any, Any]:
        import keras

        theirs, ours = make(), make()
        usual = {"batch_size": 16, "epochs": 3, "verbose": 0, "shuffle": False, **kwargs}

        def given(value: Any) -> Any:
            return value() if callable(value) and getattr(value, "__name__", "") == "fresh" else value

        expected = theirs.fit(*map(given, args), **{key: given(value) for key, value in usual.items()})
        found = cs.fit(ours, *map(given, args), **{key: given(value) for key, value in usual.items()})
        assert isinstance(found, keras.callbacks.History)
        assert list(found.history) == list(expected.history)
        assert found.epoch == expected.epoch
        for name in expected.history:
            np.testing.assert_allclose(
                found.history[name], expected.history[name], rtol=close, atol=1e-5, err_msg=name
            )
        for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=10 * close, atol=1e-4)
        return theirs, ours

    return compare


@pytest.fixture(scope="session")
def rows() -> tuple[np.ndarray, np.ndarray]:
    """Eighty digits of 8 x 8 pixels, 0 to 1, and their classes."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.images[:80, ..., None] / 16).astype(np.float32), found.target[:80]


@pytest.fixture
def torch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the compiled functions: as on a device, or where the package was built without a compiler."""
    monkeypatch.setattr(native, "_library", lambda: None)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the compiled functions that are called from now on."""
    found: list[str] = []
    original = native.call

    def call(name: str, *arguments: Any) -> None:
        found.append(name)
        original(name, *arguments)

    for module in (native, convolutions):
        monkeypatch.setattr(module, "call", call)
    return found
