"""The main job from end to end: what is in the run folder, that it is true, that kill -9 changes nothing."""

from __future__ import annotations

import html.parser
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import convsmith
from convsmith.graph import Graph
from convsmith.jobs.running.run_result import Done

OPTIONS = ["--max-params", "3k", "--max-macs", "200k", "--trials", "3", "--epochs", "8", "--threads", "1"]


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hundred of scikit-learn's digits as an .npz file."""
    x, y = load_digits(return_X_y=True)
    path = tmp_path_factory.mktemp("images") / "digits.npz"
    np.savez(path, x=(x[:300].reshape(-1, 8, 8) * 15.9).astype(np.uint8), y=y[:300].astype(np.int64))
    return path


def command(digits: Path, runs: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "convsmith", "forge", str(digits), *OPTIONS, "--runs", str(runs), *more]


@pytest.fixture(scope="session")
def forged(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the command prints with --json, after a run that nothing disturbed."""
    runs = tmp_path_factory.mktemp("undisturbed")
    done = subprocess.run(command(digits, runs, "--json"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def folder(forged: dict[str, Any]) -> Path:
    return Path(forged["run"])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_object_for_programs(forged: dict[str, Any]) -> None:
    assert set(forged) == {
        "run", "test_accuracy", "interval", "params", "macs", "weight_bytes", "latency_ms", "budget_kept",
        "baselines", "seconds",
    }  # fmt: skip
    assert set(forged["baselines"]) == {"random", "largest"}
    low, high = forged["interval"]
    assert 0 <= low <= forged["test_accuracy"] <= high <= 1
    assert forged["budget_kept"] is True
    assert forged["params"] <= 3000
    assert forged["macs"] <= 200_000
    assert forged["weight_bytes"] == 4 * forged["params"]


def test_every_result_is_in_the_run_folder(folder: Path) -> None:
    for name in (
        "run.json", "recipe.json", "env.json", "data.json", "graph.json", "history.jsonl", "trials.jsonl",
        "search.json", "plan.json", "finals.json", "metrics.json", "export.json", "weights.safetensors",
        "model.onnx", "explain/explain.json", "explain/evidence.json", "report.html", "README.md",
    ):  # fmt: skip
        assert (folder / name).stat().st_size > 0, name
    assert not list(folder.rglob("*.tmp"))
    assert not list(folder.rglob("checkpoint*"))


def test_nothing_over_the_budget_was_trained(folder: Path) -> None:
    trials = lines(folder / "trials.jsonl")
    assert {trial["arm"] for trial in trials} >= {"shared", "largest"}
    trained = [trial for trial in trials if trial["status"] == "ok"]
    assert trained
    assert all(trial["params"] <= 3000 and trial["macs"] <= 200_000 for trial in trained)


def test_the_split_shares_no_picture(folder: Path, digits: Path) -> None:
    """By what the run wrote down; tests/jobs/test_handover.py has that it trains on no others."""
    about = json.loads((folder / "data.json").read_text())
    assert sum(about["split"].values()) == about["found"]["images"] == 300
    with np.load(digits) as file, np.load(folder / "split.npz") as kept:
        assert {part: len(kept[part]) for part in kept.files} == about["split"]
        assert sorted(np.concatenate([kept[part] for part in kept.files])) == list(range(300))
        pictures = [{file["x"][row].tobytes() for row in kept[part]} for part in kept.files]
    for one, other in itertools.combinations(pictures, 2):
        assert not one & other


def test_the_exported_file_alone_gives_the_test_accuracy(
    folder: Path, forged: dict[str, Any], digits: Path
) -> None:
    import onnxruntime

    images = convsmith.read(str(digits))
    rows = images.split(seed=0).test
    x_NHWC = images.pixels((8, 8), 1)[rows].astype(np.float32)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    said = session.run(None, {"image": x_NHWC})[0]
    assert (said.argmax(1) == images.y[rows]).mean() == pytest.approx(forged["test_accuracy"])
    metrics = json.loads((folder / "metrics.json").read_text())
    assert np.trace(np.array(metrics["confusion"])) == (said.argmax(1) == images.y[rows]).sum()
    exported = json.loads((folder / "export.json").read_text())
    assert exported["same_predictions"] is True
    assert exported["largest_difference"] < 1e-4


def test_the_interval_is_wilsons(forged: dict[str, Any], folder: Path) -> None:
    n = json.loads((folder / "metrics.json").read_text())["n_test"]
    p, z = forged["test_accuracy"], 1.959963984540054
    for side, bound in zip((-1, 1), forged["interval"], strict=True):
        half = side * z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
        assert bound == pytest.approx(min(1, (p + z * z / (2 * n) + half) / (1 + z * z / n)), abs=1e-9)


def test_the_weights_are_those_of_the_graph(folder: Path, forged: dict[str, Any]) -> None:
    from safetensors.numpy import load_file

    graph = Graph.from_json(json.loads((folder / "graph.json").read_text()))
    weights = load_file(folder / "weights.safetensors")
    assert sum(array.size for array in weights.values()) == graph.params == forged["params"]
    assert {name: weight.shape for name, weight in graph.weights.items()} == {
        name: array.shape for name, array in weights.items()
    }


class References(html.parser.HTMLParser):
    """What a page asks for from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        self.found += [tag] if tag in ("script", "iframe", "object", "link") else []


def test_the_page_asks_for_nothing_from_elsewhere(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    references = References()
    references.feed(page)
    assert all(found.startswith(("#", "data:image/")) for found in references.found), references.found
    assert not re.search(r"url\((?!#|data:)|@import", page)
    for words in ("random search", "largest candidate", "Confusion matrix", "How to repeat it"):
        assert words in page


def test_python_gives_the_same_as_the_command(folder: Path, forged: dict[str, Any], digits: Path) -> None:
    from convsmith.engine.predict import predict
    from convsmith.jobs.inputs.trained import trained

    net = trained(Done(folder, forged))
    images = convsmith.read(str(digits))
    said = predict(net.graph, images.pixels((8, 8), 1)[images.split(seed=0).test], weights=net.weights)
    assert (said.argmax(1) == images.y[images.split(seed=0).test]).mean() == pytest.approx(
        forged["test_accuracy"]
    )
    explained = convsmith.explain(Done(folder, forged), images[:2])
    assert explained.explanation.maps_NHW.shape == (2, 8, 8)


def essence(run: Path) -> dict[str, Any]:
    """All of a run that time does not change."""
    result = json.loads((run / "result.json").read_text())
    untimed = {"seconds", "at", "latency_ms", "run"}
    return {
        "result": {key: value for key, value in result.items() if key not in untimed},
        "trials": [
            {key: value for key, value in trial.items() if key not in untimed}
            for trial in lines(run / "trials.jsonl")
        ],
        "history": [
            {key: value for key, value in record.items() if key not in untimed}
            for record in lines(run / "history.jsonl")
        ],
        "weights": (run / "weights.safetensors").read_bytes(),
        "onnx": (run / "model.onnx").read_bytes(),
        "rule": (run / "answer_rule.json").read_bytes(),
        "maps": [np.load(run / "explain" / "explain.npz")["maps_NHW"].tobytes()],
    }


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_same(folder: Path, digits: Path, tmp_path: Path) -> None:
    chance, kills = random.Random(7), 0
    runs = tmp_path / "runs"
    while True:
        # Every other life is the same command again; the others name the run.
        begun = [path.parent for path in runs.glob("*/run.json")]
        resume = [sys.executable, "-m", "convsmith", "forge", "--resume", str(begun[0])] if begun else []
        again = resume if resume and kills % 2 else command(digits, runs)
        process = subprocess.Popen(again, stderr=subprocess.DEVNULL, start_new_session=True)
        seen = sum(1 for _ in runs.rglob("*")) if runs.exists() else 0
        # Each life ends a moment after it has written something, so that all steps are hit in turn.
        wait = chance.uniform(0, 1.5)
        while process.poll() is None and kills < 9:
            time.sleep(0.05)
            if runs.exists() and sum(1 for _ in runs.rglob("*")) > seen + 1:
                time.sleep(wait)
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    kills += 1
                break
        process.wait()
        if any(json.loads(path.read_text())["finished"] for path in runs.glob("*/run.json")):
            break
    assert kills >= 4
    (run,) = [path.parent for path in runs.glob("*/run.json")]
    assert essence(run) == essence(folder)


def test_a_plan_repeats_what_the_clock_decided(digits: Path, tmp_path: Path) -> None:
    options = ["--max-params", "2k", "--threads", "1", "--runs", str(tmp_path)]
    base = [sys.executable, "-m", "convsmith", "forge", str(digits), *options, "--minutes", "0.25", "--json"]
    first = subprocess.run(base, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    one = Path(json.loads(first.stdout)["run"])
    again = subprocess.run([*base, "--plan", str(one)], capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert essence(Path(json.loads(again.stdout)["run"])) == essence(one)
