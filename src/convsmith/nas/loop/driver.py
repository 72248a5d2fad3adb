"""The driver of a search: two arms at equal cost, the largest that fits, and the best few trained longer.

It knows nothing about training, nor about who trains. Each trial's random numbers depend only on the seed,
its arm and its place there, and everything that the clock decides is written down; so a search that was
interrupted goes on to the same end, and a plan repeats a search exactly. Of several workers none waits: a
proposal is made from the trials that are finished then, and noted before it is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from convsmith.errors import BadInput, ConvsmithError

from ..algorithms import ALGORITHMS
from ..budget.fitting import fit_to_budget, largest_that_fits
from ..choose import Answers
from ..lesson import LessonTask
from ..proposal import Proposal
from ..space.options import SpaceError
from ..trial import propose, random_numbers
from ..workers.protocol import Outcome
from . import pace
from .arms import LARGEST, RANDOM, SHARED, Arms, Turns
from .asked import EPOCHS, Asked
from .search_result import Found
from .settled import Settled, settle
from .store import Trial
from .trainings import Trainings


def drive(asked: Asked) -> Found:
    """The whole search."""
    asked.must_be_planned()
    return Driver(asked, settle(asked)).run()


class Driver:
    """One search under way: whose turn it is, who trains, and which trainings are done again for longer.

    Args:
        asked: what was asked for.
        settled: what stands before the first training.
    """

    def __init__(self, asked: Asked, settled: Settled) -> None:
        self.asked, self.settled = asked, settled
        self.arms = Arms(asked.names, asked.store.trials, asked.counts)
        self.trainings = Trainings(
            asked.space, asked.pool, self.arms, asked.store, budget=asked.budget, seed=asked.seed,
            latency_ms=asked.latency_ms, stop=asked.stop, progress=asked.progress, clock=asked.clock,
        )  # fmt: skip

    def run(self) -> Found:
        """The short trainings, the longer ones of the best few, and what came out."""
        self._teach()
        self._short_trainings(self.settled.epochs)
        final = self.asked.store.decide("final", self._choose_final)
        self.asked.progress({"event": "final", **final})
        finalists = {arm: self._best_first(arm)[: final["top"]] for arm in (*self.asked.names, LARGEST)}
        self._long_trainings(finalists, final["epochs"])
        return self._found(finalists, final["epochs"])

    def _teach(self) -> None:
        """The lesson of an algorithm that learns first; its time counts as its arm's.

        Other workers train the other arms meanwhile.
        """
        asked, settled = self.asked, self.settled
        if asked.lesson is None:
            return
        for line in asked.store.learnt:
            self._learn(line)
        if asked.store.learnt:
            return
        seconds = None
        if asked.ask.seconds is not None:
            share = pace.LESSON_SHARE / (len(asked.names) if asked.pool.slots == 1 else 1)
            seconds = max(1.0, share * pace.FIRST_SHARE * asked.clock.left)
        task = LessonTask(
            asked.lesson, asked.space, settled.limits, settled.anchor, settled.expected_ms, asked.seed,
            steps=asked.store.plan.get("lesson"), seconds=seconds, folder=asked.store.folder,
            tell=lambda record: asked.progress({"event": "learning", **record}),
        )  # fmt: skip
        asked.progress({"event": "lesson_begins", "algorithm": asked.algorithm, "seconds": seconds})

        def learnt(outcome: Outcome) -> None:
            if outcome.learnt is None:
                last = (outcome.error or "nothing came").strip().splitlines()[-1]
                raise ConvsmithError(f"algorithm '{asked.algorithm}': its lesson failed: {last}")
            line = asked.store.learn({**outcome.learnt, "at": asked.clock.elapsed})
            asked.store.decide("lesson", lambda: line["steps"])
            self._learn(line)
            asked.progress({"event": "learnt", **line})

        self.trainings.teach(task, learnt)

    def _learn(self, line: dict[str, Any]) -> None:
        asked = self.asked
        self.arms.seen[asked.algorithm].learn(line)
        self.arms.charge(asked.algorithm, line["seconds"])

    def _short_trainings(self, epochs: int) -> None:
        asked = self.asked
        population = asked.settings.get("population")
        turns = Turns(
            self.arms, asked.store, asked.ask, asked.clock,
            population=population if isinstance(population, int) else 0,
            largest=bool(asked.baselines and self.settled.limits.limits), slots=lambda: asked.pool.slots,
            comparable=lambda: self._affordable_final()["top"] > 0,
        )  # fmt: skip
        lost = [line for line in asked.store.proposed if line["rung"] == 0 and not self._is_done(line)]
        for line in lost:  # a worker had them when everything ended
            size = None if line["size"] is None else (line["size"][0], line["size"][1])
            proposal = Proposal(line["answers"], line["epochs"], size)
            self.trainings.wait_for_room()
            self.trainings.begin(line["arm"], line["arm_index"], 0, epochs, proposal, noted=True)
        while True:
            arm = None
            planned = asked.store.plan.get("order")
            if planned is None:
                self.trainings.wait_for_room()  # whose turn it is may depend on what just came
                arm = turns.next(learning=self.trainings.is_teaching)
            elif len(self.arms.order) < len(planned):
                arm = planned[len(self.arms.order)]
            if arm == asked.algorithm and self.trainings.is_teaching:
                self.trainings.finish_one()
                continue
            if arm is None:
                if self.trainings.count:
                    self.trainings.finish_one()
                    continue
                asked.store.decide("order", lambda: list(self.arms.order))
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
        return self.asked.store.find((line["rung"], line["arm"], line["arm_index"])) is not None

    def _proposal(self, arm: str) -> Proposal | None:
        asked, settled = self.asked, self.settled
        place = self.arms.place(arm)
        rng = random_numbers(asked.seed, arm, place)
        if arm == LARGEST:
            try:
                largest = largest_that_fits(
                    asked.space, settled.limits, rng, latency_ms=asked.latency_ms, anchor=settled.anchor
                )
            except SpaceError:  # for some combination; the search goes on without this baseline
                return None
            return Proposal(largest)
        method: Callable[..., Answers | Proposal] = ALGORITHMS[RANDOM]
        if arm == asked.algorithm:
            if place < len(settled.warm_answers):
                proposal = self._warm(settled.warm_answers[place], rng)
                if not self.arms.seen[arm].of(asked.space.graph(proposal.answers).fingerprint):
                    return proposal
            settings = dict(asked.settings)
            # The clock may have cut the beginning short.
            if isinstance(settings.get("population"), int) and len(asked.names) > 1:
                settings["population"] = max(2, asked.store.plan["shared"])
            method = partial(ALGORITHMS.find(arm), **settings)
        seen = self.arms.seen[asked.names[-1] if arm == SHARED else arm]
        return propose(
            settled.within,
            method,
            seen,
            rng,
            budget=settled.limits,
            latency_ms=asked.latency_ms,
            anchor=settled.anchor,
        )

    def _warm(self, answers: Answers, rng: Any) -> Proposal:
        """The genotype of another search as one of this space that keeps this budget."""
        asked, settled = self.asked, self.settled
        completed = asked.space.complete(answers, rng)
        return Proposal(
            fit_to_budget(
                asked.space,
                completed,
                settled.limits,
                rng,
                latency_ms=asked.latency_ms,
                anchor=settled.anchor,
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
        asked = self.asked
        if asked.ask.seconds is None:
            return {"top": asked.ask.top, "epochs": (asked.ask.epochs or EPOCHS)[1]}
        return self._affordable_final() | ({"epochs": asked.ask.epochs[1]} if asked.ask.epochs else {})

    def _affordable_final(self) -> dict[str, Any]:
        asked = self.asked
        largest = next(iter(self._best_first(LARGEST)), None)
        return pace.final_rung(
            asked.clock.left, [self._best_first(arm) for arm in asked.names], largest,
            full=asked.space.input_shape[:2], slots=asked.pool.slots,
        )  # fmt: skip

    def _long_trainings(self, finalists: dict[str, list[Trial]], epochs: int) -> None:
        """Each finalist once, the best of every arm first; the clock may only cut what comes after those."""
        asked = self.asked
        unique: dict[str, Trial] = {}
        for place in range(max(map(len, finalists.values()))):
            for trials in finalists.values():
                if place < len(trials):
                    unique.setdefault(trials[place].fingerprint, trials[place])
        planned, done = asked.store.plan.get("finalists", len(unique)), 0
        for trial in list(unique.values())[:planned]:
            known = asked.store.find((1, trial.arm, trial.arm_index))
            if known is None or known.epochs != epochs:
                self.trainings.wait_for_room()
                predicted = pace.seconds_of_epoch(trial, asked.space.input_shape[:2]) * epochs
                late = asked.clock.left < 0.5 * predicted and "finalists" not in asked.store.plan
                if late and done >= len(finalists):
                    break
                self.trainings.begin(trial.arm, trial.arm_index, 1, epochs, Proposal(trial.answers))
            done += 1
        while self.trainings.running:
            self.trainings.finish_one()
        asked.store.decide("finalists", lambda: done)

    def _found(self, finalists: dict[str, list[Trial]], epochs: int) -> Found:
        asked = self.asked
        ok = [one for one in asked.store.trials if one.status == "ok" and asked.counts(one)]
        if not ok:
            why = next(
                (one.error.strip().splitlines()[-1] for one in asked.store.trials if one.error), "none"
            )
            raise ConvsmithError(f"search: none of {len(asked.store.trials)} trials worked; the first: {why}")
        longer = {trial.fingerprint: trial for trial in ok if trial.rung == 1 and trial.epochs == epochs}
        winners = {}
        for arm, trials in finalists.items():
            trained = [longer[trial.fingerprint] for trial in trials if trial.fingerprint in longer]
            candidates = trained or self._best_first(arm)
            if candidates:
                winners[arm] = min(candidates, key=lambda one: one.rank)
        best = min(longer.values() or ok, key=lambda one: one.rank)
        training = {
            arm: sum(one.seconds for one in asked.store.trials if one.rung == 0 and one.arm in (SHARED, arm))
            for arm in asked.names
        }
        training[asked.algorithm] += sum(line["seconds"] for line in asked.store.learnt)
        asked.store.write_plan(whole=True)
        asked.progress({"event": "end", "best": best, "elapsed": asked.clock.elapsed})
        graph, plan = asked.space.graph(best.answers), asked.store.whole_plan()
        return Found(best, graph, winners, asked.store.trials, plan, asked.clock.elapsed, training)
