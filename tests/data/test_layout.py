"""The ways in which people pack data sets: each is understood as meant, or refused with what is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.data import read
from convsmith.data.doctor.check import check
from convsmith.data.items import Names
from convsmith.data.labelling.layout import FOLDS_UNUSED, Layout, arrange
from convsmith.data.read import listing
from convsmith.data.split import PARTS
from convsmith.errors import BadInput

Maker = Callable[..., Path]


ENDINGS = (".jpg", ".png")


def laid_out(folders: Sequence[str], each: int = 2) -> tuple[Layout, list[str]]:
    """The layout of folders with so many files in each, or of files where the name has an ending."""
    names = [
        name
        for one in folders
        for name in ([one] if one.endswith(ENDINGS) else [f"{one}/{k}.jpg" for k in range(each)])
    ]
    names.sort()
    return arrange(Names(names)), names


def facts(folders: Sequence[str]) -> dict[str, set[str]]:
    """Part -> ``class`` of the images in it."""
    found, _ = laid_out(folders)
    assert found.problem is None, found.problem
    parts = np.zeros(len(found.labels), int) if found.part is None else found.part
    return {
        PARTS[p]: {found.classes[k] for k in found.labels[parts == p]} for p in sorted(set(parts.tolist()))
    }


CD = {"cat", "dog"}
TRAIN_TEST = {"train": CD, "test": CD}

UNDERSTOOD = [
    ("by hand", ["cat", "dog"], {"train": CD}),
    ("wrapped", ["photos/cat", "photos/dog"], {"train": CD}),
    ("wrapped thrice", ["a/dataset/images/cat", "a/dataset/images/dog"], {"train": CD}),
    ("wrapped, files beside", ["all/cat", "all/dog", "cover.jpg"], {"train": CD}),
    ("nested classes", ["cat/persian", "cat/siamese", "dog"], {"train": CD}),
    ("torchvision", ["train/cat", "train/dog", "test/cat", "test/dog"], TRAIN_TEST),
    ("Roboflow", [f"{p}/{c}" for p in ("train", "valid", "test") for c in "ab"],
     {"train": {"a", "b"}, "validation": {"a", "b"}, "test": {"a", "b"}}),
    ("Kaggle's Intel scenes",
     [f"seg_{p}/seg_{p}/{c}" for p in ("train", "test") for c in ("sea", "street")] + ["seg_pred/seg_pred"],
     {"train": {"sea", "street"}, "test": {"sea", "street"}}),
    ("Kaggle's cats and dogs",
     [f"{p}_set/{p}_set/{c}s" for p in ("training", "test") for c in ("cat", "dog")],
     {"train": {"cats", "dogs"}, "test": {"cats", "dogs"}}),
    ("flat test", ["train/cat", "train/dog", "test"], {"train": CD}),
    ("flat test, wrapped", ["train/cat", "train/dog", "test1/test1"], {"train": CD}),
    ("unlabelled", ["train/cat", "train/dog", "test/cat", "test/dog", "unlabeled"], TRAIN_TEST),
    ("unlabelled beside classes", ["cat", "dog", "unlabelled"], {"train": CD}),
    ("capitals", ["TRAIN/cat", "TRAIN/dog", "Test/cat", "Test/dog"], TRAIN_TEST),
    ("GTSRB", ["GTSRB/Training/cat", "GTSRB/Training/dog", "GTSRB/Final_Test/Images/cat"],
     {"train": CD, "test": {"cat"}}),
    ("years", ["train2017/cat", "train2017/dog", "val2017/cat", "val2017/dog"],
     {"train": CD, "validation": CD}),
    ("images in each part", ["train/images/cat", "train/images/dog", "test/images/cat", "test/images/dog"],
     TRAIN_TEST),
    ("parts in parts", ["train/train/cat", "train/val/cat", "train/train/dog", "test/cat", "test/dog"],
     {"train": CD, "validation": {"cat"}, "test": CD}),
    ("class, then part", ["cat/train", "cat/test", "dog/train", "dog/test"], TRAIN_TEST),
    ("part and class in one name", ["train_cat", "train_dog", "test_cat", "test_dog"], TRAIN_TEST),
    ("class and part in one name", ["cat-train", "cat-test", "dog-train", "dog-test"], TRAIN_TEST),
    ("a flat rest beside parts", ["train/cat", "train/dog", "val/cat", "val/dog", "samples"],
     {"train": CD, "validation": CD}),
    ("masks beside images", ["images/cat", "images/dog", "masks/cat", "masks/dog"], {"train": CD}),
    ("masks in each class", ["cat/images", "cat/masks", "dog/images", "dog/masks"], {"train": CD}),
    ("masks by name", ["cat/1.png", "cat/1_mask.png", "cat/1_mask_1.png", "dog/2.png", "dog/2_mask.png"],
     {"train": CD}),
    ("masks that are a class", ["mask", "no_mask"], {"train": {"mask", "no_mask"}}),
    ("folds", [f"fold{k}/{c}" for k in range(3) for c in ("cat", "dog")], {"train": CD}),
    ("numbered heaps of classes", ["part1/cat", "part1/dog", "part2/cat", "part2/dog"], {"train": CD}),
    ("numbered classes", ["c0", "c1", "c2"], {"train": {"c0", "c1", "c2"}}),
    ("digits", ["0", "1"], {"train": {"0", "1"}}),
    ("a train among vehicles", ["bus", "car", "train"], {"train": {"bus", "car", "train"}}),
    ("valid as a class", ["invalid", "valid"], {"train": {"invalid", "valid"}}),
    ("bursts with the same numbers", ["cat/001", "cat/002", "dog/001", "dog/002"], {"train": CD}),
    ("signs", ["+", "-"], {"train": {"+", "-"}}),
    ("climbing", ["../../cat", "/dog"], {"train": CD}),
]  # fmt: skip

REFUSED = [
    ("heap", ["1.jpg", "2.jpg"], "2 files in the folder itself, none in a class folder", False),
    ("flat parts", ["train", "test"], "the images lie in 'test', 'train' without a folder for each", False),
    ("flat parts, wrapped", ["train/train", "test1/test1"], "without a folder for each class", False),
    ("flat parts and samples", ["train", "test", "sample"], "without a folder for each class", False),
    ("detection", ["train/images", "valid/images"], "without a folder for each class", False),
    ("segmentation", ["images", "masks"], "images in 'images' and masks in 'masks', no class", False),
    ("numbered heaps", ["images_001/images", "images_002/images"], "numbered heaps and no classes", False),
    ("images and raw", ["images", "raw_photos"], "whose names say no class", False),
    ("test beside classes", ["cat", "dog", "test"], "'test' may be a part of the set, or a class", True),
    ("train and its copy", ["train/cat", "train/dog", "cat", "dog"], "'train' may be a part of the", True),
    ("unnamed part", ["train/cat", "train/dog", "test/cat", "holdout/cat", "holdout/dog"],
     "beside the parts 'test', 'train' lies 'holdout', whose name says no part", True),
    ("Kaggle's X-rays hold themselves", [f"{w}{p}/{c}" for w in ("", "chest/") for p in ("train", "test")
     for c in ("cat", "dog")], "beside the parts 'test', 'train' lies 'chest'", True),
    ("domains", ["photo/cat", "photo/dog", "sketch/cat", "sketch/dog"],
     "'photo', 'sketch' hold the same folders 'cat', 'dog': either may be the classes", True),
    ("digits at two sites", [f"site{s}/{d}" for s in "AB" for d in range(10)],
     "'siteA', 'siteB' hold the same folders '0', '1', '2', '3', '4', ...: either may be the classes", True),
    ("numbers at numbered sites", [f"hospital_{s}/{d}" for s in "12" for d in range(3)],
     "'hospital_1', 'hospital_2' hold the same folders '0', '1', '2'", True),
    ("parts in some classes", ["cat/train", "cat/test", "dog"], "'cat' has parts inside, other", True),
    ("objects", ["nut/train/good", "nut/test/bad", "nut/test/good", "cap/train/good", "cap/test/bad"],
     "'cap', 'nut' hold parts that hold folders", True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("folders", "meant"), [row[1:] for row in UNDERSTOOD], ids=[r[0] for r in UNDERSTOOD]
)
def test_a_layout_is_understood(folders: list[str], meant: dict[str, set[str]]) -> None:
    assert facts(folders) == meant


@pytest.mark.parametrize(
    ("folders", "said", "unclear"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_layout_without_one_meaning_is_refused(folders: list[str], said: str, unclear: bool) -> None:
    found, _ = laid_out(folders)
    assert found.problem is not None
    assert said in found.problem[0]
    assert found.unclear is unclear
    assert len(found.kept) == 0


@pytest.mark.parametrize("packed", [False, True])
def test_check_and_read_answer_alike_in_folders_and_archives(make_folder: Maker, packed: bool) -> None:
    root = make_folder(**{f"{p}/{c}": 3 for p in ("train", "test") for c in ("cat", "dog")}, unlabeled=2)
    source = shutil.make_archive(str(root), "zip", root) if packed else root
    images = read(source)
    assert images.classes == ("cat", "dog")
    assert images.found["parts"] == {"train": 6, "validation": 0, "test": 6}
    assert any("2 images in unlabeled not used" in note for note in images.notes)
    assert [one.kind for one in check(source).findings if one.severity == "error"] == []
    odd = make_folder("odd", cat=3, dog=3, test=3)
    source = shutil.make_archive(str(odd), "zip", odd) if packed else odd
    for verb in (read, check):
        with pytest.raises(BadInput, match="'test' may be a part of the set, or a class beside 'cat', 'dog'"):
            verb(source)


@pytest.mark.parametrize("packed", [False, True])
def test_what_cannot_be_read_says_what_is_there(make_folder: Maker, packed: bool) -> None:
    root = make_folder(train=3, test=3)
    source = shutil.make_archive(str(root), "zip", root) if packed else root
    with pytest.raises(BadInput, match="the images lie in 'test', 'train' without a folder for each class"):
        read(source)
    (root.parent / "none").mkdir()
    (root.parent / "none" / "notes.txt").write_text("x")
    source = shutil.make_archive(str(root.parent / "none"), "zip", root.parent / "none")
    with pytest.raises(BadInput, match=r"1 files in it, none an image \(such as notes.txt\)"):
        read(source if packed else root.parent / "none")


def test_a_class_without_training_images_is_never_trained(make_folder: Maker) -> None:
    images = read(make_folder(**{"train/cat": 3, "train/dog": 3, "test/cat": 3, "test/emu": 3}))
    with pytest.raises(BadInput, match="no training image of 'emu', only others"):
        images.split()
    (found,) = [one for one in check(images).findings if one.kind == "class without training images"]
    assert (found.severity, found.count) == ("error", 3)


def test_groups_that_would_leave_a_class_without_training_images(make_folder: Maker) -> None:
    images = read(make_folder(cat=30, dog=2), group=r"(dog)/|cat/(0..)")
    if (np.bincount(images.y[images.split().train], minlength=2) == 0).any():
        pytest.fail("a class without training images")


def test_folds_of_folders_are_groups(make_folder: Maker) -> None:
    images = read(make_folder(**{f"fold{k}/{c}": 2 for k in range(5) for c in ("cat", "dog")}))
    split = images.split()
    folds = [
        {name.split("/")[0] for name in images[rows].names}
        for rows in (split.train, split.validation, split.test)
    ]
    assert sum(map(len, folds)) == 5
    assert "5 folds, each kept in one part of a split" in images.notes
    two = read(make_folder("two", **{f"fold{k}/{c}": 4 for k in range(2) for c in ("cat", "dog")}))
    assert two.group is None
    assert any("2 folds, fewer than 3, not used" in note for note in two.notes)


def test_a_table_beside_class_folders(make_folder: Maker) -> None:
    root = make_folder(cat=3, dog=3)
    table = root / "labels.csv"
    rows = [f"{name}/{k:03}.png,{name}" for name in ("cat", "dog") for k in range(3)]
    table.write_text("path,label\n" + "\n".join(rows))
    assert listing(root).reader == "folder"
    assert any("labels.csv lists the same classes" in note for note in listing(root).notes)
    table.write_text("path,label\n" + "\n".join(row.rpartition(",")[0] + ",good" for row in rows))
    with pytest.raises(BadInput, match=r"labels.csv calls 'good' what lies in folder 'cat'"):
        listing(root)
    table.write_text("id,label\n1,cat\n2,dog\n")  # of class numbers: no file of the set
    assert listing(root).classes == ("cat", "dog")


def test_heaps_with_numbers_and_a_table_of_labels(make_folder: Maker) -> None:
    root = make_folder(**{"00": 3, "01": 3})
    for k in range(3):
        (root / "01" / f"{k:03}.png").rename(root / "01" / f"{k + 3:03}.png")
    (root / "labels.csv").write_text("id,label\n" + "\n".join(f"{k:03},{'ab'[k % 2]}" for k in range(6)))
    images = read(root)
    assert (images.reader, images.classes) == ("manifest", ("a", "b"))
    assert images.y.tolist() == [0, 1, 0, 1, 0, 1]


STEPS = st.sampled_from(
    ["train", "test", "cat", "dog", "images", "masks", "fold1", "fold2", "unlabeled", "x", "y"]
)


@settings(deadline=None, max_examples=200, derandomize=True)
@given(st.lists(st.lists(STEPS, max_size=4), min_size=1, max_size=8))
def test_any_tree_is_read_or_refused_and_each_image_is_accounted_for(tree: list[list[str]]) -> None:
    names = sorted({"/".join([*path, f"{k}.jpg"]) for k, path in enumerate(tree)})
    found = arrange(Names(names))
    if found.problem is not None:
        assert len(found.kept) == 0
        return
    assert len(found.labels) == len(found.kept) > 0
    assert len(set(found.kept.tolist())) == len(found.kept)
    told = [note for note in found.notes if not note.endswith(FOLDS_UNUSED)]
    counts = [int(note.split()[0]) for note in told if " not used: " in note or " ignored" in note]
    assert len(found.kept) + sum(counts) == len(names)
    assert set(found.labels.tolist()) == set(range(len(found.classes)))
