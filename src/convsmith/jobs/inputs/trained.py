"""A trained network of one's own, a run or a file: Graph, weights and what its classes are called."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...insight.answer_rule import FILE as RULE
from ...insight.answer_rule import AnswerRule

if TYPE_CHECKING:
    import numpy as np

    from ...graph import Graph

KERAS, ARRAYS = ".keras", ".safetensors"
KINDS = "a run folder, a .keras or a .safetensors file"


@dataclass(frozen=True)
class Trained:
    """What a run trained.

    Args:
        path: the run folder.
        graph: the network.
        weights: full name -> array.
        classes: the classes' names.
        rule: how its logits become what it says.
    """

    path: Path
    graph: Graph
    weights: dict[str, np.ndarray]
    classes: tuple[str, ...]
    rule: AnswerRule = field(default_factory=AnswerRule)


def is_known(source: str) -> bool:
    """Whether this is a run folder, or a .keras or .safetensors file that is there."""
    path = Path(source)
    return (path / "run.json").exists() or (path.suffix.lower() in (KERAS, ARRAYS) and path.is_file())


def opened(source: str) -> tuple[Graph, dict[str, np.ndarray], tuple[str, ...]]:
    """A trained network from a run folder or a file: Graph, weights, its classes' names if known.

    Args:
        source: a run folder; a .keras file; or ``net.safetensors``, with its Graph in it or beside it
            (`formats.weights_file`).

    Raises:
        BadInput: for anything else, or a file that is damaged.
    """
    if Path(source).suffix.lower() == ARRAYS:
        from ...formats.weights_file import read_weights_file

        held = read_weights_file(source)
        return held.graph, held.weights, held.classes
    if Path(source).suffix.lower() == KERAS:
        from ...graph import read
        from ...graph.keras.files import keras_about
        from ...graph.keras.weights import read_keras_weights

        graph = read(source)
        weights = read_keras_weights(source, graph)
        names = keras_about(Path(source)).get("classes", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise BadInput(source, "has classes that are no names", "a list of them")
        return graph, weights, tuple(names)
    found = trained(source)
    return found.graph, found.weights, found.classes


def trained(run: Any) -> Trained:
    """The network of a run.

    Args:
        run: a run folder, or anything with its `path`, such as what `forge` and `train` return.

    Raises:
        BadInput: for a folder that is no run, or a run without a trained network.
    """
    from ...engine.weights import open_weights
    from ...graph import Graph
    from ...runs import Run
    from ...runs.own_code import teach

    given = getattr(run, "path", run)
    if not isinstance(given, str | os.PathLike):
        raise BadInput("run", f"got {type(run).__name__}", "a run folder such as runs/0001")
    opened = Run.open(Path(given))
    if not opened.has("weights.safetensors"):
        raise BadInput(
            str(given), "has no trained network yet", "a run that got so far", "the command that made it"
        )
    found = opened.read_json("graph.json")
    teach(opened.path, found)
    graph = Graph.from_json(found)
    weights = open_weights(opened.path / "weights.safetensors", graph)
    known = opened.read_json("data.json")
    if "classes" not in known:
        raise BadInput(str(opened.path / "data.json"), "has no 'classes'", "a list")
    return Trained(opened.path, graph, weights, tuple(known["classes"]), rule_of(opened.path))


def rule_of(folder: str | Path) -> AnswerRule:
    """How a run's network answers; a rule that changes nothing, and says so, where the run has none.

    Args:
        folder: of the run.

    Raises:
        BadInput: for a damaged rule.
    """
    from ...runs import Run

    run = Run.open(folder)
    if not run.has(RULE):
        return AnswerRule(note="the run has no rule of answering: it was made without one")
    return AnswerRule.from_json(run.read_json(RULE), str(run.path / RULE))


def told_by(source: str | Path) -> dict[str, Any]:
    """What a .keras or .safetensors file carries beside its network, as texts or JSON objects."""
    from ...engine.weights import open_metadata
    from ...graph.keras.files import keras_about

    return dict(open_metadata(source)) if Path(source).suffix.lower() == ARRAYS else keras_about(Path(source))


def licence_of(source: str | Path) -> dict[str, Any]:
    """Licence, origin and whether commerce is allowed, as a run or a file says of its weights; may be empty.

    What a run itself started from binds what it became.
    """
    from ...engine.weights import open_metadata
    from ...pretrained.own import forbids_commerce
    from ...runs import Run

    if Path(source).is_dir():
        run = Run.open(source)
        if run.has("started.json"):
            return dict(run.read_json("started.json")["source"] or {})
        chosen = run.read_json("chosen.json") if run.has("chosen.json") else {"winner": "search"}
        is_its = chosen.get("inherits", chosen["winner"] != "search")
        return dict(run.read_json("pretrained.json")["source"]) if is_its else {}
    said = open_metadata(source) if Path(source).suffix.lower() == ARRAYS else {}
    found: dict[str, Any] = {"origin": said["origin"]} if said.get("origin") else {}
    licence = said.get("licence") or said.get("license")
    if licence:
        found |= {"licence": licence, "commercial": not forbids_commerce(licence)}
    return found
