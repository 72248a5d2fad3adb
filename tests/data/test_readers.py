"""Readers against folders and files made by hand with known content."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsmith.data import photo, read
from convsmith.data.read import listing
from convsmith.errors import BadInput

from .conftest import noise

Maker = Callable[..., Path]


def test_a_folder_per_class(make_folder: Maker) -> None:
    images = read(make_folder(dog=3, cat=4))
    assert images.classes == ("cat", "dog")
    assert images.y.tolist() == [0] * 4 + [1] * 3
    assert images.names[0] == os.path.join("cat", "000.png")
    assert np.array_equal(images.image(4), noise(0))
    assert images.found["classes"] == {"cat": 4, "dog": 3}
    assert images.found["sizes"]["median"] == [20, 24]


def test_nested_folders_belong_to_the_class_above(make_folder: Maker) -> None:
    images = read(make_folder(**{"cat/persian": 2, "cat/siamese/blue": 2, "dog": 2}))
    assert images.found["classes"] == {"cat": 4, "dog": 2}


def test_one_folder_around_the_classes_is_looked_through(make_folder: Maker) -> None:
    images = read(make_folder(**{"all/cat": 2, "all/dog": 2}))
    assert images.classes == ("cat", "dog")
    assert "classes are the folders in all" in images.found["notes"]


@pytest.mark.parametrize("wrap", ["", "data/"])
def test_ready_made_parts_are_respected(make_folder: Maker, wrap: str) -> None:
    counts = {f"{wrap}{part}/{label}": 3 for part in ("train", "Val", "test") for label in ("cat", "dog")}
    images = read(make_folder(**counts))
    assert images.classes == ("cat", "dog")
    assert images.found["parts"] == {"train": 6, "validation": 6, "test": 6}
    assert len(images.train) == len(images.validation) == len(images.test) == 6
    assert all("test" in name for name in images.test.names)


def test_names_in_any_language(make_folder: Maker) -> None:
    images = read(make_folder(**{"Käse": 2, "猫 🐈": 2, "собака": 2, "e\u0301clair": 2}))
    assert set(images.classes) == {"Käse", "猫 🐈", "собака", "éclair"}


def test_names_that_are_not_utf8(make_folder: Maker) -> None:
    root = make_folder(cat=2, dog=2)
    Image.fromarray(noise(99)).save(os.fsencode(root) + b"/cat/\xff\xfe.png", "PNG")
    images = read(root)
    assert len(images) == 5
    assert os.path.join("cat", "ÿþ.png") in images.names
    assert images.pixels((4, 4)).shape == (5, 4, 4, 3)


def test_other_and_hidden_files_and_empty_folders_are_no_classes(make_folder: Maker) -> None:
    root = make_folder(cat=2, dog=2, empty=0)
    (root / "cat" / "notes.txt").write_text("hello")
    (root / "cat" / ".hidden.png").write_bytes(b"x")
    (root / ".git").mkdir()
    (root / "lost.png").write_bytes((root / "cat" / "000.png").read_bytes())
    images = read(root)
    assert images.found["classes"] == {"cat": 2, "dog": 2}
    notes = " | ".join(images.found["notes"])
    assert "1 other files ignored (such as cat/notes.txt)" in notes
    assert "1 image in no class folder ignored" in notes
    assert "folders without images ignored: empty" in notes


def test_an_image_without_an_ending_is_found_by_its_content(make_folder: Maker) -> None:
    root = make_folder(cat=2, dog=2)
    (root / "cat" / "000.png").rename(root / "cat" / "picture")
    (root / "dog" / "000.png").rename(root / "dog" / "000.jpg")
    images = read(root)
    assert len(images) == 4
    assert any("the name says another format" in note for note in images.found["notes"])


def test_links_do_not_lead_out_of_the_folder(make_folder: Maker, tmp_path: Path) -> None:
    outside = make_folder("outside", secret=3)
    root = make_folder(cat=2, dog=2)
    (root / "dog" / "out.png").symlink_to(outside / "secret" / "000.png")
    (root / "secret").symlink_to(outside / "secret")
    (root / "dog" / "in.png").symlink_to(root / "cat" / "000.png")
    (root / "cat" / "loop").symlink_to(root)
    (root / "cat" / "gone.png").symlink_to(root / "nowhere.png")
    images = read(root)
    assert images.found["classes"] == {"cat": 2, "dog": 3}
    said = "2 symbolic links lead out of the folder (such as secret), not followed: --outside"
    assert any(said in note for note in images.found["notes"])
    assert images.unreadable[0][0] == os.path.join("cat", "gone.png")


def test_broken_files_are_listed_and_not_fatal(make_folder: Maker) -> None:
    root = make_folder(cat=3, dog=3)
    png = (root / "cat" / "000.png").read_bytes()
    (root / "cat" / "zero.png").write_bytes(b"")
    (root / "cat" / "cut.png").write_bytes(png[: len(png) // 2])
    (root / "dog" / "text.jpg").write_text("not a picture\n")
    images = read(root)
    assert len(images) == 6
    cut = dict(images.unreadable)["cat/cut.png"]
    assert re.fullmatch(r"truncated: the file ends too early, about [345]\d% is there", cut)
    assert dict(images.unreadable) == {
        "cat/cut.png": cut,
        "cat/zero.png": "empty file (0 bytes)",
        "dog/text.jpg": "text, not an image",
    }
    assert images.found["unreadable"][0] == {
        "name": "cat/cut.png",
        "reason": cut,
    }


def test_strict_does_not_leave_images_out(make_folder: Maker) -> None:
    root = make_folder(cat=3, dog=3)
    assert len(read(root, strict=True)) == 6
    (root / "cat" / "zero.png").write_bytes(b"")
    with pytest.raises(
        BadInput, match=r"1 image cannot be read, such as cat/zero\.png: empty file \(0 bytes\)"
    ):
        read(root, strict=True)


def test_groups_by_name_stay_in_one_part(make_folder: Maker) -> None:
    images = read(make_folder(cat=40, dog=40), group=r"0(\d)\d\.png")
    split = images.split()
    tens = [{name[5] for name in images[part].names} for part in (split.train, split.validation, split.test)]
    assert sum(map(len, tens)) == 4


def fails(source: object) -> str:
    with pytest.raises(BadInput) as caught:
        read(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_messages_for_folders_that_cannot_be_learnt_from(make_folder: Maker, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert fails(tmp_path / "empty").startswith(
        f"{tmp_path}/empty: the folder is empty; expected a folder of images"
    )
    assert "no such file, folder or set" in fails(tmp_path / "nowhere")
    assert fails("digts").endswith("try: did you mean 'digits'?")
    assert ": one class ('cat', 4 images); expected two classes" in fails(make_folder("one", cat=4))
    text = fails(make_folder("few", cat=4, zebra=1))
    assert "class 'zebra' has only one usable image; expected at least 2" in text
    assert "add images of 'zebra'" in text
    heap = tmp_path / "heap"
    heap.mkdir()
    Image.fromarray(noise(0)).save(heap / "a.png")
    assert "1 files in the folder itself, none in a class folder" in fails(heap)
    (tmp_path / "a.xyz").write_text("?")
    assert "a file of no kind that is read here" in fails(tmp_path / "a.xyz")
    assert "an object of type int" in fails(3)


def test_a_class_of_broken_images_names_one_and_the_reason(make_folder: Maker) -> None:
    root = make_folder(cat=3, dog=1)
    (root / "dog" / "b.png").write_bytes(b"")
    assert "only one usable image (1 unreadable: dog/b.png: empty file (0 bytes))" in fails(root)
    for path in root.rglob("*.png"):
        path.write_bytes(b"")
    assert "no usable image (5 unreadable:" in fails(root)


def test_the_same_picture_in_two_classes_is_reported(make_folder: Maker) -> None:
    root = make_folder(cat=3, dog=3)
    Image.open(root / "cat" / "000.png").save(root / "dog" / "same.bmp")
    found = read(root).found
    assert found["conflicts"] == [{"names": ["cat/000.png", "dog/same.bmp"], "classes": ["cat", "dog"]}]
    assert found["duplicates"]["images"] == 1


def save(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)
    return path


X, Y = noise(0, 12 * 8, 8, 1).reshape(12, 8, 8), np.arange(12) % 3


def test_npz_x_y(tmp_path: Path) -> None:
    images = read(save(tmp_path / "a.npz", x=X, y=Y + 4))
    assert images.classes == ("4", "5", "6")
    assert np.array_equal(images.pixels((8, 8), 1)[..., 0], X)
    assert images.y.tolist() == Y.tolist()
    assert images.names[3] == "x[3]"


def test_npz_parts_one_hot_and_names(tmp_path: Path) -> None:
    hot = np.eye(3)[Y]
    path = save(
        tmp_path / "a.npz", x_train=X[:9], y_train=hot[:9], x_test=X[9:], y_test=hot[9:], classes=list("abc")
    )
    images = read(path)
    assert images.classes == ("a", "b", "c")
    assert images.test.names == ["x_test[0]", "x_test[1]", "x_test[2]"]


def test_npz_of_floats_colour_and_channels_first(tmp_path: Path) -> None:
    colour = noise(1, 12 * 6, 5).reshape(12, 6, 5, 3)
    for x in (
        colour / 255,
        colour.astype(np.float32),
        colour.astype(np.int64),
        colour.astype(np.uint16) * 257,
    ):
        assert np.array_equal(read(save(tmp_path / "a.npz", x=x, y=Y)).pixels((6, 5)), colour)
    turned = read(save(tmp_path / "b.npz", x=colour.transpose(0, 3, 1, 2), y=Y))
    assert np.array_equal(turned.pixels((6, 5)), colour)
    assert "channels-first" in turned.found["notes"][0]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X, "b": Y}, "holds the arrays a, b; expected x and y"),
        ({"x": X}, "holds the arrays x; expected x and y"),
        ({"x": X, "y": Y[:5]}, "12 images in x, but 5 labels"),
        ({"x": X.reshape(12, 64), "y": Y}, "got (12, 64); expected (N, H, W)"),
        ({"x": X.reshape(12, 64), "y": Y}, "try: x.reshape(-1, 8, 8)"),
        ({"x": X.reshape(12, 2, 2, 4, 4), "y": Y}, "got (12, 2, 2, 4, 4)"),
        ({"x": noise(0, 12 * 9, 7).reshape(12, 9, 7, 3)[..., :2], "y": Y}, "1, 3 or 4 channels"),
        ({"x": X, "y": Y + 0.5}, "labels that are fractions"),
        ({"x": X, "y": Y * np.nan}, "labels that are fractions or not numbers"),
        ({"x": X.astype(complex), "y": Y}, "values of type complex128"),
        ({"x": X / 128 - 1, "y": Y}, "expected raw pixels, from 0 to 1 or from 0 to 255"),
        ({"x": np.full((12, 8, 8), np.inf), "y": Y}, "infinite pixel values"),
        ({"x": X, "y": Y, "classes": ["a"]}, "labels from 0 to 2 with 1 class names"),
        ({"x": X, "y": np.zeros(12, int)}, "one class ('0', 12 images)"),
        ({"x": X[:4], "y": [0, 0, 0, 1]}, "class '1' has only one usable image"),
    ],
)
def test_npz_messages(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    assert message in fails(save(tmp_path / "a.npz", **arrays))


def test_npz_of_objects_is_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.mkdir, (str(tmp_path / "sprung"),))

    path = save(tmp_path / "a.npz", x=np.array([Trap()] * 12), y=Y)
    assert "holds Python objects, which are never loaded" in fails(path)
    assert not (tmp_path / "sprung").exists()


def npz_with(tmp_path: Path, header: bytes, body: bytes = b"") -> Path:
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", header + body)
        file = io.BytesIO()
        np.save(file, Y)
        archive.writestr("y.npy", file.getvalue())
    return tmp_path / "bomb.npz"


def test_npz_whose_shape_lies_about_the_size(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "|u1", "fortran_order": False, "shape": (10**12, 28, 28)}
    )
    assert "as many numbers as the shape says" in fails(npz_with(tmp_path, file.getvalue()))


def test_npz_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convsmith.data.files.npy.BOMB_BYTES", 1_000_000)
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "|u1", "fortran_order": False, "shape": (12, 1000, 1000)}
    )
    text = fails(npz_with(tmp_path, file.getvalue(), bytes(12_000_000)))
    assert "that say they unpack to 12.0 MB" in text


def test_npz_damaged_or_no_zip(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", x=X, y=Y)
    data = bytearray(path.read_bytes())
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    assert "cannot be read as .npz" in fails(tmp_path / "cut.npz")
    (tmp_path / "text.npz").write_text("hello")
    assert "cannot be read as .npz" in fails(tmp_path / "text.npz")
    data[300] ^= 255
    (tmp_path / "bad.npz").write_bytes(data)
    assert re.search("cannot be read.*: Bad CRC-32", fails(tmp_path / "bad.npz"))


def test_digits_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    truth = load_digits()
    images = read("digits")
    assert np.array_equal(images.y, truth.target)
    assert np.array_equal(images.pixels((8, 8), 1)[..., 0], np.rint(truth.images * 255 / 16))


def test_an_existing_path_wins_over_a_name(make_folder: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_folder("digits", cat=2, dog=2)
    monkeypatch.chdir(root.parent)
    assert read("digits").classes == ("cat", "dog")


def test_a_reader_can_be_named(make_folder: Maker) -> None:
    root = make_folder(cat=2, dog=2)
    assert listing(root, reader="folder").reader == "folder"
    with pytest.raises(BadInput, match="is nothing that the reader 'npz' reads"):
        read(root, reader="npz")
    with pytest.raises(BadInput, match="did you mean 'folder'"):
        read(root, reader="foldr")


def test_mnist_is_counted_right(shared: Path) -> None:
    images = read(shared / "data" / "mnist.npz")
    counts = [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
    assert list(images.found["classes"].values()) == counts  # as published with the set
    assert len(images.test) == 10_000
    truth = np.load(shared / "data" / "mnist.npz")
    assert np.array_equal(images.test.pixels((28, 28), 1)[..., 0], truth["x_test"])
    assert np.array_equal(images.test.y, truth["y_test"])


def test_one_photo_without_a_label(make_folder: Maker) -> None:
    root = make_folder(cat=1)
    assert np.array_equal(photo(root / "cat" / "000.png"), noise(0))
    with pytest.raises(BadInput, match=r"nowhere\.jpg: cannot be opened: No such file"):
        photo("nowhere.jpg")
