"""What the pages say: the same as JSON, from the files of runs alone; damaged ones are said."""

from __future__ import annotations

import base64
import io
import json
import random
import re
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from convsmith.device.page import page
from convsmith.engine.predict import predict
from convsmith.engine.weights import initial
from convsmith.formats.onnx import export_onnx
from convsmith.insight.answer_rule import AnswerRule
from convsmith.runs import Run
from convsmith.web.answerer import answer, opened
from convsmith.web.home import Home
from convsmith.web.state import Studio
from convsmith.web.tail import records, tail

from ..reports.conftest import network
from .conftest import CLASSES, told


def test_runs_are_listed_with_their_state(browser: TestClient, home: Home) -> None:
    with Run.create(home.runs, kind="train", recipe={"data": "photos/"}) as driven:
        driven.write_json("now.json", {"at": 1.0, "step": "train", "epoch": 3, "seconds": 2.0, "left": None})
        (home.runs / "0009").mkdir()
        (home.runs / "0009" / "run.json").write_text("{")
        runs = {run["name"]: run for run in browser.get("/runs.json").json()["runs"]}
        assert [runs[name]["state"] for name in sorted(runs)] == ["done", "failed", "running", "failed"]
        assert runs["0003"]["now"]["epoch"] == 3
        assert "bad" in runs["0002"]["message"]
        assert "run.json" in runs["0009"]["message"]
        metrics = json.loads((home.runs / "0001" / "metrics.json").read_text())
        assert runs["0001"]["classes"] == CLASSES
        result = browser.get("/runs/0001.json").json()["result"]
        assert result["head"]["accuracy"] == metrics["test_accuracy"]
        assert result["confusion"] == metrics["confusion"]
        assert result["network"]["totals"]["params"] == sum(
            row["params"] or 0 for row in result["network"]["rows"]
        )
    assert {r["name"]: r["state"] for r in browser.get("/runs.json").json()["runs"]}["0003"] == "open"


def test_the_courses_table_has_five_wrong_cells_and_no_more(browser: TestClient) -> None:
    found = browser.get("/course.json").json()
    table = found["table"]
    columns = ("name", "kind", "shape", "size", "params")
    different = {
        f"{at}/{column}"
        for at, (right, shown) in enumerate(zip(table["right"], table["shown"], strict=True))
        for column in columns
        if right[column] != shown[column]
    }
    assert different == set(table["wrong"])
    assert len(different) == 5
    assert sum(row["params"] for row in table["right"]) == 61_706
    figures = {row["name"]: row["params"] for row in found["compared"]}
    assert figures["vgg16"] == 138_357_544
    assert found["run"]["name"] == "0001"


RUNS = ("/runs/0001", "/runs/0002", "/runs/0001/try", "/runs/0001/units", "/runs/0001/fool", "/course")


def test_every_page_has_its_data_beside_it(browser: TestClient) -> None:
    for path in (
        "/data",
        "/new",
        "/jobs",
        "/help",
        "/runs/0001",
        "/runs/0002",
        "/runs/0001/try",
        "/runs/0001/units",
    ):
        assert "<h1" in browser.get(path).text, path
        assert isinstance(browser.get(f"{path}.json").json(), dict), path


def test_errors_say_what_to_try_on_pages_and_as_json(browser: TestClient) -> None:
    answer = browser.get("/runs/0777")
    assert answer.status_code == 404
    assert "run 0777: is not there" in answer.text
    error = browser.get("/runs/0777.json").json()["error"]
    assert set(error) == {"what", "came", "expected", "try"}
    assert error["try"]
    assert browser.get("/runs/compare?runs=0001").status_code == 400
    assert browser.post("/runs/0001/look.json", json={"what": "rm"}).json()["error"]["came"] == "got 'rm'"


LIVE = "/runs/0002/live.json"


def test_a_page_asks_for_what_is_new_alone(browser: TestClient, home: Home) -> None:
    path = home.runs / "0002"
    line = json.dumps({"index": 0, "score": float("nan")}) + "\n"
    (path / "trials.jsonl").write_text(line + "no json\n" + line[:-5])
    found = browser.get(LIVE).json()
    trials = found["trials"]
    assert (trials["lines"], trials["bad"], trials["next"]) == (
        [{"index": 0, "score": None}],
        1,
        len(line) + 8,
    )
    with (path / "trials.jsonl").open("a") as file:
        file.write(line[-5:] + line)
    again = browser.get(LIVE, params={"trials": trials["next"], "gen": found["gen"]}).json()
    assert len(again["trials"]["lines"]) == 2
    (path / "trials.jsonl").write_text(line)
    after = browser.get(LIVE, params={"trials": again["trials"]["next"], "gen": found["gen"]}).json()
    assert after["trials"]["reset"]
    assert len(after["trials"]["lines"]) == 1
    other = browser.get(f"/runs/0002/live.json?trials={len(line)}&gen=another").json()
    assert len(other["trials"]["lines"]) == 1
    assert browser.get("/runs/0002/live.json?trials=-1").status_code == 400


def test_no_line_is_lost_or_told_twice_however_it_is_cut(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    text = "".join(json.dumps({"k": k, "x": "é" * int(rng.integers(40))}) + "\n" for k in range(300)).encode()
    file, at, seen, written = tmp_path / "a.jsonl", 0, [], 0
    while written < len(text):
        written = min(len(text), written + int(rng.integers(1, 400)))
        file.write_bytes(text[:written])
        found = records(file, at)
        at = found["next"]
        seen += [line["k"] for line in found["lines"]]
    assert seen == list(range(300))
    assert tail(tmp_path / "absent", 0)["lines"] == []


def test_runs_are_named_deleted_and_put_back(browser: TestClient, home: Home) -> None:
    assert (
        browser.post("/runs/0001/note.json", json={"title": " Cats ", "note": "n" * 5000}).status_code == 200
    )
    about = browser.get("/runs/0001.json").json()["run"]
    assert (about["title"], len(about["note"])) == ("Cats", 2000)
    gone = browser.post("/runs/0001/delete.json", json={}).json()["bin"]
    assert home.names() == ["0002"]
    assert browser.get("/runs.json").json()["binned"] == [gone]
    shutil.copytree(home.runs / "0002", home.runs / "0001")
    assert browser.post("/bin.json", json={"restore": gone}).json() == {"go": "/runs/0001-again"}
    assert browser.post("/bin.json", json={"restore": "../0001"}).status_code == 404
    gone = browser.post("/runs/0001/delete.json", json={}).json()["bin"]
    browser.post("/bin.json", json={"empty": True})
    assert not (home.bin / gone).exists()
    with Run.create(home.runs, kind="train", recipe={}) as driven:
        assert browser.post(f"/runs/{driven.path.name}/delete.json", json={}).status_code == 409


def test_cells_of_the_confusion_matrix_hold_their_images(browser: TestClient, home: Home) -> None:
    run = home.runs / "0001"
    labels, said = [0, 0, 1, 1, 1, 0], [0, 1, 1, 0, 1, 1]
    rows = [1, 2, 3, 5]
    answers = {"rows": rows, "predicted": [said[k] for k in rows], "confidence": [0.6, 0.9, 0.7, 0.8]}
    told(run / "answers.json", answers)
    metrics = json.loads((run / "metrics.json").read_text())
    told(run / "metrics.json", metrics | {"confusion": [[0, 2], [1, 1]]})
    assert browser.get("/runs/0001/cell.json").json() == {"images": None}
    data = json.loads((run / "data.json").read_text())
    folder = home.own / "pictures" / data["fingerprint"][:32]
    folder.mkdir(parents=True)
    held = {"side": 64, "across": 32, "down": 16, "sheets": 1, "classes": CLASSES, "labels": labels,
            "names": [f"{k}.png" for k in range(6)]}  # fmt: skip
    told(folder / "images.json", held)
    (folder / "sheet-0000.jpg").write_bytes(b"\xff\xd8\xff")
    found = browser.get("/runs/0001/cell.json?true=0&said=1").json()
    assert [one["name"] for one in found["images"]] == ["5.png", "1.png"]
    assert found["count"] == 2
    assert browser.get(f"{found['sheets']}sheet-0000.jpg").status_code == 200
    everything = browser.get("/runs/0001/cell.json").json()
    assert [one["row"] for one in everything["images"]] == [5, 3, 1]
    told(folder / "images.json", held | {"labels": labels[::-1]})
    assert "changed" in browser.get("/runs/0001/cell.json").json()["error"]["came"]


def test_going_on_says_the_command(browser: TestClient, studio: Studio, home: Home) -> None:
    job = browser.post("/runs/0002/go-on.json", json={"minutes": 5, "nonce": "n"}).json()["job"]
    argv = studio.jobs.get(job).about["argv"]
    assert argv == ["forge", "--resume", str(home.runs / "0002"), "--more-minutes=5"]
    assert browser.post("/runs/0002/go-on.json", json={"minutes": "x"}).status_code == 400
    with Run.resume(home.runs / "0002"):
        assert browser.post("/runs/0002/go-on.json", json={}).status_code == 409


def test_exports_and_looks_are_jobs_of_the_command_line(browser: TestClient, studio: Studio) -> None:
    run = str(studio.home.runs / "0001")
    wanted = {"int8": ["export", run, f"{run}/model.tflite", "--precision", "int8"], "units": ["units", run]}
    for what, argv in wanted.items():
        job = browser.post("/runs/0001/look.json", json={"what": what}).json()["job"]["id"]
        assert studio.jobs.get(job).about["argv"] == argv


def test_an_answer_comes_from_a_process_of_its_own(
    browser: TestClient, home: Home, finished: Path, studio: Studio
) -> None:
    answer = browser.post("/runs/0001/answer.json", content=b"no image")
    assert answer.status_code == 500  # its file is no network
    assert "did not answer" in answer.json()["error"]["came"]
    (home.runs / "0001" / "model.onnx").unlink()
    assert browser.post("/runs/0001/answer.json", content=b"x").status_code == 404


def test_an_image_that_it_is_wrong_about_is_kept_with_its_label(browser: TestClient, studio: Studio) -> None:
    png = (studio.home.roots[0] / "cat" / "1.png").read_bytes()
    before = set(studio.home.roots[0].rglob("*"))
    for _ in range(2):
        kept = browser.post("/runs/0001/keep.json?label=1", content=png).json()
    files = [path for path in (studio.home.data / kept["id"] / "images").rglob("*") if path.is_file()]
    assert [path.parent.name for path in files] == ["dog"]
    assert files[0].read_bytes() == png
    assert set(studio.home.roots[0].rglob("*")) == before
    assert browser.post("/runs/0001/keep.json?label=1", content=b"<html>").status_code == 415
    assert browser.post("/runs/0001/keep.json?label=0", content=png).status_code == 415  # "<b>cat</b>"
    for label in ("2", "-1", "x", ""):
        assert browser.post(f"/runs/0001/keep.json?label={label}", content=png).status_code == 400


def test_a_network_answers_by_its_runs_rule(tmp_path: Path) -> None:
    graph = network(3)
    weights = initial(graph, 0)
    export_onnx(graph, weights, tmp_path / "model.onnx", classes=["a", "b", "c"])
    image = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 3).save(image, "PNG")
    said = answer(opened(tmp_path), image.getvalue())
    direct = predict(graph, np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1) * 3, weights=weights)[0]
    np.testing.assert_allclose(said["p"], direct, atol=2e-6)
    assert not said["none"]
    rule = AnswerRule(temperature=2.0, score="max_logit", threshold=100.0, false_rejection=0.05)
    told(tmp_path / "answer_rule.json", rule.to_json())
    ruled = answer(opened(tmp_path), image.getvalue())
    assert ruled["none"]
    softer = np.sqrt(direct) / np.sqrt(direct).sum()
    np.testing.assert_allclose(ruled["p"], softer, atol=2e-6)
    assert "error" in answer(opened(tmp_path), b"no image")


def test_a_network_for_the_page_is_data_alone(browser: TestClient, home: Home) -> None:
    run = home.runs / "0001"
    assert browser.get("/runs/0001/setup.json").json() == {"setup": None, "weights": None}
    made = page(network(2), initial(network(2), 0), classes=CLASSES)
    (run / "model.html").write_bytes(made.content.replace(b"</body>", b"<script>alert(1)</script></body>"))
    found = browser.get("/runs/0001/setup.json").json()
    assert found["setup"]["classes"] == CLASSES
    assert "alert" not in json.dumps(found)
    assert len(base64.b64decode(found["weights"])) > 4 * 8000
    worker = browser.get("/net/worker.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    for name in re.findall(r"'(/net/\w+\.js)'", worker.text):
        assert "globalThis" in browser.get(name).text
    assert browser.get("/net/page.js").status_code == 404
    for content in (
        "",
        '<script id="setup" type="application/json">[1]</script>',
        made.content.decode()[:3000],
    ):
        (run / "model.html").write_text(content)
        assert browser.get("/runs/0001/setup.json").status_code == 500


def test_files_are_fetched_by_a_table(browser: TestClient) -> None:
    answer = browser.get("/runs/0001/get/model.onnx")
    assert answer.headers["content-disposition"] == 'attachment; filename="model.onnx"'
    for name in ("run.json", "recipe.json", "data.json", ".lock", "report.html"):
        assert browser.get(f"/runs/0001/get/{name}").status_code == 404, name


def test_one_damaged_run_does_not_hide_the_others(browser: TestClient, home: Home) -> None:
    rng, run = random.Random(0), home.runs / "0001"
    files = [path for path in sorted(run.rglob("*.json")) if path.name != "graph.json"]
    bad: tuple[object, ...] = (None, [], {}, "x", 3, -1.5, {"a": [1]}, ["x", None], True)
    failed = 0
    for _ in range(60):
        file = rng.choice(files)
        kept = file.read_bytes()
        value = json.loads(kept)
        if isinstance(value, dict) and value:
            value[rng.choice(sorted(value))] = rng.choice(bad)
        else:
            value = rng.choice(bad)
        file.write_text(json.dumps(value))
        found = browser.get("/runs.json")
        assert found.status_code == 200, (file.name, value)
        assert {one["name"] for one in found.json()["runs"]} == {"0001", "0002"}
        assert browser.get("/").status_code == 200, (file.name, value)
        page = browser.get("/runs/0001")
        assert "<h1" in page.text, (file.name, value)
        failed += page.status_code != 200
        file.write_bytes(kept)
    assert failed < 12, failed
    about = json.loads((home.runs / "0002" / "run.json").read_text())
    about["ended"]["how"] = "abducted"
    (home.runs / "0002" / "run.json").write_text(json.dumps(about))
    assert browser.get("/runs/0002.json").json()["run"]["state"] == "open"


def test_damaged_files_cost_their_part_and_not_the_page(browser: TestClient, home: Home) -> None:
    for name in ("metrics.json", "graph.json", "answers.json", "explain/explain.json", "recipe.json"):
        file = home.runs / "0001" / name
        kept = file.read_bytes() if file.exists() else None
        for content in ('{"a"', "[]", '{"test_accuracy": "x", "confusion": 3, "per_class": [1]}'):
            file.write_text(content)
            for path in ("/runs/0001", "/runs/0001.json", "/"):
                answer = browser.get(path)
                assert answer.status_code == 200, (name, content, path, answer.text[:600])
        if kept is not None:
            file.write_bytes(kept)
