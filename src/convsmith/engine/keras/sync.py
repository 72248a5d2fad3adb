"""The bridge to a live keras.Model: its weights and its optimizer's state, in and out, on any backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from ...errors import BadInput
from ...graph import Graph
from ...kinds._torch import BatchNorm
from .. import weights as numbers
from ..lower import Lowered
from ..optimizers import Optimizer
from ..optimizers.nadam import Nadam

Axes = tuple[int, ...] | None
"""Keras's axes in torch's order."""
_SHARED = {"average": "_model_variables_moving_average", "gradient": "_accumulated_gradients"}
"""Where Keras keeps what every optimizer may have, by our slot."""


def variables(model: Any, graph: Graph) -> dict[str, Any]:
    """The model's variables by the full names of the Graph's weights.

    Raises:
        BadInput: a layer whose variables do not match, by name.
    """
    layers = dict(named(model))
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


def named(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every layer of a model by its full name, nested ones as "block/conv"."""
    for layer in model.layers:
        yield prefix + layer.name, layer
        if getattr(layer, "layers", None):
            yield from named(layer, f"{prefix}{layer.name}/")


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
        layers = dict(named(model))
        self._norms = [
            (part, layers[node.owner])
            for node in module.graph.nodes
            for part in module.layers_by_name[node.name].modules()
            if isinstance(part, BatchNorm) and node.owner in layers
        ]
        self.trained: list[numbers.Entry] = []
        self.sort()

    def sort(self) -> bool:
        """Look which layers are trainable now; whether other weights are trained than before."""
        asked = {id(variable) for variable in self.model.trainable_variables}
        for name, tensor, _, _ in self.entries:
            if isinstance(tensor, torch.nn.Parameter):
                tensor.requires_grad_(id(self.variables[name]) in asked)
        for norm, layer in self._norms:
            norm.frozen = not layer.trainable
        before, self.trained = self.trained, [entry for entry in self.entries if entry[1].requires_grad]
        return [entry[0] for entry in before] != [entry[0] for entry in self.trained]

    def pull(self) -> None:
        """The model's weights into the module."""
        _pull([(tensor, self.variables[name], axes) for name, tensor, _, axes in self.entries])

    def push(self) -> None:
        """The module's weights into the model."""
        _push([(tensor, self.variables[name], shape, axes) for name, tensor, shape, axes in self.entries])

    def pull_state(self, own: Optimizer) -> None:
        """The state of the model's optimizer, as an earlier training left it, into our own.

        Raises:
            BadInput: a weight that the optimizer was not built for: Keras's own refuses it too.
        """
        theirs = self.model.optimizer
        if not theirs.built:
            theirs.build(self.model.trainable_variables)
        known = {id(variable) for variable in theirs._trainable_variables}
        for name, _, _, _ in self.trained:
            if id(self.variables[name]) not in known:
                raise BadInput(
                    f"layer {name.rpartition('/')[0]}",
                    "became trainable after the optimizer was built",
                    "the weights that it was built for",
                    "model.compile(...) again",
                )
        own.iterations = int(_array(theirs._iterations))
        _pull([(tensor, variable, axes) for tensor, variable, _, axes in self._slots(own)])

    def push_state(self, own: Optimizer) -> None:
        """Our optimizer's state into the model's, so that Keras could go on from here."""
        theirs = self.model.optimizer
        theirs._iterations.assign(own.iterations)
        if isinstance(own, Nadam):
            theirs._u_product.assign(own.product(own.time - 1))
        _push(list(self._slots(own)))

    def _slots(self, own: Optimizer) -> Iterator[tuple[torch.Tensor, Any, Any, Any]]:
        theirs = self.model.optimizer
        place = {id(variable): index for index, variable in enumerate(theirs._trainable_variables)}
        for slot, tensors in own.state.items():
            kept = getattr(theirs, {**own.places, **_SHARED}[slot])
            for (weight, _, shape, axes), tensor in zip(self.trained, tensors, strict=True):
                variable = kept[place[id(self.variables[weight])]]
                if variable is not None:  # Keras's Muon has no velocity of matrices
                    yield tensor, variable, shape, axes


def _pull(pairs: Sequence[tuple[torch.Tensor, Any, Axes]]) -> None:
    """Keras's variables into tensors; at once where they are torch's own."""
    with torch.no_grad():
        if not _on_torch():
            for tensor, variable, axes in pairs:
                numbers.into(tensor, _array(variable), axes)
        elif pairs:
            torch._foreach_copy_(
                [tensor for tensor, _, _ in pairs],
                [numbers.in_torch_layout(variable.value, tensor, axes) for tensor, variable, axes in pairs],
            )


def _push(pairs: Sequence[tuple[torch.Tensor, Any, tuple[int, ...], Axes]]) -> None:
    """Tensors into Keras's variables."""
    if not _on_torch():
        for tensor, variable, shape, axes in pairs:
            variable.assign(numbers.to_keras(tensor, shape, axes))
    elif pairs:
        with torch.no_grad():
            torch._foreach_copy_(
                [variable.value for _, variable, _, _ in pairs],
                [numbers.in_keras_layout(tensor, shape, axes) for tensor, _, shape, axes in pairs],
            )


def _on_torch() -> bool:
    import keras

    return bool(keras.backend.backend() == "torch")


def _array(variable: Any) -> np.ndarray:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(variable))
