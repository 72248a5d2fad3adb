"""A .keras file whose HDF5 part says more than it holds: refused, within bounded memory."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from convsmith.errors import BadInput
from convsmith.graph import read
from convsmith.graph.keras.weights import read_keras_weights

CONFIG = """{"module": "keras", "class_name": "Sequential", "config": {"name": "one", "layers": [
{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 4], "name": "in"}},
{"module": "keras.layers", "class_name": "Dense", "config": {"name": "head", "units": 2}}]}}"""


def keras_file(path: Path, kernel: dict[str, object]) -> Path:
    """A file whose kernel is made by these arguments of h5py's."""
    held = io.BytesIO()
    with h5py.File(held, "w") as stored:
        group = stored.create_group("layers/dense/vars")
        group.create_dataset("0", **kernel)
        group.create_dataset("1", data=np.zeros(2, np.float32))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", CONFIG)
        archive.writestr("model.weights.h5", held.getvalue())
    return path


KERNEL = {"shape": (4, 2), "dtype": "f4"}
BOMBS = {
    "a chunk larger than the array": {**KERNEL, "maxshape": (None, None), "chunks": (16384, 16384)},
    "a chunk of a gigabyte, packed": {
        **KERNEL, "maxshape": (None, None), "chunks": (16384, 16384), "compression": "gzip",
    },
    "numbers of many bytes": {"shape": (4, 2), "dtype": "V100000"},
    "text": {"shape": (4, 2), "dtype": "S100"},
    "a shape that is not the network's": {"shape": (4000, 2000), "dtype": "f4", "fillvalue": 1},
}  # fmt: skip


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_in_weights(tmp_path: Path, kind: str) -> None:
    path = keras_file(tmp_path / "a.keras", BOMBS[kind])
    assert path.stat().st_size < 10_000
    graph = read(path)
    tracemalloc.start()
    with pytest.raises(BadInput):
        read_keras_weights(path, graph)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_the_file_without_a_bomb_is_read(tmp_path: Path) -> None:
    kernel = np.arange(8, dtype=np.float32).reshape(4, 2)
    path = keras_file(tmp_path / "a.keras", {"data": kernel, "chunks": (2, 2), "compression": "gzip"})
    found = read_keras_weights(path, read(path))
    assert np.array_equal(found["head/kernel"], kernel)
