"""What a network's answer is worth: calibrated probabilities, and whether it answers at all.

The temperature is C. Guo et al.'s (2017); the scores are the largest logit (D. Hendrycks et al., 2022) and
the energy (W. Liu et al., 2020), both of the logits as the network gives them, before the temperature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..strict_json import parse
from ..units import counted
from .calibration import softmax, temperature
from .unknown import SCORES, thresholds

if TYPE_CHECKING:
    import numpy as np

FILE = "answer_rule.json"
"""The rule of a run, in its folder."""
METADATA = "answer_rule"
"""The entry of an exported file's metadata that holds the rule as JSON."""
CHOICES = ("max_logit", "energy")
"""Scores that a rule may go by."""
FALSE_REJECTION = 0.05
"""The share of images of the classes that may be turned away, at most."""
FEWEST = 20
"""Images without which nothing is fitted: at 5% they are the first to have one below the threshold."""
_EXPECTED = "an answer rule: temperature, score, threshold, false_rejection, fitted_on, note"


@dataclass(frozen=True)
class AnswerRule:
    """How logits become what is said: probabilities, or "none of these".

    Without arguments it is the softmax, and every image is answered.

    Args:
        temperature: by which logits are divided before the softmax, 0.05 to 20.
        score: what is compared with the threshold: "max_logit" or "energy" of the logits as they are; None
            where nothing is turned away.
        threshold: an image whose score is below is none of the classes; None without a score.
        false_rejection: share of the images of the classes below it, of those that it was fitted on.
        fitted_on: the images that it was fitted on, in words; empty where it was not fitted.
        note: why it was not fitted, or has no score; empty where there is nothing to say.

    Raises:
        BadInput: for numbers or names that mean nothing.

    Example:
        >>> import numpy as np
        >>> rule = AnswerRule(temperature=2.0, score="max_logit", threshold=1.0, false_rejection=0.05)
        >>> p, rejected = rule.apply(np.array([[4.0, 0.0], [0.5, 0.1]], np.float32))
        >>> p.astype(float).round(3).tolist(), rejected.tolist()
        ([[0.881, 0.119], [0.55, 0.45]], [False, True])
    """

    temperature: float = 1.0
    score: str | None = None
    threshold: float | None = None
    false_rejection: float | None = None
    fitted_on: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        _check(asdict(self), "answer rule")

    def apply(self, logits_NK: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities, and which images are none of the classes.

        Args:
            logits_NK: the numbers before the final softmax, (N, classes); of one sigmoid unit with logit z
                (-z/2, z/2).

        Returns:
            Calibrated probabilities, float32 (N, classes), and a bool for each image, (N,): True where the
            network should not answer. What is not a number is turned away by a rule that has a score.
        """
        import numpy as np

        logits = np.asarray(logits_NK, np.float64)
        probabilities = softmax(logits / self.temperature).astype(np.float32)
        if self.score is None or self.threshold is None:
            return probabilities, np.zeros(len(logits), bool)
        return probabilities, ~(SCORES[self.score][1](logits) >= self.threshold)

    def to_json(self) -> dict[str, Any]:
        """The rule as a JSON object; `from_json` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Any, where: str = FILE) -> AnswerRule:
        """The rule of a JSON object.

        Args:
            found: the object.
            where: the file it stood in, for the message.

        Raises:
            BadInput: for anything but a whole rule whose numbers and names mean something.

        Example:
            >>> AnswerRule.from_json(AnswerRule(temperature=1.5).to_json()).temperature
            1.5
        """
        names = {one.name for one in fields(cls)}
        if not isinstance(found, dict) or set(found) != names:
            came = f"has {', '.join(sorted(map(str, found))) or 'nothing'}" if isinstance(found, dict) else ""
            raise BadInput(where, came or f"is a {type(found).__name__}", _EXPECTED)
        _check(found, where)
        return cls(**{name: _float(value) for name, value in found.items()})

    @classmethod
    def from_text(cls, text: str | bytes, where: str = FILE) -> AnswerRule:
        """The rule of a JSON text, as a run's file and the metadata of exported ones hold it.

        Raises:
            BadInput: for text that is not JSON, or is no rule.
        """
        return cls.from_json(parse(text, where, _EXPECTED), where)

    def told(self) -> str:
        """The rule in one line."""
        if not self.fitted_on:
            return f"not calibrated: {self.note}" if self.note else "not calibrated"
        said = f"temperature {self.temperature:.3g}"
        if self.score is not None:
            said += (
                f"; none of the classes where the {SCORES[self.score][0]} is below {self.threshold:.3g}, "
                f"{self.false_rejection:.1%} of"
            )
        else:
            said += f"; nothing is turned away: {self.note}; fitted on"
        return f"{said} {self.fitted_on}"


def fit(
    y: np.ndarray,
    logits_NK: np.ndarray,
    logits_of_no_class: Mapping[str, np.ndarray],
    *,
    images: str = "validation images",
    false_rejection: float = FALSE_REJECTION,
) -> AnswerRule:
    """The rule that images which the network has not learned from speak for.

    Args:
        y: their true class numbers, (N,).
        logits_NK: the network's on them, (N, classes).
        logits_of_no_class: kind -> its logits on pictures that show none of the classes
            (`unknown.no_class`), (M, classes) each.
        images: what the images are called.
        false_rejection: share of the images that may fall below the threshold.

    Returns:
        A rule with the score of the larger AUROC; without a score where it would turn away as large a share
        of the images as of the pictures of no class; not fitted, with the reason, on fewer than 20 images.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = np.arange(100) % 3
        >>> known = 6 * np.eye(3)[y] + rng.normal(0, 1, (100, 3))
        >>> rule = fit(y, known, {"noise": rng.normal(0, 1, (100, 3))})
        >>> rule.score, round(rule.false_rejection, 2), rule.apply(np.zeros((1, 3)))[1].tolist()
        ('max_logit', 0.05, [True])
    """
    n = len(y)
    if n < FEWEST:
        return AnswerRule(note=f"{n or 'no'} {images} to fit it on, and at least {FEWEST} are needed")
    by = temperature(y, softmax(logits_NK.astype("float64")))
    pictures = sum(len(logits) for logits in logits_of_no_class.values())
    fitted_on = f"{n:,} {images}"
    if not pictures:
        return AnswerRule(by, fitted_on=fitted_on, note="no pictures of no class were made")
    fitted_on += f" and {counted(pictures, 'synthesised picture')} of no class"
    found = {row["score"]: row for row in thresholds(logits_NK, logits_of_no_class, keep=1 - false_rejection)}
    best = max(CHOICES, key=lambda name: found[name]["auroc"])
    row = found[best]
    if row["let_in"] >= row["kept"]:
        return AnswerRule(by, fitted_on=fitted_on, note="no score tells pictures of no class apart")
    scores = SCORES[best][1](logits_NK.astype("float64"))
    below = scores[scores < row["threshold"]]
    # Between two images, so that another program's roundings turn neither of them away.
    threshold = (row["threshold"] + float(below.max())) / 2 if len(below) else row["threshold"]
    return AnswerRule(by, best, threshold, 1 - row["kept"], fitted_on)


def _float(value: Any) -> Any:
    return float(value) if isinstance(value, int) else value


def _check(found: Mapping[str, Any], where: str) -> None:
    """Raises BadInput for the first entry that means nothing."""
    for name, low, high in (
        ("temperature", 0.05, 20.0), ("threshold", -1e30, 1e30), ("false_rejection", 0.0, 1.0),
    ):  # fmt: skip
        value = found[name]
        if value is None and name != "temperature":
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            raise BadInput(where, f"has the {name} {value!r}", f"a number of {low:g} to {high:g}")
    score = found["score"]
    if score is not None and score not in CHOICES:
        raise BadInput(where, f"has the score {score!r}", f"{' or '.join(CHOICES)}, or none")
    for name in ("threshold", "false_rejection"):
        if (score is None) != (found[name] is None):
            came = f"has the score {score!r} and the {name} {found[name]!r}"
            raise BadInput(where, came, "both or neither of them")
    for name in ("fitted_on", "note"):
        if not isinstance(found[name], str):
            raise BadInput(where, f"has the {name} {found[name]!r}", "a text")
