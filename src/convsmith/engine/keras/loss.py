"""The loss of a compiled keras.Model: one for each output, weighted, fused with a last softmax."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...errors import BadInput, BadName
from ...kinds import Shape
from ..losses import LOSSES, reduced, same_rank
from ..losses.entropy import clipped_log_softmax, ignored, smoothed
from ..lower import Lowered
from .ends import WAY_OUT, Ends, refuse

CLASSES = ("categorical_crossentropy", "sparse_categorical_crossentropy")
NUMBERED = ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy")
"""Losses whose targets are class numbers."""


@dataclass(frozen=True)
class Loss:
    """The loss of one output.

    Args:
        name: Keras's name of its function.
        shape: the output's, without the batch, as Keras lays it out.
        settings: of the function, but for its defaults.
        reduction: how one number is made of many.
        own: a loss that is not in `LOSSES`: Keras's object, called as it is.
        clips: Keras clips probabilities before their logarithm; from its last softmax TensorFlow's
            backend goes back to the logits instead.
    """

    name: str
    shape: Shape
    settings: Mapping[str, Any] = field(default_factory=dict)
    reduction: str | None = "sum_over_batch_size"
    own: Callable[..., Any] | None = None
    clips: bool = False

    @property
    def fusible(self) -> bool:
        """Whether it is a plain mean cross-entropy of classes, which can be computed from logits."""
        return (
            self.name in CLASSES
            and self.own is None
            and len(self.shape) == 1
            and self.reduction in ("sum_over_batch_size", "mean")
            and self.settings.get("axis", -1) in (-1, 1)
            and self.settings.get("ignore_class") is None
        )

    @property
    def splits(self) -> bool:
        """Whether the mean over batches of any size is the mean over all images."""
        plain = self.reduction in ("sum_over_batch_size", "mean") and self.own is None
        return plain and self.name not in ("dice", "tversky") and self.settings.get("ignore_class") is None

    def target(self, y: Any) -> Tensor:
        """Targets as the loss takes them.

        Raises:
            BadInput: targets of another form, with what would take them.
        """
        array = np.asarray(y)
        if self.own is not None:
            return torch.from_numpy(np.array(array))
        if array.dtype.kind not in "buif":
            raise BadInput("y", f"got {array.dtype}", "numbers", "class numbers, np.unique(y)")
        if self.name in NUMBERED:
            return self._numbered(array)
        tensor = torch.from_numpy(array.astype(np.float32))
        last = self.shape[-1] if self.shape else 1
        if tensor.dim() == len(self.shape) and last == 1:
            tensor = tensor.unsqueeze(-1)
        fits = tensor.dim() == len(self.shape) + 1 and all(
            size in (None, came) for size, came in zip(self.shape, tensor.shape[1:], strict=True)
        )
        if not fits:
            sizes = ", ".join(str(size or "any") for size in self.shape)
            classes = self.name in CLASSES and len(self.shape) == 1
            raise BadInput(
                "y",
                f"shape {array.shape}",
                f"one-hot (N, {sizes})" if classes else f"(N, {sizes}), as the output is",
                "keras.utils.to_categorical(y), or loss='sparse_categorical_crossentropy'" if classes else "",
            )
        return tensor

    def _numbered(self, array: np.ndarray) -> Tensor:
        places, classes = len(self.shape), self.shape[-1] or 0
        if array.ndim == places + 1 and array.shape[-1] == 1:
            array = array[..., 0]
        if array.ndim != places:
            raise BadInput(
                "y", f"shape {array.shape}", "class numbers (N,)", "loss='categorical_crossentropy'"
            )
        skipped = self.settings.get("ignore_class")
        counted = array if skipped is None else array[array != skipped]
        if counted.size and (counted.min() < 0 or counted.max() >= classes):
            came = f"class numbers {counted.min()} to {counted.max()}"
            raise BadInput("y", came, f"0 to {classes - 1}", "more units")
        return torch.from_numpy(array.astype(np.int64))

    def __call__(self, target: Tensor, output: Tensor, weights: Tensor | None) -> Tensor:
        """One number for a batch.

        Args:
            target: from `target`.
            output: (N, ...) as Keras lays it out.
            weights: a weight for each image, or for each place of it.
        """
        if self.own is not None:
            return self.own(target, output, weights)
        mask = None
        if self.settings.get("ignore_class") is not None:
            skipped = ignored(target, output, ignore_class=self.settings["ignore_class"])
            mask = None if skipped is None else ~skipped
        if self.name not in NUMBERED:
            target, output = same_rank(target, output)
        values = LOSSES[self.name](target, output, **self.settings)
        return reduced(values, weights, mask=mask, reduction=self.reduction)

    def from_logits(self, target: Tensor, logits: Tensor, weights: Tensor | None) -> Tensor:
        """The same, of a `fusible` loss, from the output before its softmax."""
        shares = clipped_log_softmax(logits) if self.clips else F.log_softmax(logits, 1)
        smoothing = self.settings.get("label_smoothing", 0.0)
        if target.dim() == 1:
            each = F.nll_loss(shares, target, reduction="none")
        else:
            each = -(smoothed(target, smoothing) * shares).sum(1)
        return reduced(each, weights)


@dataclass(frozen=True)
class LossOutcome:
    """What one batch gives.

    Args:
        loss: weighted over all outputs.
        each: the loss of each output that has one, not weighted.
        outputs: as Keras lays them out.
        logits: the only output lacks its softmax.
    """

    loss: Tensor
    each: list[Tensor]
    outputs: list[Tensor]
    logits: bool


class Objective:
    """The loss of all outputs together.

    Args:
        model: compiled.
        ends: the model's outputs.

    Raises:
        BadInput: a loss that cannot be taken, by name.
    """

    def __init__(self, model: Any, ends: Ends) -> None:
        asked = getattr(model, "_compile_config", None)
        given = getattr(model, "loss", None)
        if not given:
            raise refuse("loss", "got None", "a loss", "model.compile(loss=...)")
        losses = _spread(given, ends, "loss")
        weights = _spread((asked.config if asked else {}).get("loss_weights"), ends, "loss_weights")
        self.ends = ends
        self.losses = [
            None if loss is None else loss_of(loss, shape)
            for loss, shape in zip(losses, ends.shapes, strict=True)
        ]
        self.shares = [1.0 if weight is None else float(weight) for weight in weights]
        named = [name for name, loss in zip(ends.names, self.losses, strict=True) if loss is not None]
        self.names = [f"{name}_loss" for name in named] if len(named) > 1 else []
        # Keras's evaluate gives the losses in this order.
        by_name = ends.form == "dict" and isinstance(given, Mapping)
        first = [name for name in given if name in named] if by_name else named
        self.order = [f"{name}_loss" for name in first] if self.names else []
        self.splits = all(loss is None or loss.splits for loss in self.losses)

    def targets(self, y: Any) -> list[Tensor | None]:
        """Targets of each output, as its loss takes them."""
        wanted = [loss for loss in self.losses if loss is not None]
        if isinstance(y, tuple | list) and len(wanted) == len(y) < len(self.losses):
            rest = iter(y)
            y = [None if loss is None else next(rest) for loss in self.losses]
        found: list[Tensor | None] = []
        for name, loss, part in zip(self.ends.names, self.losses, self.ends.apart(y, "y"), strict=True):
            if loss is not None and part is None:
                raise BadInput("y", f"nothing for output '{name}'", "targets for each output with a loss")
            if part is not None and hasattr(part, "detach"):
                part = part.detach().cpu().numpy()
            found.append(loss.target(part) if loss is not None else None)
        return found

    def __call__(
        self,
        module: Lowered,
        x: Sequence[Tensor],
        targets: Sequence[Tensor | None],
        weights: Sequence[Tensor | None],
    ) -> LossOutcome:
        """The batch's loss, and the outputs that it was computed from."""
        first = self.losses[0]
        if len(self.losses) == 1 and first is not None and first.fusible:
            logits = bool(first.settings.get("from_logits"))
            if logits or module.ends_in_softmax:
                scores = module(*x) if logits else module.logits(*x)
                target = targets[0]
                assert target is not None
                value = first.from_logits(target, scores, weights[0])
                return LossOutcome(self._weighted(0, value), [value], [scores], not logits)
        found = module(*x)
        outputs = [last(out) for out in (found if isinstance(found, tuple) else (found,))]
        each: list[Tensor] = []
        total: Tensor | None = None
        for index, (loss, target, out) in enumerate(zip(self.losses, targets, outputs, strict=True)):
            if loss is None or target is None:
                continue
            each.append(loss(target, out, weights[index]))
            value = self._weighted(index, each[-1])
            total = value if total is None else total + value
        assert total is not None
        # Without a reduction Keras's trainer adds up what is left.
        return LossOutcome(total if total.dim() == 0 else total.sum(), each, outputs, False)

    def _weighted(self, index: int, value: Tensor) -> Tensor:
        return value if self.shares[index] == 1.0 else value * self.shares[index]


def last(x: Tensor) -> Tensor:
    """Images as Keras lays them out."""
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def _spread(given: Any, ends: Ends, what: str) -> list[Any]:
    """One thing for each output: of a list, of a dictionary by name, or the same for all."""
    if isinstance(given, Mapping):
        for name in given:
            if name not in ends.names:
                raise BadName(what, name, ends.names)
        return [given.get(name) for name in ends.names]
    if isinstance(given, list | tuple):
        if len(given) != len(ends.names):
            came = f"{len(given)} for {len(ends.names)} outputs ({', '.join(ends.names)})"
            raise refuse(what, came, "one for each output")
        return list(given)
    return [given] * len(ends.names)


def loss_of(given: Any, shape: Shape) -> Loss:
    """One output's loss, from Keras's name, function, class or object.

    Args:
        given: as ``model.compile`` takes it.
        shape: the output's, without the batch.

    Raises:
        BadInput: a loss that is not known here, by name.
    """
    import keras

    if isinstance(given, str) and given.lower() in ("crossentropy", "ce"):
        raise refuse(f"loss '{given}'", "leaves open which", "", "loss='categorical_crossentropy'")
    plain = keras.losses.get(given) if isinstance(given, str) else given
    if isinstance(plain, type):
        plain = plain()
    title = type(plain).__name__ if isinstance(plain, keras.losses.Loss) else getattr(plain, "__name__", "")
    known = {name.replace("_", ""): name for name in LOSSES}.get(title.lower().replace("_", ""))
    builtin = getattr(keras.losses, title, None) in (plain, type(plain))
    if known and builtin:
        config = plain.get_config() if isinstance(plain, keras.losses.Loss) else {}
        settings = {key: value for key, value in config.items() if key not in ("name", "reduction", "dtype")}
        clips = not settings.get("from_logits") and keras.backend.backend() != "tensorflow"
        return Loss(known, shape, settings, config.get("reduction", "sum_over_batch_size"), clips=clips)
    if keras.backend.backend() != "torch":
        came = f"is not known here, and Keras is on {keras.backend.backend()}"
        raise refuse(f"loss '{title}'", came, ", ".join(LOSSES), f"KERAS_BACKEND=torch, or {WAY_OUT}")
    if not callable(plain):
        raise refuse("loss", f"got {type(given).__name__}", ", ".join(LOSSES))
    return Loss(title, shape, own=_as_it_is(plain))


def _as_it_is(plain: Any) -> Callable[..., Any]:
    """Keras's or the user's own loss: on the torch backend it takes the engine's tensors."""
    import keras

    def value(target: Tensor, output: Tensor, weights: Tensor | None) -> Any:
        if isinstance(plain, keras.losses.Loss):
            found = plain(target, output, weights)
        else:
            found = reduced(plain(target.to(output.dtype), output), weights)
        return found.to(output.device)

    return value
