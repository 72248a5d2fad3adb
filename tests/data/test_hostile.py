"""Files made to hurt: each is refused in one line, within bounded memory."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from convsmith.data import read
from convsmith.data.decoding.decode import Unreadable
from convsmith.data.files.archives import Tar
from convsmith.data.files.plain_pickle import read_plain
from convsmith.data.items import read_bytes
from convsmith.data.read import listing
from convsmith.errors import BadInput


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSMITH_CACHE", str(tmp_path / "cache"))


@contextmanager
def at_most(limit: int) -> Iterator[None]:
    """Fail where Python and NumPy had more than so many bytes at a time."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit


def test_every_kind_of_file_damaged_at_random(tmp_path: Path) -> None:
    environment = {**os.environ, "CONVSMITH_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    script = Path(__file__).with_name("fuzzing.py")
    done = subprocess.run(
        [sys.executable, str(script), "--each", "25"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["failed"] == []
    assert len(found["counts"]) >= 22
    assert sum(refused for _, refused in found["counts"].values()) > 100
    assert found["grown"] < 200_000_000


def shared_references(levels: int, each: int) -> list[object]:
    """A list that holds one list many times, which holds one many times, and so on."""
    held: list[object] = []
    for _ in range(levels):
        held = [held] * each
    return held


def test_a_cifar_batch_of_shared_references_builds_no_more_than_its_size_allows(tmp_path: Path) -> None:
    data = pickle.dumps({"data": shared_references(9, 6), "labels": [1]}, 2)
    assert len(data) < 300  # and stands for ten million lists
    with at_most(100_000_000), pytest.raises(BadInput, match="builds more than its size allows"):
        read_plain(data, "x")
    for name in ("data_batch_1", "test_batch"):
        (tmp_path / name).write_bytes(data)
    with at_most(100_000_000), pytest.raises(BadInput, match="is a damaged pickle"):
        read(tmp_path)
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(BadInput, match="nested too deeply"):
        read_plain(pickle.dumps(loop, 2), "x")


@pytest.mark.parametrize("code", [b"L", b"I"])
def test_numbers_of_thousands_of_digits_in_a_pickle(code: bytes) -> None:
    with at_most(100_000_000), pytest.raises(BadInput, match="is a damaged pickle"):
        read_plain(code + b"9" * 100_000 + (b"L" if code == b"L" else b"") + b"\n.", "x")


def npy_of(header: str, body: bytes = b"", version: int = 1) -> bytes:
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes((version, 0)) + length + text + body


HEADERS = {
    "absurd shape": npy_of("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 28, 28)}"),
    "shape past 64 bits": npy_of(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}"
    ),
    "negative shape": npy_of("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 28, 28)}"),
    "zero-size type": npy_of("{'descr': '|V0', 'fortran_order': False, 'shape': (1000000000,)}"),
    "empty text": npy_of("{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000, 9, 9)}"),
    "wide type": npy_of("{'descr': '|V2000000000', 'fortran_order': False, 'shape': (0,)}"),
    "objects": npy_of("{'descr': '|O', 'fortran_order': False, 'shape': (3,)}"),
    "nested": npy_of("(" * 4000 + ")" * 4000),
    "nested type": npy_of(f"{{'descr': {'[(1,' * 500}, 'fortran_order': False, 'shape': ()}}"),
    "subarrays": npy_of("{'descr': ('|u1', (9999999, 999999)), 'fortran_order': False, 'shape': (1,)}"),
    "many axes": npy_of(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({'1,' * 900})}}", b"1"),
    "long header": b"\x93NUMPY\2\0" + struct.pack("<I", 2**31) + b" " * 1000,
    "no shape": npy_of("{}"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", HEADERS)
def test_headers_of_npy(tmp_path: Path, kind: str, packed: bool) -> None:
    labels = io.BytesIO()
    np.save(labels, np.arange(12) % 3)
    if packed:
        with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", HEADERS[kind])
            archive.writestr("y.npy", labels.getvalue())
    else:
        (tmp_path / "x.npy").write_bytes(HEADERS[kind])
        (tmp_path / "y.npy").write_bytes(labels.getvalue())
    with at_most(5_000_000), pytest.raises(BadInput):
        listing(str(tmp_path / "a.npz" if packed else tmp_path))


def test_a_header_that_unpacks_without_end(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"\x93NUMPY\2\0" + struct.pack("<I", 50_000_000) + b" " * 50_000_000)
        archive.writestr("y.npy", b"")
    with at_most(5_000_000), pytest.raises(BadInput, match="a header of 50,000,000 bytes; expected at most"):
        listing(str(tmp_path / "a.npz"))


def test_an_npz_of_very_many_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convsmith.data.files.npy.MAX_ARRAYS", 20)
    np.savez(tmp_path / "a.npz", **{f"a{k}": np.zeros(1) for k in range(21)})
    with pytest.raises(BadInput, match=r"cannot be read as \.npz: more than 20 files"):
        listing(str(tmp_path / "a.npz"))


def header(kind: bytes, size: bytes = b"00000000000", name: bytes = b"cat/1.png") -> bytes:
    """A tar header block with these in it, and the right checksum."""
    block = bytearray(tarfile.TarInfo().tobuf())
    block[0:100] = name.ljust(100, b"\0")
    block[124:136] = size.ljust(12, b"\0")
    block[156:157] = kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


TARS = {
    "thousands of extended headers": (header(b"x", b"00000000013") + b"11 a=bcdef\n".ljust(512, b"\0"))
    * 3000,
    "negative size": header(b"0", b"\xff" * 12) + bytes(1024),
    "size past 64 bits": header(b"0", b"\x80" + b"\xff" * 11) + bytes(1024),
    "size of letters": header(b"0", b"00000cat000") + bytes(1024),
    "extended header of 8 GB": header(b"x", b"77777777777") + bytes(1024),
    "long name of 8 GB": header(b"L", b"77777777777") + bytes(1024),
    "negative size in words": header(b"x", b"00000000014")
    + b"12 size=-99\n".ljust(512, b"\0")
    + header(b"0"),
}


@pytest.mark.parametrize("kind", TARS)
def test_headers_of_tar(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.tar").write_bytes(TARS[kind])
    with at_most(5_000_000 + 2 * len(TARS[kind])), pytest.raises(BadInput, match=r"a\.tar: "):
        listing(str(tmp_path / "a.tar"))


def test_global_headers_without_end_are_read_in_bounded_memory(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(
        (header(b"g", b"00000000013") + b"11 a=bcdef\n".ljust(512, b"\0")) * 3000
    )
    with at_most(8_000_000), pytest.raises(BadInput):
        listing(str(tmp_path / "a.tar"))


def test_files_are_read_in_the_memory_that_they_take(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(1000))
    with at_most(3_000_000):  # more is asked for in pieces of a million bytes
        assert read_bytes(tmp_path / "a") == bytes(1000)
        with pytest.raises(Unreadable, match="over the limit of 999 bytes"):
            read_bytes(tmp_path / "a", 999)
        assert len(read_bytes(tmp_path / "a", 1000)) == 1000
    with at_most(8_000_000), pytest.raises(Unreadable, match="over the limit of 2,000,000 bytes"):
        read_bytes("/dev/zero", 2_000_000)  # has no size, and no end


def test_a_member_of_a_tar_that_says_it_is_huge(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(header(b"0", b"03000000000") + bytes(1024))
    with at_most(1_000_000), pytest.raises(Unreadable, match="the archive ends too early"):
        Tar(str(tmp_path / "a.tar")).read("cat/1.png")
