"""Tables of paths and labels in every dress, against the folder that they describe."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsmith.data import read
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
