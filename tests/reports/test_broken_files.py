"""Whatever stands in a run's files, the page is made: broken parts are named and left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convsmith.errors import BadInput
from convsmith.reports import card, report
from convsmith.reports.facts import read
from convsmith.reports.page import page

RunFolder = Callable[..., Path]
FILES = (
    "run", "recipe", "data", "env", "search", "metrics", "export", "graph", "explain/explain",
    "explain/fool/fool", "explain/robustness/robustness", "explain/style/style",
    "explain/mistakes/mistakes", "explain/units/units", "pretrained", "arms", "chosen", "teacher",
)  # fmt: skip
WRONG: list[Any] = [
    None, True, -1, 0, 1e308, float("nan"), "", "<b>", [], {}, [None], {"a": 1}, [[1]], "../x", 10**30,
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_value_in_any_place_makes_a_page(
    run_folder: RunFolder, tmp_path: Path, data: st.DataObject
) -> None:
    folder = tmp_path / "0007"
    if not folder.exists():
        run_folder(n_each=12)
    file = folder / f"{data.draw(st.sampled_from(FILES))}.json"
    before = file.read_text()
    value = json.loads(before)
    changed = value
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(sorted(places(changed), key=repr)))
        changed = replaced(changed, path, data.draw(st.sampled_from(WRONG)))
    file.write_text(json.dumps(changed))
    try:
        text = page(read(folder))
        assert "</html>" in text
        card(folder)
    except BadInput:
        assert file.name == "run.json"  # no run, or one of another version
    finally:
        file.write_text(before)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_line_of_trials_and_history(run_folder: RunFolder, tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "0007"
    if not folder.exists():
        run_folder(n_each=12)
    file = folder / data.draw(st.sampled_from(["trials.jsonl", "history.jsonl"]))
    before = file.read_text()
    lines = [json.loads(line) for line in before.splitlines()]
    row = data.draw(st.integers(0, len(lines) - 1))
    key = data.draw(st.sampled_from(sorted(lines[row])))
    lines[row][key] = data.draw(st.sampled_from(WRONG))
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    try:
        assert report(folder).exists()
    finally:
        file.write_text(before)
