"""What a model leaves open, its data say; images that lack the one channel are taken as by Keras."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import pytest
import torch

import convsmith as cs
from convsmith.engine.keras.data import first_of
from convsmith.errors import BadInput

layers = keras.layers
X = np.random.default_rng(0).normal(size=(12, 9, 8, 3)).astype(np.float32)
Y = np.arange(12) % 2


def model(shape: tuple[int | None, ...] = (None, None, 3), seed: int = 0) -> Any:
    keras.utils.set_random_seed(seed)
    found = keras.Sequential([
        keras.Input(shape), layers.Conv2D(4, 3, strides=2, padding="same"), layers.BatchNormalization(),
        layers.GlobalAveragePooling2D(), layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    found.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return found


class Rows(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, at: int) -> Any:
        return X[4 * at : 4 * at + 4], Y[4 * at : 4 * at + 4]


def batches() -> Iterator[Any]:
    for at in range(3):
        yield Rows()[at]


class Each(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 12

    def __getitem__(self, at: int) -> Any:
        return X[at], Y[at]


STREAMS = {
    "dataset": Rows,
    "generator": batches,
    "loader": lambda: torch.utils.data.DataLoader(Each(), batch_size=4),
}


def test_an_open_input_is_trained_at_the_size_of_the_images_as_in_keras() -> None:
    ours, theirs = model(), model()
    found = cs.fit(ours, X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0, validation_data=(X, Y))
    wanted = theirs.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0, validation_data=(X, Y))
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(found.history[name], wanted.history[name], rtol=1e-4)
    assert cs.evaluate(ours, X, Y, verbose=0) == pytest.approx(theirs.evaluate(X, Y, verbose=0), rel=1e-4)


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_an_open_input_takes_the_size_of_the_first_batch_and_no_batch_is_lost(name: str) -> None:
    ours, theirs = model(), model()
    found = cs.fit(ours, STREAMS[name](), verbose=0, shuffle=False)
    wanted = theirs.fit(STREAMS[name](), verbose=0, shuffle=False)
    np.testing.assert_allclose(found.history["loss"], wanted.history["loss"], rtol=1e-4)
    assert cs.predict(ours, STREAMS[name](), verbose=0).shape == (12, 2)


def test_a_shuffled_loader_keeps_its_order_where_the_size_is_looked_up() -> None:
    torch.manual_seed(3)
    loader = torch.utils.data.DataLoader(Each(), batch_size=4, shuffle=True)
    first_of(loader)
    found = [rows for rows, _ in loader]
    torch.manual_seed(3)
    again = torch.utils.data.DataLoader(Each(), batch_size=4, shuffle=True)
    assert all(torch.equal(one, other) for one, (other, _) in zip(found, again, strict=True))


def test_an_open_input_predicts_one_size_after_another() -> None:
    ours = model()
    for rows in (5, 9, 5):
        part = X[:3, :rows]
        wanted = ours.predict(part, verbose=0)
        np.testing.assert_allclose(cs.predict(ours, part, verbose=0), wanted, rtol=1e-4, atol=1e-6)


def test_images_of_another_size_than_the_first_are_one_line() -> None:
    with pytest.raises(BadInput, match=r"images of shape \(4, 5, 8, 3\).*\(N, 9, 8, 3\)"):
        cs.fit(model(), X, Y, validation_data=(X[:4, :5], Y[:4]), verbose=0)


def test_data_without_a_batch_are_one_line() -> None:
    with pytest.raises(BadInput, match="without a batch"):
        cs.fit(model(), (batch for batch in ()), verbose=0)


def test_a_model_without_an_input_is_built_by_a_stream() -> None:
    keras.utils.set_random_seed(0)
    found = keras.Sequential([layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2, activation="softmax")])
    found.compile("sgd", "sparse_categorical_crossentropy")
    cs.fit(found, batches(), verbose=0)
    assert found.input_shape == (None, 9, 8, 3)


GREY = X[..., 0]


@pytest.mark.parametrize("open_", [False, True])
def test_images_without_their_one_channel_are_taken_as_keras_takes_them(open_: bool) -> None:
    shape = (None, None, 1) if open_ else (9, 8, 1)
    ours, theirs = model(shape), model(shape)
    found = cs.fit(ours, GREY, Y, batch_size=4, shuffle=False, verbose=0, validation_split=0.25)
    wanted = theirs.fit(GREY, Y, batch_size=4, shuffle=False, verbose=0, validation_split=0.25)
    np.testing.assert_allclose(found.history["val_loss"], wanted.history["val_loss"], rtol=1e-4)
    np.testing.assert_allclose(
        cs.predict(ours, GREY, verbose=0), theirs.predict(GREY, verbose=0), rtol=1e-3, atol=1e-5
    )
    assert cs.evaluate(ours, GREY, Y, verbose=0) == pytest.approx(theirs.evaluate(GREY, Y, verbose=0), 1e-3)


def test_a_last_size_of_one_too_many_is_taken_as_keras_takes_it() -> None:
    ours = model((9, 8, 3))
    wanted = ours.predict(X[..., None], verbose=0)
    np.testing.assert_allclose(cs.predict(ours, X[..., None], verbose=0), wanted, rtol=1e-4, atol=1e-6)


def test_colour_images_without_a_channel_stay_refused() -> None:
    with pytest.raises(BadInput, match="expected \\(N, 9, 8, 3\\)"):
        cs.predict(model((9, 8, 3)), GREY, verbose=0)
