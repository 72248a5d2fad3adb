"""The exam of a reader: it finds what is there, says what is not readable, and leaves other sources alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ..data.images import Images
from ..data.read import enough


def exam_reader(
    reader: Callable[[object], Images | None],
    source: object,
    *,
    counts: Mapping[str, int],
    unreadable: int = 0,
) -> Images:
    """Examine a reader on a source whose content is known.

    Args:
        reader: ``(source, *, ...) -> Images``, or None for "not mine".
        source: something that it reads.
        counts: how many readable images of each class there are in it.
        unreadable: how many images in it cannot be read.

    Returns:
        The images, for further checks.

    Raises:
        AssertionError: with what the reader does wrong.

    Example:
        >>> from convsmith.data.readers.digits import digits
        >>> counts = dict(zip("0123456789", [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]))
        >>> len(exam_reader(digits, "digits", counts=counts))
        1797
    """
    with tempfile.TemporaryDirectory() as folder:
        for foreign in ("no such thing", Path(folder), Path(folder) / "nothing.xyz", object()):
            assert reader(foreign) is None, f"{reader.__name__} takes {foreign!r}, which is not its own"
    listed = reader(source)
    assert listed is not None, f"{reader.__name__} does not take {source!r}"
    images = listed.examined(workers=0)
    found = images.found
    assert found["classes"] == dict(counts), f"counts {found['classes']}, expected {dict(counts)}"
    assert len(found["unreadable"]) == unreadable, f"unreadable: {found['unreadable']}"
    assert all(one["name"] and one["reason"] for one in found["unreadable"]), "unreadable without a reason"
    enough(images)
    again = reader(source)
    assert again is not None
    assert again.examined(workers=0).fingerprint == images.fingerprint, "a second reading differs"
    assert len(set(images.names)) == len(images), "two images of one name"
    own, squashed = images.image(0), images[:1].pixels((5, 7), 3)
    assert own.dtype == np.uint8
    assert own.ndim == 3
    assert squashed.shape == (1, 5, 7, 3)
    split = images.split()
    parts = np.concatenate([split.train, split.validation, split.test])
    assert len(set(parts.tolist())) == len(parts), "an image in two parts"
    return images
