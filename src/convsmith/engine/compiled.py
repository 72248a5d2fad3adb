"""What a compiled keras.Model asks for beside loss and metrics; what cannot be taken is refused by name."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..errors import BadInput
from .keras_ends import refuse
from .lower import Lowered
from .optimizers import OPTIMIZERS, Optimizer, optimizer

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
        raise BadInput("fit", f"came a {type(model).__name__}", "a compiled keras.Model")
    if compiled and not model.compiled:
        raise BadInput(f"model '{model.name}'", "is not compiled", "a loss", "model.compile(...)")
    for name in ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"):
        if getattr(type(model), name, None) is not getattr(keras.Model, name, None):
            raise refuse(f"model '{model.name}'", f"has its own {name}", "Keras's own steps")


def check_execution(model: Any, callbacks: Any) -> None:
    """Refuse several batches per call where callbacks hear of batches: Keras would tell them of fewer.

    Anywhere else ``steps_per_execution`` only concerns speed, as ``jit_compile`` and ``run_eagerly`` do; with
    ``auto_scale_loss`` Keras wraps the optimizer where it matters, and `optimizer_of` refuses that.
    """
    import keras

    names = [
        f"on_{kind}batch_{moment}"
        for kind in ("train_", "test_", "predict_", "")
        for moment in ("begin", "end")
    ]
    base, steps = keras.callbacks.Callback, getattr(model, "steps_per_execution", 1)
    for one in listed(callbacks) if steps > 1 else ():
        if any(name in vars(one) or getattr(type(one), name) is not getattr(base, name) for name in names):
            came = f"steps_per_execution={steps}: {type(one).__name__} would hear of every batch here"
            raise refuse(f"model '{model.name}'", came, "steps_per_execution=1")


def listed(callbacks: Any) -> list[Any]:
    """The callbacks of a list, a ``CallbackList`` or one alone."""
    found = getattr(callbacks, "callbacks", callbacks)
    return list(found) if isinstance(found, list | tuple) else [found] if found else []


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
