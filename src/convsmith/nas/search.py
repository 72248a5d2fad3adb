"""Search: the best network of a space within a hard budget, with its baselines at equal cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from convsmith.errors import BadInput
from convsmith.ledger.budget import Budget, Latency
from convsmith.runs import Run

from .choose import Space
from .lesson import check_lesson
from .loop.arms import Ask
from .loop.asked import Asked
from .loop.driver import drive
from .loop.pace import PacingClock
from .loop.search_result import Found, Warm
from .loop.store import Store
from .loop.trainings import Progress
from .settings import check_settings, lesson_of, settings_of
from .workers.protocol import Evaluate, Here, Pool, Stop


def search(
    space: Space,
    evaluate: Evaluate | Pool,
    *,
    budget: Budget | None = None,
    algorithm: str = "auto",
    options: dict[str, Any] | None = None,
    baselines: bool = True,
    seconds: float | None = None,
    trials: int | None = None,
    epochs: tuple[int, int] | None = None,
    fewest_epochs: int = 4,
    top: int = 3,
    seed: int = 0,
    latency_ms: Latency | None = None,
    stop: Stop | None = None,
    warm: Warm | None = None,
    run: Run | None = None,
    plan: dict[str, Any] | None = None,
    progress: Progress | None = None,
    now: Callable[[], float] = time.monotonic,
) -> Found:
    """Search a space for the network with the best validation score that keeps the budget.

    Args:
        space: where to search.
        evaluate: trains a network from scratch: ``evaluate(graph, epochs=3, seed=7) -> Evaluation``; or a
            `Pool` of workers that do, such as `nas.workers.processes.Processes`.
        budget: hard limits; nothing over them is ever evaluated.
        algorithm: a name in `ALGORITHMS`.
        options: the algorithm's own settings.
        baselines: also run random search at the same cost, and the largest network that fits.
        seconds: for the whole search; epochs and numbers of trials follow from it.
        trials: of the algorithm; random search gets as many. One of `seconds` and `trials` is given, or
            both: then what is reached first ends the short trainings.
        epochs: of the short trainings and of the finalists'; (6, 24) without a clock.
        fewest_epochs: of the short trainings that the clock may choose; enough that they say something.
        top: how many finalists of each arm, without a clock.
        seed: of every random number.
        latency_ms: measures a network in milliseconds; needed when latency is limited.
        stop: ``(curve, epochs, history) -> bool``: whether a short training with this learning curve need
            not go on; None trains all to the end.
        warm: the trials of an earlier search: what the algorithm tries first, or, where their scores mean the
            same, has tried already.
        run: the run folder that keeps the trials; the same search on it goes on where it stopped.
        plan: decisions to repeat, from an earlier search's `Found.plan` or plan.json.
        progress: called with a dict at each step: {"event": "feasible" | "pace" | "trial_begins" |
            "trial" | "final" | "end", ...}; of an algorithm that learns first also "lesson_begins",
            "learning" and "learnt".
        now: the clock, in seconds.

    Returns:
        The best of all, and the baselines.

    Raises:
        Infeasible: no network of the space keeps the budget; said before anything is trained.
        BadInput: neither seconds nor trials, a wrong setting, or the plan of another search.
        ConvsmithError: every trial failed.

    Example:
        >>> from convsmith.nas.spaces import space
        >>> from convsmith.nas.workers.protocol import Evaluation
        >>> def evaluate(graph, *, epochs, seed):  # trains nothing: deeper is better, up to a point
        ...     return Evaluation(score=1 / (1 + abs(len(graph) - 20)), seconds=0.1)
        >>> found = search(space("stages", (8, 8, 1), 10), evaluate, budget=Budget(params=20_000), trials=12)
        >>> found.best.score >= found.winners["random"].score, found.graph.params <= 20_000
        (True, True)
    """
    ask = Ask(seconds, trials, epochs, fewest_epochs, top)
    ask.check()
    if budget is not None and budget.latency_ms is not None and latency_ms is None:
        came = "nothing here measures latency"
        raise BadInput("--max-latency-ms", came, "a function from a Graph to milliseconds", "latency_ms=...")
    settings = settings_of(algorithm, options or {})
    if options:
        check_settings(algorithm, settings)
    lesson = lesson_of(algorithm, settings)
    if lesson is not None:
        check_lesson(lesson, space, budget or Budget())
    store = Store(run, plan)
    pool = evaluate if isinstance(evaluate, Pool) else Here(evaluate)
    asked = Asked(
        space, pool, budget=budget or Budget(), algorithm=algorithm, settings=settings,
        baselines=baselines, ask=ask, seed=seed, store=store, latency_ms=store.remembering(latency_ms),
        stop=stop, warm=warm or Warm(), lesson=lesson, progress=progress or (lambda event: None),
        clock=PacingClock(seconds, store.at, now),
    )  # fmt: skip
    try:
        return drive(asked)
    finally:
        pool.close()
