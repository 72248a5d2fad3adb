"""A network as a PyTorch program."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...graph import Graph, Node
from .functions import Function, functions, loops
from .grouping import grouped, named
from .series import Tangled, nested
from .tangled import statements
from .terms import SEQUENTIAL, Arg, Literal, Term, leaves, number, text
from .torch_layers import torch_layers, torch_merge

if TYPE_CHECKING:
    Program = tuple[str, dict[str, np.ndarray]]

CLASSES = {
    "ChannelsLast": '''class ChannelsLast(nn.Module):
    """All numbers of an image in a row, channels last, as Keras has them."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)
''',
    "Rescale": '''class Rescale(nn.Module):
    """Every number times a factor, and an offset."""

    def __init__(self, scale, offset):
        super().__init__()
        self.scale, self.offset = scale, offset

    def forward(self, x):
        return x * self.scale + self.offset
''',
    "Resize": '''class Resize(nn.Module):
    """Images in another size."""

    def __init__(self, size, mode, antialias=False):
        super().__init__()
        self.settings = {"size": size, "mode": mode, "antialias": antialias}

    def forward(self, x):
        return nn.functional.interpolate(x, **self.settings)
''',
    "Grey": '''class Grey(nn.Module):
    """The mean of the colours."""

    def forward(self, x):
        return x.mean(1, keepdim=True)
''',
    "Join": '''class Join(nn.Module):
    """Branches on the same input, and what brings their outputs together."""

    def __init__(self, how, *branches):
        super().__init__()
        self.how, self.branches = how, nn.ModuleList(branches)

    def forward(self, x):
        return self.how([branch(x) for branch in self.branches])
''',
}
"""Modules that torch has not, by the name that a program calls them by."""
HOW = {
    "Add": "sum", "Multiply": "math.prod", "Concatenate": "concatenated", "Average": "mean",
    "Maximum": "largest", "Minimum": "smallest", "Subtract": "difference",
}  # fmt: skip
"""What brings branches together, by the kind that does."""
FUNCTIONS = {
    "concatenated": "torch.cat(parts, 1)", "mean": "sum(parts) / len(parts)",
    "largest": "functools.reduce(torch.maximum, parts)", "smallest": "functools.reduce(torch.minimum, parts)",
    "difference": "functools.reduce(torch.sub, parts)",
}  # fmt: skip
NAMES = {SEQUENTIAL: "nn.Sequential", "identity": "nn.Identity"}


def torch_program(graph: Graph, weights: dict[str, np.ndarray], file: str, about: str) -> Program:
    """The program's text, and its arrays by the names of the module's state.

    Args:
        graph: the network.
        weights: full name -> array in Keras's layout.
        file: the name of the .safetensors file.
        about: what the program is, in one line.

    Raises:
        BadInput: for a layer that has no form in a program.
    """
    name = class_name(graph.name)
    try:
        front, terms = _front(nested(graph, torch_layers, torch_merge))
        terms = grouped(terms)
        arrays = _arrays(Term(SEQUENTIAL, tuple(map(Arg, terms)), slot=SEQUENTIAL), "layers.", weights)
        terms, made = functions(terms, named)
        terms = [_worded(term) for term in terms]
        rows = Term("nn.Sequential", tuple(map(Arg, loops(terms))))
        start = [f"self.layers = {text(rows, 8, 80)}"]
        end = [*front, "return self.layers(x)"]
    except Tangled:
        start, end, made, arrays = _flat(graph, weights)
    body = "".join(f"{_source(one)}\n\n" for one in made)
    shown = "\n".join((body, *start, *end))
    classes = "".join(f"{text_}\n\n" for text_ in _classes(shown))
    high, wide, channels = graph.input_shape
    lines = [f"        {line}" for line in start]
    lines += ["", "    def forward(self, x):", *(f"        {line}" for line in end)]
    source = f'''"""{about}"""

{_imports(classes + shown)}


{classes}{body}class {name}(nn.Module):
    """Images in, as float32 of {channels}×{high}×{wide}: raw pixels, 0 to 255."""

    def __init__(self):
        super().__init__()
{chr(10).join(lines)}


def load(path="{file}"):
    """The network with its weights."""
    net = {name}()
    net.load_state_dict(load_file(path))
    return net.eval()
'''
    return source, arrays


def _source(function: Function) -> str:
    """A function's text in torch's words."""
    return replace(function, body=_worded(function.body)).source


def class_name(name: str) -> str:
    """A network's name as a class is called.

    Example:
        >>> class_name("mobile"), class_name("my net-2"), class_name("2d")
        ('Mobile', 'MyNet2', 'Net2d')
    """
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in name).split()
    found = "".join(word[:1].upper() + word[1:] for word in words)[:40]
    return found if found and not found[0].isdigit() else f"Net{found}"


def _front(terms: list[Term]) -> tuple[list[str], list[Term]]:
    """What is done to the images first, as statements, and the layers behind it."""
    lines = []
    for place, term in enumerate(terms):
        values = [arg.value for arg in term.args]
        if term.name == "Grey":
            lines.append("x = x.mean(1, keepdim=True)")
        elif term.name == "Rescale":
            lines += _rescaled(*values)
        elif term.name == "Resize":
            size, mode, smooth = values
            more = ", antialias=True" if smooth else ""
            lines.append(f"x = nn.functional.interpolate(x, {number(size)}, mode={number(mode)}{more})")
        else:
            return lines, terms[place:]
    return lines, []


def _rescaled(scale: Any, offset: Any) -> list[str]:
    """Statements for a factor and an offset, a short divisor in the place of a long factor."""
    if isinstance(scale, Literal) or isinstance(offset, Literal):
        return [f"x = x * {number(scale)}", f"x = x + {number(offset)}"]
    by = f"x * {number(scale)}"
    if 0 < scale < 1 and 1 / round(1 / scale, 6) == scale:
        by = f"x / {number(round(1 / scale, 6))}"
    sign = "-" if offset < 0 else "+"
    return [f"x = {by} {sign} {number(abs(offset))}" if offset else f"x = {by}"]


def _worded(term: Term) -> Term:
    """Rows and branches by the names of the program."""
    args = tuple(
        replace(arg, value=_worded(arg.value)) if isinstance(arg.value, Term) else arg for arg in term.args
    )
    if term.name in HOW and term.slot == "branches":
        return Term("Join", (Arg(Literal(HOW[term.name])), *args))
    return replace(term, name=NAMES.get(term.name, term.name), args=args)


def _classes(shown: str) -> list[str]:
    found = [source for name, source in CLASSES.items() if f"{name}(" in shown]
    for name, value in FUNCTIONS.items():
        if f"Join({name}," in shown or ("Join(\n" in shown and f" {name}," in shown):
            found.append(f"def {name}(parts):\n    return {value}\n")
    return found


def _imports(shown: str) -> str:
    standard = [f"import {name}" for name in ("functools", "math") if f"{name}." in shown]
    third = ["import torch"] if "torch." in shown else []
    third += ["from safetensors.torch import load_file", "from torch import nn"]
    return "\n".join([*standard, *([""] if standard else []), *third])


def _arrays(whole: Term, prefix: str, weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = {}
    for path, leaf in leaves(whole):
        for weight in leaf.weights:
            array = weight.turn(weights[weight.source]) if weight.source else weight.turn(None)
            found[f"{prefix}{path}.{weight.name}"] = np.ascontiguousarray(array)
    return found


def _flat(
    graph: Graph, weights: dict[str, np.ndarray]
) -> tuple[list[str], list[str], list[Function], dict[str, np.ndarray]]:
    """Layers one by one, and a forward that says what takes what."""
    terms, end = statements(graph, torch_layers, _join)
    arrays: dict[str, np.ndarray] = {}
    for place, term in enumerate(terms):
        whole = Term(SEQUENTIAL, (Arg(term),), slot=SEQUENTIAL)
        held = _arrays(whole, "", weights)
        arrays |= {f"layers.{place}{name[1:]}": array for name, array in held.items()}
    terms, made = functions(terms, named)
    listed = "".join(f"            {text(_worded(term), 12, 88)},\n" for term in terms)
    start = [f"self.layers = nn.ModuleList([\n{listed}        ])"]
    return start, ["f = self.layers", *end], made, arrays


def _join(graph: Graph, node: Node, values: list[str]) -> str:
    """How values come together, as an expression."""
    kind = torch_merge(graph, node)
    signs = {"Add": " + ", "Multiply": " * ", "Subtract": " - "}
    if kind in signs:
        return signs[kind].join(values)
    if kind == "Concatenate":
        return f"torch.cat([{', '.join(values)}], 1)"
    if kind == "Average":
        return f"({' + '.join(values)}) / {number(len(values))}"
    call = "torch.maximum" if kind == "Maximum" else "torch.minimum"
    found = values[0]
    for value in values[1:]:
        found = f"{call}({found}, {value})"
    return found
