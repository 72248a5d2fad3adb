"""The driver of a search: two arms at equal cost, the largest that fits, and the best few trained longer.

It knows nothing about training, nor about who trains. Each trial's random numbers depend only on the seed,
its arm and its place there, and everything that the clock decides is written down; so a search that was
interrupted goes on to the same end, and a plan repeats a search exactly. Of several workers none waits: a
proposal is made from the trials that are finished then, and noted before it is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from convsmith.errors import BadInput, ConvsmithError
from convsmith.graph import Graph
from convsmith.ledger.budget import Budget, Latency
from convsmith.runs import CannotWrite

from ..algorithms import ALGORITHMS
from ..budget.fitting import Infeasible, ensure_feasible, fit_to_budget, largest_that_fits
from ..budget.forecast import Forecast, forecast
from ..choose import Answers, Space
from ..lesson import LessonTask
from ..proposal import Lesson, Proposal
from ..space.options import SpaceError
from ..trial import propose, random_numbers
from ..within import Within
from ..workers.protocol import Evaluation, Outcome, Pool, Stop
from . import pace
from .arms import EARLIER, LARGEST, RANDOM, SHARED, Arms, Ask, Turns
from .probe import measure
from .search_result import Found, Warm
from .store import Store, Trial
from .trainings import Progress, Trainings

_EPOCHS = (6, 24)

_WARM = 5  # networks of an earlier search that are tried first


class Driver:
    """One search under way. What matters is in `store`; the rest follows from the arguments of `search`."""

    def __init__(
        self,
        space: Space,
        pool: Pool,
        *,
        budget: Budget,
        algorithm: str,
        settings: dict[str, Any],
        baselines: bool,
        ask: Ask,
        seed: int,
        store: Store,
        latency_ms: Latency | None,
        stop: Stop | None,
        warm: Warm,
        lesson: Lesson | None,
        progress: Progress,
        clock: pace.PacingClock,
    ) -> None:
        self.space, self.pool, self.budget, self.ask, self.seed = space, pool, budget, ask, seed
        self.algorithm, self.settings, self.baselines = algorithm, settings, baselines
        self.store, self.latency_ms, self.progress, self.clock = store, latency_ms, progress, clock
        self.stop, self.warm, self.lesson = stop, warm, lesson
        self.names = [algorithm, RANDOM] if baselines and algorithm != RANDOM else [algorithm]

    def run(self) -> Found:
        """The whole search."""
        self._must_be_same_search()
        rng = random_numbers(self.seed, "feasible")
        self.space.check(rng)
        self.anchor = ensure_feasible(self.space, self.budget, rng, self.latency_ms)
        self.progress({"event": "feasible", "answers": self.anchor})
        self.expected_ms: Forecast | None = None
        if self.budget.latency_ms is not None and self.latency_ms is not None:
            # Candidates are looked at by the dozen: what is proposed is measured, the others are not.
            made = partial(forecast, self.space, self.budget, anchor=self.anchor, latency_ms=self.latency_ms)
            numbers = random_numbers(self.seed, "forecast")
            self.expected_ms = Forecast(**self.store.decide("forecast", lambda: made(numbers).to_json()))
        first = self.store.decide("first", self._pace)
        self.progress({"event": "pace", **first})
        self.limits = self.budget
        if first.get("cap_effort"):
            capped = self.budget.within_effort(first["cap_effort"])
            try:
                self.anchor = ensure_feasible(self.space, capped, rng, self.latency_ms)
                self.limits = capped
            except Infeasible:
                pass  # the cap only keeps trainings short; the budget itself can be kept
        if self.expected_ms is not None and self.budget.latency_ms is not None:
            # The anchor may have become another one, and the limit lower than when the forecast was made.
            kept = self.space.graph(self.anchor)
            self.expected_ms = self.expected_ms.keeping(self.budget.latency_ms, kept)
        self.within = Within(self.space, self.limits, self.anchor, self.expected_ms)
        self._take_earlier(first["epochs"])
        self.warm_answers = self.store.decide("warm", self._best_earlier) if self.warm.trials else []
        self.arms = Arms(self.names, self.store.trials, self._counts)
        self.trainings = Trainings(
            self.space, self.pool, self.arms, self.store, budget=self.budget, seed=self.seed,
            latency_ms=self.latency_ms, stop=self.stop, progress=self.progress, clock=self.clock,
        )  # fmt: skip
        self._teach()
        self._short_trainings(first["epochs"])
        final = self.store.decide("final", self._choose_final)
        self.progress({"event": "final", **final})
        finalists = {arm: self._best_first(arm)[: final["top"]] for arm in (*self.names, LARGEST)}
        self._long_trainings(finalists, final["epochs"])
        return self._found(finalists, final["epochs"])

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

    def _counts(self, trial: Trial) -> bool:
        """Whether a trial keeps the budget, which may have been another one when it was trained."""
        if "reopened" not in self.store.plan or trial.status != "ok":
            return True
        return self.budget.check(self.space.graph(trial.answers), self.latency_ms).kept

    def _pace(self) -> dict[str, Any]:
        """Epochs of the short trainings; with a clock, from the time that one network takes."""
        epochs = (self.ask.epochs or _EPOCHS)[0]
        if self.ask.seconds is None:
            return {"epochs": epochs, "cap_effort": None}
        probes: list[dict[str, Any]] = []

        def timed(graph: Graph, /, *, epochs: int, seed: int) -> Evaluation:
            found = self.pool.evaluate(graph, epochs=epochs, seed=seed)
            figures = self.budget.figures(graph)
            probes.append({"fingerprint": graph.fingerprint, **figures, "seconds": found.seconds})
            return found

        try:
            cost = measure(
                self.space, self.budget, timed, random_numbers(self.seed, "probe"),
                anchor=self.anchor, seconds=self.ask.seconds, seed=self.seed, latency_ms=self.latency_ms,
                expected_ms=self.expected_ms,
            )  # fmt: skip
        except CannotWrite:
            raise
        except Exception:  # the first trial fails in the same way, and is recorded with its traceback
            return {"epochs": epochs, "cap_effort": None}
        paced = pace.first_rung(self.clock.left * self.pool.slots, cost, self.ask.fewest_epochs)
        return paced | ({"epochs": epochs} if self.ask.epochs else {}) | {"probes": probes}

    def _take_earlier(self, epochs: int) -> None:
        """Trials of an earlier search whose scores mean the same here become trials of this one."""
        if not self.warm.same:
            return
        alike = [one for one in self.warm.trials if (one.rung, one.epochs, one.size) == (0, epochs, None)]
        known = {one.index: replace(one, answers=self.space.complete(one.answers)) for one in alike}

        def fits(trial: Trial) -> bool:
            graph = self.space.graph(trial.answers)
            is_same = graph.fingerprint == trial.fingerprint
            return is_same and self.limits.check(graph, self.latency_ms).kept

        taken = self.store.decide("earlier", lambda: [index for index in sorted(known) if fits(known[index])])
        for place, of in enumerate(taken):  # decided at once: whoever was interrupted here takes the rest
            if of in known and self.store.find((0, EARLIER, place)) is None:
                index = len(self.store.trials)
                self.store.add(replace(known[of], index=index, arm=EARLIER, arm_index=place, at=0.0))

    def _best_earlier(self) -> list[Answers]:
        """Genotypes of an earlier search that the algorithm begins with."""
        best: dict[str, Answers] = {}
        for trial in self.warm.trials:
            best.setdefault(trial.fingerprint, trial.answers)
        return list(best.values())[:_WARM]

    def _teach(self) -> None:
        """The lesson of an algorithm that learns first; its time counts as its arm's.

        Other workers train the other arms meanwhile.
        """
        if self.lesson is None:
            return
        for line in self.store.learnt:
            self._learn(line)
        if self.store.learnt:
            return
        seconds = None
        if self.ask.seconds is not None:
            share = pace.LESSON_SHARE / (len(self.names) if self.pool.slots == 1 else 1)
            seconds = max(1.0, share * pace.FIRST_SHARE * self.clock.left)
        task = LessonTask(
            self.lesson, self.space, self.limits, self.anchor, self.expected_ms, self.seed,
            steps=self.store.plan.get("lesson"), seconds=seconds, folder=self.store.folder,
            tell=lambda record: self.progress({"event": "learning", **record}),
        )  # fmt: skip
        self.progress({"event": "lesson_begins", "algorithm": self.algorithm, "seconds": seconds})

        def learnt(outcome: Outcome) -> None:
            if outcome.learnt is None:
                last = (outcome.error or "nothing came").strip().splitlines()[-1]
                raise ConvsmithError(f"algorithm '{self.algorithm}': its lesson failed: {last}")
            line = self.store.learn({**outcome.learnt, "at": self.clock.elapsed})
            self.store.decide("lesson", lambda: line["steps"])
            self._learn(line)
            self.progress({"event": "learnt", **line})

        self.trainings.teach(task, learnt)

    def _learn(self, line: dict[str, Any]) -> None:
        self.arms.seen[self.algorithm].learn(line)
        self.arms.charge(self.algorithm, line["seconds"])

    def _short_trainings(self, epochs: int) -> None:
        population = self.settings.get("population")
        turns = Turns(
            self.arms, self.store, self.ask, self.clock,
            population=population if isinstance(population, int) else 0,
            largest=bool(self.baselines and self.limits.limits), slots=lambda: self.pool.slots,
            comparable=lambda: self._affordable_final()["top"] > 0,
        )  # fmt: skip
        lost = [line for line in self.store.proposed if line["rung"] == 0 and not self._is_done(line)]
        for line in lost:  # a worker had them when everything ended
            size = None if line["size"] is None else (line["size"][0], line["size"][1])
            proposal = Proposal(line["answers"], line["epochs"], size)
            self.trainings.wait_for_room()
            self.trainings.begin(line["arm"], line["arm_index"], 0, epochs, proposal, noted=True)
        while True:
            arm = None
            planned = self.store.plan.get("order")
            if planned is None:
                self.trainings.wait_for_room()  # whose turn it is may depend on what just came
                arm = turns.next(learning=self.trainings.is_teaching)
            elif len(self.arms.order) < len(planned):
                arm = planned[len(self.arms.order)]
            if arm == self.algorithm and self.trainings.is_teaching:
                self.trainings.finish_one()
                continue
            if arm is None:
                if self.trainings.count:
                    self.trainings.finish_one()
                    continue
                self.store.decide("order", lambda: list(self.arms.order))
                return
            self.trainings.wait_for_room()
            new = self._proposal(arm)
            if new is not None:
                self.trainings.begin(arm, self.arms.place(arm), 0, epochs, new)
            elif planned is not None:
                raise BadInput(
                    "plan", f"asks '{arm}' for a trial that it cannot give", "this search's own plan"
                )
            else:
                turns.exhausted.add(arm)

    def _is_done(self, line: dict[str, Any]) -> bool:
        return self.store.find((line["rung"], line["arm"], line["arm_index"])) is not None

    def _proposal(self, arm: str) -> Proposal | None:
        place = self.arms.place(arm)
        rng = random_numbers(self.seed, arm, place)
        if arm == LARGEST:
            try:
                largest = largest_that_fits(
                    self.space, self.limits, rng, latency_ms=self.latency_ms, anchor=self.anchor
                )
            except SpaceError:  # for some combination; the search goes on without this baseline
                return None
            return Proposal(largest)
        method: Callable[..., Answers | Proposal] = ALGORITHMS[RANDOM]
        if arm == self.algorithm:
            if place < len(self.warm_answers):
                proposal = self._warm(self.warm_answers[place], rng)
                if not self.arms.seen[arm].of(self.space.graph(proposal.answers).fingerprint):
                    return proposal
            settings = dict(self.settings)
            # The clock may have cut the beginning short.
            if isinstance(settings.get("population"), int) and len(self.names) > 1:
                settings["population"] = max(2, self.store.plan["shared"])
            method = partial(ALGORITHMS.find(arm), **settings)
        seen = self.arms.seen[self.names[-1] if arm == SHARED else arm]
        return propose(
            self.within, method, seen, rng, budget=self.limits, latency_ms=self.latency_ms, anchor=self.anchor
        )

    def _warm(self, answers: Answers, rng: Any) -> Proposal:
        """The genotype of another search as one of this space that keeps this budget."""
        completed = self.space.complete(answers, rng)
        return Proposal(
            fit_to_budget(
                self.space, completed, self.limits, rng, latency_ms=self.latency_ms, anchor=self.anchor
            )
        )

    def _best_first(self, arm: str) -> list[Trial]:
        """The short trainings of an arm that worked, each network once, best first."""
        seen = [trial for trial in self.arms.seen[arm].trials if trial.status == "ok"]
        if arm == LARGEST:
            seen = seen[-1:]  # with another budget it was another network
        best: dict[str, Trial] = {}
        for trial in sorted(seen, key=lambda one: one.rank):
            best.setdefault(trial.fingerprint, trial)
        return list(best.values())

    def _choose_final(self) -> dict[str, Any]:
        if self.ask.seconds is None:
            return {"top": self.ask.top, "epochs": (self.ask.epochs or _EPOCHS)[1]}
        return self._affordable_final() | ({"epochs": self.ask.epochs[1]} if self.ask.epochs else {})

    def _affordable_final(self) -> dict[str, Any]:
        largest = next(iter(self._best_first(LARGEST)), None)
        return pace.final_rung(
            self.clock.left, [self._best_first(arm) for arm in self.names], largest,
            full=self.space.input_shape[:2], slots=self.pool.slots,
        )  # fmt: skip

    def _long_trainings(self, finalists: dict[str, list[Trial]], epochs: int) -> None:
        """Each finalist once, the best of every arm first; the clock may only cut what comes after those."""
        unique: dict[str, Trial] = {}
        for place in range(max(map(len, finalists.values()))):
            for trials in finalists.values():
                if place < len(trials):
                    unique.setdefault(trials[place].fingerprint, trials[place])
        planned, done = self.store.plan.get("finalists", len(unique)), 0
        for trial in list(unique.values())[:planned]:
            known = self.store.find((1, trial.arm, trial.arm_index))
            if known is None or known.epochs != epochs:
                self.trainings.wait_for_room()
                predicted = pace.seconds_of_epoch(trial, self.space.input_shape[:2]) * epochs
                late = self.clock.left < 0.5 * predicted and "finalists" not in self.store.plan
                if late and done >= len(finalists):
                    break
                self.trainings.begin(trial.arm, trial.arm_index, 1, epochs, Proposal(trial.answers))
            done += 1
        while self.trainings.running:
            self.trainings.finish_one()
        self.store.decide("finalists", lambda: done)

    def _found(self, finalists: dict[str, list[Trial]], epochs: int) -> Found:
        ok = [one for one in self.store.trials if one.status == "ok" and self._counts(one)]
        if not ok:
            why = next((one.error.strip().splitlines()[-1] for one in self.store.trials if one.error), "none")
            raise ConvsmithError(f"search: none of {len(self.store.trials)} trials worked; the first: {why}")
        longer = {trial.fingerprint: trial for trial in ok if trial.rung == 1 and trial.epochs == epochs}
        winners = {}
        for arm, trials in finalists.items():
            trained = [longer[trial.fingerprint] for trial in trials if trial.fingerprint in longer]
            candidates = trained or self._best_first(arm)
            if candidates:
                winners[arm] = min(candidates, key=lambda one: one.rank)
        best = min(longer.values() or ok, key=lambda one: one.rank)
        training = {
            arm: sum(one.seconds for one in self.store.trials if one.rung == 0 and one.arm in (SHARED, arm))
            for arm in self.names
        }
        training[self.algorithm] += sum(line["seconds"] for line in self.store.learnt)
        self.store.write_plan(whole=True)
        self.progress({"event": "end", "best": best, "elapsed": self.clock.elapsed})
        graph, plan = self.space.graph(best.answers), self.store.whole_plan()
        return Found(best, graph, winners, self.store.trials, plan, self.clock.elapsed, training)
