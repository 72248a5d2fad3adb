"""The bridge to a live keras.Model: its weights and its optimizer's state, in and out, on any backend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from ..errors import BadInput
from ..graph import Graph
from . import weights as numbers
from .lower import Lowered
from .optimizers import Optimizer
from .optimizers.nadam import Nadam

_SHARED = {"average": "_model_variables_moving_average", "gradient": "_accumulated_gradients"}
"""Where Keras keeps what every optimizer may have, by our slot."""


def variables(model: Any, graph: Graph) -> dict[str, Any]:
    """The model's variables by the full names of the Graph's weights.

    Raises:
        BadInput: a layer whose variables do not match, by name.
    """
    layers = dict(_layers(model, ""))
    found = {}
    for node in graph.nodes:
        expected = node.kind.weights(*graph.input_shapes(node)) if node.owner == node.name else ()
        if not expected:
            continue
        own = list(layers[node.name].weights) if node.name in layers else []
        if [tuple(variable.shape) for variable in own] != [weight.shape for weight in expected]:
            raise BadInput(
                f"layer {node.name}",
                f"has variables of shapes {[tuple(variable.shape) for variable in own]}",
                f"{[weight.shape for weight in expected]}",
                "model.fit of Keras",
            )
        for weight, variable in zip(expected, own, strict=True):
            found[f"{node.name}/{weight.name}"] = variable
    return found


def _layers(model: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for layer in model.layers:
        yield prefix + layer.name, layer
        if getattr(layer, "layers", None):
            yield from _layers(layer, f"{prefix}{layer.name}/")


class Live:
    """A keras.Model beside its lowered form; `pull` and `push` copy the weights.

    Args:
        model: built.
        module: the same network, lowered.
    """

    def __init__(self, model: Any, module: Lowered) -> None:
        self.model, self.module = model, module
        self.variables = variables(model, module.graph)
        self.entries = list(numbers.tensors(module))
        trained = {id(variable) for variable in model.trainable_variables}
        for name, tensor, _, _ in self.entries:
            if isinstance(tensor, torch.nn.Parameter):
                tensor.requires_grad_(id(self.variables[name]) in trained)
        self.trained = [entry for entry in self.entries if entry[1].requires_grad]

    def pull(self) -> None:
        """The model's weights into the module."""
        with torch.no_grad():
            for name, tensor, _, axes in self.entries:
                numbers.into(tensor, _array(self.variables[name]), axes)

    def push(self) -> None:
        """The module's weights into the model."""
        for name, tensor, shape, axes in self.entries:
            self.variables[name].assign(numbers.to_keras(tensor, shape, axes))

    def pull_state(self, own: Optimizer) -> None:
        """The state of the model's optimizer, as an earlier training left it, into our own."""
        theirs = self.model.optimizer
        if not theirs.built:
            theirs.build(self.model.trainable_variables)
        own.iterations = int(_array(theirs._iterations))
        with torch.no_grad():
            for tensor, variable, _, axes in self._slots(own):
                numbers.into(tensor, _array(variable), axes)

    def push_state(self, own: Optimizer) -> None:
        """Our optimizer's state into the model's, so that Keras could go on from here."""
        theirs = self.model.optimizer
        theirs._iterations.assign(own.iterations)
        if isinstance(own, Nadam):
            theirs._u_product.assign(own.product(own.time - 1))
        for tensor, variable, shape, axes in self._slots(own):
            variable.assign(numbers.to_keras(tensor, shape, axes))

    def _slots(self, own: Optimizer) -> Iterator[tuple[torch.Tensor, Any, Any, Any]]:
        theirs = self.model.optimizer
        place = {id(variable): index for index, variable in enumerate(theirs._trainable_variables)}
        for slot, tensors in own.state.items():
            kept = getattr(theirs, {**own.places, **_SHARED}[slot])
            for (weight, _, shape, axes), tensor in zip(self.trained, tensors, strict=True):
                variable = kept[place[id(self.variables[weight])]]
                if variable is not None:  # Keras's Muon has no velocity of matrices
                    yield tensor, variable, shape, axes


def _array(variable: Any) -> np.ndarray:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(variable))
