"""What a search did and decided, which together is its state.

trials.jsonl holds the finished trials, learnt.jsonl what algorithms learnt before they proposed,
proposed.jsonl what several workers were given (what one worker was given follows from the rest),
latency.jsonl what was measured, plan.json what was decided.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.ledger.budget import Latency
from convsmith.runs import Run, to_json

from ..choose import Answers

TRIALS, PROPOSED, LATENCIES, PLAN = "trials.jsonl", "proposed.jsonl", "latency.jsonl", "plan.json"
LEARNT = "learnt.jsonl"
Status = Literal["ok", "failed", "over_budget"]
Key = tuple[int, str, int]
_LATER = ("size", "curve")  # fields that trials of earlier versions lack


@dataclass(frozen=True)
class Trial:
    """One evaluated genotype, a line of trials.jsonl.

    Args:
        index: its place in the file, from 0.
        arm: who proposed it: "largest", "shared" (the random beginning of both arms), the algorithm's
            name, or "random".
        arm_index: its place in its arm, from 0.
        rung: 0 for the short training, 1 for the longer one of the best few.
        epochs: how long it was trained; fewer than asked for where its learning curve ended it.
        seed: of its training.
        answers: the genotype.
        fingerprint: of its Graph.
        status: "ok"; "failed" (it raised, or its score was not a number); "over_budget" (never trained).
        score: validation accuracy, 0 to 1; None unless ok.
        loss: validation loss, where the evaluation gives one.
        params, macs, bytes, memory, latency_ms: what it costs; latency_ms None when it was not measured.
        seconds: of training.
        at: seconds of the whole search when it ended.
        error: what it failed with, with the traceback.
        more: what else the evaluation tells.
        size: rows and columns of the images that it was trained on, where not those of the space.
        curve: validation score after each epoch, where it was watched.
    """

    index: int
    arm: str
    arm_index: int
    rung: int
    epochs: int
    seed: int
    answers: Answers
    fingerprint: str
    status: Status
    score: float | None
    loss: float | None
    params: int
    macs: int | None
    bytes: int
    memory: int
    latency_ms: float | None
    seconds: float
    at: float
    error: str | None = None
    more: dict[str, Any] = field(default_factory=dict)
    size: list[int] | None = None
    curve: list[float] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """What it is, whenever it runs: rung, arm, place in the arm."""
        return self.rung, self.arm, self.arm_index

    @property
    def rank(self) -> tuple[float, float, float, int]:
        """Sorts the best first: score, then lower loss, then fewer multiply-adds, then the earlier."""
        score = -1.0 if self.score is None else self.score
        is_known = self.loss is not None and math.isfinite(self.loss)  # JSON has no NaN
        loss = float(self.loss or 0) if is_known else math.inf
        return -score, loss, self.macs or 0, self.index

    def to_json(self) -> dict[str, Any]:
        """The line of trials.jsonl."""
        return {name.name: getattr(self, name.name) for name in fields(self)}

    @classmethod
    def from_json(cls, line: dict[str, Any]) -> Trial:
        """The trial of a line; raises BadInput for a line that is none."""
        try:
            names = [name.name for name in fields(cls)]
            return cls(**{name: line[name] for name in names if name in line or name not in _LATER})
        except (KeyError, TypeError) as error:
            raise BadInput(
                TRIALS, f"a line that is no trial ({error})", "lines as convsmith writes them"
            ) from None


class Store:
    """The state of one search, in a run folder or, without one, in memory.

    Args:
        run: the run folder, locked by this process; None keeps everything in memory.
        plan: decisions to repeat, as an earlier search wrote them in plan.json; what the run folder
            already holds goes before.
    """

    def __init__(self, run: Run | None = None, plan: dict[str, Any] | None = None) -> None:
        self._run = run
        self.trials: list[Trial] = []
        self.proposed: list[dict[str, Any]] = []
        self.learnt: list[dict[str, Any]] = []
        self.plan: dict[str, Any] = json.loads(to_json(plan or {}))
        self._latencies: dict[str, float] = dict(self.plan.pop("latencies_ms", {}))
        if run is not None:
            self.trials = [Trial.from_json(line) for line in run.lines(TRIALS)]
            self.proposed = run.lines(PROPOSED)
            self.learnt = run.lines(LEARNT)
            for line in run.lines(LATENCIES):
                self._latencies[line["fingerprint"]] = line["latency_ms"]
            if run.has(PLAN):
                held = run.read_json(PLAN)
                self._latencies |= held.pop("latencies_ms", {})
                self.plan |= held
        self._by_key = {trial.key: trial for trial in self.trials}

    def add(self, trial: Trial) -> None:
        """Keep a finished trial; when this returns it is on the disk."""
        self.trials.append(trial)
        self._by_key[trial.key] = trial
        if self._run is not None:
            self._run.append(TRIALS, trial.to_json())

    def note(self, proposed: dict[str, Any]) -> None:
        """Keep what a worker is about to train, so that it is trained again should everything end."""
        self.proposed.append(proposed)
        if self._run is not None:
            self._run.append(PROPOSED, proposed)

    @property
    def at(self) -> float:
        """Seconds of the search when the last thing that it keeps ended."""
        last = [self.trials[-1].at] if self.trials else []
        return max([0.0, *last, *(line["at"] for line in self.learnt)])

    @property
    def folder(self) -> Path | None:
        """The run folder; None in memory."""
        return None if self._run is None else self._run.path

    def learn(self, line: dict[str, Any]) -> dict[str, Any]:
        """Keep what came of a lesson; it comes back as it will be read again."""
        kept: dict[str, Any] = json.loads(to_json(line))
        self.learnt.append(kept)
        if self._run is not None:
            self._run.append(LEARNT, kept)
        return kept

    def find(self, key: Key) -> Trial | None:
        """The newest trial with this key that is finished."""
        return self._by_key.get(key)

    def decide(self, name: str, make: Callable[[], Any]) -> Any:
        """The decision of that name: the one in the plan, or made now and written there."""
        if name not in self.plan:
            self.plan[name] = json.loads(to_json(make()))
            self.write_plan()
        return self.plan[name]

    def write_plan(self, *, whole: bool = False) -> None:
        """Write plan.json; `whole` adds the latencies measured, so that the plan repeats a search exactly."""
        if self._run is not None:
            self._run.write_json(PLAN, self.whole_plan() if whole else self.plan)

    def whole_plan(self) -> dict[str, Any]:
        """Every decision and every latency measured: what `search(plan=...)` takes to repeat it exactly."""
        return {**self.plan, "latencies_ms": dict(self._latencies)} if self._latencies else dict(self.plan)

    def remembering(self, latency_ms: Latency | None) -> Latency | None:
        """The same measurement, but each network is measured once and for all, across resumes."""
        if latency_ms is None:
            return None

        def remembered(graph: Graph) -> float:
            known = self._latencies.get(graph.fingerprint)
            if known is None:
                known = float(latency_ms(graph))
                self._latencies[graph.fingerprint] = known
                if self._run is not None:
                    line = {"fingerprint": graph.fingerprint, "latency_ms": known}
                    self._run.append(LATENCIES, line)
            return known

        return remembered
