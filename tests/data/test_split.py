"""The promises of the split, for sets of every shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.data.split import TEST, TRAIN, VALIDATION, Split, cut, folds
from convsmith.data.split import given as given_parts
from convsmith.errors import BadInput


def keys_of(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**63, (count, 2)).astype(np.uint64)


@st.composite
def sets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, groups (some across classes) and keys; copies have one key."""
    counts = draw(st.lists(st.integers(1, 30), min_size=2, max_size=5))
    labels = np.repeat(np.arange(len(counts)), counts)
    groups = np.arange(len(labels))
    for _ in range(draw(st.integers(0, 6))):
        some = draw(st.lists(st.integers(0, len(labels) - 1), min_size=2, max_size=5))
        groups[some] = groups[some].min()
    keys = keys_of(len(labels), draw(st.integers(0, 1000)))
    return labels, groups, keys


def check(split: Split, labels: np.ndarray, groups: np.ndarray) -> None:
    everything = np.concatenate([split.train, split.validation, split.test])
    assert sorted(everything.tolist()) == list(range(len(labels)))
    parts = [set(groups[part].tolist()) for part in (split.train, split.validation, split.test)]
    assert sum(len(part) for part in parts) == len(set().union(*parts))


@settings(max_examples=200, deadline=None)
@given(sets(), st.integers(-(2**40), 2**40), st.floats(0.01, 0.4), st.floats(0.01, 0.4))
def test_every_image_is_in_one_part_and_copies_stay_together(
    data: tuple[np.ndarray, np.ndarray, np.ndarray], seed: int, validation: float, test: float
) -> None:
    labels, groups, keys = data
    split = cut(labels, groups, keys, seed=seed, validation=validation, test=test)
    check(split, labels, groups)
    again = cut(labels, groups, keys, seed=seed, validation=validation, test=test)
    assert split.test.tolist() == again.test.tolist()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=2, max_size=6),
    st.integers(0, 99),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
)
def test_without_copies_the_proportions_hold_in_each_class(
    counts: list[int], seed: int, validation: float, test: float
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    split = cut(
        labels, np.arange(len(labels)), keys_of(len(labels)), seed=seed, validation=validation, test=test
    )
    for label, count in enumerate(counts):
        got = [(labels[part] == label).sum() for part in (split.train, split.validation, split.test)]
        assert got[0] >= 1
        if count >= 3:
            assert min(got) >= 1
        if count == 2:
            assert got == [1, 0, 1]
        if count >= 10:
            assert abs(got[1] - count * validation) <= 1
            assert abs(got[2] - count * test) <= 1


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 9), min_size=3, max_size=8), min_size=2, max_size=4), st.integers(0, 99)
)
def test_a_class_of_three_different_pictures_is_in_every_part(copies: list[list[int]], seed: int) -> None:
    labels = np.concatenate([[label] * sum(each) for label, each in enumerate(copies)]).astype(int)
    groups = np.concatenate(
        [np.repeat(np.arange(len(each)) + 100 * k, each) for k, each in enumerate(copies)]
    )
    split = cut(labels, groups, keys_of(len(labels)), seed=seed)
    check(split, labels, groups)
    for part in (split.train, split.validation, split.test):
        assert set(labels[part]) == set(range(len(copies)))


def test_the_cut_depends_on_content_and_not_on_order() -> None:
    labels, keys = np.repeat([0, 1, 2], 20), keys_of(60)
    groups = np.arange(60)
    groups[[3, 9]] = 3
    keys[9] = keys[3]
    first = cut(labels, groups, keys, seed=5)
    shuffle = np.random.default_rng(1).permutation(60)
    second = cut(labels[shuffle], groups[shuffle], keys[shuffle], seed=5)
    assert sorted(shuffle[second.test].tolist()) == first.test.tolist()
    assert first.test.tolist() != cut(labels, groups, keys, seed=6).test.tolist()


def test_the_cut_is_the_same_on_every_machine() -> None:
    split = cut(np.repeat([0, 1], 6), np.arange(12), np.arange(24, dtype=np.uint64).reshape(12, 2), seed=3)
    assert (split.validation.tolist(), split.test.tolist()) == ([4, 11], [5, 7])


def test_own_parts_are_kept_and_leaks_left_out() -> None:
    labels = np.tile([0, 1], 10)
    part = np.array([TRAIN] * 14 + [TEST] * 6, np.int8)
    groups = np.arange(20)
    groups[[0, 14]] = 0  # the first training image is also the first test image
    split = given_parts(labels, groups, keys_of(20), part)
    assert split.test.tolist() == list(range(14, 20))
    assert 0 not in split.train
    assert 0 not in split.validation
    assert len(split.train) + len(split.validation) == 13
    assert split.notes == (
        "the set's own test part kept",
        "1 copy of images of a later part left out",
    )


def test_own_validation_is_kept() -> None:
    part = np.array([TRAIN] * 6 + [VALIDATION] * 4 + [TEST] * 2, np.int8)
    split = given_parts(np.tile([0, 1], 6), np.arange(12), keys_of(12), part)
    assert [part.tolist() for part in (split.train, split.validation, split.test)] == [
        list(range(6)), list(range(6, 10)), [10, 11],
    ]  # fmt: skip


def test_copies_are_in_the_last_of_the_given_parts_that_have_them() -> None:
    """Copies between train and validation leak as those of test images do; those inside a part may stay."""
    part = np.array([TRAIN] * 8 + [VALIDATION] * 4 + [TEST] * 4, np.int8)
    groups = np.arange(16)
    groups[[0, 8]] = 0  # train and validation
    groups[[1, 9, 12]] = 1  # all three
    groups[[10, 13]] = 10  # validation and test
    groups[[2, 3]] = 2  # train alone
    split = given_parts(np.tile([0, 1], 8), groups, keys_of(16), part)
    assert [rows.tolist() for rows in (split.train, split.validation, split.test)] == [
        [2, 3, 4, 5, 6, 7], [8, 11], [12, 13, 14, 15],
    ]  # fmt: skip
    assert split.notes[1].startswith("4 copies of images")


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0.2), (0.1, 1.0), (float("nan"), 0.1)])
def test_fractions_that_leave_nothing_are_refused(validation: float, test: float) -> None:
    with pytest.raises(BadInput, match=r"0\.2"):
        cut(np.array([0, 1]), np.arange(2), keys_of(2), validation=validation, test=test)


@settings(max_examples=100, deadline=None)
@given(sets(), st.integers(2, 5), st.integers(0, 99))
def test_folds_cover_every_image_once(
    data: tuple[np.ndarray, np.ndarray, np.ndarray], k: int, seed: int
) -> None:
    labels, groups, keys = data
    if len(np.unique(groups)) < k:
        with pytest.raises(BadInput, match="fewer folds"):
            list(folds(labels, groups, keys, k=k, seed=seed))
        return
    tests = []
    for train, test in folds(labels, groups, keys, k=k, seed=seed):
        assert not set(groups[train]) & set(groups[test])
        assert len(train) + len(test) == len(labels)
        tests.append(test)
    assert sorted(np.concatenate(tests).tolist()) == list(range(len(labels)))


def test_folds_are_stratified() -> None:
    labels = np.repeat([0, 1, 2], [20, 30, 10])
    for _, test in folds(labels, np.arange(60), keys_of(60), k=5):
        assert np.bincount(labels[test]).tolist() == [4, 6, 2]


def test_groups_fill_every_part_in_its_proportion() -> None:
    """Thirty pairs of one class and thirty of another: each part as large as it should be, within a pair."""
    groups = np.repeat(np.arange(60), 2)
    split = cut(np.repeat([0, 1], 60), groups, keys_of(120), validation=0.2, test=0.3)
    for part, wanted in ((split.train, 30), (split.validation, 12), (split.test, 18)):
        assert np.abs(np.bincount(part >= 60, minlength=2) - wanted).max() <= 2
