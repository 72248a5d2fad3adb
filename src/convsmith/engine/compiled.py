"""What a compiled keras.Model asks for: loss, optimizer, metrics; what cannot be taken is refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import BadInput
from .losses import from_probabilities
from .lower import Lowered
from .optimizers import OPTIMIZERS, Optimizer, optimizer

WAY_OUT = "model.fit of Keras itself"


def refuse(what: str, came: str, expected: str = "") -> BadInput:
    """The error for something that this call cannot take."""
    return BadInput(what, came, expected, WAY_OUT)


@dataclass(frozen=True)
class Loss:
    """A cross-entropy as Keras defines it.

    Args:
        sparse: targets are class numbers, not shares of classes.
        from_logits: the model's output is logits.
        label_smoothing: share of each target spread evenly over all classes.
    """

    sparse: bool
    from_logits: bool = False
    label_smoothing: float = 0.0

    def targets(self, y: Any, classes: int) -> Tensor:
        """Targets as the loss takes them.

        Raises:
            BadInput: targets of another form, with the loss that would take them.
        """
        array = np.asarray(y)
        if self.sparse:
            if array.ndim == 2 and array.shape[1] == 1:
                array = array[:, 0]
            if array.ndim != 1:
                raise BadInput(
                    "y", f"shape {array.shape}", "class numbers (N,)", "loss='categorical_crossentropy'"
                )
            if len(array) and (array.min() < 0 or array.max() >= classes):
                raise BadInput(
                    "y", f"class numbers {array.min()} to {array.max()}", f"0 to {classes - 1}", "more units"
                )
            return torch.from_numpy(array.astype(np.int64))
        if array.ndim != 2 or array.shape[1] != classes:
            raise BadInput(
                "y",
                f"shape {array.shape}",
                f"one-hot (N, {classes})",
                "keras.utils.to_categorical(y), or loss='sparse_categorical_crossentropy'",
            )
        return torch.from_numpy(array.astype(np.float32))

    def __call__(
        self, module: Lowered, x: Tensor, target: Tensor, share: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The batch's loss and the scores it was computed from.

        Args:
            share: a weight for each image, or None.
        """
        fused = module.ends_in_softmax and not self.from_logits
        scores = module.logits(x) if fused else module(x)
        if fused or self.from_logits:
            each = F.cross_entropy(
                scores,
                target,
                label_smoothing=self.label_smoothing,
                reduction="mean" if share is None else "none",
            )
        else:
            each = from_probabilities(
                scores, target, label_smoothing=self.label_smoothing, mean=share is None
            )
        return (each if share is None else (each * share).mean()), scores


_NAMES = {"categorical_crossentropy": False, "sparse_categorical_crossentropy": True}


def loss_of(model: Any) -> Loss:
    """The model's loss."""
    import keras

    given = getattr(model, "loss", None)
    if isinstance(given, list | tuple) and len(given) == 1:
        given = given[0]
    if isinstance(given, str) or callable(given):
        name = given if isinstance(given, str) else getattr(given, "name", getattr(given, "__name__", ""))
        if isinstance(given, type):
            given, name = given(), given.__name__
        plain = keras.losses.get(given) if isinstance(given, str) else given
        title = (
            type(plain).__name__ if isinstance(plain, keras.losses.Loss) else getattr(plain, "__name__", name)
        )
        if title in ("CategoricalCrossentropy", "SparseCategoricalCrossentropy"):
            return _from_object(plain, title)
        if title in _NAMES:
            return Loss(sparse=_NAMES[title])
        raise refuse(f"loss '{name}'", "is not known here", "categorical or sparse_categorical_crossentropy")
    raise refuse("loss", f"came {type(given).__name__}", "categorical or sparse_categorical_crossentropy")


def _from_object(given: Any, title: str) -> Loss:
    config = given.get_config()
    for name, usual in (("reduction", "sum_over_batch_size"), ("axis", -1), ("ignore_class", None)):
        if config.get(name, usual) != usual:
            raise refuse(f"loss {title}", f"{name}={config[name]!r}", f"{name}={usual!r}")
    return Loss(
        sparse=title.startswith("Sparse"),
        from_logits=bool(config.get("from_logits", False)),
        label_smoothing=float(config.get("label_smoothing", 0.0)),
    )


_COMMON = (
    "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum",
    "ema_overwrite_frequency", "gradient_accumulation_steps",
)  # fmt: skip


def optimizer_of(model: Any, variables: list[Any], parameters: list[Tensor]) -> Optimizer:
    """The model's optimizer with its settings, on the lowered network's parameters.

    A loss scale (``loss_scale_factor``) changes no result in float32, so none is applied.

    Args:
        variables: Keras's variable for each parameter.
        parameters: in the same order.

    Raises:
        BadInput: an optimizer that is not known here, by name.
    """
    theirs = model.optimizer
    title = type(theirs).__name__
    if title.lower() not in OPTIMIZERS or not type(theirs).__module__.startswith("keras."):
        known = ", ".join(sorted(kind.__name__ for _, kind in OPTIMIZERS.items()))
        raise refuse(f"optimizer {title}", "is not known here", known)
    names = (*OPTIMIZERS[title.lower()].settings, *_COMMON)
    settings = {name: getattr(theirs, name) for name in names}
    if hasattr(theirs, "_should_use_adamw"):  # Muon, which is for some of the weights
        settings["matrices"] = [not theirs._should_use_adamw(variable) for variable in variables]
    decayed = [theirs._use_weight_decay(variable) for variable in variables]
    return optimizer(title, parameters, decayed=decayed, **settings)


_ACCURACY = {
    "accuracy": None,
    "acc": None,
    "categorical_accuracy": False,
    "sparse_categorical_accuracy": True,
}


def metrics_of(model: Any) -> list[str]:
    """The names of the model's metrics; all are the share of images whose largest output is the right one.

    Raises:
        BadInput: another metric, by name.
    """
    asked = getattr(model, "_compile_config", None)
    config = dict(asked.config) if asked is not None else {}
    if config.get("weighted_metrics"):
        raise refuse("weighted_metrics", f"came {config['weighted_metrics']!r}", "metrics=['accuracy']")
    given = config.get("metrics") or []
    if isinstance(given, dict):
        given = list(given.values())
    names = []
    for metric in given if isinstance(given, list | tuple) else [given]:
        if isinstance(metric, str) and metric in _ACCURACY:
            names.append(metric)
        elif type(metric).__name__ in ("CategoricalAccuracy", "SparseCategoricalAccuracy"):
            names.append(metric.name)
        else:
            name = metric if isinstance(metric, str) else getattr(metric, "name", type(metric).__name__)
            raise refuse(f"metric '{name}'", "is not known here", "'accuracy'")
    return names


def check_settings(module: Lowered) -> None:
    """Refuse by name what changes Keras's training and is not done here: constraints, penalised outputs."""
    for node in module.graph.nodes:
        if node.kind_name == "ActivityRegularization":
            raise refuse(f"layer {node.name}", "regularizes outputs", "regularized weights")
        for field in vars(node.kind):
            if (
                field.endswith(("_constraint", "activity_regularizer"))
                and getattr(node.kind, field) is not None
            ):
                raise refuse(f"layer {node.name}", f"{field}={getattr(node.kind, field)}", f"no {field}")
