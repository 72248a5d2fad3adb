"""Hashes against pictures changed in known ways, groups against all pairs compared one by one."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from convsmith.data.looks import NEAR_BITS, groups_of, joined, look, pixel_digest


def as_row(bits: int) -> np.ndarray:
    return np.frombuffer(bits.to_bytes(16, "big"), ">u8").astype(np.uint64)


def look_of(image: Image.Image) -> int:
    return look(np.asarray(image.convert("L")))


def test_the_same_photo_small_recompressed_or_darker_looks_the_same(shared: Path) -> None:
    for path in sorted((shared / "data" / "photos").iterdir()):
        image = Image.open(path).convert("RGB")
        own = look_of(image)
        file = BytesIO()
        image.resize((image.width // 2, image.height // 2)).save(file, "JPEG", quality=60)
        again = Image.open(BytesIO(file.getvalue()))
        darker = image.point(lambda v: v * 0.8)
        for changed in (again, darker):
            assert (own ^ look_of(changed)).bit_count() <= NEAR_BITS, path.name
        mirrored = look_of(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
        assert (own ^ mirrored).bit_count() > NEAR_BITS, path.name


def test_a_blank_picture_has_no_look() -> None:
    assert look(np.full((80, 80), 7, np.uint8)) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**128 - 1), min_size=1, max_size=8, unique=True), st.data())
def test_groups_equal_a_comparison_of_all_pairs(seeds: list[int], data: st.DataObject) -> None:
    looks = list(seeds)
    for _ in range(6):  # neighbours up to 7 bits away, which are always found
        flips = data.draw(st.sets(st.integers(0, 127), max_size=7))
        looks.append(data.draw(st.sampled_from(seeds)) ^ sum(1 << k for k in flips))
    rows = np.stack([as_row(bits) for bits in looks])
    contents = np.stack([np.arange(len(looks)), np.zeros(len(looks), int)], axis=1).astype(np.uint64)
    found = groups_of(contents, rows, np.ones(len(looks), bool), bits=7)
    expected = list(range(len(looks)))
    for _ in looks:
        for a in range(len(looks)):
            for b in range(len(looks)):
                if looks[a] and looks[b] and (looks[a] ^ looks[b]).bit_count() <= 7:
                    expected[a] = expected[b] = min(expected[a], expected[b])
    same = lambda groups: [[x == y for x in groups] for y in groups]  # noqa: E731
    assert same(found.tolist()) == same(expected)


def test_tiny_images_are_only_copies_when_exact() -> None:
    contents = np.array([[1, 1], [1, 1], [2, 2]], np.uint64)
    looks = np.ones((3, 2), np.uint64)
    assert groups_of(contents, looks, np.zeros(3, bool)).tolist() == [0, 0, 2]


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
