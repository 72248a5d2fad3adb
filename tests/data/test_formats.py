"""IDX, CIFAR, .npy and objects in memory against NumPy, pickle, torch and Keras."""

from __future__ import annotations

import contextlib
import gzip
import os
import pickle
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from convsmith.data import read
from convsmith.data.files.plain_pickle import read_plain
from convsmith.data.readers.npy import mapped
from convsmith.errors import BadInput

from .conftest import noise

GREY = noise(0, 12 * 28, 28, 1).reshape(12, 28, 28)
COLOUR = noise(1, 12 * 32, 32).reshape(12, 32, 32, 3)
Y = np.arange(12) % 3


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSMITH_CACHE", str(tmp_path / "cache"))


def idx_bytes(x: np.ndarray) -> bytes:
    kinds = {"uint8": 8, "int32": 12, "float32": 13}
    head = struct.pack(f">BBBB{x.ndim}I", 0, 0, kinds[x.dtype.name], x.ndim, *x.shape)
    return head + x.astype(x.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_in_the_names_of_mnist(tmp_path: Path, ending: str) -> None:
    pack = gzip.compress if ending else bytes
    root = tmp_path / "MNIST"
    root.mkdir()
    for part, rows in (("train", slice(0, 8)), ("t10k", slice(8, 12))):
        (root / f"{part}-images-idx3-ubyte{ending}").write_bytes(pack(idx_bytes(GREY[rows])))
        (root / f"{part}-labels-idx1-ubyte{ending}").write_bytes(pack(idx_bytes(Y[rows].astype(np.uint8))))
    for source in (root, shutil.make_archive(str(tmp_path / "a"), "zip", root)):
        images = read(source)
        assert np.array_equal(images.pixels((28, 28), 1)[..., 0], GREY)
        assert np.array_equal(images.y, Y)
        assert images.found["parts"] == {"train": 8, "validation": 0, "test": 4}
    alone = read(root / f"train-images-idx3-ubyte{ending}")
    assert (len(alone), alone.part) == (8, None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no IDX file"),
        (b"\0\0\x08\x03\0\0", "ends after 6 bytes"),
        (idx_bytes(GREY)[:-1], "bytes for a shape of"),
        (struct.pack(">BBBBIII", 0, 0, 8, 3, 2**31, 2**31, 2**31), "bytes for a shape of"),
    ],
)
def test_idx_that_is_damaged(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(data)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(Y.astype(np.uint8)))
    with pytest.raises(BadInput, match=message):
        read(tmp_path)


def test_idx_without_labels(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(GREY))
    with pytest.raises(BadInput, match="but no train-labels-idx1-ubyte"):
        read(tmp_path)


def planes(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)).reshape(len(x), 3072)


def cifar_folder(root: Path, hundred: bool, protocol: int | None) -> Path:
    """The authors' files, as Python (with a pickle protocol) or as binary batches (None)."""
    root.mkdir()
    names = ["cat", "dog", "emu"]
    batches = {"train": slice(0, 8), "test": slice(8, 12)}
    if not hundred:
        batches = {"data_batch_1": slice(0, 4), "data_batch_2": slice(4, 8), "test_batch": slice(8, 12)}
    for name, rows in batches.items():
        x, y = planes(COLOUR[rows]), Y[rows]
        if protocol is None:
            columns = [y[:, None], x] if not hundred else [y[:, None] * 0, y[:, None], x]
            (root / f"{name}.bin").write_bytes(np.concatenate(columns, axis=1).astype(np.uint8).tobytes())
            (root / ("fine_label_names.txt" if hundred else "batches.meta.txt")).write_text("\n".join(names))
        else:
            key = b"fine_labels" if hundred else b"labels"
            batch: dict[Any, Any] = {
                b"data": x,
                key: y.tolist(),
                b"batch_label": b"one",
                b"filenames": [b"a"],
            }
            (root / name).write_bytes(pickle.dumps(batch, protocol))
            meta = {b"fine_label_names" if hundred else b"label_names": [name.encode() for name in names]}
            (root / ("meta" if hundred else "batches.meta")).write_bytes(pickle.dumps(meta, protocol))
    return root


@pytest.mark.parametrize("hundred", [False, True])
@pytest.mark.parametrize("protocol", [None, 0, 1, 2, 3, 4, 5])
def test_cifar_batches(tmp_path: Path, hundred: bool, protocol: int | None) -> None:
    root = cifar_folder(tmp_path / "batches", hundred, protocol)
    for source in (root, shutil.make_archive(str(tmp_path / "a"), "gztar", tmp_path, "batches")):
        images = read(source)
        assert images.classes == ("cat", "dog", "emu")
        assert np.array_equal(images.pixels((32, 32)), COLOUR)
        assert np.array_equal(images.y, Y)
        assert images.found["parts"] == {"train": 8, "validation": 0, "test": 4}


def test_cifar_that_is_damaged(tmp_path: Path) -> None:
    root = cifar_folder(tmp_path / "a", False, None)
    (root / "test_batch.bin").write_bytes(b"123")
    with pytest.raises(BadInput, match="3 bytes; expected a multiple of 3,073"):
        read(root)
    root = cifar_folder(tmp_path / "b", False, 2)
    (root / "test_batch").write_bytes((root / "test_batch").read_bytes()[:5000])
    with pytest.raises(BadInput, match="is a damaged pickle"):
        read(root)
    (root / "test_batch").write_bytes(pickle.dumps({b"data": np.zeros((2, 5), np.uint8), b"labels": [0, 1]}))
    with pytest.raises(BadInput, match=r"data of shape \(2, 5\)"):
        read(root)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(plain, st.integers(2, 5))
def test_plain_values_come_out_of_a_pickle_as_pickle_reads_them(value: Any, protocol: int) -> None:
    assert read_plain(pickle.dumps(value, protocol), "x") == value


@pytest.mark.parametrize(
    "x",
    [
        np.arange(6, dtype="<i4").reshape(2, 3),
        np.arange(6, dtype=">f8"),
        np.eye(3, order="F"),
        np.ones((0, 2), bool),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_arrays_come_out_of_a_pickle(x: np.ndarray, protocol: int) -> None:
    found = read_plain(pickle.dumps([x, x], protocol), "x")
    assert all(np.array_equal(one, x) and one.dtype == x.dtype for one in found)


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_pickle_that_does_anything_is_refused(tmp_path: Path, protocol: int) -> None:
    trap = str(tmp_path / "sprung")
    for value in (Trap(trap), {"data": Trap(trap)}, os.system, np.array([Trap(trap)]), np.float32(1), {1, 2}):
        with pytest.raises(BadInput):
            read_plain(pickle.dumps(value, protocol), "x")
    assert not os.path.exists(trap)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_either_plain_or_refused(data: bytes) -> None:
    with contextlib.suppress(BadInput):
        read_plain(data, "x")


def test_npy_files(tmp_path: Path) -> None:
    for name, value in (("x_train", GREY[:8]), ("y_train", Y[:8]), ("x_test", GREY[8:]), ("y_test", Y[8:])):
        np.save(tmp_path / f"{name}.npy", value)
    images = read(tmp_path)
    assert np.array_equal(images.pixels((28, 28), 1)[..., 0], GREY)
    assert len(images.test) == 4
    assert isinstance(mapped(str(tmp_path / "x_train.npy")), np.memmap)
    assert np.array_equal(read(tmp_path / "x_train.npy").y, Y[:8])
    np.save(tmp_path / "alone.npy", GREY)
    with pytest.raises(BadInput, match="no labels beside it; expected alone_labels"):
        read(tmp_path / "alone.npy")
    np.save(tmp_path / "alone.npy", np.array([Trap(str(tmp_path / "sprung"))]))
    np.save(tmp_path / "alone_labels.npy", Y)
    with pytest.raises(BadInput, match="holds Python objects, which are never loaded"):
        read(tmp_path / "alone.npy")
    assert not (tmp_path / "sprung").exists()
    (tmp_path / "alone.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(BadInput, match="cannot be read as"):
        read(tmp_path / "alone.npy")


def check(source: object) -> None:
    images = read(source)
    assert np.array_equal(images.pixels((32, 32)), COLOUR)
    assert np.array_equal(images.y, Y)


def test_arrays_tuples_and_dicts() -> None:
    check((COLOUR, Y))
    check([COLOUR, np.eye(3)[Y]])
    check({"x": COLOUR, "y": Y})
    split = ((COLOUR[:8], Y[:8]), (COLOUR[8:], Y[8:]))
    check(split)
    assert len(read(split).test) == 4
    with pytest.raises(BadInput, match="a tuple of 5"):
        read((1, 2, 3, 4, 5))
    with pytest.raises(BadInput, match="a dict of a, b"):
        read({"a": COLOUR, "b": Y})


def test_torch_tensors_and_datasets() -> None:
    import torch
    from torch.utils.data import Dataset, TensorDataset

    check((torch.tensor(COLOUR), torch.tensor(Y)))
    check(TensorDataset(torch.tensor(COLOUR).permute(0, 3, 1, 2), torch.tensor(Y)))

    class Pictures(Dataset):
        classes = ["cat", "dog", "emu"]

        def __len__(self) -> int:
            return 12

        def __getitem__(self, i: int) -> tuple[Image.Image, int]:
            return Image.fromarray(COLOUR[i]), int(Y[i])

    check(Pictures())
    assert read(Pictures()).classes == ("cat", "dog", "emu")
    scaled = TensorDataset(torch.tensor(COLOUR).permute(0, 3, 1, 2) / 255, torch.tensor(Y))
    check(scaled)
    standardised = TensorDataset(torch.randn(4, 3, 8, 8), torch.tensor([0, 0, 1, 1]))
    with pytest.raises(BadInput, match="give the images before they are standardised"):
        read(standardised)


def test_keras_datasets_and_any_iterable() -> None:
    keras = pytest.importorskip("keras")

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
            return COLOUR[4 * i : 4 * i + 4], Y[4 * i : 4 * i + 4]

    check(Batches())
    check(zip(COLOUR, Y, strict=True))
    check(iter([(COLOUR[:6], np.eye(3)[Y[:6]]), (COLOUR[6:], np.eye(3)[Y[6:]])]))
    with pytest.raises(BadInput, match="items of type int"):
        read(iter([1, 2]))


class ImageFeature:
    """Stands for ``datasets.Image``."""

    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class ClassLabel:
    """Stands for ``datasets.ClassLabel``."""

    names = ["cat", "dog", "emu"]


ImageFeature.__name__ = "Image"


class FaceSet:
    """Stands for ``datasets.Dataset``: the few methods that are used of it."""

    column_names = ["image", "label"]

    def __init__(self, rows: range) -> None:
        self.rows = rows
        self.features = {"image": ImageFeature(), "label": ClassLabel()}

    def cast_column(self, name: str, feature: ImageFeature) -> FaceSet:
        assert (name, feature.decode) == ("image", False)
        return self

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> Any:
        import io

        if key == "label":
            return [int(Y[k]) for k in self.rows]
        file = io.BytesIO()
        Image.fromarray(COLOUR[self.rows[key]]).save(file, "PNG")
        return {"image": {"bytes": file.getvalue(), "path": None}, "label": int(Y[self.rows[key]])}


def test_hugging_face_datasets() -> None:
    check(FaceSet(range(12)))
    both = {"train": FaceSet(range(8)), "test": FaceSet(range(8, 12))}
    check(both)
    assert read(both).classes == ("cat", "dog", "emu")
    assert len(read(both).test) == 4


def test_the_real_hugging_face_library(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog", "emu"])}
    cells = {"image": [Image.fromarray(x) for x in COLOUR], "label": Y.tolist()}
    found = datasets.Dataset.from_dict(cells, features=datasets.Features(features))
    check(found)
    assert (
        len(read(datasets.DatasetDict(train=found.select(range(8)), test=found.select(range(8, 12)))).test)
        == 4
    )
    (tmp_path / "data").mkdir()
    found.to_parquet(str(tmp_path / "data" / "train-00000-of-00001.parquet"))
    check(tmp_path)
    assert read(tmp_path).classes == ("cat", "dog", "emu")
