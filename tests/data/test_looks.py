"""Digests, small pictures and groups against slow ways to the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from convsmith.data.doctor.looks import connected, firsts, joined, look, pixel_digest


def test_a_look_is_the_picture_small(shared: Path) -> None:
    path = sorted((shared / "data" / "photos").iterdir())[0]
    grey = np.asarray(Image.open(path).convert("L"))[:160, :160]
    assert np.abs(look(grey).astype(float) - grey.reshape(16, 10, 16, 10).mean((1, 3))).max() <= 1


def test_a_blank_picture_has_no_look() -> None:
    assert not look(np.full((80, 80), 7, np.uint8)).any()


def test_the_first_of_the_same_pixels() -> None:
    contents = np.array([[3, 1], [2, 2], [3, 1], [3, 2], [2, 2]], np.uint64)
    assert firsts(contents).tolist() == [0, 1, 0, 3, 1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_connected_numbers_are_those_that_steps_reach(pairs: list[tuple[int, int]]) -> None:
    reach = np.eye(10, dtype=bool)
    for a, b in pairs:
        reach[a, b] = reach[b, a] = True
    for _ in range(4):
        reach = (reach.astype(int) @ reach.astype(int)) > 0
    found = connected(10, np.array(pairs, np.int64).reshape(-1, 2))
    assert found.tolist() == reach.argmax(axis=1).tolist()


def test_digest_tells_shapes_apart_and_takes_grey_as_grey() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    assert pixel_digest(pixels) != pixel_digest(pixels.reshape(6, 4, 3))
    assert pixel_digest(pixels) != pixel_digest(pixels[:, :, :1])
    assert pixel_digest(pixels[:, :, :1]) == pixel_digest(pixels[:, :, :1].repeat(3, axis=2))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20))
def test_joined_is_the_finest_common_grouping(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs).T
    found = joined(a, b)
    reach = (a[:, None] == a) | (b[:, None] == b)
    for _ in pairs:
        reach = (reach.astype(int) @ reach.astype(int)) > 0
    assert np.array_equal(found[:, None] == found, reach)
