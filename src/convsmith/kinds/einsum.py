"""Sums over products by letters (``keras.ops.einsum``): their shape and their multiply-adds."""

from __future__ import annotations

import re

from .kind import Shape, ShapeError

_FORM = re.compile(r"[a-zA-Z]+(,[a-zA-Z]+)*->[a-zA-Z]+")


def _letters(subscripts: str, inputs: tuple[Shape, ...]) -> tuple[dict[str, int | None], str]:
    """The size of each letter, None for the batch and what is open; and the letters of the result.

    Raises:
        ShapeError: for letters that do not fit the tensors, or a result whose first letter is not the batch.
    """
    plain = subscripts.replace(" ", "")
    if not _FORM.fullmatch(plain):
        raise ShapeError(
            f"einsum of {subscripts!r:.60}", "letters for each tensor and for the result", "abc,acd->abd"
        )
    taken, _, result = plain.partition("->")
    parts = taken.split(",")
    sizes: dict[str, int | None] = {}
    if len(parts) != len(inputs) or len({part[0] for part in parts}) != 1 or result[0] != parts[0][0]:
        raise ShapeError(f"einsum of {subscripts!r:.60}", "the batch first, in each tensor and in the result")
    for letters, shape in zip(parts, inputs, strict=True):
        if len(letters) != len(shape) + 1 or len(set(letters)) < len(letters):
            raise ShapeError(f"einsum of {subscripts!r:.60} on {shape}", "a letter for each size")
        for letter, n in zip(letters[1:], shape, strict=True):
            if letter == letters[0] or (sizes.get(letter, n) not in (None, n) and n is not None):
                raise ShapeError(f"einsum of {subscripts!r:.60} on {inputs}", "equal sizes for a letter")
            sizes[letter] = n if sizes.get(letter) is None else sizes[letter]
    if len(set(result)) < len(result) or not set(result[1:]) <= set(sizes):
        raise ShapeError(f"einsum of {subscripts!r:.60}", "letters of the tensors in the result, each once")
    return sizes, result


def shape(subscripts: str, inputs: tuple[Shape, ...]) -> Shape:
    """The result's shape, without the batch.

    Example:
        >>> shape("nqhc,nkhc->nhqk", ((5, 2, 3), (7, 2, 3)))
        (2, 5, 7)
    """
    sizes, result = _letters(subscripts, inputs)
    return tuple(sizes[letter] for letter in result[1:])


def macs(subscripts: str, inputs: tuple[Shape, ...]) -> int | None:
    """Multiply-adds of one image: as many as the letters have places together; None where a size is open.

    Of one tensor there is nothing to multiply.

    Example:
        >>> macs("nqhc,nkhc->nhqk", ((5, 2, 3), (7, 2, 3)))
        210
    """
    sizes, _ = _letters(subscripts, inputs)
    total = 1
    for n in sizes.values():
        if n is None:
            return None
        total *= n
    return total if len(inputs) > 1 else 0
