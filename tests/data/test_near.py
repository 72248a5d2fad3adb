"""Images that look alike, against planted truth: copies are found, plain pictures are no copies."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsmith.data import Images
from convsmith.data.decoding.record import PAIR
from convsmith.data.doctor.alike import SAME, SIDE, similarities
from convsmith.data.doctor.candidates import MOST, candidates, hashes, windows
from convsmith.data.doctor.looks import look
from convsmith.data.doctor.near import followers, led, sets
from convsmith.data.items import Files
from convsmith.data.split import Split

from .planted import CHANGES, bottle, box, cardboard, changed, encoded, ground, photo


def examined(folder: Path, images: Iterable[Image.Image], labels: Iterable[int] | None = None) -> Images:
    """The images as files of a set that has been looked at."""
    names = []
    for k, image in enumerate(images):
        names.append(f"{k:05}.png")
        image.save(folder / names[-1], compress_level=1)
    y = [0] * len(names) if labels is None else list(labels)
    listed = Images.listed(Files(folder, names), y, ("a", "b"), source=str(folder))
    return listed.examined(workers=0)


def found_pairs(images: Images) -> set[tuple[int, int]]:
    return {tuple(sorted((int(a), int(b)))) for a, b, _ in images.near}


def test_changed_photos_are_found_among_plain_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photos = [photo(rng) for _ in range(25)]
    again = [changed(image, CHANGES[k % len(CHANGES)], rng) for k, image in enumerate(photos)]
    plain = [make(rng) for make in (bottle, box, ground, cardboard) for _ in range(20)]
    found = found_pairs(examined(tmp_path, [*photos, *again, *plain]))
    true = {(k, k + 25) for k in range(25)}
    assert len(found & true) >= 0.9 * len(true)
    assert len(found - true) <= 0.01 * len(found)


def test_sheets_of_cardboard_are_never_one_picture(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    images = examined(tmp_path, [cardboard(rng) for _ in range(60)])
    assert len(images.near) == 0
    assert images.found["alike"]["images"] == 0
    assert len(np.unique(images.copies)) == 60


@pytest.mark.slow
def test_precision_and_recall_on_photographs(shared: Path, tmp_path: Path) -> None:
    """500 changed photos; among all the others, more than 5,000 pairs of plain pictures and of one class."""
    rng = np.random.default_rng(2)
    with tarfile.open(shared / "data" / "caltech12.tar") as archive:
        archive.extractall(tmp_path / "photos", filter="data")
    paths = sorted((tmp_path / "photos").rglob("*.jpg")) + sorted((shared / "data" / "photos").iterdir())
    photos = [Image.open(path).convert("RGB") for path in paths]
    for image in photos:
        image.thumbnail((320, 320))
    chosen = rng.permutation(len(photos))[:500]
    again = [changed(photos[i], CHANGES[k % len(CHANGES)], rng) for k, i in enumerate(chosen)]
    plain = [make(rng) for make in (bottle, box, ground, cardboard) for _ in range(150)]
    (tmp_path / "set").mkdir()
    images = examined(tmp_path / "set", [*photos, *again, *plain])
    first = {len(photos) + k: int(i) for k, i in enumerate(chosen)}
    same = found_pairs(images[: len(photos)])  # pictures that the photographs hold twice
    print("among the photographs:", [(str(paths[a]), paths[b].name) for a, b in same])
    true = {(i, k) for k, i in first.items()}
    found = found_pairs(images)
    shown = {(a, b): tuple(sorted((first.get(a, a), first.get(b, b)))) for a, b in found}
    wrong = [pair for pair, (one, other) in shown.items() if one != other and (one, other) not in same]
    for k, change in enumerate(CHANGES):
        own = {(i, n) for n, i in first.items() if (n - len(photos)) % len(CHANGES) == k}
        print(change, len(own & found), "of", len(own))
    print(f"{len(found & true)} of 500 found, {len(wrong)} wrong of {len(found)}: {wrong[:20]}")
    assert len(found & true) >= 0.9 * 500
    assert len(wrong) <= 0.01 * len(found)


def test_groups_are_not_chained() -> None:
    chain = np.array([(k, k + 1, 0.95) for k in range(9)], PAIR)
    leaders = led(10, chain)
    known = {(int(a), int(b)) for a, b, _ in chain}
    for k, leader in enumerate(leaders.tolist()):
        assert k == leader or (min(k, leader), max(k, leader)) in known
    assert max(len(members) for members in sets(leaders)) == 3
    assert all(
        similarity == pytest.approx(0.95) for _, own in followers(leaders, chain) for _, similarity in own
    )


def test_a_split_keeps_what_looks_alike_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    photos = [photo(rng) for _ in range(16)]
    again = [encoded(image, 60) for image in photos]
    images = examined(tmp_path, [*photos, *again], [k % 2 for k in range(16)] * 2)
    assert found_pairs(images) == {(k, k + 16) for k in range(16)}
    split: Split = images.split(validation=0.25, test=0.25)
    for part in (split.train, split.validation, split.test):
        assert {k % 16 for k in part.tolist()} == {k % 16 for k in part.tolist() if k < 16}
    half = images[np.arange(32)[::-1][:20]]  # positions are those of the subset
    assert found_pairs(half) == {(k, k + 16) for k in range(4)}


def test_what_is_kept_is_found_again_without_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    one = photo(rng)
    names = ["a.png", "b.png", "c.png"]
    for name, image in zip(names, (one, encoded(one, 50), photo(rng)), strict=True):
        image.save(tmp_path / name)
    listed = Images.listed(Files(tmp_path, names), [0, 0, 0], ("a",), source="x")
    first = listed.examined(workers=0, cache=tmp_path / "cache")

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("convsmith.data.doctor.near.fill", never)
    again = listed.examined(workers=0, cache=tmp_path / "cache")
    assert first.near.tolist() == again.near.tolist()
    assert found_pairs(again) == {(0, 1)}


def test_similarity_by_hand() -> None:
    rng = np.random.default_rng(5)
    one, other = (np.asarray(photo(rng, SIDE)) for _ in range(2))
    red_and_green = one[..., [1, 0, 2]]
    flat = np.full_like(one, 90)
    brighter = np.clip(one * 0.6 + 30, 0, 255).astype(np.uint8)
    whole = np.stack([one] * 6)
    part = np.stack([one, brighter, other, red_and_green, flat, one[:, ::-1]])
    found = similarities(whole, part, np.tile([0.0, 0, 1, 1], (6, 1)))
    assert found[0] == pytest.approx(1, abs=1e-3)
    assert found[1] > 0.97
    assert (found[2:] < SAME - 0.2).all()


def test_a_crop_is_laid_over_the_picture_that_it_was_cut_from() -> None:
    rng = np.random.default_rng(6)
    image = photo(rng, 200)
    crop = image.crop((20, 10, 190, 180))
    small = [np.asarray(one.resize((SIDE, SIDE), Image.Resampling.BOX)) for one in (image, crop)]
    guess = np.array([[0.1, 0.1, 0.8, 0.8]])
    assert similarities(small[0][None], small[1][None], guess)[0] > 0.95


def test_candidates_are_those_of_all_pairs_compared(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    photos = [photo(rng, 80) for _ in range(40)]
    crops = [changed(image, "crop", rng) for image in photos]
    looks = np.array([look(np.asarray(image.convert("L"))) for image in (*photos, *crops)])
    marks = hashes(looks)
    assert marks.shape == (80, len(windows()))
    pairs, window = candidates(looks)
    kept = {tuple(sorted(pair)) for pair in pairs.tolist()}
    assert len(kept) == len(pairs)
    apart = np.bitwise_count(marks[:, None, :] ^ marks[None, :, :1]).min(axis=2)
    apart = np.minimum(apart, apart.T)
    near = [(k, k + 40) for k in range(40) if apart[k, k + 40] <= 11]
    assert sum(pair in kept for pair in near) >= 0.95 * len(near) >= 36
    for (whole, part), w in zip(pairs.tolist(), window.tolist(), strict=True):
        assert np.bitwise_count(marks[whole, w] ^ marks[part, 0]) == apart[whole, part] <= 11


def test_many_candidates_are_bounded() -> None:
    rng = np.random.default_rng(8)
    base = np.asarray(photo(rng, 16).convert("L")).astype(int)
    looks = np.clip(base + rng.integers(-2, 3, (150, 16, 16)), 1, 255).astype(np.uint8)
    pairs, _ = candidates(looks)
    assert 150 <= len(pairs) <= 150 * MOST
