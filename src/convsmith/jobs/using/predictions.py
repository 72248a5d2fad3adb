"""What a network says of photographs: one answer for each, those included that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

NONE = "none of these"
"""What is said of an image that the network should not answer."""


@dataclass(frozen=True)
class Prediction:
    """What is said of one image.

    Args:
        name: what a person calls it.
        label: the likeliest class; None where the image cannot be read.
        probability: of that class.
        rejected: whether the network should not answer, by its rule.
        top: the likeliest classes with their probabilities, falling.
        reason: why the image cannot be read; empty where it can.
    """

    name: str
    label: str | None
    probability: float
    rejected: bool = False
    top: tuple[tuple[str, float], ...] = ()
    reason: str = ""

    @property
    def answer(self) -> str | None:
        """The class, or "none of these" where the network should not answer."""
        return NONE if self.rejected else self.label

    def __str__(self) -> str:
        if self.reason:
            return f"{self.name}: cannot be read: {self.reason}"
        if self.rejected:
            return f"{self.name}: {NONE} (most like {self.label}, {self.probability:.1%})"
        return f"{self.name}: {self.label} ({self.probability:.1%})"


@dataclass(frozen=True, repr=False, eq=False)
class Predictions:
    """What is said of several images, in their order; an array of class names for numpy and scikit-learn.

    Args:
        names: what a person calls each, (N).
        classes: the classes' names, (K).
        probabilities: calibrated where the network has a rule for it, float32 (N, K); NaN where the image
            cannot be read.
        rejected: which ones the network should not answer, bool (N,).
        reasons: position -> why the image cannot be read.

    Example:
        >>> import numpy as np
        >>> p = np.array([[0.9, 0.1], [0.4, 0.6]], np.float32)
        >>> said = Predictions(["a.png", "b.png"], ("cat", "dog"), p, np.array([False, True]), {})
        >>> said.labels, said.answers
        (['cat', 'dog'], ['cat', 'none of these'])
        >>> print(said[0])
        a.png: cat (90.0%)
        >>> (np.asarray(said) == ["cat", "cat"]).tolist()
        [True, False]
    """

    names: list[str]
    classes: tuple[str, ...]
    probabilities: np.ndarray
    rejected: np.ndarray
    reasons: dict[int, str]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> Prediction:
        return self.top(i, 1)

    def __iter__(self) -> Iterator[Prediction]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        import numpy as np

        return np.array(self.labels, dtype)

    def __repr__(self) -> str:
        shown = [str(self[i]) for i in range(min(len(self), 5))]
        more = [f"... and {len(self) - 5:,} more"] if len(self) > 5 else []
        return "\n".join([*shown, *more])

    @property
    def labels(self) -> list[str | None]:
        """The likeliest class of each; None where the image cannot be read."""
        largest = self.probabilities.argmax(1).tolist()
        return [None if i in self.reasons else self.classes[k] for i, k in enumerate(largest)]

    @property
    def answers(self) -> list[str | None]:
        """The class of each, or "none of these"."""
        pairs = zip(self.labels, self.rejected.tolist(), strict=True)
        return [NONE if rejected else label for label, rejected in pairs]

    def top(self, i: int, most: int) -> Prediction:
        """Image `i` with at most so many of its likeliest classes; of equal ones the first goes first."""
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        i %= len(self)
        if i in self.reasons:
            return Prediction(self.names[i], None, float("nan"), reason=self.reasons[i])
        row = self.probabilities[i]
        order = (-row).argsort(kind="stable")[:most].tolist()
        top = tuple((self.classes[k], float(row[k])) for k in order)
        return Prediction(self.names[i], *top[0], bool(self.rejected[i]), top)
