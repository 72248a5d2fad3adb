"""`load`: a finished network from its run folder or from one file, whoever computes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data.pixels_in import DEFINITION
from ..errors import BadInput, meant, nearest_path
from ..insight.answer_rule import METADATA, AnswerRule
from ..strict_json import parse
from .inputs.trained import opened, told_by, trained
from .using.backends import Backend, Engine, LiteRTFile, OnnxFile
from .using.classifier import Classifier

FILES = (".onnx", ".tflite", ".keras", ".safetensors")
"""Endings of files that hold a whole network."""


def load(network: Any) -> Classifier:
    """Open a finished network, to be asked about images.

    Args:
        network: a run folder, or what `forge` and `train` return; or a file: .onnx (run in ONNX Runtime as it
            is), .tflite (in LiteRT), .keras, or .safetensors with its Graph in it or beside it. Of a file
            nothing else is needed: the classes' names and what goes in stand in it.

    Returns:
        The network: ``predict``, ``predict_proba``, ``score``, ``classes``, ``graph``, ``module``,
        ``keras()``, ``explain``, ``export``.

    Raises:
        BadInput: nothing is there, a run without a trained network, a damaged file, or a network that does
            not tell classes of grey or colour images apart.

    Example:
        >>> import tempfile
        >>> from convsmith.engine.weights import initial
        >>> from convsmith.formats.weights_file import write_weights_file
        >>> from convsmith.zoo import network
        >>> graph, path = network("lenet5"), tempfile.mkdtemp() + "/lenet5.safetensors"
        >>> size = write_weights_file(path, graph, initial(graph, 0), classes="abcdefghij")
        >>> net = load(path)
        >>> net.classes[:3], net.shape
        (('a', 'b', 'c'), (32, 32, 1))
    """
    if isinstance(network, Classifier):
        return network
    given = getattr(network, "path", network)
    if not isinstance(given, str | os.PathLike):
        raise BadInput(
            "network", f"got {type(network).__name__}", "a run folder such as runs/0001, or a file"
        )
    path = Path(given)
    ending = path.suffix.lower()
    if ending not in FILES or path.is_dir():
        return _of_run(path)
    if not path.exists():
        raise BadInput(str(path), "no such file", f"a {', '.join(FILES)} file", meant(nearest_path(path)))
    if ending in (".onnx", ".tflite"):
        file = OnnxFile(path) if ending == ".onnx" else LiteRTFile(path)
        return _of_file(path, file, file.about)
    graph, weights, _ = opened(str(path))
    return _of_file(path, Engine(graph, weights, str(path)), told_by(path))


def _of_file(path: Path, backend: Backend, about: Mapping[str, Any]) -> Classifier:
    """What a file carries decides what its classes are called and how it answers."""
    where = str(path)
    names, notes = _classes(_entry(about, "classes", where), backend, where)
    pixels = _entry(about, "pixels", where)
    made = pixels.get("definition") if isinstance(pixels, dict) else None
    if made is None:
        notes += (f"{where} does not say what pixels go in: they are raw, 0 to 255",)
    elif made != DEFINITION:
        notes += (f"{where} was made for pixels of definition {made}, and gets those of {DEFINITION}",)
    return Classifier(path, names, backend, _rule(_entry(about, METADATA, where), backend, where), notes)


def _entry(about: Mapping[str, Any], name: str, where: str) -> Any:
    """An entry of the metadata, whether they are texts or JSON; None where there is none."""
    found = about.get(name)
    return parse(found, f"{where}, {name}") if isinstance(found, str) else found


def _rule(found: Any, backend: Backend, where: str) -> AnswerRule:
    """How logits become answers; nothing is turned away where the file does not give logits."""
    if found is None:
        return AnswerRule(note="the file has no rule of answering")
    rule = AnswerRule.from_json(found, where)
    if rule.score is None or backend.has_logits:
        return rule
    note = "the file does not give the numbers before its softmax"
    return replace(rule, score=None, threshold=None, false_rejection=None, note=note)


def _of_run(path: Path) -> Classifier:
    net = trained(path)
    return Classifier(net.path, net.classes, Engine(net.graph, net.weights, str(path)), net.rule)


def _classes(found: Any, backend: Backend, where: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes' names as a file has them, or numbers; and what there is to say of that."""
    if found is None:
        note = f"{where} does not say what its classes are called: they are numbers"
        return tuple(map(str, range(backend.answers))), (note,)
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise BadInput(where, "has classes that are no names", "a list of them")
    return tuple(found), ()
