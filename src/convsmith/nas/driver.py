"""The driver of a search: two arms at equal cost, the largest that fits, and the best few trained longer.

It knows nothing about training. Each trial's random numbers depend only on the seed, its arm and its place
there, and everything that the clock decides is written down; so a search that was interrupted goes on to
the same end, and a plan repeats a search exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from convsmith.errors import BadInput, ConvsmithError
from convsmith.graph import Graph
from convsmith.runs import CannotWrite

from . import pace
from .algorithms import ALGORITHMS
from .budget import Budget, Latency
from .choose import Answers, Space
from .fit import Infeasible, ensure_feasible, largest_that_fits
from .probe import measure
from .store import Store, Trial
from .trial import Evaluate, propose, random_numbers, run_trial
from .within import Within

LARGEST, SHARED, RANDOM = "largest", "shared", "random"
_HOPELESS = 20  # failures in a row that end an arm
_EPOCHS = (6, 24)

Progress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Found:
    """What a search found.

    Args:
        best: the best trial of all, by validation, among those trained longest.
        graph: its network.
        winners: the best trial of each arm, all trained for the same epochs: the algorithm's, and the
            baselines "random" and "largest"; an arm without a trial that worked is absent.
        trials: every trial, in order.
        plan: every decision: ``search(plan=...)`` repeats this search exactly.
        seconds: that the search took, interruptions not counted.
        training_seconds: of the short trainings, by arm; the shared beginning counts for both.
    """

    best: Trial
    graph: Graph
    winners: dict[str, Trial]
    trials: list[Trial]
    plan: dict[str, Any]
    seconds: float
    training_seconds: dict[str, float]


@dataclass(frozen=True)
class Ask:
    """How much to search; the arguments of `search` of the same names."""

    seconds: float | None
    trials: int | None
    epochs: tuple[int, int] | None
    fewest_epochs: int
    top: int

    def check(self) -> None:
        """Raises BadInput for what cannot be."""
        if self.seconds is None and self.trials is None:
            raise BadInput("search", "neither seconds nor trials", "one of them", "seconds=120")
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise BadInput("search seconds", f"came {self.seconds!r}", "more than 0", "seconds=120")
        counts = {"trials": self.trials, "top": self.top, "fewest_epochs": self.fewest_epochs}
        counts |= {"epochs": min(self.epochs)} if self.epochs else {}
        for name, value in counts.items():
            if value is not None and value < 1:
                raise BadInput(f"search {name}", f"came {value!r}", "at least 1", f"{name}=10")


class Driver:
    """One search under way. What matters is in `store`; the rest follows from the arguments of `search`."""

    def __init__(
        self,
        space: Space,
        evaluate: Evaluate,
        *,
        budget: Budget,
        algorithm: str,
        settings: dict[str, Any],
        baselines: bool,
        ask: Ask,
        seed: int,
        store: Store,
        latency_ms: Latency | None,
        progress: Progress,
        clock: pace.Clock,
    ) -> None:
        self.space, self.evaluate, self.budget, self.ask, self.seed = space, evaluate, budget, ask, seed
        self.algorithm, self.settings, self.baselines = algorithm, settings, baselines
        self.store, self.latency_ms, self.progress, self.clock = store, latency_ms, progress, clock
        self.arms = [algorithm, RANDOM] if baselines and algorithm != RANDOM else [algorithm]

    def run(self) -> Found:
        """The whole search."""
        self._must_be_same_search()
        rng = random_numbers(self.seed, "feasible")
        self.space.check(rng)
        self.anchor = ensure_feasible(self.space, self.budget, rng, self.latency_ms)
        self.progress({"event": "feasible", "answers": self.anchor})
        first = self.store.decide("first", self._pace)
        self.progress({"event": "pace", **first})
        self.limits = self.budget
        if first["cap_macs"] is not None:
            capped = self.budget.capped(first["cap_macs"])
            try:
                self.anchor = ensure_feasible(self.space, capped, rng, self.latency_ms)
                self.limits = capped
            except Infeasible:
                pass  # the cap only keeps trainings short; the budget itself can be kept
        self.within = Within(self.space, self.limits, self.anchor, self.latency_ms)
        self._short_trainings(first["epochs"])
        final = self.store.decide("final", partial(self._choose_final, first["epochs"]))
        self.progress({"event": "final", **final})
        finalists = {arm: self._best_first(arm)[: final["top"]] for arm in (*self.arms, LARGEST)}
        self._long_trainings(finalists, final["epochs"])
        return self._found(finalists)

    def _must_be_same_search(self) -> None:
        of = {
            "space": self.space.name, "input_shape": list(self.space.input_shape),
            "classes": self.space.classes, "budget": self.budget.to_json(), "algorithm": self.algorithm,
            "settings": self.settings, "baselines": self.baselines, "seed": self.seed,
        }  # fmt: skip
        planned = self.store.decide("of", lambda: of)
        for name, value in of.items():
            if planned.get(name) != value:
                came = f"is of a search with {name} {planned.get(name)!r}"
                raise BadInput("plan", came, f"{name} {value!r}", "the same settings, or a new run")

    def _pace(self) -> dict[str, Any]:
        """Epochs of the short trainings; with a clock, from the time that one network takes."""
        epochs = (self.ask.epochs or _EPOCHS)[0]
        if self.ask.seconds is None:
            return {"epochs": epochs, "cap_macs": None}
        try:
            cost = measure(
                self.space, self.budget, self.evaluate, random_numbers(self.seed, "probe"),
                anchor=self.anchor, seconds=self.ask.seconds, seed=self.seed, latency_ms=self.latency_ms,
            )  # fmt: skip
        except CannotWrite:
            raise
        except Exception:  # the first trial fails in the same way, and is recorded with its traceback
            return {"epochs": epochs, "cap_macs": None}
        paced = pace.first_rung(self.clock.left, cost, self.ask.fewest_epochs)
        return paced | ({"epochs": epochs} if self.ask.epochs else {})

    def _of(self, arm: str) -> list[Trial]:
        return [trial for trial in self.store.trials if trial.arm == arm and trial.rung == 0]

    def _history(self, arm: str) -> list[Trial]:
        """What an arm has seen: the beginning that the arms share, then its own."""
        return self._of(SHARED) + self._of(arm) if arm in self.arms else self._of(arm)

    def _short_trainings(self, epochs: int) -> None:
        exhausted: set[str] = set()
        order = [trial.arm for trial in self.store.trials if trial.rung == 0]
        while True:
            planned = self.store.plan.get("order")
            if planned is not None and len(order) >= len(planned):
                return
            arm = planned[len(order)] if planned is not None else self._whose_turn(exhausted)
            if arm is None:
                self.store.decide("order", lambda: order)
                return
            answers = self._proposal(arm)
            if answers is not None:
                self._trial(arm, len(self._of(arm)), 0, epochs, answers)
                order.append(arm)
            elif planned is not None:
                raise BadInput(
                    "plan", f"asks '{arm}' for a trial that it cannot give", "this search's own plan"
                )
            else:
                exhausted.add(arm)

    def _whose_turn(self, exhausted: set[str]) -> str | None:
        """The arm of the next short training; None when they are over."""
        done = {arm: self._of(arm) for arm in (LARGEST, SHARED, *self.arms)}
        closed = exhausted | {arm for arm in done if _is_hopeless(done[arm])}
        if self.baselines and self.limits.limits and not done[LARGEST] and LARGEST not in closed:
            return LARGEST
        limit = self.ask.trials if self.ask.trials is not None else float("inf")
        until = None if self.ask.seconds is None else self.ask.seconds * pace.FIRST_SHARE
        if "shared" not in self.store.plan and SHARED not in closed:
            wanted = self.settings.get("population", 0) if len(self.arms) > 1 else 0
            spent = sum(trial.seconds for trial in done[SHARED])
            there_is_time = until is None or len(done[SHARED]) < 2 or spent < pace.PREFIX_SHARE * until
            if len(done[SHARED]) < min(wanted, limit) and there_is_time:
                return SHARED
        shared = self.store.decide("shared", lambda: len(done[SHARED]))
        if until is not None and all(shared + len(done[arm]) for arm in self.arms):
            times = [trial.seconds for trial in self.store.trials if trial.arm != LARGEST]
            if not pace.is_time_for_another(self.clock.elapsed, until, times):
                return None
        counts = {arm: float(len(done[arm])) for arm in self.arms}
        used = {arm: float(sum(trial.seconds for trial in done[arm])) for arm in self.arms}
        wanting = [arm for arm in self.arms if arm not in closed and shared + counts[arm] < limit]
        return pace.next_arm(used if until is not None else counts, counts, wanting) if wanting else None

    def _proposal(self, arm: str) -> Answers | None:
        rng = random_numbers(self.seed, arm, len(self._of(arm)))
        if arm == LARGEST:
            return largest_that_fits(
                self.space, self.limits, rng, latency_ms=self.latency_ms, anchor=self.anchor
            )
        method: Callable[..., Answers] = ALGORITHMS[RANDOM]
        if arm == self.algorithm:
            settings = dict(self.settings)
            if "population" in settings and len(self.arms) > 1:  # the clock may have cut the beginning short
                settings["population"] = max(2, self.store.plan["shared"])
            method = partial(ALGORITHMS[arm], **settings)
        history = self._history(arm)
        return propose(self.within, method, history, rng, budget=self.limits, latency_ms=self.latency_ms)

    def _trial(self, arm: str, place: int, rung: int, epochs: int, answers: Answers) -> None:
        index, graph = len(self.store.trials), self.space.graph(answers)
        self.progress({
            "event": "trial_begins", "index": index, "arm": arm, "rung": rung, "epochs": epochs,
            "params": graph.params, "macs": graph.macs, "elapsed": self.clock.elapsed,
        })  # fmt: skip
        trial = run_trial(
            self.space, answers, self.evaluate, index=index, arm=arm, arm_index=place, rung=rung,
            epochs=epochs, seed=self.seed, budget=self.budget, latency_ms=self.latency_ms,
            elapsed=lambda: self.clock.elapsed,
        )  # fmt: skip
        self.store.add(trial)
        self.progress({"event": "trial", "trial": trial, "elapsed": self.clock.elapsed})

    def _best_first(self, arm: str) -> list[Trial]:
        """The short trainings of an arm that worked, best first."""
        return sorted((one for one in self._history(arm) if one.status == "ok"), key=lambda one: one.rank)

    def _choose_final(self, short: int) -> dict[str, Any]:
        if self.ask.seconds is None:
            return {"top": self.ask.top, "epochs": (self.ask.epochs or _EPOCHS)[1]}
        largest = next(iter(self._best_first(LARGEST)), None)
        final = pace.final_rung(self.clock.left, [self._best_first(arm) for arm in self.arms], largest)
        return final | ({"epochs": self.ask.epochs[1]} if self.ask.epochs else {})

    def _long_trainings(self, finalists: dict[str, list[Trial]], epochs: int) -> None:
        """Each finalist once, the best of every arm first; the clock may only cut what comes after those."""
        unique: dict[str, Trial] = {}
        for place in range(max(map(len, finalists.values()))):
            for trials in finalists.values():
                if place < len(trials):
                    unique.setdefault(trials[place].fingerprint, trials[place])
        planned, done = self.store.plan.get("finalists", len(unique)), 0
        for trial in list(unique.values())[:planned]:
            if self.store.find((1, trial.arm, trial.arm_index)) is None:
                predicted = trial.seconds / trial.epochs * epochs
                late = self.clock.left < 0.5 * predicted and "finalists" not in self.store.plan
                if late and done >= len(finalists):
                    break
                self._trial(trial.arm, trial.arm_index, 1, epochs, trial.answers)
            done += 1
        self.store.decide("finalists", lambda: done)

    def _found(self, finalists: dict[str, list[Trial]]) -> Found:
        ok = [trial for trial in self.store.trials if trial.status == "ok"]
        if not ok:
            why = next((one.error.strip().splitlines()[-1] for one in self.store.trials if one.error), "none")
            raise ConvsmithError(f"search: none of {len(self.store.trials)} trials worked; the first: {why}")
        longer = {trial.fingerprint: trial for trial in ok if trial.rung == 1}
        winners = {}
        for arm, trials in finalists.items():
            trained = [longer[trial.fingerprint] for trial in trials if trial.fingerprint in longer]
            candidates = trained or self._best_first(arm)
            if candidates:
                winners[arm] = min(candidates, key=lambda one: one.rank)
        best = min(longer.values() or ok, key=lambda one: one.rank)
        training = {arm: sum(trial.seconds for trial in self._history(arm)) for arm in self.arms}
        self.store.write_plan(whole=True)
        self.progress({"event": "end", "best": best, "elapsed": self.clock.elapsed})
        graph, plan = self.space.graph(best.answers), self.store.whole_plan()
        return Found(best, graph, winners, self.store.trials, plan, self.clock.elapsed, training)


def _is_hopeless(trials: list[Trial]) -> bool:
    return len(trials) >= _HOPELESS and all(trial.status != "ok" for trial in trials[-_HOPELESS:])
