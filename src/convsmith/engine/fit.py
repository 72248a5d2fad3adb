"""Keras's calls for a compiled keras.Model, done by this engine: `fit`, `predict`, `evaluate`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from ..errors import BadInput
from ..graph.read import read
from .compiled import check_settings, loss_of, metrics_of, refuse
from .keras_loop import Work, images, judge
from .live import Live
from .lower import Lowered, lower
from .passes import TRAINING, keep_pages, relu_after_pool
from .predict import check_images, to_NCHW
from .regularizers import Penalty


def fit(
    model: Any,
    x: Any,
    y: Any,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: Any = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int = 1,
) -> Any:
    """``model.fit(x, y, ...)`` of Keras, faster: the same arguments, the same numbers, the same History.

    The model's own weights and its optimizer's state are trained in place, whatever Keras's backend.

    Args:
        model: a compiled Sequential or Functional model with one input and one output.
        x: images (N, H, W, C), arrays or tensors.
        y: one-hot (N, classes) or class numbers (N,), as the model's loss wants them.
        batch_size: images per step; 32 without it.
        epochs: the number of the last epoch.
        verbose: as in Keras.
        callbacks: Keras's callbacks; they see the model with its weights at the end of each epoch.
        validation_split: share of the images, from the end, that is not trained on.
        validation_data: (x, y) or (x, y, sample_weight).
        shuffle: a new order for each epoch (drawn from numpy's global generator, which
            ``keras.utils.set_random_seed`` sets).
        class_weight: class number -> weight of its images.
        sample_weight: a weight for each image.
        initial_epoch: the number of the first epoch.
        steps_per_epoch: not taken here.
        validation_steps: not taken here.
        validation_batch_size: images at once in validation.
        validation_freq: validation after each so many epochs.

    Returns:
        ``keras.callbacks.History``.

    Raises:
        BadInput: what this call cannot take, by name; Keras's own ``model.fit`` then can.
    """
    for name, value in (("steps_per_epoch", steps_per_epoch), ("validation_steps", validation_steps)):
        if value is not None:
            raise refuse(f"fit({name}=...)", f"came {value!r}", "whole epochs over arrays")
    x, y = images(x, "x"), images(y, "y")
    model, module = prepared(model, x)
    loss, metrics = loss_of(model), metrics_of(model)
    check_settings(module)
    weights = _sample_weights(y, class_weight, sample_weight)
    if validation_split and validation_data is None:
        at = math.floor(len(x) * (1 - validation_split))
        if at in (0, len(x)):
            raise BadInput("validation_split", f"{validation_split} of {len(x)} images", "some on each side")
        held = None if weights is None or sample_weight is None else weights[at:]
        validation_data = (x[at:], y[at:]) if held is None else (x[at:], y[at:], held)
        x, y, weights = x[:at], y[:at], None if weights is None else weights[:at]
    work = Work(model, module, loss, metrics, batch_size or 32)
    return work.run(
        x,
        y,
        weights,
        validation_data,
        epochs=range(initial_epoch, epochs),
        callbacks=callbacks,
        verbose=verbose,
        shuffle=bool(shuffle),
        validation_size=validation_batch_size or batch_size or 32,
        validation_freq=validation_freq,
    )


def predict(model: Any, x: Any, batch_size: int | None = None, verbose: Any = "auto") -> np.ndarray:
    """``model.predict(x)`` of Keras, faster.

    Args:
        model: a Sequential or Functional model with one input and one output.
        x: images (N, H, W, C).
        batch_size: images at once.
        verbose: taken and not used: it is done at once.

    Returns:
        The model's output, float32, as Keras lays it out.
    """
    x = images(x, "x")
    model, module = prepared(model, x, training=False)
    Live(model, module).pull()
    return _outputs(module, x, batch_size or 256)


def evaluate(
    model: Any,
    x: Any,
    y: Any,
    batch_size: int | None = None,
    verbose: Any = "auto",
    sample_weight: Any = None,
    return_dict: bool = False,
) -> Any:
    """``model.evaluate(x, y)`` of Keras, faster.

    Args:
        model: a compiled model.
        x: images (N, H, W, C).
        y: targets as the model's loss wants them.
        batch_size: images at once.
        verbose: taken and not used.
        sample_weight: a weight for each image.
        return_dict: names and numbers instead of numbers alone.

    Returns:
        The loss, or the loss and the metrics in a list, or a dictionary of them.
    """
    x, y = images(x, "x"), images(y, "y")
    model, module = prepared(model, x, training=False)
    Live(model, module).pull()
    names = metrics_of(model)
    weights = None if sample_weight is None else np.asarray(sample_weight, np.float32)
    logs = judge(module, loss_of(model), names, x, y, weights, batch_size or 256, Penalty(module))
    found = [logs["loss"], *(logs[name] for name in names)]
    return logs if return_dict else found[0] if len(found) == 1 else found


def prepared(model: Any, x: np.ndarray, *, training: bool = True) -> tuple[Any, Lowered]:
    """The model, built, and its lowered form."""
    if not hasattr(model, "layers"):
        raise BadInput("fit", f"came a {type(model).__name__}", "a compiled keras.Model")
    if training and not getattr(model, "compiled", False):
        raise BadInput(f"model '{model.name}'", "is not compiled", "a loss", "model.compile(...)")
    if not model.built:
        model.build((None, *x.shape[1:]))
    graph = read(model)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise refuse(f"model '{model.name}'", "has several inputs or outputs", "one of each")
    check_images(graph, x)
    keep_pages()
    return model, lower(graph, passes=TRAINING if training else (relu_after_pool,))


def _sample_weights(y: np.ndarray, by_class: Any, each: Any) -> np.ndarray | None:
    if by_class and each is not None:
        raise BadInput("fit", "class_weight and sample_weight came together", "one of them")
    if each is not None:
        return np.asarray(each, np.float32)
    if not by_class:
        return None
    labels = y.argmax(1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
    return np.array([by_class.get(int(label), 1.0) for label in labels], np.float32)


def _outputs(module: Lowered, x: np.ndarray, size: int) -> np.ndarray:
    module.eval()
    with torch.inference_mode():
        found = [module(to_NCHW(x[at : at + size])) for at in range(0, len(x), size)]
    return torch.cat([part.permute(0, 2, 3, 1) if part.dim() == 4 else part for part in found]).numpy()
