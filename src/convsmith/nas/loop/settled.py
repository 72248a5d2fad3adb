"""What a search settles before its first training: what is possible, and how long trainings are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from convsmith.graph import Graph
from convsmith.ledger.budget import Budget
from convsmith.runs import CannotWrite

from ..budget.fitting import Infeasible, ensure_feasible
from ..budget.forecast import Forecast, forecast
from ..choose import Answers
from ..trial import random_numbers
from ..within import Within
from ..workers.protocol import Evaluation
from . import pace
from .arms import EARLIER
from .asked import EPOCHS, Asked
from .probe import measure
from .store import Trial

_WARM = 5  # networks of an earlier search that are tried first


@dataclass(frozen=True)
class Settled:
    """What stands from then on.

    Args:
        anchor: a genotype whose network keeps the limits.
        limits: the budget, perhaps with a cap that keeps trainings short.
        within: the space of what keeps the limits.
        expected_ms: what a network's latency is expected to be; None where none is limited.
        epochs: of the short trainings.
        warm_answers: genotypes that the algorithm begins with.
    """

    anchor: Answers
    limits: Budget
    within: Within
    expected_ms: Forecast | None
    epochs: int
    warm_answers: list[Answers]


def settle(asked: Asked) -> Settled:
    """See what keeps the budget, and decide how long short trainings are.

    Raises:
        Infeasible: no network of the space keeps the budget.
    """
    rng = random_numbers(asked.seed, "feasible")
    asked.space.check(rng)
    anchor = ensure_feasible(asked.space, asked.budget, rng, asked.latency_ms)
    asked.progress({"event": "feasible", "answers": anchor})
    expected_ms: Forecast | None = None
    if asked.budget.latency_ms is not None and asked.latency_ms is not None:
        # Candidates are looked at by the dozen: what is proposed is measured, the others are not.
        made = partial(forecast, asked.space, asked.budget, anchor=anchor, latency_ms=asked.latency_ms)
        numbers = random_numbers(asked.seed, "forecast")
        expected_ms = Forecast(**asked.store.decide("forecast", lambda: made(numbers).to_json()))
    first = asked.store.decide("first", lambda: _pace(asked, anchor, expected_ms))
    asked.progress({"event": "pace", **first})
    limits = asked.budget
    if first.get("cap_effort"):
        capped = asked.budget.within_effort(first["cap_effort"])
        try:
            anchor = ensure_feasible(asked.space, capped, rng, asked.latency_ms)
            limits = capped
        except Infeasible:
            pass  # the cap only keeps trainings short; the budget itself can be kept
    if expected_ms is not None and asked.budget.latency_ms is not None:
        # The anchor may have become another one, and the limit lower than when the forecast was made.
        expected_ms = expected_ms.keeping(asked.budget.latency_ms, asked.space.graph(anchor))
    within = Within(asked.space, limits, anchor, expected_ms)
    _take_earlier(asked, limits, first["epochs"])
    warm = asked.store.decide("warm", lambda: _best_earlier(asked)) if asked.warm.trials else []
    return Settled(anchor, limits, within, expected_ms, first["epochs"], warm)


def _pace(asked: Asked, anchor: Answers, expected_ms: Forecast | None) -> dict[str, Any]:
    """Epochs of the short trainings; with a clock, from the time that one network takes."""
    epochs = (asked.ask.epochs or EPOCHS)[0]
    if asked.ask.seconds is None:
        return {"epochs": epochs, "cap_effort": None}
    probes: list[dict[str, Any]] = []

    def timed(graph: Graph, /, *, epochs: int, seed: int) -> Evaluation:
        found = asked.pool.evaluate(graph, epochs=epochs, seed=seed)
        figures = asked.budget.figures(graph)
        probes.append({"fingerprint": graph.fingerprint, **figures, "seconds": found.seconds})
        return found

    try:
        cost = measure(
            asked.space, asked.budget, timed, random_numbers(asked.seed, "probe"),
            anchor=anchor, seconds=asked.ask.seconds, seed=asked.seed, latency_ms=asked.latency_ms,
            expected_ms=expected_ms,
        )  # fmt: skip
    except CannotWrite:
        raise
    except Exception:  # the first trial fails in the same way, and is recorded with its traceback
        return {"epochs": epochs, "cap_effort": None}
    paced = pace.first_rung(asked.clock.left * asked.pool.slots, cost, asked.ask.fewest_epochs)
    return paced | ({"epochs": epochs} if asked.ask.epochs else {}) | {"probes": probes}


def _take_earlier(asked: Asked, limits: Budget, epochs: int) -> None:
    """Trials of an earlier search whose scores mean the same here become trials of this one."""
    if not asked.warm.same:
        return
    alike = [one for one in asked.warm.trials if (one.rung, one.epochs, one.size) == (0, epochs, None)]
    known = {one.index: replace(one, answers=asked.space.complete(one.answers)) for one in alike}

    def fits(trial: Trial) -> bool:
        graph = asked.space.graph(trial.answers)
        is_same = graph.fingerprint == trial.fingerprint
        return is_same and limits.check(graph, asked.latency_ms).kept

    taken = asked.store.decide("earlier", lambda: [index for index in sorted(known) if fits(known[index])])
    for place, of in enumerate(taken):  # decided at once: whoever was interrupted here takes the rest
        if of in known and asked.store.find((0, EARLIER, place)) is None:
            index = len(asked.store.trials)
            asked.store.add(replace(known[of], index=index, arm=EARLIER, arm_index=place, at=0.0))


def _best_earlier(asked: Asked) -> list[Answers]:
    """Genotypes of an earlier search that the algorithm begins with."""
    best: dict[str, Answers] = {}
    for trial in asked.warm.trials:
        best.setdefault(trial.fingerprint, trial.answers)
    return list(best.values())[:_WARM]
