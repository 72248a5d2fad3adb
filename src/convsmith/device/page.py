"""One HTML file that classifies: a network, its classes, and the way of a picture into it.

Its scripts stand beside this file (``js/``). Its own policy allows them by their hashes, and no connection.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import BadInput
from ..units import show_bytes
from .js_program import rounded, script, to_js
from .lower import compact, to_program
from .program import Op, Program

if TYPE_CHECKING:
    import numpy as np

    from ..graph import Graph

SHARED = ("operators", "network", "pixels", "headers", "decode", "tasks")
"""Scripts that run in the worker, or on the page where there is none."""
ALONE = ("crew", "page")
"""Scripts of the page alone."""
MOST_WEIGHTS, MOST_MEMORY = 100_000_000, 500_000_000
"""Bytes of weights and of activations that a browser on a phone is trusted with."""
SHOWN = 24
"""Classes that are named before there is a picture."""
PLAIN: dict[str, Any] = {"temperature": 1.0, "score": None, "threshold": None}
"""The softmax itself, and every picture answered."""
NO_POOLING = (
    "the network does not end in global average pooling and one dense layer. convsmith explain has methods "
    "that look into any network."
)
Fact = tuple[str, str, str]
"""What is said of the network: a label, a value, and a smaller line."""


@dataclass(frozen=True)
class Page:
    """A page, and what it computes.

    Args:
        content: the file.
        program: what it runs; its output is what stands before the final softmax or sigmoid.
        kind: which of them: "softmax" or "sigmoid".
        heat: why it shows no heat map; empty where it does.
    """

    content: bytes
    program: Program
    kind: str
    heat: str


def page(
    graph: Graph,
    weights: dict[str, np.ndarray],
    *,
    classes: Sequence[str],
    title: str = "What is in the picture?",
    over: str = "",
    facts: Sequence[Fact] = (),
    rule: Mapping[str, Any] = PLAIN,
    half: bool = False,
) -> Page:
    """A page that classifies pictures with a network.

    Args:
        graph: the network, with known sizes.
        weights: full name -> float32 array in Keras's layout.
        classes: the classes' names in order.
        title: the page's heading.
        over: what the network is for, above it and in the window's title.
        facts: what is said of the network below.
        rule: how logits become an answer: temperature, score ("max_logit", "energy" or None) and threshold.
        half: whether kernels are kept in 16 bits.

    Raises:
        BadInput: for a network whose answer is not its classes' probabilities, one that does not see an
            image of 1 or 3 channels, a layer that has no such form, or one too large for a page.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        came = f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
        raise BadInput(f"network '{graph.name}'", came, "one of each")
    shape = graph.input_shape
    if len(shape) != 3 or shape[2] not in (1, 3):
        came = f"an input of shape {shape}"
        raise BadInput(f"network '{graph.name}'", came, "an image of 1 or 3 channels, for a page")
    program, kind = before_probabilities(to_program(graph, weights), len(classes))
    program = rounded(program) if half else program
    made = to_js(program, half=half)
    _fits(graph.name, len(made.weights), made.memory, half)
    cam, refused = heat_of(program, kind)
    setup = {
        "program": made.program | {"cam": cam}, "size": list(shape[:2]), "channels": shape[2],
        "classes": list(classes), "rule": {name: rule[name] for name in PLAIN}, "heat": {"refused": refused},
        "pillow": int(version("pillow").partition(".")[0]),
    }  # fmt: skip
    text = _filled(setup, made.weights, title, over, facts)
    return Page(text.encode("utf-8", "replace"), program, kind, refused)


def before_probabilities(program: Program, classes: int) -> tuple[Program, str]:
    """The program up to what stands before its final softmax or sigmoid, and which of them it is.

    Args:
        program: the whole network.
        classes: how many there are.

    Raises:
        BadInput: where it ends otherwise.
    """
    last = next((op for op in program.ops if op.output == program.outputs[0]), None)
    shape = program.tensors[program.outputs[0]].shape
    kind = {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid"}.get(last.code if last else "")
    if last is None or kind is None or shape != (1, classes if kind == "softmax" else 1) or classes < 2:
        ends = f"{shape[1:]} numbers" + (f" of {last.code.lower()}" if last else "")
        raise BadInput(
            f"network '{program.name}'", f"ends in {ends}, not in the probabilities of {classes} classes",
            "a softmax over the classes, or one sigmoid unit for two, for a page", "an .onnx file instead",
        )  # fmt: skip
    if kind == "sigmoid" and classes != 2:
        raise BadInput(
            f"network '{program.name}'", f"has one sigmoid unit for {classes} classes", "two classes"
        )
    ops = tuple(op for op in program.ops if op is not last)
    return compact(dataclasses.replace(program, ops=ops, outputs=(last.inputs[0],))), kind


def heat_of(program: Program, kind: str) -> tuple[dict[str, Any] | None, str]:
    """What a class activation map is made of, where the network ends in global average pooling and one layer.

    Source: B. Zhou et al., "Learning Deep Features for Discriminative Localization", 2016.

    Args:
        program: up to the numbers before the probabilities.
        kind: "softmax" or "sigmoid".

    Returns:
        The numbers of the tensors of features and of the kernel (None where the features are the classes'
        own), or None; and why there is none.
    """
    last = _maker(program, program.outputs[0])
    kernel: int | None = None
    if last is not None and last.code in ("FULLY_CONNECTED", "CONV_2D") and "fused" not in last.options:
        shape = program.tensors[last.inputs[1]].shape
        if last.code == "FULLY_CONNECTED" or shape[1:3] == program.tensors[last.inputs[0]].shape[1:3] == (
            1,
            1,
        ):
            kernel = last.inputs[1]
        last = None if kernel is None else _maker(program, last.inputs[0])
    if last is not None and last.code == "REDUCE_MAX":
        return None, "the network pools by the maximum, so that one place alone decides for each feature."
    if last is None or last.code != "MEAN":
        return None, NO_POOLING
    rows, columns = program.tensors[last.inputs[0]].shape[1:3]
    if rows * columns == 1:
        return None, "nothing of the picture's rows and columns is left where the network pools."
    return {"features": last.inputs[0], "kernel": kernel, "sigmoid": kind == "sigmoid"}, ""


def _maker(program: Program, tensor: int) -> Op | None:
    """The operator that computes a tensor, seen through those that only rearrange it."""
    op = next((op for op in program.ops if op.output == tensor), None)
    return _maker(program, op.inputs[0]) if op is not None and op.code == "RESHAPE" else op


def _fits(name: str, weights: int, memory: int, half: bool) -> None:
    for what, size, most, hint in (
        ("weights", weights, MOST_WEIGHTS, "an .onnx file" if half else "--precision fp16, or an .onnx file"),
        ("memory for activations", memory, MOST_MEMORY, "an .onnx file, or a smaller input"),
    ):
        if size > most:
            raise BadInput(
                f"network '{name}'", f"needs {show_bytes(size)} of {what}",
                f"at most {show_bytes(most)} in a page", hint,
            )  # fmt: skip


def _filled(setup: dict[str, Any], weights: bytes, title: str, over: str, facts: Sequence[Fact]) -> str:
    style = script("page.css")
    scripts = {name: script(f"{name}.js") for name in (*SHARED, *ALONE)}
    names, count = setup["classes"], len(setup["classes"])
    marked = [
        f'<script id="{name}" class="{"shared" if name in SHARED else "own"}">{text}</script>'
        for name, text in scripts.items()
    ]
    rejects = setup["rule"]["score"] is not None
    values = {
        "policy": policy(scripts.values(), style),
        "style": style,
        "title": html.escape(title),
        "named": html.escape(f"{over}: {title}" if over else title),
        "over": html.escape(over),
        "facts": "".join(_fact(*fact) for fact in facts),
        "counted": f"{count:,} classes",
        "classes": _listed(names),
        "some": _listed(names[:SHOWN]) + (f"<li>and {count - SHOWN:,} more</li>" if count > SHOWN else ""),
        "unless": ", unless it is so unlike the others that it says “None of these”" if rejects else "",
        "version": __version__,
        "setup": json.dumps(setup).replace("<", "\\u003c"),
        "weights": base64.b64encode(weights).decode(),
        "scripts": "\n".join(marked),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], script("page.html"))


def _listed(names: Sequence[str]) -> str:
    return "".join(f"<li>{html.escape(name)}</li>" for name in names)


def _fact(label: str, value: str, small: str) -> str:
    label, value, small = map(html.escape, (label, value, small))
    return f"<div><dt>{label}</dt><dd>{value}{f'<small>{small}</small>' if small else ''}</dd></div>"


def policy(scripts: Any, style: str) -> str:
    """The page's Content-Security-Policy: these scripts and this style, its own pictures, no connection."""

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return "; ".join((
        "default-src 'none'", f"script-src {' '.join(map(hashed, scripts))}", f"style-src {hashed(style)}",
        "img-src blob: data:", "media-src blob:", "worker-src blob:", "child-src blob:", "connect-src 'none'",
        "base-uri 'none'", "form-action 'none'",
    ))  # fmt: skip
