"""`convsmith predict`: rows in every form, from files, folders, archives and lists; what cannot be used."""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convsmith as cs
from convsmith.cli.main import run as command
from convsmith.data.given import Given, given
from convsmith.data.stream import batches
from convsmith.engine.weights import initial
from convsmith.errors import BadInput
from convsmith.formats.weights_file import write_weights_file
from convsmith.insight.answer_rule import AnswerRule
from convsmith.jobs.inputs.carried import as_texts, carried
from convsmith.zoo import network

CLASSES = tuple("abcdefghij")


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network of random numbers in one file: what is said does not matter here, but that it is."""
    graph = network("lenet5")
    path = tmp_path_factory.mktemp("net") / "net.safetensors"
    more = as_texts(carried(graph, AnswerRule()))
    write_weights_file(path, graph, initial(graph, 0), classes=CLASSES, more=more)
    return str(path)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve photographs, two of them unreadable, and something that is none."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    (root / "deep" / "er").mkdir(parents=True)
    for k in range(10):
        name = ("deep/er/" if k % 2 else "") + f"{k}.png"
        Image.fromarray(rng.integers(0, 256, (40, 30, 3), np.uint8)).save(root / name)
    (root / "text.jpg").write_text("no image")
    (root / "cut.png").write_bytes((root / "0.png").read_bytes()[:200])
    (root / "notes.txt").write_text("not meant as one")
    return root


def said(capsys: pytest.CaptureFixture[str], *line: str, code: int = 0) -> tuple[str, str]:
    assert command(["predict", *line]) == code
    found = capsys.readouterr()
    return found.out, found.err


def test_a_folder_in_every_form(net: str, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    want = cs.load(net).predict(str(photos))
    out, err = said(capsys, net, str(photos))
    assert "2 of 12 files cannot be read" in err
    assert out.splitlines() == [
        f"{one.name}: cannot be read: {one.reason}" if one.reason
        else f"{one.name}: {one.label} {one.probability:.1%}" for one in want
    ]  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(said(capsys, net, str(photos), "--csv", "--top", "3")[0])))
    found = json.loads(said(capsys, net, str(photos), "--json", "--top", "3")[0])
    assert (found["network"], found["rule"]) == (net, "not calibrated")
    assert len(rows) == len(found["images"]) == 12
    for i, (row, one) in enumerate(zip(rows, found["images"], strict=True)):
        assert row["image"] == one["image"] == want.names[i]
        if i in want.reasons:
            assert row["reason"] == one["reason"] == want.reasons[i]
            assert row["answer"] == ""
            assert one["answer"] is None
            continue
        order = np.argsort(-want.probabilities[i])[:3]
        assert row["answer"] == row["class_1"] == one["answer"] == CLASSES[order[0]]
        assert [each["class"] for each in one["top"]] == [CLASSES[k] for k in order]
        shares = [float(row[f"probability_{k}"]) for k in (1, 2, 3)]
        assert shares == [each["probability"] for each in one["top"]]
        np.testing.assert_allclose(shares, want.probabilities[i][order], rtol=1e-6)


def test_archives_lists_and_files_say_the_same(
    net: str,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for path in sorted(photos.rglob("*")):
            file.write(path, path.relative_to(photos))

    def row(text: str) -> dict[str, str]:
        """What is said of each file: its class and three digits of the probability, or the reason."""
        return {
            Path(one["image"]).name: one.get("reason") or "{class} {probability:.3f}".format(**one["top"][0])
            for one in json.loads(text)["images"]
        }

    folder = row(said(capsys, net, str(photos), "--json")[0])
    assert len(folder) == 12
    assert row(said(capsys, net, str(tmp_path / "a.zip"), "--json")[0]) == folder
    files = [str(path) for path in photos.rglob("*.*g")]
    assert row(said(capsys, net, *files, "--json")[0]) == folder
    listed = "\n".join([*files, "", str(photos / "gone.png")]).encode() + b"\r\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listed)))
    found = row(said(capsys, net, "-", "--json")[0])
    assert "cannot be opened: No such file" in found.pop("gone.png")
    assert found == folder


@pytest.mark.parametrize("ending", [".csv", ".json", ".txt"])
def test_a_file_is_written_whole(
    net: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    target = tmp_path / f"answers{ending}"
    target.write_text("of yesterday")
    want = said(capsys, net, str(photos), *{".csv": ["--csv"], ".json": ["--json"]}.get(ending, []))[0]
    out, _ = said(capsys, net, str(photos), "--out", str(target))
    assert out == f"{target}: 12 images\n"
    assert target.read_text() == want
    target.write_text("of yesterday")
    said(capsys, net, str(photos / "text.jpg"), "--out", str(target), code=2)
    assert target.read_text() == "of yesterday"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["NET"], "images: none were given"),
        (["NET", "PHOTOS", "--top", "0"], "--top: got 0; expected at least 1"),
        (["NET", "PHOTOS/0.pgn"], "did you mean 'PHOTOS/0.png'?"),
        (["NET", "EMPTY"], "holds no images"),
        (["NET", "TEXTS"], "holds no images but such as a.txt"),
        (["NET", "EMPTY/a.zip"], "no such file or folder"),
        (["NET", "TEXTS/bad.zip"], "bad.zip"),
        (["NET", "PHOTOS/text.jpg"], "none of 1 file can be read"),
        (["NET", "-"], "-: standard input is empty"),
        (["NET", "-", "PHOTOS"], "-: given with other photographs"),
        (["NET", "PHOTOS", "--out", "EMPTY"], "ends in nothing; expected .csv or .json or .txt"),
        (["NET", "PHOTOS", "--out", "EMPTY/a.pdf"], "ends in .pdf"),
        (["NET", "PHOTOS", "--out", "TEXTS/a.csv", "--json"], "--out: got a.csv with --json"),
        (["NET", "PHOTOS", "--csv", "--json"], "--json and --csv"),
        (["NET", "PHOTOS", "--out", "TEXTS/a.txt/b.csv"], "cannot be written"),
        (["NET.", "PHOTOS"], "does not exist"),
        (["EMPTY", "PHOTOS"], "holds no run.json"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    net: str, photos: Path, tmp_path: Path, line: list[str], says: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("empty", "texts"):
        (tmp_path / name).mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    (tmp_path / "texts" / "bad.zip").write_text("PK")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n")))
    places = {
        "NET": net,
        "PHOTOS": str(photos),
        "EMPTY": str(tmp_path / "empty"),
        "TEXTS": str(tmp_path / "texts"),
    }
    for short, place in places.items():
        line, says = [word.replace(short, place) for word in line], says.replace(short, place)
    _, err = said(capsys, *line, code=2)
    assert says in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.txt", "bad.zip", "empty", "texts"]


def test_more_classes_than_there_are(net: str, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, net, str(photos / "0.png"), "--top", "10000", "--json")
    assert len(json.loads(out)["images"][0]["top"]) == 10
    assert "--top 10000: the network has 10 classes" in err
    assert said(capsys, net, str(photos / "0.png"), "--top", "10000", "--quiet")[1] == ""


def test_a_network_of_colour_and_one_of_grey_take_either(photos: Path, tmp_path: Path) -> None:
    """Channels are the network's: photographs become them as in training."""
    grey = tmp_path / "grey.png"
    Image.open(photos / "0.png").convert("L").save(grey)
    for channels in (1, 3):
        graph = network("lenet5", input_shape=(32, 32, channels))
        path = tmp_path / f"{channels}.safetensors"
        write_weights_file(path, graph, initial(graph, 0), classes=CLASSES)
        assert len(cs.load(path).predict([photos / "0.png", grey]).labels) == 2
    graph = network("lenet5", input_shape=(32, 32, 4))
    path = tmp_path / "4.safetensors"
    write_weights_file(path, graph, initial(graph, 0), classes=CLASSES)
    with pytest.raises(BadInput, match=r"a network from \(32, 32, 4\)"):
        cs.load(path)


def test_batches_are_in_order_and_bounded(photos: Path) -> None:
    """In processes, in this one, in processes that were there: the same pixels, never more than a batch."""
    from convsmith.data.decoding.workers import Decoders

    listed = given(str(photos))
    with Decoders(2) as decoders:
        ways = [
            list(batches(listed, (8, 6), 3, batch_size=5, **how))
            for how in ({"workers": 0}, {"workers": 2}, {"decoders": decoders})
        ]
    for found in ways:
        assert [len(part) for part in found] == [5, 5, 2]
        assert [name for part in found for name in part.names] == [listed.name(i) for i in range(12)]
        for part, first in zip(found, ways[0], strict=True):
            np.testing.assert_array_equal(part.pixels_NHWC, first.pixels_NHWC)
            assert part.reasons == first.reasons
            assert len(part.pixels_NHWC) + len(part.reasons) == len(part)


def test_memory_holds_two_batches(net: str) -> None:
    """However many photographs there are, no more are decoded than the batch answered and the next."""
    opened = []

    class Many:
        def __len__(self) -> int:
            return 100_000

        def name(self, i: int) -> str:
            return f"{i}.png"

        def raw(self, i: int) -> np.ndarray:
            opened.append(i)
            return np.full((9, 9, 1), i % 256, np.uint8)

    said = cs.load(net).ask(Given([Many()]), at_once=10, workers=0)
    for k in range(3):
        assert next(said).names == [f"{i}.png" for i in range(10 * k, 10 * k + 10)]
        assert opened == list(range(10 * k + 20))
