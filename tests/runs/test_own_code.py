"""A run's own space.py: run where its kinds are missing, once, and never for anything but a run."""

from __future__ import annotations

from pathlib import Path

import pytest

import convsmith as cs
from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.kinds import KINDS
from convsmith.nas.spaces import space
from convsmith.reports import facts
from convsmith.runs import Run
from convsmith.runs.own_code import SPACE, run_source, teach

OWN = """
from convsmith.graph import notation as keras
from convsmith.kinds import Kind, kind

@kind
class Tripled(Kind):
    def shape(self, *inputs):
        return inputs[0]

def mine(choose, input_shape, classes):
    x = inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Tripled()(x))
"""


@pytest.fixture
def run(tmp_path: Path):
    """A run of a space with a kind of its own, as another process finds it: the kind is unknown again."""
    (tmp_path / "mine.py").write_text(OWN)
    graph = space(f"{tmp_path}/mine.py:mine", (8, 8, 1), 3).graph({})
    with Run.create(tmp_path, kind="forge", recipe={}, name="run") as made:
        made.write_json("graph.json", graph.to_json())
        made.write(SPACE, OWN + f"# {tmp_path}\n")  # other content: it is not known as already run
    KINDS.remove("Tripled")
    yield made
    KINDS.remove("Tripled")


def test_a_runs_network_is_read_with_its_own_space(run: Run) -> None:
    teach(run.path, run.read_json("graph.json"))
    assert Graph.from_json(run.read_json("graph.json")).nodes[1].kind_name == "Tripled"


def test_the_report_reads_it_too(run: Run) -> None:
    found = facts.read(run.path)
    assert found.graph is not None
    assert found.troubles == []


def test_without_the_file_it_says_what_is_missing(run: Run) -> None:
    (run.path / SPACE).unlink()
    with pytest.raises(BadInput, match=r"the kind 'Tripled', which nothing here registers; .*import"):
        teach(run.path, run.read_json("graph.json"))


def test_a_graph_file_runs_nothing(run: Run, tmp_path: Path) -> None:
    """The same network as a file beside a space.py: nothing is run for it."""
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "graph.json").write_bytes((run.path / "graph.json").read_bytes())
    (alone / SPACE).write_text("raise SystemExit(3)")
    with pytest.raises(BadInput, match="no 'Tripled'"):
        cs.size(str(alone / "graph.json"))


@pytest.mark.parametrize("line", ["raise SystemExit(3)", "1 / 0", "x ="])
def test_what_fails_is_one_line_and_leaves_no_kind(tmp_path: Path, line: str) -> None:
    source = OWN.replace("Tripled", "Failed") + line + "\n"
    for _ in range(2):
        with pytest.raises(BadInput, match=r"^mine: .*mine\.py raised "):
            run_source(source.encode(), tmp_path / "mine.py", "mine")
        assert "Failed" not in KINDS
