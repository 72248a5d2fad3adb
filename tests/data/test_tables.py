"""Tables of paths and labels in every dress, against the folder that they describe."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsmith.data import read
from convsmith.data.read import listing
from convsmith.data.readers.manifest import manifest
from convsmith.errors import BadInput

from .conftest import noise

Maker = Callable[..., Path]


@pytest.fixture
def heap(tmp_path: Path) -> Path:
    """Nine pictures in one folder."""
    root = tmp_path / "set"
    (root / "img").mkdir(parents=True)
    for k in range(9):
        Image.fromarray(noise(k)).save(root / "img" / f"{k}.png")
    return root


LABELS = ["cat", "dog", "emu"] * 3


def rows(pattern: str, separator: str = ",") -> str:
    return "".join(f"{pattern.format(k)}{separator}{LABELS[k]}\n" for k in range(9))


def check(source: object) -> None:
    images = read(source)
    assert images.classes == ("cat", "dog", "emu")
    assert images.y.tolist() == [0, 1, 2] * 3
    assert all(np.array_equal(images.image(k), noise(k)) for k in range(9))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "path,label\n" + rows("img/{}.png")),
        ("a.csv", "\ufeffLabel,File_Name\n" + "".join(f'{LABELS[k]},"img/{k}.png"\n' for k in range(9))),
        ("a.tsv", "filename\tclass\n" + rows("img/{}.png", "\t")),
        ("a.csv", "image;category\n" + rows("img/{}.png", ";")),
        ("a.csv", rows("img/{}.png")),
        ("a.csv", "image_id,label\n" + rows("{}")),
        ("a.csv", "path,label\r\n" + rows("./img/{}.png").replace("\n", "\r\n") + "\r\n"),
        (
            "a.jsonl",
            "".join(json.dumps({"file_name": f"img/{k}.png", "label": LABELS[k]}) + "\n" for k in range(9)),
        ),
    ],
)
def test_tables_of_many_kinds(heap: Path, name: str, text: str) -> None:
    (heap / name).write_text(text, newline="")
    check(heap / name)
    check(heap)  # the same, found in its folder
    check(shutil.make_archive(str(heap), "zip", heap))


def test_columns_can_be_named(heap: Path) -> None:
    (heap / "a.csv").write_text("where,what\n" + rows("img/{}.png"))
    images = manifest(heap / "a.csv", path="where", label="what")
    assert images is not None
    assert images.examined().classes == ("cat", "dog", "emu")
    with pytest.raises(BadInput, match="no columns for the path and the label"):
        read(heap / "a.csv")
    with pytest.raises(BadInput, match="no column 'wher'; expected one of where, what; try: where"):
        manifest(heap / "a.csv", path="wher", label="what")


def test_parts_and_groups_of_a_table_are_respected(heap: Path) -> None:
    splits = ["train"] * 3 + ["val"] * 3 + ["TEST"] * 3
    lines = [f"img/{k}.png,{LABELS[k]},{splits[k]}\n" for k in range(9)]
    (heap / "a.csv").write_text("path,label,split\n" + "".join(lines))
    split = read(heap / "a.csv").split()
    assert [part.tolist() for part in (split.train, split.validation, split.test)] == [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
    ]
    (heap / "a.csv").write_text(
        "path,label,patient\n" + "".join(f"img/{k}.png,{LABELS[k]},p{k % 4}\n" for k in range(9))
    )
    split = read(heap / "a.csv").split()
    patients = [{k % 4 for k in part} for part in (split.train, split.validation, split.test)]
    assert sum(len(part) for part in patients) == 4


def test_a_table_for_each_part(heap: Path) -> None:
    lines = rows("img/{}.png").splitlines(keepends=True)
    (heap / "train.csv").write_text("path,label\n" + "".join(lines[:6]))
    (heap / "test.csv").write_text("path,label\n" + "".join(lines[6:]))
    images = read(heap)
    assert images.found["parts"] == {"train": 6, "validation": 0, "test": 3}
    assert images.names[6:] == images.test.names


def test_hugging_faces_imagefolder(heap: Path) -> None:
    for part, numbers in (("train", range(6)), ("test", range(6, 9))):
        (heap / part).mkdir()
        for k in numbers:
            shutil.move(heap / "img" / f"{k}.png", heap / part / f"{k}.png")
        table = "".join(f"{k}.png,{LABELS[k]}\n" for k in numbers)
        (heap / part / "metadata.csv").write_text("file_name,label\n" + table)
    (heap / "img").rmdir()
    images = read(heap)
    assert images.found["parts"] == {"train": 6, "validation": 0, "test": 3}
    assert sorted(images.y.tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_pictures_that_are_missing_are_listed(heap: Path) -> None:
    (heap / "a.csv").write_text("path,label\n" + rows("img/{}.png") + "img/none.png,cat\n")
    assert read(heap / "a.csv").unreadable == (
        ("img/none.png", "cannot be opened: No such file or directory"),
    )


def test_labels_that_are_numbers_sort_as_numbers(heap: Path) -> None:
    (heap / "a.csv").write_text("path,label\n" + "".join(f"img/{k}.png,{[2, 10][k % 2]}\n" for k in range(9)))
    assert read(heap / "a.csv").classes == ("2", "10")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no first line"),
        ("path,label\n", "no rows"),
        ("path,label\nimg/0.png\n", "line 2: 1 cells; expected 2"),
        ("path,label\nimg/0.png,\n", "no label for 'img/0.png'"),
        ("path,label,split\nimg/0.png,cat,later\n", "got 'later'; expected train, validation or test"),
        ("a,b\n1,2\n", "no columns for the path and the label"),
    ],
)
def test_messages_on_tables(heap: Path, text: str, message: str) -> None:
    (heap / "a.csv").write_text(text)
    with pytest.raises(BadInput, match=message.replace(".", r"\.")):
        read(heap / "a.csv")


def test_messages_on_json_lines_and_on_too_many_tables(heap: Path) -> None:
    (heap / "a.jsonl").write_text("{\n")
    with pytest.raises(BadInput, match="is no JSON on each line"):
        read(heap / "a.jsonl")
    (heap / "a.jsonl").unlink()
    for name in ("a.csv", "b.csv"):
        (heap / name).write_text("path,label\n" + rows("img/{}.png"))
    with pytest.raises(BadInput, match=r"several tables \(a\.csv, b\.csv\)"):
        read(heap)


def test_parquet_of_paths(heap: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    table = arrow.table({"path": [f"img/{k}.png" for k in range(9)], "label": LABELS})
    pyarrow.parquet.write_table(table, heap / "a.parquet")
    check(heap / "a.parquet")
    (heap / "b.parquet").write_bytes(b"PAR1 but not")
    with pytest.raises(BadInput, match="cannot be read as Parquet"):
        read(heap / "b.parquet")


def test_a_parquet_bomb_is_refused(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    same = arrow.DictionaryArray.from_arrays(arrow.array(np.zeros(1_000_000, np.int8)), ["img/0.png"])
    pyarrow.parquet.write_table(arrow.table({"path": same, "label": same}), tmp_path / "a.parquet")
    size = (tmp_path / "a.parquet").stat().st_size
    assert size < 10_000
    with pytest.raises(BadInput, match=r"says that it has 1,000,000 rows in .* kB; expected a byte for each"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("names", [True, False])
def test_parquet_of_images_as_hugging_face_writes_it(heap: Path, tmp_path: Path, names: bool) -> None:
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog", "emu"], "_type": "ClassLabel"}}
    meta = {"huggingface": json.dumps({"info": {"features": features}})}
    (tmp_path / "hf" / "data").mkdir(parents=True)
    for part, numbers in (("train", range(6)), ("test", range(6, 9))):
        cells = [{"bytes": (heap / "img" / f"{k}.png").read_bytes(), "path": f"{k}.png"} for k in numbers]
        table = arrow.table({"image": cells, "label": [k % 3 for k in numbers]})
        table = table.replace_schema_metadata(meta) if names else table
        path = tmp_path / "hf" / "data" / f"{part}-00000-of-00001.parquet"
        pyarrow.parquet.write_table(table, path, row_group_size=4)
    images = read(tmp_path / "hf")
    assert images.classes == (("cat", "dog", "emu") if names else ("0", "1", "2"))
    assert images.found["parts"] == {"train": 6, "validation": 0, "test": 3}
    assert all(np.array_equal(images.image(k), noise(k)) for k in range(9))


def test_pandas_tables(heap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    monkeypatch.chdir(heap)
    table = pandas.DataFrame({"path": [f"img/{k}.png" for k in range(9)], "label": LABELS})
    check(table)
    check(table.assign(path=[str(heap / "img" / f"{k}.png") for k in range(9)]))
    with pytest.raises(BadInput, match="table: columns a; expected columns for the path and the label"):
        read(pandas.DataFrame({"a": [1]}))


def table(heap: Path, columns: str, *cells: list[object], name: str = "a.csv") -> Path:
    """A table of the nine pictures: the path, then these cells."""
    lines = [",".join(map(str, (f"img/{k}.png", *(cell[k] for cell in cells)))) for k in range(9)]
    (heap / name).write_text("\n".join([f"path,{columns}", *lines]))
    return heap / name


def test_labels_that_are_written_differently_are_different(heap: Path) -> None:
    images = read(table(heap, "label", ["007", "7", "07"] * 3))
    assert images.classes == ("007", "07", "7")
    assert any("labels 007 and 07 and 7 are different classes" in note for note in images.notes)
    assert read(table(heap, "label", ["007", "010", "1"] * 3)).classes == ("007", "010", "1")
    assert read(table(heap, "label", [2, 10, 33] * 3)).classes == ("2", "10", "33")
    images = read(table(heap, "label", ["²", "٣", "3"] * 3))
    assert set(images.classes) == {"²", "٣", "3"}


def test_columns_of_yes_and_no_say_the_part(heap: Path) -> None:
    images = read(table(heap, "label,is_valid", LABELS, [True] * 3 + [False] * 6))
    assert images.found["parts"] == {"train": 6, "validation": 3, "test": 0}
    assert any("column 'is_valid' says the part" in note for note in images.notes)
    images = read(table(heap, "label,is_valid,is_test", LABELS, [0] * 6 + [1] * 3, [1] * 3 + [0] * 6))
    assert images.found["parts"] == {"train": 3, "validation": 3, "test": 3}
    images = read(table(heap, "label,is_training_image", LABELS, [1] * 6 + [0] * 3))
    assert images.found["parts"] == {"train": 6, "validation": 0, "test": 3}
    images = read(table(heap, "label,split,is_valid", LABELS, ["train"] * 6 + ["PublicTest"] * 3, [1] * 9))
    assert images.found["parts"] == {"train": 6, "validation": 0, "test": 3}
    assert any("column 'is_valid' not used: 'split' says the part" in note for note in images.notes)
    with pytest.raises(BadInput, match="column 'is_valid': got 'perhaps'; expected true or false"):
        read(table(heap, "label,is_valid", LABELS, ["perhaps"] * 9))


def test_columns_of_folds_are_groups_or_said(heap: Path) -> None:
    images = read(table(heap, "label,fold", LABELS, [k // 3 for k in range(9)]))
    assert images.group is not None
    assert images.group.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert "column 'fold': 3 folds, each kept in one part of a split" in images.notes
    two = read(table(heap, "label,fold", LABELS, [k % 2 for k in range(9)]))
    assert two.group is None
    assert any("column 'fold': 2 folds, fewer than 3, not used" in note for note in two.notes)
    both = read(table(heap, "label,fold,patient", LABELS, [k // 3 for k in range(9)], list(range(9))))
    assert "column 'fold' not used: 'patient' says what belongs together" in both.notes
    parts = read(table(heap, "label,fold,is_test", LABELS, [k // 3 for k in range(9)], [0] * 6 + [1] * 3))
    assert parts.group is None
    assert "column 'fold' not used: another column or file says the part" in parts.notes
    other = read(table(heap, "label,width", LABELS, [9] * 9))
    assert "columns not used: width" in other.notes


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_labels_and_names_in_any_encoding(heap: Path, encoding: str, name: str) -> None:
    labels = ["Bär", "Käse", "Öl"] * 3
    os.rename(heap / "img" / "0.png", os.fsencode(heap / "img") + "/ä.png".encode("latin-1"))
    paths = ["img/ä.png" if k == 0 and "utf" not in encoding else f"img/{k}.png" for k in range(9)]
    if "utf" in encoding:
        shutil.copy(heap / "img" / "1.png", heap / "img" / "0.png")
    if name == "a.csv":
        text = "path,label\n" + "".join(
            f"{path},{label}\n" for path, label in zip(paths, labels, strict=True)
        )
    else:
        rows = [
            json.dumps({"path": path, "label": label}, ensure_ascii=False)
            for path, label in zip(paths, labels, strict=True)
        ]
        text = "\n".join(rows)
    (heap / name).write_bytes(text.encode(encoding))
    images = read(heap / name)
    assert images.classes == ("Bär", "Käse", "Öl")
    assert images.unreadable == ()
    assert json.loads(json.dumps(images.found))["classes"] == {"Bär": 3, "Käse": 3, "Öl": 3}
    assert images.fingerprint
    said = any("not UTF-8 read as Windows-1252" in note for note in images.notes)
    assert said is ("utf" not in encoding)


def test_folders_that_are_not_utf8_stay_apart(heap: Path) -> None:
    root = os.fsencode(heap.parent / "photos")
    for folder in (b"B\xe4r", b"B\xf6r", "Bür".encode()):
        os.makedirs(os.path.join(root, folder))
        for k in range(2):
            Image.fromarray(noise(k + folder[1])).save(os.path.join(root, folder, b"%d.png" % k), "PNG")
    assert read(heap.parent / "photos").classes == ("Bär", "Bör", "Bür")


def test_a_table_with_a_column_for_each_class(heap: Path) -> None:
    hot = [[int(LABELS[k] == name) for k in range(9)] for name in ("cat", "dog", "emu")]
    check(table(heap, "cat,dog,emu", *hot, name="_classes.csv"))
    hot[0] = [1] * 9
    with pytest.raises(BadInput, match=r"6 images with several classes or none \('img/1.png' has 2\)"):
        read(table(heap, "cat,dog,emu", *hot, name="_classes.csv"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", 'path,label\nimg/0.png,"cat\nimg/1.png,dog\n', "line 2: a quote that is not closed"),
        ("a.csv", "path,label,label\nimg/0.png,cat,dog\n", "two columns named 'label'"),
        ("a.jsonl", '{"path": "img/0.png", "label": "a"}\n{"path": "img/1.png"}', "no label for 'img/1.png'"),
        ("a.jsonl", '{"path": "img/0.png", "label": "cat"}\n{"label": "cat"}', "a row without a path"),
        ("a.jsonl", '{"path": "img/0.png", "label": ["cat", "dog"]}', "several labels for 'img/0.png'"),
        ("a.jsonl", "[" * 100_000, "is no JSON on each line"),
        ("a.jsonl", '{"path": "img/0.png", "label": NaN}', "no label for 'img/0.png'"),
    ],
)  # fmt: skip
def test_messages_on_damaged_tables(heap: Path, name: str, text: str, message: str) -> None:
    (heap / name).write_text(text)
    with pytest.raises(BadInput, match=message.replace(".", r"\.")):
        read(heap / name)


def test_names_that_no_file_has(heap: Path) -> None:
    rows = [{"path": f"img/{k}.png", "label": LABELS[k]} for k in range(9)]
    rows += [{"path": "a\0b", "label": "cat"}, {"path": "\ud800", "label": "\ud800"}]
    (heap / "a.jsonl").write_text("\n".join(json.dumps(row) for row in [*rows, rows[-1]]))
    images = listing(heap / "a.jsonl").examined(workers=0)
    assert len(images) == 9
    assert len(images.unreadable) == 3
    json.dumps(images.found).encode()


def test_images_outside_the_folder_are_asked_for(heap: Path, tmp_path: Path) -> None:
    (heap / "here").mkdir()
    away = [f"../img/{k}.png" if k < 4 else str(heap / "img" / f"{k}.png") for k in range(9)]
    lines = [f"{path},{LABELS[k]}" for k, path in enumerate(away)]
    (heap / "here" / "a.csv").write_text("path,label\n" + "\n".join(lines))
    message = r"9 of 9 images lie outside its folder \(such as ../img/0.png\).*try: --outside"
    with pytest.raises(BadInput, match=message):
        read(heap / "here" / "a.csv")
    images = read(heap / "here" / "a.csv", outside=True)
    assert images.y.tolist() == [0, 1, 2] * 3
    (heap / "b.csv").write_text(
        "path,label\n" + "\n".join(f"{heap}/img/{k}.png,{LABELS[k]}" for k in range(9))
    )
    assert len(read(heap / "b.csv")) == 9  # absolute, but inside
    (heap / "linked").symlink_to(tmp_path)
    (heap / "c.csv").write_text(
        "path,label\n" + "\n".join(f"linked/set/img/{k}.png,{LABELS[k]}" for k in range(9))
    )
    assert len(read(heap / "c.csv")) == 9  # round about, but inside
    (tmp_path / "other").mkdir()
    shutil.copy(heap / "img" / "0.png", tmp_path / "other" / "0.png")
    (heap / "img" / "0.png").unlink()
    (heap / "img" / "0.png").symlink_to(tmp_path / "other" / "0.png")
    with pytest.raises(BadInput, match="1 of 9 images lie outside"):
        read(heap / "b.csv")
    assert len(read(heap / "b.csv", outside=True)) == 9


def test_paths_are_found_by_the_name_of_the_file(heap: Path) -> None:
    (heap / "a.csv").write_text(
        "path,label\n" + "".join(f"C:\\data\\{k}.png,{LABELS[k]}\n" for k in range(9))
    )
    check(heap / "a.csv")
    (heap / "a.csv").write_text("path,label\n" + "".join(f"img\\{k}.png,{LABELS[k]}\n" for k in range(9)))
    check(heap / "a.csv")
    assert "9 paths found by the name of the file" in read(heap / "a.csv").notes


def test_links_out_of_a_folder_are_said_and_asked_for(make_folder: Maker, tmp_path: Path) -> None:
    away = make_folder("away", cat=3, dog=3)
    root = tmp_path / "linked"
    root.mkdir()
    for name in ("cat", "dog"):
        (root / name).symlink_to(away / name)
    with pytest.raises(BadInput, match=r"2 symbolic links lead out of the folder \(such as cat\).*--outside"):
        read(root)
    assert read(root, outside=True).found["classes"] == {"cat": 3, "dog": 3}
    (away / "dog" / "round").symlink_to(away)
    (away / "round").symlink_to(root)
    assert sum(read(root, outside=True).found["classes"].values()) >= 6  # no loop without end
