"""A network's numbers: first values, into and out of a torch module, and as a safetensors file.

Everywhere outside the torch module a network's weights are a dictionary from full name ("conv1/kernel")
to a float32 array in Keras's layout (kernel HWIO, dense kernel IO).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..errors import BadInput, BadName
from ..graph import Graph, Node
from .train.initializers import draw

if TYPE_CHECKING:
    import torch

Entry = tuple[str, "torch.Tensor", tuple[int, ...], tuple[int, ...] | None]
"""A weight of a lowered network: full name, torch tensor, Keras's shape, axes into torch's layout."""


class HasWeights(Protocol):
    """What weights are copied into and out of: a lowered network, by what is asked of it."""

    graph: Graph
    layers_by_name: dict[str, torch.nn.Module]


def initial(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    """First values for every weight, by the initializers that the layers name.

    Args:
        graph: the network.
        seed: each weight's numbers depend on this and on its own name alone.

    Returns:
        full name -> float32 array in Keras's layout.

    Example:
        >>> from convsmith.zoo import network
        >>> initial(network("lenet5"), seed=0)["conv1/kernel"].shape
        (5, 5, 1, 6)
    """
    return {
        name: draw(weight.initializer, weight.shape, seed, name) for name, weight in graph.weights.items()
    }


def tensors(module: HasWeights) -> Iterator[Entry]:
    """Every weight of a lowered network."""
    for node in module.graph.nodes:
        if node.owner == node.name:
            yield from _of_node(module, node)


def _of_node(module: HasWeights, node: Node) -> Iterator[Entry]:
    for weight in node.kind.weights(*module.graph.input_shapes(node)):
        path, axes = node.kind.torch_weights[weight.name]
        target = module.layers_by_name[node.name]
        for part in path.split("."):
            target = getattr(target, part)
        yield f"{node.name}/{weight.name}", target, weight.shape, axes  # type: ignore[misc]


def load(module: HasWeights, weights: Mapping[str, np.ndarray]) -> None:
    """Copy weights into a lowered network.

    Args:
        weights: full name -> array in Keras's layout; exactly the network's names.

    Raises:
        BadInput: for a missing, additional or misshapen array, by name.
    """
    import torch

    check(module.graph, weights)
    with torch.no_grad():
        for name, tensor, _, axes in tensors(module):
            into(tensor, weights[name], axes)


def into(tensor: torch.Tensor, array: np.ndarray, axes: tuple[int, ...] | None) -> None:
    """Copy an array in Keras's layout into one torch tensor."""
    import torch

    moved = np.asarray(array, dtype=np.float32)
    moved = np.array(moved if axes is None else moved.transpose(axes), order="C")
    tensor.copy_(torch.from_numpy(moved.reshape(tuple(tensor.shape))))


def dump(module: HasWeights) -> dict[str, np.ndarray]:
    """The weights of a lowered network, as new arrays in Keras's layout."""
    return {name: to_keras(tensor, shape, axes) for name, tensor, shape, axes in tensors(module)}


def to_keras(tensor: torch.Tensor, shape: tuple[int, ...], axes: tuple[int, ...] | None) -> np.ndarray:
    """One torch tensor as a new float32 array in Keras's layout."""
    array = tensor.detach().cpu().float().contiguous().numpy()
    if axes is None:
        return np.array(array.reshape(shape))
    moved = array.reshape([shape[axis] for axis in axes])
    return np.ascontiguousarray(moved.transpose(np.argsort(axes)))


def in_keras_layout(
    tensor: torch.Tensor, shape: tuple[int, ...], axes: tuple[int, ...] | None
) -> torch.Tensor:
    """One torch tensor seen in Keras's layout: `to_keras` without a copy, where memory allows that."""
    if axes is None:
        return tensor.reshape(shape)
    back = sorted(range(len(axes)), key=axes.__getitem__)
    return tensor.reshape([shape[axis] for axis in axes]).permute(back)


def in_torch_layout(tensor: torch.Tensor, like: torch.Tensor, axes: tuple[int, ...] | None) -> torch.Tensor:
    """A tensor in Keras's layout seen as the engine has it, in the form of another: what `into` copies."""
    return (tensor if axes is None else tensor.permute(axes)).reshape(like.shape)


def check(graph: Graph, weights: Mapping[str, np.ndarray], where: str = "weights") -> None:
    """Raise BadInput unless the arrays are exactly the network's, in name and shape."""
    for name, weight in graph.weights.items():
        if name not in weights:
            raise BadInput(
                where, f"no '{name}'", f"the weights of network '{graph.name}'", "the file of this network"
            )
        if tuple(weights[name].shape) != tuple(weight.shape):
            raise BadInput(
                where,
                f"'{name}' has shape {tuple(weights[name].shape)}",
                f"{tuple(weight.shape)} as network '{graph.name}' has it",
                "the file of this network",
            )
    for name in weights:
        if name not in graph.weights:
            raise BadName(where, name, graph.weights)


def save(
    path: str | Path, weights: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> None:
    """Write weights as one safetensors file, whole.

    Args:
        path: the file.
        weights: full name -> array.
        metadata: texts that travel in the file's header.

    Raises:
        CannotWrite: full disk or no permission; the old file is still there.
    """
    from safetensors.numpy import save as serialised

    from ..runs.files import write_whole

    arrays = {name: np.ascontiguousarray(array) for name, array in weights.items()}
    write_whole(path, serialised(arrays, dict(metadata) if metadata else None))


def open_weights(path: str | Path, graph: Graph | None = None) -> dict[str, np.ndarray]:
    """Read a safetensors file.

    Args:
        path: the file.
        graph: the network that the weights must fit, when given.

    Raises:
        BadInput: no such file, not a whole safetensors file, or arrays of another network.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise BadInput(str(path), f"cannot be read ({error})", "a safetensors file of weights") from None
    if graph is not None:
        check(graph, weights, where=str(path))
    return weights


def open_metadata(path: str | Path) -> dict[str, str]:
    """The texts in a safetensors file's header."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise BadInput(str(path), f"cannot be read ({error})", "a safetensors file of weights") from None
