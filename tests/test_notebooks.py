"""What a prompt and a notebook show: one line, HTML whose names are escaped, tables for pandas."""

from __future__ import annotations

import inspect
from html.parser import HTMLParser
from pathlib import Path

import pytest

import convsmith as cs
from convsmith import notebooks
from convsmith.graph import notation as keras
from convsmith.jobs.mistakes import Mistakes
from convsmith.jobs.running.run_result import Done
from convsmith.jobs.trials import Told, Trials
from convsmith.ledger.source import Network
from convsmith.verbs import COMMANDS

EVIL = "<script>alert(1)</script>"


class Tags(HTMLParser):
    """The tags of a fragment; they close in the order in which they open."""

    VOID = {"img", "br", "line", "rect", "circle", "path", "polyline"}

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.stack: list[str] = []
        self.feed(fragment)
        assert not self.stack, self.stack

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.append(tag)
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.found.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


def evil() -> cs.Graph:
    """A network whose own name is a script."""
    x = inputs = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(2, 3, activation="relu", name="conv")(x)
    return keras.Model(inputs, keras.layers.Flatten()(x), name=EVIL)


def trial(index: int, score: float | None, params: int) -> dict[str, object]:
    return {
        "index": index, "arm": "auto", "arm_index": index, "rung": 0, "epochs": 3, "seed": 0,
        "params": params,
        "answers": {"width": index, "kind": EVIL}, "status": "failed" if score is None else "ok",
        "score": score, "loss": 0.1, "macs": 10 * params, "bytes": 4 * params, "memory": params,
        "latency_ms": 0.1, "seconds": 1.5, "at": "2026-11-29T12:00:00", "error": EVIL, "size": None,
    }  # fmt: skip


TRIALS = Trials([trial(0, 0.91, 300), trial(1, None, 200), trial(2, 0.95, 900)])
RESULT = {
    "test_accuracy": 0.9834, "interval": [0.97, 0.99], "params": 61706, "macs": 416520,
    "weight_bytes": 246824, "latency_ms": 0.1, "seconds": 61.0,
}  # fmt: skip


def shown() -> dict[str, object]:
    return {
        "ledger": cs.size(evil()),
        "drawing": cs.draw(evil()),
        "comparison": cs.compare(evil(), "lenet5"),
        "difference": cs.diff(evil(), "lenet5"),
        "trials": TRIALS,
        "told": Told(Path(EVIL), TRIALS, 0, True, False),
        "run": Done(Path(EVIL), RESULT),
        "list": cs.list("recipes"),
    }


@pytest.mark.parametrize("name", list(shown()))
def test_names_are_escaped_and_tags_close(name: str) -> None:
    found = shown()[name]
    fragment = found._repr_html_()
    if fragment is None:
        fragment = found._repr_svg_()
        assert fragment.startswith("<svg")
    assert "script" not in Tags(fragment).found
    assert len(fragment) < 100_000


@pytest.mark.parametrize("name", list(shown()))
def test_a_prompt_shows_one_short_line(name: str) -> None:
    line = repr(shown()[name])
    assert "\n" not in line
    assert len(line) < 250
    assert line.startswith("<")


def test_lines_say_what_it_is() -> None:
    assert repr(cs.size("lenet5")).startswith("<Ledger lenet5: 61,706 parameters")
    assert repr(Done(Path("runs/0001"), RESULT)) == "<Done runs/0001: 98.34% on test, 61,706 parameters>"
    assert repr(TRIALS) == "<Trials 3 trials, best 95.00%>"
    assert str(cs.size("lenet5")) == cs.size("lenet5").text


def test_the_style_of_a_fragment_stays_inside() -> None:
    rules = [rule.split("{")[0] for rule in notebooks.STYLE.split("}") if rule]
    assert all(part.startswith(".convsmith") for rule in rules for part in rule.split(","))


def test_long_tables_say_what_is_left_out() -> None:
    fragment = notebooks.table([{"n": k} for k in range(1000)], ["n"])
    assert fragment.count("<tr>") == notebooks.MOST_ROWS + 1
    assert f"and {1000 - notebooks.MOST_ROWS} more" in fragment


def test_a_mistakes_page_has_its_charts(tmp_path: Path) -> None:
    (tmp_path / "confusion.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    found = Mistakes(tmp_path, {})
    object.__setattr__(found, "render", lambda wanted: EVIL)
    tags = Tags(found._repr_html_()).found
    assert tags.count("img") == 1
    assert "script" not in tags


def test_rows_become_pandas_tables() -> None:
    pytest.importorskip("pandas", reason="the extra convsmith[pandas] is not installed")
    ledger = cs.size("lenet5")
    frame = ledger.to_pandas()
    assert len(frame) == len(ledger.rows)
    assert frame["params"].sum() == ledger.totals.params
    assert frame["macs"].sum() == ledger.totals.macs
    compared = cs.compare("lenet5", "course_cnn", input_shape=(28, 28, 1)).to_pandas()
    assert list(compared["network"]) == ["lenet5", "course_cnn"]
    told = Told(Path("runs/0001"), TRIALS, 0, True, False).to_pandas()
    assert list(told["answer.width"]) == [0, 1, 2]
    assert list(cs.list("recipes").to_pandas()["name"]) == list(cs.list("recipes").rows)


def test_every_command_is_a_verb_of_the_package() -> None:
    for name, verb in COMMANDS.items():
        own = name.replace("-", "_") if verb.python is None else verb.python
        if not own:  # Keras's call, too, in Python
            continue
        assert getattr(cs, own) is verb.function, name


def test_a_star_import_leaves_pythons_own_names() -> None:
    import builtins

    assert not set(cs.__all__) & set(dir(builtins))
    assert cs.list is not list
    assert {"list", "check", "trials", "Graph", "Budget", "BadInput"} <= set(dir(cs))


@pytest.mark.parametrize("name", ["size", "draw", "compare", "diff", "audit"])
def test_a_graph_is_no_error_to_a_type_checker(name: str) -> None:
    notes = [one.annotation for one in inspect.signature(getattr(cs, name)).parameters.values()]
    assert "Network" in notes
    assert {"str", "os.PathLike[str]", "Graph", "Model"} == set(Network.split(" | "))
