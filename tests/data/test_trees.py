"""Zip and tar files against the folder that they were made from; bombs, damage and tricks."""

from __future__ import annotations

import io
import re
import shutil
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsmith.data import read
from convsmith.data.files.listing import Walked
from convsmith.data.files.trees import Tar, Zip, tree_of
from convsmith.data.files.unpack import gunzipped
from convsmith.errors import BadInput

from .conftest import noise

Maker = Callable[..., Path]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONVSMITH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def packed(root: Path, kind: str) -> Path:
    return Path(shutil.make_archive(str(root), kind, root))


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar", "bztar", "xztar"])
def test_an_archive_reads_as_its_folder(make_folder: Maker, kind: str) -> None:
    root = make_folder(**{"cat": 3, "dog/small": 3})
    (root / "cat" / "bad.png").write_bytes(b"")
    (root / "cat" / "notes.txt").write_text("hello")
    plain, inside = read(root), read(packed(root, kind))
    assert inside.fingerprint == plain.fingerprint
    assert inside.names == plain.names
    assert inside.unreadable == plain.unreadable
    assert np.array_equal(inside.pixels((5, 5)), plain.pixels((5, 5)))
    assert any("1 other files ignored" in note for note in inside.found["notes"])


def test_nothing_is_extracted_but_a_compressed_tar_into_the_cache(
    make_folder: Maker, own_cache: Path
) -> None:
    root = make_folder(cat=3, dog=3)
    before = sorted(root.parent.rglob("*"))
    read(packed(root, "zip"))
    read(packed(root, "tar"))
    assert {path.suffix for path in set(root.parent.rglob("*")) - set(before)} == {".zip", ".tar"}
    read(packed(root, "gztar"))
    assert [path.suffix for path in own_cache.iterdir()] == [".tar"]


def test_many_files_of_an_archive_are_decoded_by_workers(make_folder: Maker) -> None:
    root = make_folder(cat=30, dog=30)
    (root / "dog" / "bad.png").write_bytes(b"text\n")
    plain, inside = read(root), read(packed(root, "zip"))
    assert np.array_equal(inside.seen, plain.seen)
    assert inside.unreadable == (("dog/bad.png", "text, not an image"),)
    assert np.array_equal(inside.pixels((5, 5)), plain.pixels((5, 5)))


def png(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(noise(seed)).save(file, "PNG")
    return file.getvalue()


def test_links_devices_and_paths_that_climb_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png(99))
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for k, name in enumerate(["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png", "../../dog/3.png"]):
            info = tarfile.TarInfo(name)
            info.size = len(png(k))
            tar.addfile(info, io.BytesIO(png(k)))
        link = tarfile.TarInfo("cat/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret.png")
        tar.addfile(link)
        pipe = tarfile.TarInfo("cat/pipe.png")
        pipe.type = tarfile.FIFOTYPE
        tar.addfile(pipe)
    assert sorted(Tar(str(path)).sizes) == [
        "../../dog/3.png",
        "cat/1.png",
        "cat/2.png",
        "dog/1.png",
        "dog/2.png",
    ]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cat/1.png", png(0))
        info = zipfile.ZipInfo("cat/link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, str(tmp_path / "secret.png"))
    assert list(Zip(str(tmp_path / "a.zip")).images(Walked())) == ["cat/1.png"]


def test_a_bomb_in_a_zip_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convsmith.data.files.archives.BOMB_BYTES", 1_000_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for k in range(4):
            archive.writestr(f"{'cat' if k % 2 else 'dog'}/{k}.png", png(k))
        archive.writestr("cat/bomb.bmp", bytes(5_000_000))
    images = read(tmp_path / "a.zip")
    assert len(images) == 4
    assert images.unreadable[0][0] == "cat/bomb.bmp"
    assert re.fullmatch(r"a bomb: .* kB that unpack to 5\.00 MB", images.unreadable[0][1])


def test_a_member_that_is_too_large_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cat/1.png", bytes(2000))
    tree = Zip(str(tmp_path / "a.zip"))
    with pytest.raises(Exception, match=r"huge file: 2\.00 kB, over the limit of 1\.00 kB"):
        tree.read("cat/1.png", 1000)


def test_a_compressed_tar_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    monkeypatch.setattr("convsmith.data.files.archives.BOMB_BYTES", 1_000_000)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("cat/1.bmp")
        info.size = 30_000_000
        tar.addfile(info, io.BytesIO(bytes(30_000_000)))
    with pytest.raises(BadInput, match="unpacks to more than"):
        read(tmp_path / "a.tar.gz")
    assert list(own_cache.iterdir()) == []


def many_entries(path: Path, count: int) -> None:
    """A zip whose directory lists so many empty files, or a tar with as many empty ones."""
    if path.suffix == ".zip":
        entry = b"PK\1\2" + bytes(24) + struct.pack("<HHH", 9, 0, 0) + bytes(12)
        directory = b"".join(entry + b"a/%07d" % k for k in range(count))
        end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count & 0xFFFF, count & 0xFFFF, len(directory), 0, 0)
        path.write_bytes(directory + end)
        return
    info = tarfile.TarInfo("a/0000000")
    block = bytearray(info.tobuf())
    with open(path, "wb") as file:
        for k in range(count):
            block[:9] = b"a/%07d" % k
            block[148:156] = b"%06o\0 " % (sum(block[:148]) + 256 + sum(block[156:]))
            file.write(block)
        file.write(bytes(1024))


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_archives_of_very_many_files_are_counted_first(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_entries(tmp_path / name, 5_000)
    for room in ("zip_directory", "archives"):
        monkeypatch.setattr(f"convsmith.data.files.{room}.MAX_MEMBERS", 4_000)
    seen = []
    monkeypatch.setattr("zipfile.ZipFile", lambda *_: seen.append(1))
    tracemalloc.start()
    with pytest.raises(BadInput, match=r"more than 4,000 files; expected fewer in one archive"):
        read(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not seen
    assert peak < 1000 * 4_000 + 3 * (tmp_path / name).stat().st_size


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_the_memory_of_an_archive_grows_with_its_files_alone(tmp_path: Path, name: str) -> None:
    peaks = []
    for count in (2_000, 6_000):
        many_entries(tmp_path / name, count)
        tracemalloc.start()
        assert len(tree_of(str(tmp_path / name)).sizes) == count  # type: ignore[union-attr]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 1500 * 4_000  # bytes of each file: a million take less than 1.5 GB


def test_backslashes_in_a_zip_are_folders(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for k in range(8):
            archive.writestr(zipfile.ZipInfo(f"set/{'cat' if k % 2 else 'dog'}/{k}.png"), png(k))
    data = (tmp_path / "a.zip").read_bytes()
    for name in (b"cat", b"dog"):
        data = data.replace(b"set/" + name + b"/", b"set\\" + name + b"\\")
    (tmp_path / "a.zip").write_bytes(data)
    images = read(tmp_path / "a.zip")
    assert images.found["classes"] == {"cat": 4, "dog": 4}
    assert images.unreadable == ()


def test_an_archive_of_archives_says_so(make_folder: Maker, tmp_path: Path) -> None:
    inside = packed(make_folder(cat=2, dog=2), "zip")
    for name, kind in (("a.zip", zipfile.ZipFile), ("a.tar", tarfile.open)):
        with kind(tmp_path / name, "w") as archive:  # type: ignore[operator]
            add = archive.write if name == "a.zip" else archive.add
            add(inside, "one.zip")
            add(inside, "two.zip")
        with pytest.raises(BadInput, match=r"only archives in it \(one.zip, two.zip\).*unpack it"):
            read(tmp_path / name)


@pytest.mark.parametrize("part", [0.2, 0.6, 0.98])
def test_a_zip_cut_anywhere_is_damaged(make_folder: Maker, part: float) -> None:
    path = packed(make_folder(cat=3, dog=3), "zip")
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(BadInput, match="is a damaged zip file: its end is missing"):
        read(path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_damaged_archives(make_folder: Maker, name: str) -> None:
    root = make_folder(cat=3, dog=3)
    path = packed(root, {"a.zip": "zip", "a.tar": "tar", "a.tar.gz": "gztar"}[name])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    with pytest.raises(BadInput, match=r"is a damaged zip file: its end is missing|is damaged|one class"):
        read(path)


def test_a_damaged_member_is_listed(make_folder: Maker) -> None:
    root = make_folder(cat=3, dog=3)
    path = packed(root, "zip")
    data = bytearray(path.read_bytes())
    at = data.index(b"IDAT")
    data[at + 50] ^= 255
    path.write_bytes(data)
    images = read(path)
    assert (len(images), len(images.unreadable)) == (5, 1)
    assert "Bad CRC-32" in images.unreadable[0][1]


def test_encrypted_members_are_listed(make_folder: Maker) -> None:
    path = packed(make_folder(cat=3, dog=3), "zip")
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(magic)
        while magic == b"PK\x03\x04" and not data[at + 30 : at + 60].startswith(b"cat/000"):
            at = data.index(magic, at + 1)
        while magic == b"PK\x01\x02" and not data[at + 46 : at + 80].startswith(b"cat/000"):
            at = data.index(magic, at + 1)
        data[at + offset] |= 1
    path.write_bytes(data)
    assert read(path).unreadable == (("cat/000.png", "encrypted"),)


def test_what_is_no_tree(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    assert tree_of(str(tmp_path / "a.txt")) is None
    assert tree_of(None) is None
    assert tree_of(str(tmp_path / "nothing")) is None
    assert tree_of(str(tmp_path)) is not None


def test_gunzipped_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    data = gzip.compress(bytes(1000))
    assert gunzipped(data, "x") == bytes(1000)
    assert gunzipped(b"plain", "x") == b"plain"
    with pytest.raises(BadInput, match="unpacks to more than 500 B"):
        gunzipped(data, "x", 500)
    with pytest.raises(BadInput, match="is damaged"):
        gunzipped(data[:-10], "x")
