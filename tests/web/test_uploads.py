"""Files that a page sends: hostile names, torn bodies, too many, too large; nothing is sent twice."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from convsmith.data import read
from convsmith.web import uploads
from convsmith.web.home import Home
from convsmith.web.state import Studio
from convsmith.web.uploads import safe

HOSTILE = (
    "../up.png", "/etc/up.png", "a/../../up.png", "C:\\up.png", "c:up.png", "..\\..\\up.png", "a//up.png",
    ".up.png", "a/.git/up.png", "up.png\0.jpg", "up.py", "up.png ", "a/" * 9 + "up.png", "x" * 300 + ".png",
    "up\n.png", "con|.png", "", ".", "..", "up.png::$DATA", "up.svg", "up.html", "\\\\host\\up.png",
)  # fmt: skip


def png(grey: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8), grey).save(file, "PNG")
    return file.getvalue()


def row(name: str | bytes, content: bytes) -> bytes:
    raw = name if isinstance(name, bytes) else name.encode()
    return struct.pack(">H", len(raw)) + raw + struct.pack(">I", len(content)) + content


@pytest.fixture
def number(browser: TestClient) -> str:
    """A set that is being sent."""
    answer = browser.post("/data/new.json", json={"kind": "folder", "title": "<i>mine</i>"})
    return str(answer.json()["id"])


def test_a_folder_is_sent_whole_and_not_twice(browser: TestClient, number: str, studio: Studio) -> None:
    files = [[f"{name}/{k}.png", len(png(k))] for name in ("cat", "dög") for k in range(3)]
    asked = {"files": [*files, ["../x.png", 3]]}
    assert browser.post(f"/data/{number}/have.json", json=asked).json()["missing"] == list(range(6))
    body = b"".join(row(name, png(k % 3)) for k, (name, _) in enumerate(files[:4]))
    said = browser.post(f"/data/{number}/files.json", content=body).json()
    assert said == {"saved": 4, "bytes": sum(size for _, size in files[:4]), "refused": []}
    assert browser.post(f"/data/{number}/have.json", json=asked).json()["missing"] == [4, 5]
    body = b"".join(row(name, png(k % 3)) for k, (name, _) in enumerate(files[4:], 4))
    assert browser.post(f"/data/{number}/files.json", content=body).json()["saved"] == 2
    assert browser.post(f"/data/{number}/seal.json", json={}).json() == {"go": f"/data/{number}"}
    assert browser.post(f"/data/{number}/files.json", content=body).status_code == 409
    one = studio.sets.get(number)
    assert read(one.source).found["classes"] == {"cat": 3, "dög": 3}
    job = studio.jobs.all()[0]
    assert job.about["argv"][:3] == ["check", one.source, "--json"]
    assert "&lt;i&gt;mine" in browser.get("/data").text


def test_hostile_names_are_refused_and_good_ones_kept(browser: TestClient, number: str, home: Home) -> None:
    before = {path for path in home.runs.parent.rglob("*") if path.is_file()}
    body = (
        b"".join(row(name, png(1)) for name in HOSTILE) + row(b"\xff.png", png(1)) + row("a/good.png", png(2))
    )
    said = browser.post(f"/data/{number}/files.json", content=body).json()
    assert said["saved"] == 1
    assert len(said["refused"]) == len(HOSTILE) + 1
    made = {path for path in home.runs.parent.rglob("*") if path.is_file()} - before
    assert made == {home.data / number / "images" / "a" / "good.png"}
    assert safe("Fotos 2024/Bär (1).JPG") == ["Fotos 2024", "Bär (1).JPG"]


TORN = (b"\0", b"\0\5ab", row("a.png", b"1234")[:-2], b"\0\5a.png\0\0", b"\xff" * 70_000)


def test_a_body_that_is_torn_is_said(browser: TestClient, number: str) -> None:
    for body in TORN:
        answer = browser.post(f"/data/{number}/files.json", content=body)
        assert answer.status_code in (400, 413)
        assert answer.json()["error"]["what"].startswith("upload")


def test_no_more_than_may_come(
    browser: TestClient, number: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = struct.pack(">H", 5) + b"a.png" + struct.pack(">I", uploads.FILE + 1)
    assert browser.post(f"/data/{number}/files.json", content=huge).status_code == 413
    monkeypatch.setattr(uploads, "FILES", 2)
    body = b"".join(row(f"a/{k}.png", png(k)) for k in range(4))
    answer = browser.post(f"/data/{number}/files.json", content=body)
    assert (answer.status_code, "2 files" in answer.json()["error"]["came"]) == (413, True)
    assert len(list((home.data / number / "images" / "a").iterdir())) == 2
    monkeypatch.setattr(uploads, "FILES", 100)
    monkeypatch.setattr(uploads, "KEEP_FREE", 10**18)
    answer = browser.post(f"/data/{number}/files.json", content=row("b/1.png", png(1)))
    assert (answer.status_code, "disk" in answer.json()["error"]["came"]) == (507, True)


def test_a_zip_comes_in_pieces_and_goes_on(browser: TestClient, studio: Studio) -> None:
    number = browser.post("/data/new.json", json={"kind": "zip", "title": "z"}).json()["id"]
    url = f"/data/{number}/piece.json"
    assert browser.post(f"{url}?from=0", content=b"PK12").json() == {"next": 4}
    assert browser.post(f"{url}?from=0", content=b"PK12").status_code == 409
    assert browser.post(f"{url}?from=4", content=b"34").json() == {"next": 6}
    assert browser.post(f"{url}?from=x", content=b"34").status_code == 400
    assert Path(studio.sets.get(number).source).read_bytes() == b"PK1234"


def test_only_images_below_the_roots_are_named(browser: TestClient, home: Home, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (home.roots[0] / "link").symlink_to(tmp_path / "other")
    away = (
        "/etc",
        "..",
        "../other",
        str(tmp_path / "other"),
        "link",
        "//host/x",
        "\\\\host\\x",
        "a\0b",
        "nope",
    )
    for path in away:
        answer = browser.post("/data/new.json", json={"kind": "path", "source": path})
        assert answer.status_code == 400, path
    for path in (str(home.roots[0]), ".", "cat"):
        assert browser.post("/data/new.json", json={"kind": "path", "source": path}).status_code == 200, path
    assert browser.post("/data/new.json", json={"kind": "named", "source": "../x"}).status_code == 400
    assert browser.post("/data/new.json", json={"kind": "url", "source": "http://x"}).status_code == 400


def test_how_many_networks_fit_is_found_out_once_by_a_job(browser: TestClient, studio: Studio) -> None:
    number = browser.post("/data/new.json", json={"kind": "named", "source": "digits"}).json()["id"]
    url = f"/data/{number}/drawn.json"
    assert browser.post(url, json={}).json() == {"state": "waiting", "working": None, "spaces": None}
    job = studio.jobs.all()[0]
    working = {"height": 8, "width": 8, "channels": 1, "why": "all are"}
    (job.path / "out").write_text(json.dumps({"working": working, "classes": {"0": {}, "1": {}, "2": {}}}))
    (job.path / "exit.json").write_text('{"code": 0, "at": 1}')
    for _ in range(2):
        assert browser.post(url, json={}).json()["state"] == "waiting"
    assert len(studio.jobs.all()) == 2
    job = studio.jobs.all()[0]
    assert job.about["argv"][:6] == ["list", "spaces", "--input", "8x8x1", "--classes", "3"]
    (job.path / "out").write_text('{"spaces": {"stages": {"params": [1, 2]}}}')
    (job.path / "exit.json").write_text('{"code": 0, "at": 1}')
    assert browser.post(url, json={}).json()["spaces"] == {"stages": {"params": [1, 2]}}


def test_what_is_mended_is_a_table_and_touches_no_image(
    browser: TestClient, home: Home, studio: Studio
) -> None:
    number = browser.post("/data/new.json", json={"kind": "path", "source": "."}).json()["id"]
    one = studio.sets.get(number)
    names = [f"{'cat' if k % 2 else 'dog'}/{k}.png" for k in range(8)]
    thumbs = one.path / "thumbnails"
    thumbs.mkdir()
    labels = [k % 2 ^ 1 for k in range(8)]
    held = {"names": names, "labels": labels, "classes": ["cat", "dog"]}
    (thumbs / "images.json").write_text(json.dumps(held))
    url = f"/data/{number}/fixes.json"
    bird = {"out": [], "labels": {"dog/0.png": "bird"}}
    for sent in (bird, {"out": ["../x"], "labels": {}}, {"out": 1, "labels": {}}):
        assert browser.post(url, json=sent).status_code == 400
    before = {path: path.read_bytes() for path in home.roots[0].rglob("*.png")}
    sent = {"out": ["cat/1.png"], "labels": {"dog/2.png": "cat"}}
    assert browser.post(url, json=sent).json() == {**sent, "kept": 7}
    assert {path: path.read_bytes() for path in home.roots[0].rglob("*.png")} == before
    source, outside = studio.sets.get(number).to_train_on()
    assert outside
    assert read(source, outside=True).found["classes"] == {"cat": 4, "dog": 3}
    order = {"data": number, "max_params": "10k", "minutes": 1, "nonce": "n"}
    command = browser.post("/new/order.json", json=order).json()["command"]
    assert "images.csv --max-params 10000 --minutes 1 --outside --runs" in command
