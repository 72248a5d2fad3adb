"""Images: slices, fingerprints, working size, the pixel cache; pixels against plain Pillow."""

from __future__ import annotations

import errno
import importlib
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsmith.data import Images, lines, read, resolution
from convsmith.data import pixels as pixels_module
from convsmith.data.files.wholefile import FullDisk, whole
from convsmith.data.items import Names, Rows
from convsmith.errors import BadInput

from .conftest import noise

Maker = Callable[..., Path]


@pytest.fixture(scope="session")
def caltech(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Images:
    """768 photos in 12 classes."""
    root = tmp_path_factory.mktemp("caltech")
    with tarfile.open(shared / "data" / "caltech12.tar") as tar:
        tar.extractall(root, filter="data")
    return read(root / "caltech12", cache=None)


def of(x: np.ndarray, y: np.ndarray | None = None) -> Images:
    y = np.arange(len(x)) % 2 if y is None else y
    return Images.listed(Rows([("x", x)]), y, ("a", "b"), source="x").examined()


def test_slices_are_views_of_one_frozen_set(make_folder: Maker) -> None:
    images = read(make_folder(cat=4, dog=4))
    assert images[2:6].names == images.names[2:6]
    assert images[[5, 1]].names == [images.names[5], images.names[1]]
    assert images[images.y == 1].y.tolist() == [1] * 4
    assert images[-1].names == images.names[-1:]
    assert images[2:6][1].names == images.names[3:4]
    assert images[:3].classes == images.classes
    assert [len(one) for one in images] == [1] * 8
    with pytest.raises(IndexError):
        images[8]
    with pytest.raises(AttributeError):
        images.source = "other"  # type: ignore[misc]


def test_the_fingerprint_is_of_content_and_not_of_names(make_folder: Maker, tmp_path: Path) -> None:
    first = read(make_folder(cat=3, dog=3))
    renamed = make_folder("renamed", cat=3, dog=3)
    for path in sorted(renamed.rglob("*.png")):
        path.rename(path.with_name(f"new-{path.name}"))
    assert read(renamed).fingerprint == first.fingerprint
    Image.fromarray(noise(50)).save(renamed / "cat" / "new-000.png")
    assert read(renamed).fingerprint != first.fingerprint
    assert first[:2].fingerprint != first.fingerprint
    assert len(first.fingerprint) == 64


def test_the_split_keeps_copies_together_and_ignores_names(make_folder: Maker) -> None:
    root = make_folder(cat=20, dog=20)
    for k in range(10):
        Image.open(root / "cat" / f"{k:03}.png").save(root / "cat" / f"copy{k}.bmp")
    images = read(root)
    split = images.split(seed=4)
    part = np.zeros(len(images), int)
    part[split.validation], part[split.test] = 1, 2
    names = dict(zip(images.names, part, strict=True))
    assert all(names[f"cat/{k:03}.png"] == names[f"cat/copy{k}.bmp"] for k in range(10))


def test_pixels_equal_plain_pillow(make_folder: Maker) -> None:
    images = read(make_folder(cat=2, dog=2))
    for channels, mode in ((1, "L"), (3, "RGB")):
        found = images.pixels((9, 7), channels)
        assert found.shape == (4, 9, 7, channels)
        for k in range(4):
            plain = (
                Image.fromarray(noise([0, 1, 2, 3][k]))
                .convert(mode)
                .resize((7, 9), Image.Resampling.BILINEAR)
            )
            assert np.array_equal(found[k].squeeze(), np.asarray(plain))
    assert not found.flags.writeable


def test_reduced_decoding_stays_within_two_grey_levels(caltech: Images) -> None:
    some = caltech[::16]
    for side in (24, 32, 64):
        found = some.pixels((side, side), 3)
        for k in range(len(some)):
            own = some.image(k)
            image = Image.fromarray(own.squeeze()).convert("RGB")
            plain = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR), np.int16)
            assert np.abs(found[k] - plain).mean() < 2, (side, some.names[k])


def test_arrays_of_the_working_size_are_not_copied() -> None:
    x = noise(0, 6 * 4, 4, 1).reshape(6, 4, 4)
    found = of(x).pixels((4, 4), 1)
    assert np.shares_memory(found, x)
    assert not found.flags.writeable


def test_the_cache_is_made_once_mapped_and_equal(
    make_folder: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, cache = read(make_folder(cat=3, dog=3)), tmp_path / "cache"
    direct = images.pixels((8, 8), 3)
    assert np.array_equal(images.pixels((8, 8), 3, cache), direct)
    monkeypatch.setattr(pixels_module, "fill", None)  # decoding again would fail
    again = images.pixels((8, 8), 3, cache)
    assert isinstance(again, np.memmap)
    assert np.array_equal(again, direct)
    with pytest.raises(ValueError, match="read-only"):
        again[0, 0, 0, 0] = 1
    assert {path.suffix for path in cache.iterdir()} == {".npy", ".sum"}


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "text", "no sum", "other shape"])
def test_a_damaged_cache_is_rebuilt(make_folder: Maker, tmp_path: Path, harm: str) -> None:
    images, cache = read(make_folder(cat=3, dog=3)), tmp_path / "cache"
    direct = images.pixels((8, 8), 3)
    images.pixels((8, 8), 3, cache)
    path = next(cache.glob("*.npy"))
    data = bytearray(path.read_bytes())
    path.unlink()
    if harm == "flip":
        data[-100] ^= 1
    path.write_bytes({"cut": data[:-50], "empty": b"", "text": b"hello"}.get(harm, data))
    if harm == "no sum":
        path.with_suffix(".sum").unlink()
    if harm == "other shape":
        np.save(path, np.zeros((6, 8, 8, 1), np.uint8))
    assert np.array_equal(images.pixels((8, 8), 3, cache), direct)


def test_another_content_or_size_gets_another_cache_file(make_folder: Maker, tmp_path: Path) -> None:
    root, cache = make_folder(cat=3, dog=3), tmp_path / "cache"
    images = read(root)
    for size, channels in (((8, 8), 3), ((8, 6), 3), ((8, 8), 1)):
        images.pixels(size, channels, cache)
    images[:4].pixels((8, 8), 3, cache)
    Image.fromarray(noise(77)).save(root / "cat" / "000.png")
    read(root).pixels((8, 8), 3, cache)
    assert len(list(cache.glob("*.npy"))) == 5


def test_files_that_vanish_are_noticed_with_their_pixels_in_the_cache(
    make_folder: Maker, tmp_path: Path
) -> None:
    root = make_folder(cat=4, dog=4)
    images = read(root)
    images.pixels((8, 8), 3, tmp_path / "cache")
    (root / "dog" / "002.png").unlink()
    with pytest.raises(BadInput, match=r"dog/002\.png: cannot be opened"):
        images.pixels((8, 8), 3, tmp_path / "cache")
    (root / "dog" / "002.png").write_bytes(b"other")
    with pytest.raises(BadInput, match=r"dog/002\.png: has changed since it was read"):
        images.pixels((8, 8), 3, tmp_path / "cache")


def test_files_that_change_or_vanish_are_noticed(make_folder: Maker) -> None:
    root = make_folder(cat=3, dog=3)
    images = read(root)
    Image.fromarray(noise(77)).save(root / "cat" / "001.png")
    with pytest.raises(BadInput, match=r"cat/001\.png: has changed since it was read"):
        images.pixels((8, 8))
    (root / "cat" / "000.png").unlink()
    with pytest.raises(BadInput, match=r"cat/000\.png: cannot be opened: No such file"):
        images.pixels((8, 8))


def test_a_full_disk_is_said_and_leaves_nothing(
    make_folder: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, cache = read(make_folder(cat=3, dog=3)), tmp_path / "cache"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(FullDisk, match=r"no space left on the disk for 1\.28 kB.*another disk"):
        images.pixels((8, 8), 3, cache)
    assert list(cache.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_really_full_device_is_said(tmp_path: Path) -> None:
    with pytest.raises(FullDisk), whole(tmp_path / "a"), open("/dev/full", "wb") as file:
        file.write(b"x" * 100_000)


def test_a_cache_folder_that_cannot_be_written(make_folder: Maker, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match="cannot be written"):
        read(make_folder(cat=3, dog=3)).pixels((8, 8), 3, tmp_path / "file" / "cache")


def test_more_pixels_than_memory_ask_for_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 10}[name])
    images = of(noise(0, 6 * 4, 4, 1).reshape(6, 4, 4))
    assert images.pixels((4, 4), 1).shape == (6, 4, 4, 1)
    with pytest.raises(BadInput, match=r"expected at most half of the memory \(41\.0 kB\); try: cache="):
        images.pixels((64, 64), 1)


def test_odd_sizes_and_channels_are_refused() -> None:
    images = of(noise(0, 6 * 4, 4, 1).reshape(6, 4, 4))
    for size, channels in (((0, 4), 1), ((4, 4), 2)):
        with pytest.raises(BadInput, match="1 or 3 channels"):
            images.pixels(size, channels)


def test_resolution_of_arrays_and_of_photos(caltech: Images) -> None:
    small = resolution(of(noise(0, 6 * 28, 28, 1).reshape(6, 28, 28)))
    assert (small.size, small.channels) == ((28, 28), 1)
    wide = resolution(of(noise(0, 4 * 120, 240).reshape(4, 120, 240, 3)), most=96)
    assert (wide.size, wide.channels) == ((48, 96), 3)
    photos = resolution(caltech)
    assert (photos.size, photos.channels) == ((96, 96), 3)
    assert photos.why == (
        "the images differ in size, the median of their short sides is 238 pixels, "
        "and 96 is the largest step within the limit of 96; colour, because 750 of 768 images have it"
    )
    assert resolution(caltech, most=1000).size == (224, 224)
    with pytest.raises(BadInput, match="8 pixels or more"):
        resolution(caltech, most=4)


def test_colour_that_is_grey_counts_as_grey() -> None:
    grey = noise(0, 6 * 8, 8, 1).reshape(6, 8, 8, 1).repeat(3, axis=3)
    assert resolution(of(grey)).channels == 1


def test_photos_are_counted_and_their_copies_found(caltech: Images) -> None:
    found = caltech.found
    assert (found["images"], set(found["classes"].values())) == (768, {64})
    assert found["modes"] == {"L": 16, "RGB": 752}
    assert found["sizes"]["different"] == 243  # as published beside the file
    # looked at by eye: eight pairs of one picture, edited; no pair of different pictures
    assert found["duplicates"]["images"] == 0
    assert found["alike"]["images"] == 8
    assert found["conflicts"] == []
    assert [len(part) for part in (caltech.train, caltech.validation, caltech.test)] == [492, 120, 156]
    assert lines(found)[0] == f"768 images of 12 classes (64 each), 11.2 MB, from {caltech.source}"


def test_names_hold_many_strings() -> None:
    texts = [f"{k}/ü{k}.png" for k in range(70_000)]
    names = Names(texts)
    assert (len(names), names[0], names[69_999], names[-1]) == (70_000, texts[0], texts[-1], texts[-1])
    with pytest.raises(IndexError):
        names[70_000]


def test_a_file_that_changed_is_noticed_without_processes_too(make_folder: Maker) -> None:
    root = make_folder(cat=2, dog=2)
    images = read(root)
    out, raws = np.zeros((4, 8, 8, 3), np.uint8), images.seen["raw"]
    pixels_module.fill(out, images.items, images.rows, raws, workers=0)
    assert np.array_equal(out, images.pixels((8, 8), 3))
    Image.fromarray(noise(78)).save(root / "dog" / "001.png")
    with pytest.raises(BadInput, match=r"dog/001\.png: has changed since it was read"):
        pixels_module.fill(out, images.items, images.rows, raws, workers=0)


def test_photos_are_decoded_at_four_times_the_working_size_or_more(
    make_folder: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = read(make_folder(cat=2, dog=2))
    pixels_in = importlib.import_module("convsmith.data.pixels_in")  # the room gives the function that name
    asked, real = [], pixels_in.decode

    def decode(data: bytes, *, at_least: tuple[int, int], max_pixels: int) -> object:
        asked.append(at_least)
        return real(data, at_least=at_least, max_pixels=max_pixels)

    monkeypatch.setattr(pixels_in, "decode", decode)
    out = np.zeros((4, 6, 8, 3), np.uint8)
    pixels_module.fill(out, images.items, images.rows, images.seen["raw"], workers=0)
    assert len(asked) == 4
    assert all(rows >= 24 and columns >= 32 for rows, columns in asked)
