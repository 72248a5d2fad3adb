"""Which choices matter, and what the best networks have in common: read from finished trials.

How much a choice matters is how much worse a random forest predicts the scores of trials that it did not see
when the answers to that question are shuffled among them (permutation importance, L. Breiman, "Random
Forests", 2001, section 10; by folds, so that nothing is judged on what the forest knows by heart).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

FEWEST = 12
"""Trials without which nothing can be said."""
LEAST_EXPLAINED = 0.05
"""Share of the variance below which a forest's view of single choices is noise."""
METHOD = (
    "fall of the explained variance of scores, in trials held out, when the answers to a question are "
    "shuffled (random forest, 5 folds)"
)
_FOLDS, _TREES, _SHUFFLES = 5, 100, 5
_TOP = 0.25  # share of the trials that are the best
_SURE = 0.05  # the chance that as many of the best share an answer without any reason


@dataclass(frozen=True)
class Common:
    """An answer that the best networks give more often than the rest.

    Args:
        question: of the space.
        answer: to it.
        best: share of the best quarter that gives it.
        rest: share of the others.
        chance: the probability of as many among the best if they were drawn at random (hypergeometric), times
            the number of answers looked at.
    """

    question: str
    answer: Any
    best: float
    rest: float
    chance: float


@dataclass(frozen=True)
class Importance:
    """What finished trials say about a space.

    Args:
        trials: how many they are: those trained alike, with the epochs and size that most have.
        explained: share of the scores' variance that the forest predicts in trials held out; where it is near
            zero or below, there are no falls.
        falls: question -> fall of that share when its answers are shuffled, largest first; empty where the
            forest explains less than `LEAST_EXPLAINED`.
        common: answers that the best quarter shares more often than chance allows, surest first.
        method: how the falls were found.
    """

    trials: int
    explained: float
    falls: dict[str, float]
    common: tuple[Common, ...]
    method: str = METHOD

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return asdict(self)


def importance(trials: Sequence[dict[str, Any]], *, seed: int = 0) -> Importance | None:
    """How much each choice matters for the score, and what the best have in common.

    Args:
        trials: lines of trials.jsonl.
        seed: of the forests and the shuffling.

    Returns:
        None with fewer than 12 comparable trials, or where all scores are equal.

    Example:
        >>> trials = [
        ...     {"status": "ok", "rung": 0, "epochs": 3, "score": 0.5 + 0.1 * (i % 4), "fingerprint": str(i),
        ...      "answers": {"width": (8, 16, 24, 32)[i % 4], "colour": "ab"[i // 4 % 2]}}
        ...     for i in range(40)
        ... ]
        >>> found = importance(trials)
        >>> next(iter(found.falls)), found.common[0].question, found.common[0].answer
        ('width', 'width', 32)
    """
    import numpy as np

    alike = _alike(trials)
    scores = np.array([trial["score"] for trial in alike])
    if len(alike) < FEWEST or float(np.ptp(scores)) == 0.0:
        return None
    answers = [trial["answers"] for trial in alike]
    columns, owners = _columns(answers)
    explained, falls = _falls(columns, owners, scores, seed) if owners else (0.0, {})
    told = falls if explained >= LEAST_EXPLAINED else {}
    return Importance(len(alike), explained, told, _common(answers, scores))


def _alike(trials: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The short trainings of the kind that most are of, each network once."""
    worked = [one for one in trials if one.get("status") == "ok" and one.get("rung") == 0]
    kinds = Counter((one["epochs"], str(one.get("size"))) for one in worked)
    usual = kinds.most_common(1)[0][0] if kinds else None
    kept = [one for one in worked if (one["epochs"], str(one.get("size"))) == usual]
    return list({one["fingerprint"]: one for one in kept}.values())


def _columns(answers: Sequence[dict[str, Any]]) -> tuple[np.ndarray, dict[str, list[int]]]:
    """Answers as numbers (N, columns), and the columns of each question; -1 where it was not asked."""
    import numpy as np

    columns: list[list[float]] = []
    owners: dict[str, list[int]] = {}
    for question in dict.fromkeys(name for one in answers for name in one):
        given = [one.get(question) for one in answers]
        known = {repr(value): value for value in given}
        if len(known) < 2:
            continue
        if all(isinstance(value, int | float) or value is None for value in given):
            made = [[-1.0 if value is None else float(value) for value in given]]
        else:
            made = [[float(repr(value) == one) for value in given] for one in sorted(known)]
        owners[question] = list(range(len(columns), len(columns) + len(made)))
        columns += made
    return np.array(columns).T, owners


def _falls(
    columns: np.ndarray, owners: dict[str, list[int]], scores: np.ndarray, seed: int
) -> tuple[float, dict[str, float]]:
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    rng = np.random.default_rng(seed)
    folds = np.arange(len(scores)) % _FOLDS
    rng.shuffle(folds)
    spread = float(np.mean((scores - scores.mean()) ** 2))
    error, more = 0.0, dict.fromkeys(owners, 0.0)
    for fold in range(_FOLDS):
        held = folds == fold
        forest = RandomForestRegressor(_TREES, random_state=seed, min_samples_leaf=2)
        forest.fit(columns[~held], scores[~held])
        x, y = columns[held], scores[held]
        plain = float(np.sum((forest.predict(x) - y) ** 2))
        error += plain
        # One prediction for all shuffles of all questions: a forest is slow to begin with.
        shuffled = np.repeat(x[None], len(owners) * _SHUFFLES, axis=0)
        for place, own in enumerate(owners.values()):
            for at in range(place * _SHUFFLES, (place + 1) * _SHUFFLES):
                shuffled[at][:, own] = x[rng.permutation(len(x))][:, own]
        said = forest.predict(shuffled.reshape(-1, x.shape[1])).reshape(len(owners), _SHUFFLES, -1)
        for name, found in zip(owners, said, strict=True):
            more[name] += float(np.sum((found - y) ** 2)) / _SHUFFLES - plain
    total = spread * len(scores)
    falls = {name: value / total for name, value in more.items()}
    return 1 - error / total, dict(sorted(falls.items(), key=lambda item: -item[1]))


def _common(answers: Sequence[dict[str, Any]], scores: np.ndarray) -> tuple[Common, ...]:
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    count = max(3, round(_TOP * len(scores)))
    best = [answers[place] for place in order[:count]]
    given = {(name, repr(value)): value for one in answers for name, value in one.items()}
    in_all = Counter((name, repr(value)) for one in answers for name, value in one.items())
    in_best = Counter((name, repr(value)) for one in best for name, value in one.items())
    looked = [key for key in given if in_all[key] < len(answers)]
    found = []
    for key in looked:
        chance = len(looked) * _chance(len(answers), in_all[key], count, in_best[key])
        share, rest = in_best[key] / count, (in_all[key] - in_best[key]) / (len(answers) - count)
        if chance < _SURE and share > rest:
            found.append(Common(key[0], given[key], share, rest, chance))
    return tuple(sorted(found, key=lambda one: one.chance))


def _chance(total: int, marked: int, drawn: int, least: int) -> float:
    """The probability of at least `least` marked ones among `drawn` of `total`."""
    ways = math.comb(total, drawn)
    most = min(marked, drawn)
    return math.fsum(
        math.comb(marked, hit) * math.comb(total - marked, drawn - hit) / ways
        for hit in range(least, most + 1)
    )
