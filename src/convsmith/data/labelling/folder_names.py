"""What the names of folders mean in the sets that people pack: parts, folds, masks, wrappings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..split import TEST, TRAIN, VALIDATION

_PARTS = {
    **dict.fromkeys(("train", "training", "trn", "trainval", "trainset", "trainingset", "traindata"), TRAIN),
    **dict.fromkeys(
        ("val", "valid", "validation", "validate", "dev", "eval", "evaluation", "valset", "validset",
         "validationset", "devset", "valdata"),
        VALIDATION,
    ),
    **dict.fromkeys(("test", "testing", "tst", "testset", "testingset", "testdata"), TEST),
}  # fmt: skip
_PICTURES = {
    "image", "images", "img", "imgs", "picture", "pictures", "pics", "photo", "photos", "jpg", "jpeg",
    "jpegs", "png", "pngs", "jpegimages", "data", "dataset", "datasets", "files", "raw",
    "original", "originals",
}  # fmt: skip
_NEUTRAL = _PICTURES | {
    "set", "sets", "seg", "split", "folder", "final", "all", "full", "my", "public", "private", "resized",
    "cropped", "small", "the", "of", "for",
}  # fmt: skip
_UNLABELLED = {
    "unlabeled", "unlabelled", "unlabel", "unlab", "unsupervised", "pred", "predict", "prediction",
    "predictions", "inference",
}  # fmt: skip
_MASKS = {
    "mask", "masks", "annotation", "annotations", "segmentation", "segmentations", "gt", "groundtruth",
    "label", "labels", "truth",
}  # fmt: skip
_FOLDS = {"fold", "folds", "kfold", "cv"}
_BUCKETS = _PICTURES | {
    "part",
    "batch",
    "chunk",
    "shard",
    "folder",
    "volume",
    "archive",
    "dir",
    "set",
    "subset",
}


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def _means(name: str, wanted: set[str] | dict[str, int], beside: set[str]) -> str | None:
    """The one wanted word of a name whose other words say nothing; None where there is no such word."""
    words = [word for word in _words(name) if not word.isdigit()]
    found = [word for word in words if word in wanted]
    if len(found) != 1 or any(word not in beside for word in words if word != found[0]):
        return None
    return found[0]


def part_of(name: str) -> int | None:
    """The part of a set that a name means: TRAIN, VALIDATION or TEST; None for any other name.

    Example:
        >>> [part_of(name) for name in ("TRAIN", "seg_test", "training_set", "val2017", "train station")]
        [0, 2, 0, 1, None]
    """
    found = _means(name, _PARTS, _NEUTRAL)
    return None if found is None else _PARTS[found]


def part_and_class(name: str) -> tuple[int, str] | None:
    """The part and the class in a name that joins both, such as ``train_cat`` or ``cat-test``.

    Example:
        >>> part_and_class("train_cat"), part_and_class("Grey Wolf-test"), part_and_class("cat")
        ((0, 'cat'), (2, 'Grey Wolf'), None)
    """
    first = re.match(r"([A-Za-z]+)[\W_]+(?=\w)", name)
    if first and first[1].lower() in _PARTS:
        return _PARTS[first[1].lower()], name[first.end() :]
    last = re.search(r"(?<=\w)[\W_]+([A-Za-z]+)$", name)
    if last and last[1].lower() in _PARTS:
        return _PARTS[last[1].lower()], name[: last.start()]
    return None


def is_unlabelled(name: str) -> bool:
    """Whether a name says that the images have no label: ``unlabeled``, ``seg_pred``."""
    return _means(name, _UNLABELLED, _NEUTRAL) is not None


def is_masks(name: str) -> bool:
    """Whether a name says that the files belong to the images beside them: ``masks``, ``ground_truth``."""
    return _means(name, _MASKS, _NEUTRAL | {"ground"}) is not None


def is_generic(name: str) -> bool:
    """Whether a name says no more than that there are images: ``images``, ``raw data``, ``2017``."""
    words = _words(name)
    return bool(words) and all(word in _NEUTRAL or word.isdigit() for word in words)


def is_number(name: str) -> bool:
    """Whether a name is a number as classes have it: ``7``, and not ``007`` of a burst or ``2017``.

    Example:
        >>> is_number("7"), is_number("007"), is_number("2017"), is_number("7b")
        (True, False, False, False)
    """
    return len(name) < 4 and name.isascii() and name.isdecimal() and str(int(name)) == name


def says_pictures(name: str) -> bool:
    """Whether a name only says that there are pictures: ``images``, ``JPEGImages``, ``raw_photos``."""
    return is_generic(name) and any(word in _PICTURES for word in _words(name))


def is_fold(name: str) -> bool:
    """Whether a name is that of a fold of a cross-validation: ``fold1``, ``cv_3``, ``split 2``.

    Example:
        >>> is_fold("fold1"), is_fold("CV_3"), is_fold("billfold")
        (True, True, False)
    """
    words = _words(name)
    return len(words) == 2 and words[0] in (*_FOLDS, "split") and words[1].isdigit()


def are_buckets(names: Sequence[str]) -> bool:
    """Whether folders only share out one heap of files: ``images_001``, ``images_002``; ``part1``, ``part2``.

    Example:
        >>> are_buckets(["images_001", "images_002"]), are_buckets(["c0", "c1"]), are_buckets(["0", "1"])
        (True, False, False)
    """
    split = [_words(name) for name in names]
    if len(split) < 2 or any(len(words) < 2 or not words[-1].isdigit() for words in split):
        return False
    return len({tuple(words[:-1]) for words in split}) == 1 and split[0][-2] in _BUCKETS
