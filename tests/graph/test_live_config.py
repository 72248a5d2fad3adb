"""A live model is read for what it is, however it was compiled and whatever its own layers can tell."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import pytest

import convsmith as cs
from convsmith.errors import BadInput
from convsmith.graph import read

layers = keras.layers


class OwnRate(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step: Any) -> float:
        return 0.1


class Silent(layers.Layer):
    """A layer whose settings Keras cannot write."""

    def __init__(self, thing: Any, **settings: Any) -> None:
        super().__init__(**settings)
        self.thing = thing

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=(3, 4))

    def call(self, x: Any) -> Any:
        return x * 1.0


class OwnLoss(keras.losses.Loss):
    def __init__(self, thing: Any) -> None:
        super().__init__()
        self.thing = thing

    def call(self, y: Any, x: Any) -> Any:
        return y - x


def small(name: str = "small") -> Any:
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(2, 3, name="conv"), layers.Flatten(), layers.Dense(3)],
        name=name,
    )


@pytest.mark.parametrize("how", ["schedule", "loss", "metric"])
def test_how_a_model_was_compiled_is_not_read(how: str) -> None:
    model = small()
    wanted = read(model)
    model.compile(
        keras.optimizers.SGD(OwnRate() if how == "schedule" else 0.1),
        OwnLoss(object()) if how == "loss" else "mse",
        metrics=[lambda y, x: y - x] if how == "metric" else None,
    )
    assert read(model) == wanted
    assert cs.size(model).totals.params == model.count_params()
    assert not {"get_compile_config", "get_config"} & set(vars(model)), "the model is as it was"


def test_how_a_model_within_a_model_was_compiled_is_not_read() -> None:
    inner = small("inner")
    inner.compile(keras.optimizers.SGD(OwnRate()), OwnLoss(object()))
    outer = keras.Sequential([keras.Input((8, 8, 1)), inner, layers.Dense(2)])
    assert read(outer).params == outer.count_params()
    assert not {"get_compile_config", "get_config"} & set(vars(inner))


def test_a_layer_that_cannot_tell_its_settings_is_listed_and_the_rest_is_sized() -> None:
    own = Silent(object(), name="own")
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(2, 3, name="conv"), own, layers.Flatten()]
    )
    graph = read(model)
    assert graph.unknown == ("own",)
    assert graph.shapes["own"] == (6, 6, 2)
    assert graph.output_shape == (72,)
    assert "get_config" not in vars(own)


def test_a_model_of_its_own_code_is_pointed_to_keras() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = Own()
    model.build((None, 3))
    with pytest.raises(BadInput, match=r"model\.fit"):
        read(model)
