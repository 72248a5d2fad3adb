"""A run beyond its end: more trials, another budget, several workers, logs; and the trials command."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from convsmith.cli.main import run as command
from convsmith.errors import BadInput
from convsmith.jobs.forge import forge
from convsmith.jobs.running.run_result import Done
from convsmith.jobs.trials import trials

LIMIT = {"max_params": 9_000, "threads": 1, "quiet": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("going_on")


@pytest.fixture(scope="module")
def made(folder: Path) -> Done:
    pytest.importorskip("tensorboard")
    return forge(
        "digits", trials=7, epochs=2, workers=2, algorithm="evolution", option=["population=3"],
        log="tensorboard", runs=str(folder), **LIMIT,
    )  # fmt: skip


def test_two_workers_make_the_whole_way(made: Done) -> None:
    found = made.trials
    assert {trial["status"] for trial in found} == {"ok"}
    assert sum(trial["arm"] == "shared" for trial in found if trial["rung"] == 0) == 3
    assert all(trial["params"] <= 9_000 for trial in found)
    assert list((made.path / "tensorboard").glob("events*"))
    assert not (made.path / ".workers").exists()
    assert len((made.path / "proposed.jsonl").read_text().splitlines()) == len(found)


def test_trials_of_a_run_that_stopped(made: Done, tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    shutil.copytree(made.path, stopped)
    lines = (stopped / "trials.jsonl").read_text().splitlines(keepends=True)
    (stopped / "trials.jsonl").write_text("".join(lines[:-2]))
    about = json.loads((stopped / "run.json").read_text())
    (stopped / "run.json").write_text(json.dumps({**about, "finished": None}))
    told = trials(str(stopped))
    assert told.running == 2
    assert not told.driven
    assert "2 were under way), stopped before its end" in told.render("text")


def test_trials_as_table_csv_json_page_and_pandas(made: Done, capsys: pytest.CaptureFixture[str]) -> None:
    told = trials(str(made.path))
    text = told.render("text")
    assert f"{len(made.trials)} trials ({len(made.trials)} trained), finished" in text
    assert "front against params" in text or len(told.front("params")) == 1
    rows = list(csv.DictReader(io.StringIO(told.render("csv"))))
    assert [float(row["score"]) for row in rows] == [trial["score"] for trial in made.trials]
    assert command(["trials", str(made.path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["trials"] == list(made.trials)
    for name in ("params", "macs"):
        front = [made.trials[index] for index in said["front"][name]]
        rung = max(trial["rung"] for trial in made.trials)
        known = [trial for trial in made.trials if trial["rung"] == rung]
        for trial in known:  # each is on the front, or something on it is as good and as cheap
            assert any(o[name] <= trial[name] and o["score"] >= trial["score"] for o in front)
        assert not any(
            o[name] <= t[name] and o["score"] >= t["score"]
            for t in front
            for o in known
            if o not in front
            if (o[name], o["score"]) != (t[name], t["score"])
        )
    assert told.render("html").count("<tr>") == len(made.trials) + 1
    assert told.render("svg").startswith("<svg")
    pandas = pytest.importorskip("pandas")
    table = made.trials.to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert list(table["score"]) == [trial["score"] for trial in made.trials]
    assert list(table["answer.width"]) == [trial["answers"]["width"] for trial in made.trials]


def test_more_trials_and_a_tighter_budget_on_a_finished_run(made: Done) -> None:
    before = list(made.trials)
    more = forge(resume=str(made.path), more_trials=2, max_params=6_000, workers=2, quiet=True)
    after = more.trials
    assert list(after)[: len(before)] == before
    new = after[len(before) :]
    short = [trial for trial in new if trial["rung"] == 0]
    assert sorted(trial["arm"] for trial in short) == ["evolution"] * 2 + ["largest"] + ["random"] * 2
    assert all(trial["params"] <= 6_000 for trial in new)
    assert more.result["params"] <= 6_000
    assert more.result["budget_kept"]
    search = json.loads((made.path / "search.json").read_text())
    assert search["budget"] == {"params": 6_000}
    assert (
        search["seconds"] >= after[-1]["at"] > before[-1]["at"]
    )  # of the whole search, not since it went on
    assert all(finalist["params"] <= 6_000 for finalist in search["finalists"])
    assert json.loads((made.path / "recipe.json").read_text())["trials"] == 9


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"more_minutes": 3}, "--more-minutes: .* was not given minutes"),
        ({"more_trials": 0}, "--more-trials: got 0"),
        ({"workers": 0}, "--workers: got 0; expected at least 1"),
        ({"workers": 2, "ray": "local"}, "--workers and --ray: both were given"),
        ({"log": "tensorbord"}, "did you mean 'tensorboard'"),
        ({"seed": 5, "more_trials": 1}, "--seed: got 5, and .* was given 0; expected the same or nothing"),
        ({"trials": 30}, r"--trials: got 30, and .* was given \d; .* try: --more-trials 5"),
        ({"space": "chain", "max_params": 5_000}, "--space: got chain, and .* was given stages"),
    ],
)
def test_what_a_run_cannot_go_on_with(made: Done, more: dict, text: str) -> None:
    before = (made.path / "run.json").read_bytes(), (made.path / "plan.json").read_bytes()
    with pytest.raises(BadInput, match=text):
        forge(resume=str(made.path), quiet=True, **more)
    assert before == ((made.path / "run.json").read_bytes(), (made.path / "plan.json").read_bytes())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--more-trials", "3"], "given without a run"),
        (["--workers", "0"], "--workers: got 0; expected at least 1"),
        (["--option", "popultion=3"], "no 'popultion'; did you mean 'population'"),
        (["--option", "population"], "--option: got 'population'; expected name=value"),
        (["--option", "population=x"], "--option population: got 'x'; expected a whole number"),
        (["--warm-start", "nowhere"], "nowhere: does not exist; expected a run folder"),
        (["--ray", "127.0.0.1:1"], "--ray 127.0.0.1:1: does not answer"),
    ],
)
def test_options_that_mean_nothing(
    options: list[str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if "--ray" in options:
        pytest.importorskip("ray")
    line = ["forge", "digits", "--max-params", "9k", "--trials", "2", "--threads", "1", "--quiet", *options]
    assert command(line) == 2
    said = capsys.readouterr().err
    assert text in said
    assert said.count("\n") == 1


def test_trials_of_what_is_no_search(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["trials", str(tmp_path / "nothing")]) == 2
    assert "does not exist" in capsys.readouterr().err
