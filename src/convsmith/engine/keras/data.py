"""What `fit`, `evaluate` and `predict` take as data, as batches of tensors for the engine."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import BadInput
from ...kinds import Shape
from ..predict import to_NCHW
from .ends import Ends, refuse
from .loss import Objective


@dataclass(frozen=True)
class Batch:
    """Images, targets and weights of one step.

    Args:
        x: each input, as the engine takes it.
        targets: of each output, as its loss takes them.
        weights: a weight for each image, of each output; or None.
        count: how many images.
    """

    x: list[Tensor]
    targets: list[Tensor | None]
    weights: list[Tensor | None]
    count: int


class Arrays:
    """Data in memory.

    Args:
        x: each input, (N, ...).
        targets: of each output.
        weights: of each output.
        size: images per step.
        shuffle: a new order for each epoch, drawn from numpy's global generator; ``"batch"``: the batches
            stay together, their order is new.
        steps: of an epoch, the next of which goes on where it ended; all without it.
    """

    def __init__(
        self,
        x: Sequence[np.ndarray],
        targets: Sequence[Tensor | None],
        weights: Sequence[np.ndarray | None],
        size: int,
        shuffle: bool | str = False,
        steps: int | None = None,
    ) -> None:
        self.x, self.targets, self.size, self.shuffle = list(x), list(targets), size, shuffle
        self.weights = [None if one is None else torch.from_numpy(one) for one in weights]
        self.count = len(self.x[0])
        self.asked, self.whole = steps, math.ceil(self.count / size)
        self.steps: int | None = steps or self.whole
        self._open: Iterator[Batch] | None = None
        self._seen = 0

    def __iter__(self) -> Iterator[Batch]:
        if self.asked is None:
            yield from self._pass()
            return
        if self._open is None:
            self._open, self._seen = self._pass(), 0
        for _ in range(self.asked):
            if self._seen == self.whole:
                warnings.warn(f"the data end before {self.asked} steps: a short epoch", stacklevel=2)
                break
            self._seen += 1
            yield next(self._open)
        if self._seen == self.whole:
            self._open = None

    def again(self) -> None:
        """The next epoch begins with the first batch, wherever the last one ended."""
        self._open = None

    def parted(self, at: int, size: int, *, weighted: bool) -> tuple[Arrays, Arrays]:
        """The images before this one, to train on, and the others, to judge by.

        Args:
            at: the first of the others.
            size: of the others' batches.
            weighted: the others keep their weights.
        """

        def part(rows: slice, size: int, keep: bool) -> Arrays:
            return Arrays(
                [one[rows] for one in self.x],
                [None if one is None else one[rows] for one in self.targets],
                [None if one is None or not keep else one[rows].numpy() for one in self.weights],
                size,
            )

        before, after = part(slice(None, at), self.size, True), part(slice(at, None), size, weighted)
        before.shuffle, before.asked = self.shuffle, self.asked
        before.steps = self.asked or before.whole
        return before, after

    def _pass(self) -> Iterator[Batch]:
        starts = np.arange(0, self.count, self.size)
        order = np.arange(self.count)
        if self.shuffle == "batch":
            starts = np.random.permutation(starts)
        elif self.shuffle:
            order = np.random.permutation(self.count)
        for at in starts:
            if self.shuffle and self.shuffle != "batch":
                chosen = np.sort(order[at : at + self.size])
                yield self._batch(chosen, torch.from_numpy(chosen), len(chosen))
            else:
                part = slice(at, at + self.size)
                yield self._batch(part, part, min(self.size, self.count - int(at)))

    def _batch(self, rows: Any, same: Any, count: int) -> Batch:
        return Batch(
            [to_NCHW(one[rows]) for one in self.x],
            [None if one is None else one[same] for one in self.targets],
            [None if one is None else one[same] for one in self.weights],
            count,
        )


class Stream:
    """Data that comes in batches of its own, or is counted in steps: read by Keras's own adapters.

    Args:
        x: a ``keras.utils.PyDataset``, a torch ``DataLoader``, a ``tf.data.Dataset``, a generator, or arrays.
        inputs: the model's inputs.
        objective: the model's loss, which says what targets are; None where only images are wanted.
        steps: of an epoch.
        arguments: what else Keras's adapters take.
    """

    def __init__(
        self,
        x: Any,
        inputs: Ends,
        objective: Objective | None,
        *,
        steps: int | None,
        arguments: dict[str, Any],
    ) -> None:
        from keras.src.trainers.epoch_iterator import EpochIterator  # what fit itself uses; not in its API

        self.inputs, self.objective = inputs, objective
        try:
            self._epochs = EpochIterator(x=x, steps_per_epoch=steps, **arguments)
        except ValueError as error:
            reason = str(error).split(" Received", 1)[0]
            raise refuse("x", f"got {type(x).__name__}: {reason}", "arrays or a dataset") from None
        self._epochs.reset()
        self._is_fresh = True

    def again(self) -> None:
        """The next epoch begins anew, for data that can."""
        if not self._is_fresh:
            self._epochs.reset()

    @property
    def steps(self) -> int | None:
        """Steps of an epoch; None where only the end will tell."""
        found = self._epochs.num_batches
        return None if found is None else int(found)

    def __iter__(self) -> Iterator[Batch]:
        from keras.utils import unpack_x_y_sample_weight

        self._is_fresh = False
        for _, _, data in self._epochs:
            x, y, weights = unpack_x_y_sample_weight(data[0])
            parts = parts_of(x, self.inputs)
            targets: list[Tensor | None] = []
            if self.objective is not None:
                if y is None:
                    raise BadInput("x", "gives images without targets", "(x, y)", "batches of (x, y)")
                targets = self.objective.targets(y)
            count = len(parts[0])
            shares = spread_weights(weights, self.objective, count)
            yield Batch(
                [to_NCHW(one) for one in parts],
                targets,
                [None if one is None else torch.from_numpy(one) for one in shares],
                count,
            )


def is_stream(x: Any) -> bool:
    """Whether the data comes in batches of its own, and not as arrays."""
    import types

    import keras

    if isinstance(x, types.GeneratorType | torch.utils.data.DataLoader | keras.utils.PyDataset):
        return True
    homes = [f"{kind.__module__}.{kind.__name__}" for kind in type(x).__mro__]
    return any(
        home.startswith(("tensorflow.", "grain.")) and home.endswith(("DatasetV2", "Dataset", "DataLoader"))
        for home in homes
    )


def first_of(x: Any) -> tuple[Any, Any]:
    """The images of the first batch, and the data with that batch still to come.

    Args:
        x: arrays, or whatever `is_stream` knows.

    Raises:
        BadInput: data without a batch.

    Example:
        >>> images, rest = first_of((batch for batch in (("x1", "y1"), ("x2", "y2"))))
        >>> images, list(rest)
        ('x1', [('x1', 'y1'), ('x2', 'y2')])
    """
    import types

    import keras

    if not is_stream(x):
        return x, x
    try:
        if isinstance(x, types.GeneratorType):
            batch = next(x)
            x = _again(batch, x)
        elif isinstance(x, keras.utils.PyDataset):
            batch = x[0]
        elif isinstance(x, torch.utils.data.DataLoader):
            # A loader that is begun draws the order of its first epoch; one image says as much.
            with torch.random.fork_rng(devices=[]):
                many = isinstance(x.dataset, torch.utils.data.IterableDataset)
                one = next(iter(x.dataset)) if many else x.dataset[0]
                batch = x.collate_fn([one])
        else:
            batch = next(iter(x))
    except (StopIteration, IndexError):
        raise BadInput("x", f"is a {type(x).__name__} without a batch", "at least one batch") from None
    if isinstance(batch, list):  # as loaders of torch give what a data set has as a tuple
        batch = tuple(batch)
    return keras.utils.unpack_x_y_sample_weight(batch)[0], x


def _again(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def parts_of(x: Any, inputs: Ends) -> list[np.ndarray]:
    """The images for each input, checked; where the last size is the only one that differs, as Keras has it.

    Keras takes images without channels for an input of one channel, and the other way round.

    Raises:
        BadInput: images that do not fit.
    """
    parts = [
        _ranked(array(one, "x"), shape)
        for one, shape in zip(inputs.apart(x, "x"), inputs.shapes, strict=True)
    ]
    check(parts, inputs)
    return parts


def _ranked(part: np.ndarray, shape: Shape) -> np.ndarray:
    if part.ndim == len(shape) and shape[-1:] == (1,):
        return part[..., None]
    if part.ndim == len(shape) + 2 and part.shape[-1] == 1:
        return part[..., 0]
    return part


def array(given: Any, name: str) -> np.ndarray:
    """One array, tensor or list of numbers as a numpy array.

    Raises:
        BadInput: anything else.
    """
    if given is None or isinstance(given, dict):
        raise refuse(name, f"got {type(given).__name__}", "one array")
    if hasattr(given, "detach"):
        given = given.detach().cpu().numpy()
    if not hasattr(given, "__array__") and not isinstance(given, tuple | list):
        raise refuse(name, f"got {type(given).__name__}", "an array")
    found = np.asanyarray(given)
    if found.dtype.kind not in "buif":
        raise BadInput(name, f"got {found.dtype}", "numbers")
    return found


def check(parts: Sequence[np.ndarray], inputs: Ends) -> None:
    """Raise BadInput unless each input has its shape, and all as many images."""
    for name, shape, part in zip(inputs.names, inputs.shapes, parts, strict=True):
        fits = part.ndim == len(shape) + 1 and all(
            size in (None, came) for size, came in zip(shape, part.shape[1:], strict=True)
        )
        if not fits:
            several = f"input '{name}'" if len(inputs.names) > 1 else "x"
            sizes = ", ".join(str(size or "any") for size in shape)
            raise BadInput(
                several,
                f"images of shape {part.shape}",
                f"(N, {sizes})",
                "images of the network's size, channels last",
            )
        if len(part) != len(parts[0]):
            raise BadInput(
                f"input '{name}'", f"{len(part)} images", f"{len(parts[0])} as the first input has"
            )
    if not len(parts[0]):
        raise BadInput("x", "is empty", "at least one image")


def spread_weights(given: Any, objective: Objective | None, count: int) -> list[np.ndarray | None]:
    """The weights of the images for each output: one array for all, or one for each."""
    outputs = 1 if objective is None else len(objective.losses)
    if given is None:
        return [None] * outputs
    if objective is not None and outputs > 1 and isinstance(given, dict | list | tuple):
        parts = objective.ends.apart(given, "sample_weight")
    else:
        parts = [given] * outputs
    found = [None if one is None else np.asarray(array(one, "sample_weight"), np.float32) for one in parts]
    for one in found:
        if one is not None and len(one) != count:
            raise BadInput("sample_weight", f"{len(one)} weights for {count} images", "one for each")
    return found


def class_weights(y: Any, by_class: dict[int, float], objective: Objective) -> np.ndarray:
    """A weight for each image by its class, as Keras gives them: 1 for classes that are not named."""
    if len(objective.losses) > 1:
        raise refuse(
            "class_weight", "given for several outputs", "sample_weight={output: ...}", "sample_weight"
        )
    labels = array(objective.ends.apart(y, "y")[0], "y")
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] != 1 else labels[..., 0]
    numbers = np.round(labels).astype(np.int64)
    found = np.ones(numbers.shape, np.float32)
    for label, weight in by_class.items():
        found[numbers == int(label)] = weight
    return found
