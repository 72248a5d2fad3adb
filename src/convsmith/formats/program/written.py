"""A network written as a program and its weights."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import BadInput, BadName
from ...graph import Graph

if TYPE_CHECKING:
    import numpy as np

FRAMEWORKS = ("torch", "keras")
"""In which a program may be written."""


def to_program(
    graph: Graph, weights: Mapping[str, np.ndarray], path: str | Path, *, framework: str = "torch",
    classes: Sequence[str] = (),
) -> tuple[str, bytes]:  # fmt: skip
    """A network as a program's text, and the content of the .safetensors file that it loads.

    Args:
        graph: the network, of one input of images and one output.
        weights: full name -> array in Keras's layout.
        path: where the program will be; the weights lie beside it under its name.
        framework: "torch" or "keras".
        classes: the names of the classes, for a comment.

    Raises:
        BadName: another framework.
        BadInput: for a name that no module can have, or a layer that has no form in a program.

    Example:
        >>> from convsmith.engine.weights import initial
        >>> from convsmith.zoo import network
        >>> graph = network("lenet5")
        >>> source, content = to_program(graph, initial(graph, 0), "lenet5.py")
        >>> "nn.Conv2d(1, 6, 5)" in source
        True
    """
    from safetensors.numpy import save

    if framework not in FRAMEWORKS:
        raise BadName("--framework", framework, FRAMEWORKS)
    path = Path(path)
    if not path.stem.isidentifier() or keyword.iskeyword(path.stem):
        raise BadInput(str(path), "is no name of a module", "letters, digits and _", "net.py")
    if len(graph.inputs) != 1 or len(graph.input_shape) != 3 or None in graph.input_shape:
        raise BadInput(
            f"network '{graph.name}'", f"takes {graph.input_shape}", "one input of rows, columns and channels"
        )
    file = f"{path.stem}.safetensors"
    macs = "" if graph.macs is None else f", {graph.macs:,} multiply-adds"
    about = f"{_plain(graph.name)}: {graph.params or 0:,} parameters{macs}. Written by convsmith."
    if framework == "torch":
        from .torch_program import torch_program

        source, arrays = torch_program(graph, dict(weights), file, about)
    else:
        from .keras_program import keras_program

        source, arrays = keras_program(graph, dict(weights), file, about)
    if classes:
        listed = ", ".join(_plain(name) for name in classes)
        source = source.replace('"""\n', f'\n\nIts outputs: {_folded(listed)}\n"""\n', 1)
    return source, save(arrays)


def _plain(name: str) -> str:
    """A name as a docstring may have it."""
    kept = "".join(letter if letter.isprintable() and letter not in '"\\' else " " for letter in name)
    return " ".join(kept.split())[:60]


def _folded(words: str) -> str:
    import textwrap

    return textwrap.shorten(words, 80, placeholder=" ...")
