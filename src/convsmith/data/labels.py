"""Labels of any form, as class numbers and class names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import BadInput


def numbered(
    values: np.ndarray, *, where: str, names: Sequence[str] | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class numbers from 0 without gaps, and the names of the classes.

    Args:
        values: (N,) or (N, 1) whole numbers, text or bytes; or (N, K) one-hot rows.
        where: what to name in an error.
        names: class names in the order of the numbers that the values use.

    Returns:
        (N,) int64 and the names; numbers sort as numbers, text as text.

    Raises:
        BadInput: for labels that are not classes (fractions, NaN, objects).

    Example:
        >>> numbered(np.array([7, 3, 7]), where="y")
        (array([1, 0, 1]), ('3', '7'))
        >>> numbered(np.array([[0, 1], [1, 0]]), where="y", names=["cat", "dog"])
        (array([1, 0]), ('cat', 'dog'))
    """
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and values.dtype.kind in "biuf":
        if not (((values == 0) | (values == 1)).all() and (values.sum(axis=1) == 1).all()):
            raise BadInput(
                where, f"labels of shape {values.shape} that are not one-hot", "one class per image"
            )
        names = names if names is not None else [str(k) for k in range(values.shape[1])]
        values = values.argmax(axis=1)
    if values.ndim != 1:
        raise BadInput(where, f"labels of shape {values.shape}", "(N,), (N, 1) or one-hot (N, classes)")
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or (values != np.rint(values)).any():
            raise BadInput(where, "labels that are fractions or not numbers", "a class per image")
        values = values.astype(np.int64)
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind not in "biuU":
        raise BadInput(where, f"labels of type {values.dtype}", "whole numbers or text")
    if names is not None and values.dtype.kind in "iu":
        if len(values) and not (int(values.min()) >= 0 and int(values.max()) < len(names)):
            span = f"{values.min()} to {values.max()}"
            raise BadInput(
                where, f"labels from {span} with {len(names)} class names", "a name for every class"
            )
        return values.astype(np.int64), tuple(str(name) for name in names)
    kept, numbers = np.unique(values, return_inverse=True)
    return numbers.reshape(-1).astype(np.int64), tuple(str(name) for name in kept.tolist())
