"""Step 2: the search, with every candidate checked against the whole budget before it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...reports.words import arm as arm_name
from ...reports.words import listed
from ...units import counted, show_count
from ..options.effort import SEARCH_SHARE
from ..running.job import ForgeJob
from ..running.threads import set_threads
from .searching.earlier import earlier_plan
from .searching.latency import measure_or_predict
from .searching.logs import logging
from .searching.own_space import has_members, keep_own, space_of
from .searching.pool import pool
from .searching.searched import searched
from .searching.warm import warm

if TYPE_CHECKING:
    from ...ledger.budget import Latency
    from ...nas.search import Found
    from ...runs import Run


def search(job: ForgeJob) -> Found:
    """Search the space within the budget; the trials are in trials.jsonl, the decisions in plan.json.

    Writes search.json. A run that was interrupted goes on after its last finished trial.
    """
    from ...engine.recipe import few_epochs
    from ...nas.loop.curves import should_stop
    from ...nas.search import search as nas_search
    from ...nas.settings import parse_options

    asked = job.options
    keep_own(job, "algorithm")
    space = space_of(job)
    latency_ms = measure_or_predict(job)
    _set_threads(job, space, latency_ms)
    seconds = None if job.clock.limit is None else max(1.0, _search_seconds(job))
    teller = _Teller(job, seconds, asked.trials)
    options = parse_options(asked.algorithm, asked.option or ())
    earlier, plan = warm(job), earlier_plan(asked.plan, "plan.json")
    images = len(searched(job))
    if images < len(job.split.train):
        job.display.say(
            f"candidates are trained on {images:,} of the {len(job.split.train):,} training images"
        )
    with job.display.bar("searching") as bar, logging(job) as log:
        found = nas_search(
            space,
            pool(job),  # workers are begun last: what comes before may refuse
            budget=job.budget,
            algorithm=asked.algorithm,
            options=options,
            seconds=seconds,
            trials=asked.trials,
            epochs=_epochs(asked.epochs),
            fewest_epochs=few_epochs(images),
            seed=asked.seed,
            latency_ms=latency_ms,
            stop=should_stop if asked.stop_early else None,
            warm=earlier,
            run=job.run,
            plan=plan,
            progress=lambda event: teller(event, bar, log),
        )
    for line in _summary(found):
        job.display.say(line)
    job.run.write_json("search.json", _record(job, space, found))
    return found


def _set_threads(job: ForgeJob, space: Any, latency_ms: Latency) -> None:
    """Measure on a network of the space that keeps the whole budget, with some of the images."""
    import numpy as np

    from ...nas.budget.fitting import Infeasible, fit_to_budget

    asked = job.options.threads or (earlier_plan(job.options.plan, "threads.json") or {}).get("threads")
    rng = np.random.default_rng(job.options.seed)
    try:
        answers = fit_to_budget(space, space.complete({}), job.budget, rng, latency_ms=latency_ms)
    except Infeasible:
        return  # the search says it, with the smallest figures that are possible
    x_NHWC, y = job.part("train")
    threads = set_threads(job.run, asked, space.graph(answers), x_NHWC[:256], y[:256])
    job.display.say(f"training on {counted(threads, 'thread')}{'' if asked else ', the faster here'}")


def _search_seconds(job: ForgeJob) -> float:
    """The search's part of the time; the same number whenever the run goes on."""
    if not job.run.has("times.json"):
        job.run.write_json("times.json", {"search": SEARCH_SHARE * job.clock.left})
    return float(job.run.read_json("times.json")["search"])


def _epochs(full: int | None) -> tuple[int, int] | None:
    """Epochs of the short and the longer trainings, in proportion to those of the full one."""
    return None if full is None else (max(1, full // 10), max(1, full // 2))


class _Teller:
    """Shows the search's events: a bar, and the best so far."""

    def __init__(self, job: ForgeJob, seconds: float | None, trials: int | None) -> None:
        self._job, self._seconds, self._trials = job, seconds, trials
        self._count, self._best = 0, 0.0

    def __call__(self, event: dict[str, Any], bar: Any, log: Any) -> None:
        if event["event"] == "trial_begins":
            begun = {name: event[name] for name in ("arm", "rung", "params", "macs", "epochs")}
            self._job.display.tell(trial=event["index"], epoch=0, loss=None, **begun)
        if event["event"] == "pace":
            self._job.display.say(
                "each candidate is checked against the budget, then trained for "
                f"{counted(event['epochs'], 'epoch')}; the best few longer"
            )
        if event["event"] == "final" and event["top"]:
            begin = "the source's weights" if has_members(self._job) else "scratch"
            self._job.display.say(
                f"the best {event['top']} of each arm: again from {begin}, "
                f"{counted(event['epochs'], 'epoch')}"
            )
        if event["event"] in ("lesson_begins", "learning", "learnt"):
            self._learning(event, bar)
        if event["event"] == "trial":
            trial = event["trial"]
            self._job.clock.save()
            log(trial)
            self._count += 1
            if trial.score is not None:
                self._best = max(self._best, trial.score)
            self._job.display.tell(trials=self._count, best=self._best)
            told = (
                f"{trial.score:.1%} {show_count(trial.params)} params"
                if trial.score is not None
                else trial.status
            )
            done = (
                event["elapsed"] / self._seconds
                if self._seconds
                else self._count / (2 * (self._trials or 1) + 8)
            )
            bar.update(done, f"{counted(self._count, 'trial')}, best {self._best:.1%}; {trial.arm}: {told}")

    def _learning(self, event: dict[str, Any], bar: Any) -> None:
        say = self._job.display.say
        if event["event"] == "lesson_begins":
            about = "" if event["seconds"] is None else f" for about {event['seconds']:.0f} s"
            who = event["algorithm"]
            say(f"{who} learns from the training images first{about}; its supernet is no candidate")
        elif event["event"] == "learning":
            self._job.clock.save()
            figures = ", ".join(
                f"{name} {value:.3g}" for name, value in event.items() if isinstance(value, float)
            )
            bar.update(event["steps"] / event["of"], f"learning, step {event['steps']}: {figures}")
        else:
            report = event["report"]
            for line in (*(f"alarm: {one}" for one in report.get("alarm", ())), *report.get("notes", ())):
                say(line)


def _summary(found: Found) -> list[str]:
    """The search in a few lines: trials of each arm, and each arm's best."""
    ok = sum(trial.status == "ok" for trial in found.trials)
    lines = [f"{counted(len(found.trials), 'trial')}, {ok} trained, {found.seconds:.0f} s"]
    for arm, trial in found.winners.items():
        if trial.score is not None:
            macs = "unknown" if trial.macs is None else show_count(trial.macs)
            lines.append(
                f"best of {arm}: {trial.score:.2%} on validation, {trial.params:,} parameters, {macs} MACs, "
                f"after {counted(trial.epochs, 'epoch')}"
            )
    if is_one := same_network(found):
        lines.append(is_one)
    return lines


def same_network(found: Found) -> str:
    """A sentence where several arms ended with the same network; else nothing."""
    alike = [arm for arm, trial in found.winners.items() if trial.fingerprint == found.best.fingerprint]
    if len(alike) < 2:
        return ""
    return f"{listed([arm_name(name) for name in alike])} found the same network"


def _record(job: ForgeJob, space: Any, found: Found) -> dict[str, Any]:
    import numpy as np

    from ...nas.space.encoding import space_size
    from ...nas.space.importance import importance

    mattered = importance([trial.to_json() for trial in found.trials], seed=job.options.seed)

    return {
        "space": space.name,
        "space_size": str(space_size(space, np.random.default_rng(job.options.seed))),
        "algorithm": job.options.algorithm,
        "budget": job.budget.limits,
        "images": len(searched(job)),
        "cost_seconds": found.training_seconds,
        "seconds": found.seconds,
        "winner_arm": winner_arm(found),
        "learnt": learnt(job.run),
        "largest_capped": bool((found.plan.get("first") or {}).get("cap_effort")),
        "importance": None if mattered is None else mattered.to_json(),
        "finalists": [
            {
                "arm": arm,
                "fingerprint": trial.fingerprint,
                "params": trial.params,
                "macs": trial.macs,
                "latency_ms": trial.latency_ms,
                "validation_accuracy": trial.score,
                "epochs": trial.epochs,
                "answers": trial.answers,
            }
            for arm, trial in found.winners.items()
        ],
    }


def learnt(run: Run) -> dict[str, Any] | None:
    """What the report says of what the algorithm learnt first; None for one that does not."""
    lines = run.lines("learnt.jsonl")
    if not lines:
        return None
    line = lines[-1]
    more = {name: line["report"][name] for name in ("supernet", "alarm", "notes") if name in line["report"]}
    return {"steps": line["steps"], "seconds": line["seconds"], **more}


def winner_arm(found: Found) -> str:
    """The arm that found the winner: the algorithm where several did."""
    arms = [arm for arm, trial in found.winners.items() if trial.fingerprint == found.best.fingerprint]
    return arms[0] if arms else found.best.arm
