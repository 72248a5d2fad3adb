"""What a run folder holds, read leniently: whatever is absent is empty, whatever is broken is named."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..graph import Graph
from ..runs import Run
from ..runs.files import read_lines
from ..runs.own_code import teach
from ..strict_json import parse

LARGEST_PICTURE = 2_000_000  # bytes; a page of many larger ones is no longer one that can be mailed
_MAGIC = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"RIFF": "webp"}
_OBJECTS = ("recipe.json", "data.json", "env.json", "search.json", "metrics.json", "export.json")
_FILES = ("graph.json", "trials.jsonl", "history.jsonl", *_OBJECTS)


@dataclass(frozen=True)
class Picture:
    """An image file as a data URI, so that the page needs no other file.

    Args:
        uri: ``data:image/png;base64,...``.
        width: pixels; None where only a decoder could tell.
        height: pixels.
    """

    uri: str
    width: int | None = None
    height: int | None = None

    @property
    def small(self) -> bool:
        """True where single pixels should stay visible when the page enlarges it."""
        return self.width is not None and self.width < 96


@dataclass
class Facts:
    """The contents of a run folder.

    Args:
        path: the folder.
        run: run.json; likewise the others, each ``{}`` or empty where the file is absent.
        troubles: one line for each file that could not be read, and each section that was left out for it.
    """

    path: Path
    run: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    env: dict[str, Any] = field(default_factory=dict)
    search: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    export: dict[str, Any] = field(default_factory=dict)
    graph: Graph | None = None
    trials: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    explained: list[dict[str, Any]] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    @property
    def source(self) -> str:
        """What the images are called, short: the last part of their path."""
        named = str(self.data.get("source") or self.recipe.get("data") or "")
        return Path(named.rstrip("/")).name or named

    @property
    def classes(self) -> list[str]:
        """The names of the classes, in the order of their numbers."""
        return [str(name) for name in self.data.get("classes", ())]

    def found(self, name: str) -> dict[str, Any]:
        """A JSON object of the run, for the section that alone shows it; ``{}`` where it is absent."""
        return _object(self, name)

    def listed(self, name: str) -> list[dict[str, Any]]:
        """The objects of a JSON list of the run; none where it is absent."""
        found = _json(self, name)
        return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []

    def picture(self, name: str) -> Picture | None:
        """An image file of the run; None where it is absent, outside the folder, too large or no image."""
        file = (self.path / name).resolve()
        if not file.is_relative_to(self.path.resolve()) or not file.is_file():
            return None
        if file.stat().st_size > LARGEST_PICTURE:
            return None
        content = file.read_bytes()
        kind = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)
        if kind is None:
            return None
        uri = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
        if kind != "png" or len(content) < 24:
            return Picture(uri)
        return Picture(uri, int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big"))


def read(folder: str | os.PathLike[str], *, own_code: bool = True) -> Facts:
    """Everything that a run folder tells.

    Args:
        folder: the run.
        own_code: whether the run's own files are run where its network has kinds that are not known; without
            it such a network is not there.

    Raises:
        NotARun: the folder holds none of a run's files.
        OtherVersion: the run was written in another format.
    """
    path = Path(str(getattr(folder, "path", folder)))
    facts = Facts(path)
    if (path / "run.json").exists() or not any((path / name).exists() for name in _FILES):
        Run.open(path)  # says what is wrong where this is no run
        facts.run = _object(facts, "run.json")
    for name in _OBJECTS:
        setattr(facts, name.removesuffix(".json"), _object(facts, name))
    facts.trials = _lines(facts, "trials.jsonl")
    facts.history = _lines(facts, "history.jsonl")
    found = _json(facts, "explain/explain.json")
    facts.explained = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    facts.evidence = _object(facts, "explain/evidence.json")
    if graph := _object(facts, "graph.json"):
        try:
            if own_code:
                teach(path, graph)
            facts.graph = Graph.from_json(graph)
        except BadInput as error:
            facts.troubles.append(f"graph.json: {error}")
    return facts


def _json(facts: Facts, name: str) -> Any:
    try:
        return parse((facts.path / name).read_bytes(), name)
    except FileNotFoundError:
        return None
    except (OSError, BadInput) as error:
        facts.troubles.append(f"{name} cannot be read: {error}")
        return None


def _object(facts: Facts, name: str) -> dict[str, Any]:
    found = _json(facts, name)
    if found is not None and not isinstance(found, dict):
        facts.troubles.append(f"{name} holds a {type(found).__name__}, not an object")
    return found if isinstance(found, dict) else {}


def _lines(facts: Facts, name: str) -> list[dict[str, Any]]:
    found = []
    try:
        for number, line in enumerate(read_lines(facts.path / name), 1):
            try:
                value = parse(line, name)
            except BadInput:
                facts.troubles.append(f"{name}, line {number}, is not JSON and is left out")
                continue
            if isinstance(value, dict):
                found.append(value)
    except OSError as error:
        facts.troubles.append(f"{name} cannot be read: {error}")
    return found
