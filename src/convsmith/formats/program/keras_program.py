"""A network as a Keras program."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...errors import BadInput
from ...graph import Graph
from .functions import functions, loops
from .grouping import grouped, named
from .keras_layers import keras_layers, keras_merge
from .series import Tangled, nested
from .terms import SEQUENTIAL, Arg, Term, leaves, text

if TYPE_CHECKING:
    Program = tuple[str, dict[str, np.ndarray]]

CLASSES = {
    "Grey": '''class Grey(layers.Layer):
    """The mean of the colours."""

    def call(self, x):
        return keras.ops.mean(x, axis=-1, keepdims=True)
''',
    "Row": '''class Row(layers.Layer):
    """Layers one after the other."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = list(parts)

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x
''',
    "Branches": '''class Branches(Row):
    """Several layers on the same input, joined by the first of them."""

    def call(self, x):
        return self.parts[0]([part(x) for part in self.parts[1:]])
''',
}


def keras_program(graph: Graph, weights: dict[str, np.ndarray], file: str, about: str) -> Program:
    """The program's text, and its arrays in the order of the model's weights, named by their place.

    Args:
        graph: the network.
        weights: full name -> array in Keras's layout.
        file: the name of the .safetensors file.
        about: what the program is, in one line.

    Raises:
        BadInput: for a layer that Keras has not, or branches that take from each other.
    """
    try:
        terms = grouped(nested(graph, keras_layers, keras_merge))
    except Tangled as error:
        raise BadInput(
            f"network '{graph.name}', layer {error}", "takes from several branches at once",
            "branches that come together where they part", "--framework torch, or a .keras file",
        ) from None  # fmt: skip
    ordered = [
        weights[weight.source]
        for _, leaf in leaves(Term(SEQUENTIAL, tuple(map(Arg, terms)), slot=SEQUENTIAL))
        for weight in leaf.weights
    ]
    arrays = {f"{place:05d}": np.ascontiguousarray(array) for place, array in enumerate(ordered)}
    terms, made = functions(terms, named)
    rows = Term("keras.Sequential", (Arg(_Listed(loops([_worded(term) for term in terms]), graph)),))
    body = "".join(f"{replace(one, body=_worded(one.body)).source}\n\n" for one in made)
    listed: _Listed = rows.args[0].value
    shown = body + listed.source
    needed = [
        source
        for name, source in CLASSES.items()
        if f"{name}(" in shown or (name == "Row" and "Branches(" in shown)
    ]
    classes = "".join(f"{source}\n\n" for source in needed)
    source = f'''"""{about}"""

import keras
from keras import layers
from safetensors.numpy import load_file

{classes}{body}def build():
    """The network; it takes raw pixels, 0 to 255."""
    return keras.Sequential([
{listed.source}    ])


def load(path="{file}"):
    """The network with its weights."""
    net, weights = build(), load_file(path)
    net.set_weights([weights[name] for name in sorted(weights)])
    return net
'''
    return source.replace("load_file\n\n", "load_file\n\n\n", 1), arrays


class _Listed:
    """The layers of the whole network, a line for each."""

    def __init__(self, terms: list[Term], graph: Graph) -> None:
        first = f"        keras.Input({graph.input_shape}),\n"
        self.source = first + "".join(f"        {text(term, 8, 90)},\n" for term in terms)


def _worded(term: Term) -> Term:
    """Rows and branches by the names of the program's classes."""
    args = tuple(
        replace(arg, value=_worded(arg.value)) if isinstance(arg.value, Term) else arg for arg in term.args
    )
    if term.slot == "branches":
        return Term("Branches", (Arg(Term(f"layers.{term.name}")), *args))
    names = {SEQUENTIAL: "Row", "identity": "layers.Identity"}
    return replace(term, name=names.get(term.name, term.name), args=args)
