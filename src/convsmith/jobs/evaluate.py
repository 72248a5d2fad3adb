"""`evaluate`: a finished run on a labelled set of another day, or Keras's call for a live model."""

from __future__ import annotations

from typing import Any

from ..errors import BadInput
from .predict import is_finished


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
    *,
    name: str | None = None,
    outside: bool = False,
) -> Any:
    """How good a network is on labelled images: a finished run's, or a live Keras model as in Keras.

    Args:
        model: a run folder, or what `forge` and `train` return; or a ``keras.Model``, and then all that
            follows is Keras's call (`engine.keras.calls.evaluate`).
        x: labelled images as `read` takes them; for a Keras model what ``model.evaluate`` takes.
        y: targets, for a Keras model.
        batch_size: images at once, for a Keras model.
        verbose: as in Keras; 0 shows no progress.
        sample_weight: a weight for each image, for a Keras model.
        steps: batches to take, of a Keras model.
        callbacks: Keras's callbacks, of a Keras model.
        return_dict: names and numbers instead of numbers alone, for a Keras model.
        name: what the evaluation of a run is called in its folder; the next number without it.
        outside: of a run, also read images outside the folder that was named.

    Returns:
        `jobs.evaluation.Evaluated`: accuracy with its interval, each class, calibration, what has moved; of a
        Keras model the loss, or the loss and the metrics.

    Raises:
        BadInput: for a network or images that cannot be used, or an argument that is for the other kind.

    Example:
        >>> found = evaluate(run, "digits", name="again", verbose=0)  # of its own images the test's
        >>> found.result["against"]["test"]
        'the same images'
    """
    of_keras: dict[str, Any] = {
        "y": y, "batch_size": batch_size, "sample_weight": sample_weight, "steps": steps,
        "callbacks": callbacks,
    }  # fmt: skip
    if not is_finished(model):
        for option, given in (("name", name), ("outside", outside or None)):
            if given is not None:
                raise BadInput(option, f"given for {type(model).__name__}", "a run folder that it is for")
        from ..engine.keras.calls import evaluate as as_keras

        return as_keras(model, x, verbose=verbose, return_dict=return_dict, **of_keras)
    for option, given in (*of_keras.items(), ("return_dict", return_dict or None)):
        if given is not None:
            raise BadInput(option, "given with a run", "a keras.Model that it is for")
    from .evaluation import evaluate as of_run

    return of_run(model, x, name=name, outside=outside, quiet=verbose in (0, "0", False))
