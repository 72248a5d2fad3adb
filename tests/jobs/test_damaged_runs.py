"""Whatever happened to a run's files, a command works or says one line: exit code 2, no traceback."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import convsmith as cs
from convsmith.cli.main import run as command
from convsmith.errors import BadInput
from convsmith.nas.loop.store import Store
from convsmith.runs import Run

WRONG = [
    None,
    True,
    -1,
    0,
    1e308,
    "",
    "x",
    "\x1b[31m",
    [],
    {},
    [None],
    {"a": 1},
    10**30,
    "../x",
    float("nan"),
]
DEEP = "[" * 100_000
COMMANDS = (
    ["trials"], ["report"], ["export"], ["forge", "--quiet", "--resume"],
    ["forge", "--quiet", "--max-params", "9k", "--resume"],
    ["explain", "--split", "test", "--most", "1", "--no-evidence", "--method", "gradient"],
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search, as small as one can be."""
    folder = tmp_path_factory.mktemp("whole")
    x, y = load_digits(return_X_y=True)
    np.savez(folder / "digits.npz", x=(x[:100].reshape(-1, 8, 8) * 15.9).astype(np.uint8), y=y[:100])
    done = cs.search(
        "chain", str(folder / "digits.npz"), max_params=3_000, trials=2, epochs=1, threads=1,
        runs=str(folder / "runs"), quiet=True,
    )  # fmt: skip
    return done.path


def files(run: Path) -> list[str]:
    found = [path for path in run.rglob("*.json*") if "evidence" not in path.parts]
    return sorted(str(path.relative_to(run)) for path in found)


def mutated(text: str, rng: random.Random) -> str:
    """A text as an editor, a full disk or a bad sector leaves it."""
    how = rng.randrange(7)
    if how == 0:
        return ""
    if how == 1:
        return text[: rng.randrange(len(text))]
    if how == 2:
        return DEEP
    if how == 3:
        place = rng.randrange(len(text))
        return text[:place] + rng.choice("\x00{}[]\"',:9e-\udcff") + text[place + 1 :]
    try:
        value = json.loads(text)
    except ValueError:
        lines = text.splitlines()
        number = rng.randrange(len(lines))
        lines[number] = json.dumps(replaced(json.loads(lines[number]), rng))
        return "\n".join(lines) + "\n"
    return json.dumps(replaced(value, rng))


def replaced(value: object, rng: random.Random) -> object:
    """The same with something else, or nothing, in one place."""
    if not value or not isinstance(value, dict | list) or rng.random() < 0.1:
        return rng.choice(WRONG)
    copy = value.copy()
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    if rng.random() < 0.25:
        del copy[key]
    else:
        copy[key] = replaced(value[key], rng)
    return copy


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_file_is_one_line(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    rng, names = random.Random(seed), files(whole)
    for number in range(20):
        run = tmp_path / f"{number:04d}"
        shutil.copytree(whole, run, ignore=shutil.ignore_patterns("*.png", "evidence", "*.npz", "*.html"))
        shutil.copy(whole / "split.npz", run)
        name = rng.choice(names)
        text = mutated((run / name).read_text(), rng)
        (run / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        chosen = rng.choice(COMMANDS)
        code = command([*chosen, str(run)] if chosen[0] != "explain" else ["explain", str(run), *chosen[1:]])
        said = capsys.readouterr().err
        assert code in (0, 1, 2), (name, text[:300], chosen)
        if code == 2:
            assert len(said.strip().splitlines()) == 1, said
            assert said.startswith("convsmith: ")
        shutil.rmtree(run)


@pytest.mark.parametrize("name", ["trials.jsonl", "plan.json"])
def test_a_damaged_search_is_not_gone_on_with(whole: Path, tmp_path: Path, name: str) -> None:
    rng = random.Random(name)
    text = (whole / name).read_text()
    for number in range(40):
        run = tmp_path / str(number)
        run.mkdir()
        for kept in ("run.json", "recipe.json", "trials.jsonl", "plan.json"):
            shutil.copy(whole / kept, run)
        (run / name).write_bytes(mutated(text, rng).encode("utf-8", "surrogateescape"))
        with suppress(BadInput):
            Store(Run.open(run))


def test_a_damaged_neighbour_stops_nobody(whole: Path, tmp_path: Path) -> None:
    for number, text in enumerate(("", "[]", "{", '{"format": 1}', "\x00", DEEP, '{"format": 1, "key": []}')):
        (tmp_path / f"{number:04d}").mkdir()
        (tmp_path / f"{number:04d}" / "run.json").write_text(text)
    assert Run.find(tmp_path, key="k") is None
    made = Run.create(tmp_path, kind="forge", recipe={}, key="k")
    made.close()
    found = Run.find(tmp_path, key="k")
    assert found is not None
    assert found.path == made.path
    found.close()


HOSTILE = (
    "=cmd|'/c calc'!A1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", 'a","b', "two\nlines", "\x1b[31mred",
    "\u202egnp.exe", "'=1", '"', ",", "=" * 50_000,
)  # fmt: skip


def test_trials_as_csv_whatever_their_answers_and_errors_hold(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One row for each trial, nothing that a spreadsheet would run, nothing that moves a cursor."""
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (first, *_) = [json.loads(line) for line in (run / "trials.jsonl").read_text().splitlines()]
    made = []
    for place, text in enumerate(HOSTILE):
        answers = {**first["answers"], "word": text, text: 1}
        failed = {"status": "failed", "score": None, "error": f"Traceback\n{text}", "answers": answers}
        made.append({**first, "index": place, "arm_index": place, "arm": text, **failed})
    (run / "trials.jsonl").write_text("".join(json.dumps(one) + "\n" for one in made))
    assert command(["trials", str(run), "--csv"]) == 0
    said = capsys.readouterr().out
    assert not any(sign in said for sign in "\x1b\u202e")
    csv.field_size_limit(1_000_000)
    names, *cells = csv.reader(io.StringIO(said))
    assert len(names) == len(set(names))
    assert len(cells) == len(made)
    assert all(len(row) == len(names) for row in cells)
    for row in (names, *cells):
        for cell in row:
            risky = cell[:1] in ("=", "+", "-", "@", "\t", "\r")
            assert not risky or cell.replace("-", "").replace(".", "").replace("e", "").isdigit(), cell
