"""What comes as data, and the arguments that say how it is taken: as in Keras."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import convsmith as cs
from convsmith.engine.keras.data import Arrays
from convsmith.errors import BadInput


def batches(x, y, size=16):
    """A generator that goes round and round."""
    while True:
        for at in range(0, len(x), size):
            yield x[at : at + size], y[at : at + size]


def dataset(x, y, size=16):
    import keras

    class Rows(keras.utils.PyDataset):
        def __len__(self):
            return -(-len(x) // size)

        def __getitem__(self, index):
            part = slice(index * size, (index + 1) * size)
            return x[part], y[part]

    return Rows()


def loader(x, y, size=16):
    pairs = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    return torch.utils.data.DataLoader(pairs, batch_size=size)


def tensors(x, y, size=16):
    return pytest.importorskip("tensorflow").data.Dataset.from_tensor_slices((x, y)).batch(size)


@pytest.mark.parametrize("kind", ["PyDataset", "DataLoader", "generator", "tf.data"])
def test_batches_of_their_own(rows, small, alike, kind):
    x, y = rows
    make = {"PyDataset": dataset, "DataLoader": loader, "generator": batches, "tf.data": tensors}[kind]

    def fresh(x=x[:64], y=y[:64]):
        return make(x, y)

    fresh.__name__ = "fresh"

    def held():
        return make(x[64:], y[64:])

    held.__name__ = "fresh"
    steps = {"steps_per_epoch": 3, "validation_steps": 1} if kind == "generator" else {}
    weights = {"class_weight": {1: 2.0}} if kind == "PyDataset" else {}
    theirs, ours = alike(small, fresh, batch_size=None, validation_data=held, **steps, **weights)
    wanted = theirs.evaluate(held(), verbose=0, steps=1)
    assert cs.evaluate(ours, held(), verbose=0, steps=1) == pytest.approx(wanted, rel=1e-3)
    wanted = theirs.predict(held(), verbose=0, steps=1)
    np.testing.assert_allclose(cs.predict(ours, held(), verbose=0, steps=1), wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "arguments",
    [
        {"steps_per_epoch": 2, "epochs": 4},
        {"steps_per_epoch": 2, "batch_size": None, "epochs": 2},
        {"initial_epoch": 2, "epochs": 4, "validation_split": 0.3, "validation_batch_size": 7},
        {"validation_split": 0.2, "validation_freq": 2, "epochs": 5},
        {"validation_split": 0.2, "validation_freq": [1, 4], "epochs": 4},
        {"batch_size": 13, "epochs": 0},
    ],
    ids=str,
)
def test_arguments_mean_what_they_mean_in_keras(rows, small, alike, arguments):
    alike(small, *rows, **arguments)


def test_tensors_lists_and_bytes(rows, small, alike):
    x, y = rows
    pixels = (x * 255).astype(np.uint8)
    alike(small, torch.from_numpy(x), torch.from_numpy(y), epochs=1)
    ours = small()
    cs.fit(ours, pixels.tolist(), y.tolist(), verbose=0)
    np.testing.assert_allclose(cs.predict(ours, pixels), ours.predict(pixels, verbose=0), rtol=1e-4)


def test_shuffled_epochs_hold_every_image_once(rows):
    x = rows[0]
    targets = [torch.from_numpy(np.arange(len(x)))]
    for shuffle in (True, "batch"):
        np.random.seed(0)
        data = Arrays([x], targets, [None], 16, shuffle)
        epochs = [[batch.targets[0].tolist() for batch in data] for _ in range(2)]
        assert epochs[0] != epochs[1]
        assert all(
            sorted(index for batch in epoch for index in batch) == list(range(len(x))) for epoch in epochs
        )
        whole = [list(range(at, at + 16)) for at in range(0, len(x), 16)]
        assert (sorted(epochs[0]) == whole) == (shuffle == "batch")
        np.random.seed(0)
        assert [batch.targets[0].tolist() for batch in data] == epochs[0]


def test_verbose_says_what_keras_says(rows, small, capsys):
    x, y = rows
    for verbose in (1, 2, "auto", 0):
        said = []
        for train in ("keras", "here"):
            model = small()
            run = model.fit if train == "keras" else lambda *a, model=model, **k: cs.fit(model, *a, **k)
            run(x, y, epochs=2, verbose=verbose, batch_size=40, shuffle=False)
            lines = capsys.readouterr().out.replace("\r", "\n").splitlines()
            said.append(
                [word for word in " ".join(lines).split() if word in ("Epoch", "accuracy:", "1/2", "2/2")]
            )
        assert set(said[0]) == set(said[1])
        assert bool(said[1]) == (verbose != 0)


def test_data_that_do_not_fit_are_named(rows, small):
    x, y = rows
    for arguments, message in (
        ({"x": dataset(x, y), "validation_split": 0.2}, "validation_split: given with a Rows"),
        ({"x": dataset(x, y), "y": y}, "y. should not be passed"),
        ({"x": x}, "y: got None"),
        ({"x": x[:0], "y": y[:0]}, "is empty"),
        ({"x": x.astype(str), "y": y}, "x: got <U"),
        ({"x": x, "y": y, "sample_weight": np.ones(3)}, "3 weights for 80 images"),
        ({"x": x, "y": y, "class_weight": {0: 1.0}, "sample_weight": np.ones(80)}, "given together"),
        ({"x": x, "y": y, "validation_data": (x[:, :7], y)}, r"images of shape \(80, 7, 8, 1\)"),
        ({"x": ((one,) for one in [x[:8]])}, "images without targets"),
    ):
        with pytest.raises(BadInput, match=message):
            cs.fit(small(), **arguments, verbose=0)
