"""Keras's calls for a compiled keras.Model, done by this engine: `fit`, `predict`, `evaluate`."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch

from ...errors import BadInput
from ...units import counted
from ..train.regularizers import Penalty, check_own
from .compiled import check_execution, check_model
from .data import Arrays, Stream, class_weights, is_stream, parts_of, spread_weights
from .ends import Ends, refuse
from .loop import Work, judge
from .loss import Objective, last
from .metrics import Accuracies, metrics_of
from .prepared import Prepared, prepared
from .sync import Live

AT_ONCE = 256
"""Images at once where nobody asks for another number, no callback hears, and the result is the same."""


def fit(
    model: Any,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: Any = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool | str = True,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int | Collection[int] = 1,
) -> Any:
    """``model.fit(x, y, ...)`` of Keras, faster: the same arguments, the same numbers, the same History.

    The model's own weights and its optimizer's state are trained in place, whatever Keras's backend.

    Args:
        model: a compiled Sequential or Functional model.
        x: images (N, H, W, C), arrays or tensors; for several inputs a list or a dictionary of them. Or
            batches of (x, y) or (x, y, sample_weight): a ``keras.utils.PyDataset``, a torch ``DataLoader``,
            a ``tf.data.Dataset``, a generator.
        y: targets as the model's loss wants them; for several outputs a list or a dictionary.
        batch_size: images per step; 32 without it.
        epochs: the number of the last epoch.
        verbose: as in Keras.
        callbacks: Keras's callbacks; they see the model with its weights at the end of each epoch.
        validation_split: share of the images, from the end, that is not trained on.
        validation_data: (x, y), (x, y, sample_weight) or batches of them.
        shuffle: a new order for each epoch (drawn from numpy's global generator, which
            ``keras.utils.set_random_seed`` sets); ``"batch"``: of whole batches.
        class_weight: class number -> weight of its images.
        sample_weight: a weight for each image; for several outputs also a list or a dictionary.
        initial_epoch: the number of the first epoch.
        steps_per_epoch: batches that are called an epoch; all of them without it.
        validation_steps: batches of a validation.
        validation_batch_size: images at once in validation.
        validation_freq: validation after each so many epochs, or after the epochs of these numbers.

    Returns:
        ``keras.callbacks.History``.

    Raises:
        BadInput: what this call cannot take, by name; Keras's own ``model.fit`` then can.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), optimizer="adam")
        >>> x, y = np.zeros((16, 8, 8, 1), "float32"), np.arange(16) % 10
        >>> sorted(fit(model, x, y, epochs=2, verbose=0).history)
        ['loss']
    """
    check_model(model)
    check_execution(model, callbacks, "train", "test")
    _whole(
        batch_size=batch_size, steps_per_epoch=steps_per_epoch, validation_steps=validation_steps,
        validation_batch_size=validation_batch_size,
        validation_freq=validation_freq if isinstance(validation_freq, float | int) else None,
    )  # fmt: skip
    _whole(least=0, epochs=epochs, initial_epoch=initial_epoch)
    if class_weight and sample_weight is not None:
        raise BadInput("fit", "class_weight and sample_weight given together", "one of them")
    if validation_split and is_stream(x):
        raise BadInput(
            "validation_split", f"given with a {type(x).__name__}", "arrays", "validation_data=..."
        )
    with prepared(model, x, training=True) as (ready, x):
        module, inputs = ready.module, ready.inputs
        check_own(module.graph)
        objective = Objective(model, ready.outputs)
        size = validation_batch_size or batch_size or 32
        held: Arrays | Stream | None = None
        if validation_data is not None:
            held = _validation(validation_data, inputs, objective, size, validation_steps)
        data = _data(
            x, y, sample_weight, inputs, objective,
            size=batch_size, shuffle=shuffle, by_class=class_weight, steps=steps_per_epoch,
        )  # fmt: skip
        if validation_split and held is None and isinstance(data, Arrays):
            at = math.floor(data.count * (1 - validation_split))
            if at in (0, data.count):
                came = f"{validation_split} of {counted(data.count, 'image')}"
                raise BadInput("validation_split", came, "some on each side")
            data, held = data.parted(at, size, weighted=sample_weight is not None)
        return Work(model, module, objective, metrics_of(model, objective)).run(
            data,
            held,
            epochs=epochs,
            initial_epoch=initial_epoch,
            callbacks=callbacks,
            verbose=verbose,
            validated=_due(validation_freq),
        )


def predict(
    model: Any,
    x: Any,
    batch_size: int | None = None,
    verbose: Any = "auto",
    steps: int | None = None,
    callbacks: Any = None,
) -> Any:
    """``model.predict(x)`` of Keras, faster.

    Args:
        model: a Sequential or Functional model.
        x: images (N, H, W, C), or whatever `fit` takes; targets among it are left out.
        batch_size: images at once.
        verbose: as in Keras.
        steps: batches to take; all of them without it.
        callbacks: Keras's callbacks.

    Returns:
        The model's output, float32, as Keras lays it out; for several a list or a dictionary, as the model's.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> predict(model, np.zeros((3, 8, 8, 1), "float32"), verbose=0).shape
        (3, 10)
    """
    check_model(model, compiled=False)
    check_execution(model, callbacks, "predict")
    _whole(batch_size=batch_size, steps=steps)
    with prepared(model, x, training=False) as (ready, x):
        Live(model, ready.module).pull()
        size = AT_ONCE if batch_size is None and steps is None and not callbacks else batch_size
        data = _data(x, None, None, ready.inputs, None, size=size, steps=steps)
        return _predicted(model, ready, data, _told(model, callbacks, verbose, data.steps))


def _predicted(model: Any, ready: Prepared, data: Arrays | Stream, told: Any) -> Any:
    """The outputs for each batch, put together."""
    found: list[list[Any]] = [[] for _ in ready.outputs.names]
    ready.module.eval()
    model.stop_predicting = False
    told.on_predict_begin()
    for step, batch in enumerate(data):
        told.on_predict_batch_begin(step)
        with torch.inference_mode():  # and no callback: what one makes in it nobody could change later
            out = ready.module(*batch.x)
            parts = [last(one).numpy() for one in (out if isinstance(out, tuple) else (out,))]
        for kept, one in zip(found, parts, strict=True):
            kept.append(one)
        told.on_predict_batch_end(step, {"outputs": ready.outputs.together(parts)})
        if model.stop_predicting:
            break
    told.on_predict_end()
    return ready.outputs.together([np.concatenate(kept) for kept in found])


def evaluate(
    model: Any,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    verbose: Any = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool = False,
) -> Any:
    """``model.evaluate(x, y)`` of Keras, faster.

    Args:
        model: a compiled model.
        x: images (N, H, W, C), or whatever `fit` takes.
        y: targets as the model's loss wants them.
        batch_size: images at once.
        verbose: as in Keras.
        sample_weight: a weight for each image.
        steps: batches to take; all of them without it.
        callbacks: Keras's callbacks.
        return_dict: names and numbers instead of numbers alone.

    Returns:
        The loss, or the loss and the metrics in a list, or a dictionary of them.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> model.compile(loss="mse")
        >>> evaluate(model, np.zeros((4, 8, 8, 1)), np.zeros((4, 10)), verbose=0)
        0.0
    """
    check_model(model)
    check_execution(model, callbacks, "test")
    _whole(batch_size=batch_size, steps=steps)
    with prepared(model, x, training=False) as (ready, x):
        module = ready.module
        Live(model, module).pull()
        objective = Objective(model, ready.outputs)
        metrics = metrics_of(model, objective)
        size = batch_size
        if (
            size is None
            and steps is None
            and not callbacks
            and objective.splits
            and isinstance(metrics, Accuracies)
        ):
            size = AT_ONCE
        data = _data(x, y, sample_weight, ready.inputs, objective, size=size, steps=steps)
        told = _told(model, callbacks, verbose, data.steps)
        told.on_test_begin()
        tally = judge(module, objective, metrics, data, Penalty(module), told)
        logs = tally.logs()
        told.on_test_end(logs)
        row = tally.row()
        return logs if return_dict else row[0] if len(row) == 1 else row


def _data(
    x: Any,
    y: Any,
    sample_weight: Any,
    inputs: Ends,
    objective: Objective | None,
    *,
    size: int | None = None,
    shuffle: bool | str = False,
    by_class: dict[int, float] | None = None,
    steps: int | None = None,
) -> Arrays | Stream:
    """Batches of whatever came."""
    if is_stream(x):
        more = {"y": y, "sample_weight": sample_weight, "class_weight": by_class}
        more["shuffle"] = shuffle and hasattr(x, "num_batches")  # a PyDataset; the others have their order
        return Stream(x, inputs, objective, steps=steps, arguments=more)
    parts = parts_of(x, inputs)
    count = len(parts[0])
    targets: list[Any] = []
    if objective is not None:
        if y is None:
            raise BadInput("y", "got None", "targets for the images")
        targets = objective.targets(y)
    for target in targets:
        if target is not None and len(target) != count:
            raise BadInput("y", f"{len(target)} targets for {count} images", "one for each")
    weights = spread_weights(sample_weight, objective, count)
    if by_class and objective is not None:
        weights = [class_weights(y, by_class, objective)]
    size = size or (math.ceil(count / steps) if steps else 32)
    return Arrays(parts, targets, weights, size, shuffle, steps)


def _validation(
    given: Any, inputs: Ends, objective: Objective, size: int, steps: int | None
) -> Arrays | Stream:
    if is_stream(given):
        return _data(given, None, None, inputs, objective, steps=steps)
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise refuse("validation_data", f"got {type(given).__name__}", "(x, y)")
    x, y, weights = (*given, None)[:3]
    return _data(x, y, weights, inputs, objective, size=size, steps=steps)


def _whole(*, least: int = 1, **given: Any) -> None:
    """Raises BadInput for a number that is not whole, or too small; None is left to the call."""
    for name, value in given.items():
        if value is None or (isinstance(value, int | np.integer) and value >= least):
            continue
        raise BadInput(name, f"got {value!r}", f"a whole number from {least}")


def _due(frequency: int | Collection[int]) -> Callable[[int], bool]:
    """Whether an epoch, counted from 1, ends with a validation."""
    if isinstance(frequency, int):
        return lambda epoch: epoch % frequency == 0
    wanted = set(frequency)
    return lambda epoch: epoch in wanted


def _told(model: Any, callbacks: Any, verbose: Any, steps: int | None) -> Any:
    from keras.callbacks import CallbackList

    if isinstance(callbacks, CallbackList):
        return callbacks
    return CallbackList(
        callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1, steps=steps, model=model
    )
