"""`predict`: a finished network's answers about photographs, or Keras's call for a live model."""

from __future__ import annotations

import os
from typing import Any

from ..errors import BadInput
from .using.classifier import Classifier
from .using.predictions import Predictions


def predict(
    model: Any,
    x: Any,
    batch_size: int | None = None,
    verbose: Any = "auto",
    steps: int | None = None,
    callbacks: Any = None,
) -> Any:
    """What a network says of images: of a finished run or file, or of a live Keras model as in Keras.

    Args:
        model: a run folder, what `forge` and `train` return, a file that `load` opens or what it returned;
            or a ``keras.Model``, and then all that follows is Keras's call (`engine.keras.calls.predict`).
        x: photographs as `Classifier.predict` takes them: files, folders, archives, Pillow images, uint8
            arrays, what `read` returns; for a Keras model what ``model.predict`` takes.
        batch_size: images at once; of a finished network its own choice without it.
        verbose: as in Keras; a finished network says nothing.
        steps: batches to take, of a Keras model.
        callbacks: Keras's callbacks, of a Keras model.

    Returns:
        `Predictions`: class, probabilities and whether it is none of the classes, for each image; of a Keras
        model its output, float32.

    Raises:
        BadInput: for a network or images that cannot be used.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from convsmith.engine.weights import initial
        >>> from convsmith.formats.weights_file import write_weights_file
        >>> from convsmith.zoo import network
        >>> graph, path = network("lenet5"), tempfile.mkdtemp() + "/lenet5.safetensors"
        >>> size = write_weights_file(path, graph, initial(graph, 0), classes="abcdefghij")
        >>> len(predict(path, np.zeros((2, 60, 40, 3), np.uint8)).labels)
        2
    """
    if not is_finished(model):
        from ..engine.keras.calls import predict as of_keras

        return of_keras(model, x, batch_size, verbose, steps, callbacks)
    for name, value in (("steps", steps), ("callbacks", callbacks)):
        if value is not None:
            raise BadInput(name, "given with a finished network", "a keras.Model that it is for")
    from .load import load

    return _said(load(model), x, batch_size)


def is_finished(model: Any) -> bool:
    """Whether this is a run, a file or an opened network, rather than a live model."""
    if isinstance(model, str | os.PathLike | Classifier):
        return True
    return isinstance(getattr(model, "path", None), os.PathLike) and not hasattr(model, "layers")


def _said(net: Classifier, x: Any, batch_size: int | None) -> Predictions:
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise BadInput("batch_size", f"got {batch_size!r}", "a whole number from 1")
    return net.predict(x, at_once=batch_size)
