"""The doctor against sets with planted illnesses, and against healthy ones."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from convsmith.data import Images, read
from convsmith.data.doctor.check import check, examine
from convsmith.data.doctor.finding import Checkup
from convsmith.data.doctor.shortcuts import ridge_accuracy, tells
from convsmith.data.items import Rows
from convsmith.data.labelling.groups import grouped
from convsmith.errors import BadInput

from .conftest import noise
from .planted import photo

Maker = Callable[..., Path]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSMITH_CACHE", str(tmp_path / "cache"))


def kinds(checkup: Checkup) -> dict[str, str]:
    return {finding.kind: finding.severity for finding in checkup.findings}


def healthy(make_folder: Maker) -> Path:
    return make_folder(cat=22, dog=24)


def test_a_healthy_set_has_no_findings(make_folder: Maker) -> None:
    checkup = check(healthy(make_folder))
    assert kinds(checkup) == {}
    assert not checkup.hurts
    assert checkup.text().endswith("0 errors, 0 warnings, 0 notes")


def test_every_illness_is_found(make_folder: Maker) -> None:
    root = healthy(make_folder)
    cat, dog = root / "cat", root / "dog"
    png = (cat / "000.png").read_bytes()
    (cat / "cut.png").write_bytes(png[: len(png) // 2])
    (cat / "zero.png").write_bytes(b"")
    (cat / "text.png").write_text("text\n")
    (dog / "really.jpg").write_bytes((dog / "001.png").read_bytes())
    Image.open(cat / "003.png").save(cat / "again.bmp")
    Image.open(cat / "004.png").save(dog / "torn.bmp")
    Image.new("RGB", (40, 40), (9, 9, 9)).save(dog / "blank.png")
    Image.fromarray(noise(900, 8, 120)).save(dog / "long.png")
    Image.fromarray(noise(901).astype(np.uint16)[..., 0] * 16).save(dog / "dark.png")
    frames = [Image.fromarray(noise(902 + k)) for k in range(2)]
    frames[0].save(dog / "moving.gif", save_all=True, append_images=frames[1:])
    (root / "emu").mkdir()
    Image.fromarray(noise(910)).save(root / "emu" / "0.png")
    checkup = check(root)
    assert kinds(checkup) == {
        "few images": "error",
        "exact copies in two classes": "error",
        "unreadable": "warning",
        "blank": "warning",
        "extreme aspect": "warning",
        "animated": "warning",
        "dark 16-bit": "warning",
        "imbalance": "warning",
        "exact copies": "note",
        "16-bit": "note",
        "extension": "note",
        "palette": "note",
        "grey": "note",
    }
    assert checkup.hurts
    by_kind = {finding.kind: finding for finding in checkup.findings}
    assert by_kind["blank"].names == ("dog/blank.png",)
    assert set(by_kind["exact copies in two classes"].names) == {"cat/004.png", "dog/torn.bmp"}
    assert set(by_kind["exact copies"].names) == {
        "cat/003.png",
        "cat/again.bmp",
        "dog/001.png",
        "dog/really.jpg",
    }
    text = checkup.text()
    assert "ERROR few images: fewer than 2 images cannot be learnt and tested: 'emu' (1)" in text
    assert "truncated: the file ends too early, about" in text


def test_a_set_that_cannot_be_read_for_training_can_be_checked(make_folder: Maker) -> None:
    assert kinds(check(make_folder("one", cat=3)))["one class"] == "error"
    root = make_folder("broken", cat=2, dog=2)
    for path in root.rglob("*.png"):
        path.write_bytes(b"")
    assert kinds(check(root)) == {"few images": "error", "unreadable": "warning"}
    with pytest.raises(BadInput, match="no such file"):
        check(root / "nowhere")


def test_copies_across_the_sets_own_parts_are_errors(make_folder: Maker) -> None:
    root = make_folder(**{f"{part}/{name}": 25 for part in ("train", "test") for name in ("cat", "dog")})
    Image.open(root / "train" / "cat" / "000.png").save(root / "test" / "cat" / "leak.bmp")
    checkup = check(root)
    assert kinds(checkup) == {"exact copies across parts": "error", "exact copies": "note"}
    assert "1 identical picture in train and test" in checkup.findings[0].text
    split = read(root).split()
    assert len(split.train) + len(split.validation) == 49
    assert "1 copy of images of a later part left out" in split.notes[1]


def test_near_copies_are_found_in_photos(shared: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    for k, path in enumerate(sorted((shared / "data" / "photos").iterdir())):
        label = root / ("a" if k % 2 else "b")
        label.mkdir(parents=True, exist_ok=True)
        photo = Image.open(path).convert("RGB")
        photo.save(label / f"{path.stem}.png")
        photo.resize((photo.width * 2 // 3, photo.height * 2 // 3)).save(
            label / f"{path.stem}-small.jpg", quality=70
        )
    torn = Image.open(sorted((root / "a").iterdir())[0])
    torn.convert("RGB").save(root / "b" / "torn.jpg", quality=50)
    checkup = check(root)
    assert kinds(checkup)["near copies"] == "note"
    assert kinds(checkup)["near copies in two classes"] == "warning"
    split = read(root).split(validation=0, test=0.3)
    stems = [
        {Path(name).stem.removesuffix("-small") for name in read(root)[part].names}
        for part in (split.train, split.test)
    ]
    assert not stems[0] & stems[1]


def test_near_copies_are_told_apart_from_identical_ones(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        for label in "ab":
            (tmp_path / "set" / part / label).mkdir(parents=True)
    photos = [photo(rng, 100) for _ in range(24)]
    for k, image in enumerate(photos):
        image.save(tmp_path / "set" / ("train" if k < 16 else "test") / "ab"[k % 2] / f"{k}.png")
    photos[0].save(tmp_path / "set" / "train" / "a" / "again.bmp")
    photos[1].save(tmp_path / "set" / "train" / "b" / "near.jpg", quality=60)
    photos[2].save(tmp_path / "set" / "train" / "b" / "torn.jpg", quality=60)
    photos[3].save(tmp_path / "set" / "test" / "b" / "leak.jpg", quality=60)
    checkup = check(tmp_path / "set", page=tmp_path / "page.html")
    by_kind = {finding.kind: finding for finding in checkup.findings}
    expected = {
        "near copies across parts": "error",
        "near copies in two classes": "warning",
        "exact copies": "note",
        "near copies": "note",
    }
    assert {kind: severity for kind, severity in kinds(checkup).items() if "copies" in kind} == expected
    assert "identical" in by_kind["exact copies"].text
    for kind in ("near copies", "near copies in two classes", "near copies across parts"):
        finding = by_kind[kind]
        assert "look" in finding.text
        assert len(finding.names) == 2 * len(finding.similarity) == len(finding.pictures)
        assert all(0.9 <= similarity <= 1 for similarity in finding.similarity)
        assert all(picture.startswith("data:image/png;base64,") for picture in finding.pictures)
    assert set(by_kind["near copies in two classes"].names) == {"train/a/2.png", "train/b/torn.jpg"}
    assert "looks like train/a/2.png (similarity 0.9" in checkup.text()
    held = json.loads(json.dumps(checkup.to_json()))
    (said,) = (one for one in held["findings"] if one["kind"] == "near copies across parts")
    assert said["similarity"] == list(by_kind["near copies across parts"].similarity)
    assert "looks like the one before: similarity 0.9" in (tmp_path / "page.html").read_text()
    near = checkup.found["alike"]
    assert (near["images"], near["conflicts"]) == (3, 1)
    assert near["pairs"][0]["classes"] == ["a", "b"]
    assert checkup.found["duplicates"]["images"] == 1


def test_images_that_all_look_alike_do_not_become_one_group(tmp_path: Path) -> None:
    base = photo(np.random.default_rng(0), 128)
    for k in range(40):
        part = base.copy()
        ImageDraw.Draw(part).point([(k, k), (k + 1, k)], fill=255 - k)
        folder = tmp_path / "set" / "ab"[k % 2]
        folder.mkdir(parents=True, exist_ok=True)
        part.save(folder / f"{k}.png")
    checkup = check(tmp_path / "set")
    assert kinds(checkup)["all look alike"] == "note"
    split = read(tmp_path / "set").split()
    assert len(split.test) == 8


def test_groups_by_name(make_folder: Maker) -> None:
    root = make_folder(**{f"{part}/{name}": 22 for part in ("train", "test") for name in ("cat", "dog")})
    for path in sorted(root.rglob("*.png")):
        path.rename(path.with_name(f"p{int(path.stem) % 7}_{path.parent.parent.name[:2]}_{path.name}"))
    checkup = check(root, group=r"/(p\d)_")
    assert kinds(checkup) == {"groups": "note", "groups across parts": "error"}
    assert "7 groups by name, the largest of 16 images" in checkup.text()
    whole = make_folder("whole", cat=30, dog=30)
    images = grouped(read(whole), r"0(\d)\d\.png")
    split = images.split()
    tens = [
        {Path(name).stem[1] for name in images[part].names}
        for part in (split.train, split.validation, split.test)
    ]
    assert sum(map(len, tens)) == 3
    with pytest.raises(BadInput, match="is no regular expression"):
        check(whole, group="(")
    with pytest.raises(BadInput, match=r"matches no name, such as 'cat/000\.png'"):
        check(whole, group="patient")


def test_a_format_that_goes_with_a_class_is_noticed(tmp_path: Path) -> None:
    for k in range(60):
        folder = tmp_path / "set" / ("cat" if k % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(k)).save(folder / f"{k}.{'png' if k % 2 else 'bmp'}")
    checkup = check(tmp_path / "set")
    assert kinds(checkup) == {"format tells the class": "warning"}
    assert "gives 100% of the classes (guessing: 50%)" in checkup.text()


def test_a_watermark_on_the_border_is_noticed() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (120, 40, 40), np.uint8)
    y = np.arange(120) % 2

    def of(x: np.ndarray) -> Images:
        return Images.listed(Rows([("x", x)]), y, ("a", "b"), source="x").examined()

    assert kinds(examine(of(x))) == {}
    marked = x.copy()
    marked[y == 1, :3, :12] = 250
    assert kinds(examine(of(marked))) == {"the border tells the class": "warning"}
    content = x.copy()
    content[y == 1, 10:30, 10:30] //= 4  # what a picture shows is no shortcut
    assert kinds(examine(of(content))) == {}


def test_tells_is_chance_for_values_that_say_nothing() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 4000)
    assert abs(tells(rng.integers(0, 5, 4000), labels) - 0.25) < 0.04
    assert tells(labels, labels) == 1.0


def test_ridge_equals_scikit_learns() -> None:
    from sklearn.linear_model import RidgeClassifier

    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 200)
    x = rng.normal(size=(200, 10)) + np.eye(3, 10)[y] * 2
    test = np.arange(200) % 4 == 0
    z = (x - x[~test].mean(axis=0)) / (x[~test].std(axis=0) + 1e-6)
    other = RidgeClassifier(alpha=0.1 * (~test).sum()).fit(z[~test], y[~test])
    assert ridge_accuracy(x, y, test) == pytest.approx(other.score(z[test], y[test]), abs=0.03)


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_cleaned_table_leaves_out_what_hurts_and_touches_nothing(
    make_folder: Maker, tmp_path: Path
) -> None:
    root = make_folder(cat=8, dog=8)
    (root / "cat" / "zero.png").write_bytes(b"")
    Image.open(root / "cat" / "003.png").save(root / "cat" / "again.bmp")
    Image.open(root / "cat" / "004.png").save(root / "dog" / "torn.bmp")
    Image.new("RGB", (40, 40)).save(root / "dog" / "blank.png")
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in root.rglob("*")}
    table = tmp_path / "tables" / "clean.csv"
    check(root, fix=table)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in root.rglob("*")} == before
    kept = {os.path.basename(row["path"]) for row in rows(table) if row["label"] == "cat"}
    assert kept == {f"{k:03}.png" for k in range(8) if k != 4}
    images = read(table, outside=True)
    assert images.found["classes"] == {"cat": 7, "dog": 8}
    assert not {"blank", "unreadable", "exact copies"} & set(kinds(check(table, outside=True)))
    with pytest.raises(BadInput, match="fix: digits holds no image files of their own"):
        check("digits", fix=table)


def test_the_cleaned_table_keeps_parts_without_leaks(make_folder: Maker, tmp_path: Path) -> None:
    root = make_folder(**{f"{part}/{name}": 5 for part in ("train", "test") for name in ("cat", "dog")})
    Image.open(root / "train" / "cat" / "000.png").save(root / "test" / "cat" / "leak.bmp")
    check(root, fix=tmp_path / "clean.csv")
    listed = {row["path"].replace("photos/", ""): row["split"] for row in rows(tmp_path / "clean.csv")}
    assert listed["test/cat/leak.bmp"] == "test"
    assert "train/cat/000.png" not in listed
    assert read(tmp_path / "clean.csv").found["parts"] == {"train": 9, "validation": 0, "test": 11}


class Page(HTMLParser):
    """Collects what a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attributes if name in ("src", "href")]


def test_the_page_shows_thumbnails_and_asks_nobody(make_folder: Maker, tmp_path: Path) -> None:
    root = make_folder(cat=3, dog=3)
    Image.open(root / "cat" / "001.png").save(root / "dog" / "<script>alert(1)<_script>.bmp")
    check(root, page=tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    page = Page()
    page.feed(text)
    assert page.tags.count("img") == 2
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert "script" not in page.tags
    assert "exact copies in two classes" in text
    assert "&lt;script&gt;" in text


def test_json_and_text_name_the_same_findings(make_folder: Maker) -> None:
    root = make_folder(cat=3, dog=30)
    checkup = check(root)
    held = json.loads(json.dumps(checkup.to_json()))
    assert [finding["kind"] for finding in held["findings"]] == [finding.kind for finding in checkup.findings]
    assert held["hurts"] is True
    assert held["classes"]["cat"]["images"] == 3
    assert all(finding.text in checkup.text() for finding in checkup.findings)


def test_real_photos_are_mostly_well(shared: Path) -> None:
    checkup = check(shared / "data" / "caltech12.tar")
    assert {finding.kind for finding in checkup.findings if finding.severity == "error"} == set()
    assert kinds(checkup)["near copies"] == "note"
    assert checkup.classes["bonsai"]["images"] == 64


def test_damage_inside_a_photo_is_a_warning(make_folder: Maker) -> None:
    root = healthy(make_folder)
    photo = root / "cat" / "torn.jpg"
    coarse = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))
    coarse.resize((300, 200), Image.Resampling.BICUBIC).save(photo)
    data = bytearray(photo.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2] = b"\xff\xd3"  # a restart marker where there are none
    photo.write_bytes(data)
    with Image.open(photo) as image:
        image.load()  # Pillow says nothing
    (finding,) = (one for one in check(root).findings if one.kind == "damaged")
    assert finding.severity == "warning"
    assert finding.names == ("cat/torn.jpg",)
