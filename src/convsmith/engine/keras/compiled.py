"""What a compiled keras.Model asks for beside loss and metrics; what cannot be taken is refused by name."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...errors import BadInput
from ..optimizers import OPTIMIZERS, Optimizer, optimizer
from .ends import refuse

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


def check_model(model: Any, *, compiled: bool = True) -> None:
    """Raise BadInput unless it is a keras.Model whose steps are Keras's own, and compiled where asked."""
    import keras

    if not isinstance(model, keras.Model):
        raise BadInput("fit", f"got a {type(model).__name__}", "a compiled keras.Model")
    if compiled and not model.compiled:
        raise BadInput(f"model '{model.name}'", "is not compiled", "a loss", "model.compile(...)")
    for name in ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"):
        if getattr(type(model), name, None) is not getattr(keras.Model, name, None):
            raise refuse(f"model '{model.name}'", f"has its own {name}", "Keras's own steps")


def check_execution(model: Any, callbacks: Any, *kinds: str) -> None:
    """Refuse several batches per call where callbacks hear of batches: Keras would tell them of fewer.

    Anywhere else ``steps_per_execution`` only concerns speed, as ``jit_compile`` and ``run_eagerly`` do; with
    ``auto_scale_loss`` Keras wraps the optimizer where it matters, and `optimizer_of` refuses that.

    Args:
        model: compiled, or not.
        callbacks: as Keras takes them.
        kinds: of the batches of this call: "train", "test", "predict".
    """
    steps = getattr(model, "steps_per_execution", 1)
    for one in listed(callbacks) if steps > 1 else ():
        by_epoch = "epoch" in (getattr(one, "save_freq", None), getattr(one, "update_freq", None))
        if hears(one, *kinds) and not (by_epoch and type(one).__module__.startswith("keras.")):
            came = f"steps_per_execution={steps}: {type(one).__name__} would hear of every batch here"
            raise refuse(f"model '{model.name}'", came, "steps_per_execution=1")


def hears(callback: Any, *kinds: str) -> bool:
    """Whether a callback listens to batches of these kinds: "train", "test", "predict"."""
    import keras

    heads = [f"on_{kind}_batch" for kind in kinds] + (["on_batch"] if "train" in kinds else [])
    return any(
        name in vars(callback) or getattr(type(callback), name) is not getattr(keras.callbacks.Callback, name)
        for name in (f"{head}_{moment}" for head in heads for moment in ("begin", "end"))
    )


def listed(callbacks: Any) -> list[Any]:
    """The callbacks of a list, a ``CallbackList`` or one alone."""
    found = getattr(callbacks, "callbacks", callbacks)
    return list(found) if isinstance(found, list | tuple) else [found] if found else []
