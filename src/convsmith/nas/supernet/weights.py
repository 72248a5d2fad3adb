"""Weights that all candidates of a space share: arrays by place, at the largest size that was asked for.

A candidate's arrays are slices: the first channels, the middle of a kernel. A step of training reads the
slices, and writes them back with their momentum; nothing of an array that the candidate does not use changes.

Sources: H. Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", 2018 (one weight for
each operation on each input); H. Cai et al., "Once-for-All", 2020 (slices of channels and kernels); J. Yu and
T. Huang, "Universally Slimmable Networks", 2019 (sandwich rule, in-place distillation).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from convsmith.engine.lower import Lowered, lower
from convsmith.engine.train.initializers import draw
from convsmith.engine.weights import in_keras_layout, in_torch_layout, tensors
from convsmith.graph import Graph
from convsmith.graph.places import noting

from ..choose import Answers, Space, genotype_key
from ..space.options import index_of

Region = tuple[slice, ...]
_KEPT_MODULES = 32
_SPATIAL = {3: 1, 4: 2, 5: 3}
"""Dimensions of a convolution's kernel -> how many of the first ones are rows and columns."""


@dataclass(frozen=True)
class Placed:
    """A candidate, and where its weights are.

    Args:
        graph: the network.
        keys: full name of a weight -> its key in the store.
    """

    graph: Graph
    keys: dict[str, str]


def placed(space: Space, answers: Answers) -> Placed:
    """The network of a genotype with the places of its weights.

    A layer stands where its space says (`graph.places.place`), else at the question before it. A dense layer
    on flattened pixels has an array for each size of its input, since its rows are no channels.

    Args:
        space: the space.
        answers: a genotype of it.
    """
    with noting() as places:
        walk = space.walk(lambda name, options: _answer(places, name, options, answers))
    keys = {}
    for node in walk.graph.nodes:
        if node.owner != node.name:
            continue
        shapes = walk.graph.input_shapes(node)
        more = ""
        if node.kind_name == "Dense" and walk.graph[node.inputs[0]].kind_name == "Flatten":
            more = f" of {shapes[0][-1]}"
        for weight in node.kind.weights(*shapes):
            keys[f"{node.name}/{weight.name}"] = (
                f"{places.nodes.get(node.name, node.name)}{more}/{weight.name}"
            )
    return Placed(walk.graph, keys)


def _answer(places: Any, name: str, options: tuple[Any, ...], answers: Answers) -> int:
    places.asked = name
    index = index_of(answers[name], options)
    assert index is not None
    return index


def region(shape: tuple[int, ...], within: tuple[int, ...]) -> Region:
    """Where an array lies in a larger one: channels from the first on, kernels in the middle.

    Example:
        >>> region((3, 3, 4, 8), (5, 5, 6, 16))
        (slice(1, 4, None), slice(1, 4, None), slice(0, 4, None), slice(0, 8, None))
    """
    spatial = _SPATIAL.get(len(within), 0)
    begins = [(large - small) // 2 if axis < spatial else 0 for axis, (small, large) in enumerate(
        zip(shape, within, strict=True)
    )]  # fmt: skip
    return tuple(slice(begin, begin + size) for begin, size in zip(begins, shape, strict=True))


class SharedWeights:
    """The store, and candidates with slices of it.

    Args:
        space: whose candidates share.
        seed: of first values, each from its own key.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self.space, self.seed = space, seed
        self.arrays: dict[str, Tensor] = {}
        self.momenta: dict[str, Tensor] = {}
        self._modules: OrderedDict[str, tuple[Placed, Lowered]] = OrderedDict()

    @property
    def size(self) -> int:
        """Numbers in the store."""
        return sum(array.numel() for array in self.arrays.values())

    def candidate(self, answers: Answers) -> Lowered:
        """The network of a genotype with its slices, in training mode."""
        one, module = self._made(answers)
        with torch.no_grad():
            for name, tensor, shape, axes in tensors(module):
                if not one.graph.weights[name].trainable:
                    continue
                array = self._array(one.keys[name], one.graph.weights[name].initializer, shape)
                part = array[region(shape, tuple(array.shape))]
                tensor.copy_(in_torch_layout(part, tensor, axes))
        return module.train()

    def weights(self, answers: Answers) -> dict[str, np.ndarray]:
        """The slices of a genotype as the arrays of its network; statistics as before any training."""
        one, _ = self._made(answers)
        found = {}
        for name, weight in one.graph.weights.items():
            if weight.trainable:
                array = self._array(one.keys[name], weight.initializer, weight.shape)
                found[name] = array[region(weight.shape, tuple(array.shape))].numpy().copy()
            else:
                found[name] = draw(weight.initializer, weight.shape, self.seed, name)
        return found

    def gradients(self, answers: Answers) -> dict[str, Tensor]:
        """What the last way back left in a candidate, by key, in the candidate's sizes."""
        one, module = self._made(answers)
        found = {}
        for name, tensor, shape, axes in tensors(module):
            if tensor.grad is not None:
                found[one.keys[name]] = in_keras_layout(tensor.grad, shape, axes).clone()
                tensor.grad = None
        return found

    def descend(
        self, gradients: Sequence[Mapping[str, Tensor]], *, rate: float, momentum: float, decay: float,
        clip: float, nesterov: bool = True,
    ) -> None:  # fmt: skip
        """A step of SGD on the sum of some candidates' gradients; what none of them uses stays as it is.

        Args:
            gradients: of each candidate.
            rate, momentum, decay: of the step; decay is L2, added to the gradient.
            clip: largest norm of the whole gradient.
            nesterov: whether to look ahead.
        """
        parts: dict[str, list[Tensor]] = {}
        for one in gradients:
            for key, part in one.items():
                parts.setdefault(key, []).append(part)
        whole = {key: self._total(key, found) for key, found in parts.items()}
        norm = float(torch.stack([total.square().sum() for _, total, _ in whole.values()]).sum().sqrt())
        factor = min(1.0, clip / (norm + 1e-6))
        for key, (where, total, used) in whole.items():
            array, velocity = self.arrays[key][where], self.momenta[key][where]
            step = total * factor + decay * array
            moved = momentum * velocity + step
            way = step + momentum * moved if nesterov else moved
            if used is None:
                velocity.copy_(moved)
                array.sub_(rate * way)
            else:
                velocity.copy_(torch.where(used, moved, velocity))
                array.sub_(torch.where(used, rate * way, 0.0))

    def _total(self, key: str, parts: list[Tensor]) -> tuple[Region, Tensor, Tensor | None]:
        """The sum of gradients of one array: where it lies, itself, and what of that is used (None: all)."""
        array = self.arrays[key]
        if all(part.shape == parts[0].shape for part in parts):
            return region(tuple(parts[0].shape), tuple(array.shape)), torch.stack(parts).sum(0), None
        total, used = torch.zeros_like(array), torch.zeros_like(array, dtype=torch.bool)
        for part in parts:
            where = region(tuple(part.shape), tuple(array.shape))
            total[where] += part
            used[where] = True
        return tuple(slice(0, size) for size in array.shape), total, used

    def state(self) -> dict[str, np.ndarray]:
        """Every array and its momentum."""
        found = {f"w:{key}": array.numpy() for key, array in self.arrays.items()}
        return found | {f"m:{key}": array.numpy() for key, array in self.momenta.items()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take them back."""
        for name, array in arrays.items():
            kind, _, key = name.partition(":")
            if kind in ("w", "m"):
                target = self.arrays if kind == "w" else self.momenta
                target[key] = torch.from_numpy(array.copy())

    def _made(self, answers: Answers) -> tuple[Placed, Lowered]:
        key = genotype_key(answers)
        if key not in self._modules:
            one = placed(self.space, answers)
            self._modules[key] = one, lower(one.graph)
            if len(self._modules) > _KEPT_MODULES:
                self._modules.popitem(last=False)
        self._modules.move_to_end(key)
        return self._modules[key]

    def _array(self, key: str, initializer: Any, shape: tuple[int, ...]) -> Tensor:
        """The array of a key, at least that large; what is new of it has first values."""
        array = self.arrays.get(key)
        if array is not None and all(small <= large for small, large in zip(shape, array.shape, strict=True)):
            return array
        larger = tuple(shape if array is None else map(max, shape, array.shape))
        grown = torch.from_numpy(np.array(draw(initializer, larger, self.seed, key), dtype=np.float32))
        momentum = torch.zeros(larger)
        if array is not None:
            where = region(tuple(array.shape), larger)
            grown[where], momentum[where] = array, self.momenta[key]
        self.arrays[key], self.momenta[key] = grown, momentum
        return grown


def largest_shapes(space: Space, rng: np.random.Generator, walks: int = 40) -> dict[str, tuple[int, ...]]:
    """About how large the store becomes: each key's largest shape among some genotypes."""
    found: dict[str, tuple[int, ...]] = {}
    for number in range(walks):
        answers = space.complete({}, place=float(number % 2)) if number < 2 else space.sample(rng)
        one = placed(space, answers)
        for name, weight in one.graph.weights.items():
            if weight.trainable:
                key = one.keys[name]
                found[key] = tuple(map(max, weight.shape, found.get(key, weight.shape)))
    return found
