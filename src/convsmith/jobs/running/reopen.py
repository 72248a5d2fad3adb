"""A run goes on beyond its end: more trials, more minutes, another budget."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from ...errors import BadInput
from ...units import counted
from ..options.effort import SEARCH_SHARE
from ..options.target import Target
from .clock import FILE as CLOCK

LEAST = 0.5
"""Minutes that a run has left at least where some are taken from it."""

_DECIDED_AT_THE_END = ("order", "final", "finalists")


def reopen(
    folder: str, *, trials: int | None, minutes: float | None, limits: Mapping[str, float | None]
) -> None:
    """Make a run of forge ready to go on: its trials stay, what was decided at its end is decided again.

    Trials over a tighter budget stay in the record and do not count any more.

    Args:
        folder: the run, finished or not.
        trials: how many more; None for none.
        minutes: how many more; None for none. Fewer than none take some from a run that is not finished,
            and leave it at least `LEAST` to come to its end.
        limits: option of the budget -> its new limit; None leaves the old one.

    Raises:
        BadInput: trials for a run that has minutes, or the other way round; numbers that mean nothing; a
            budget that no trial keeps, and no time or trials for others.
    """
    from ...runs import Run, run_key
    from ..steps.forging import STEPS

    for flag, more in (("--more-trials", trials), ("--more-minutes", minutes)):
        low = -1e9 if more is minutes else 0
        if more is not None and (not low < more < 1e9 or more == 0):
            raise BadInput(flag, f"got {more:g}", "more than 0", f"{flag} 10")
    with Run.resume(folder) as run:
        recipe = run.read_json("recipe.json")
        if minutes is not None and minutes < 0 and run.finished:
            came = f"got {minutes:g} for {folder}, which is finished"
            raise BadInput("--more-minutes", came, "more than 0", "--more-minutes 10")
        changed = {name: limit for name, limit in limits.items() if limit not in (None, recipe.get(name))}
        if trials is None and minutes is None and not changed:
            return
        for flag, more, name, other in (
            ("--more-trials", trials, "trials", "--more-minutes"),
            ("--more-minutes", minutes, "minutes", "--more-trials"),
        ):
            if more is not None and recipe.get(name) is None:
                raise BadInput(flag, f"{folder} was not given {name}", f"{other} there", f"{other} 10")
            if more is not None:
                recipe[name] += more
        if minutes is not None and minutes < 0:
            recipe["minutes"] = max(recipe["minutes"], _worked(run) / 60 + LEAST)
        if recipe.get("minutes") is not None and minutes is None and run.finished:
            raise BadInput("budget", f"{folder} has no time left", "time for it", "--more-minutes 10")
        recipe |= changed
        if changed and trials is None and minutes is None:
            _must_hold_one(run, recipe, folder)
        if changed:
            _forget_larger(run, recipe)
        _open_plan(run, recipe, is_changed=bool(changed))
        for name in (file for step in STEPS for file in step.decides):
            (run.path / name).unlink(missing_ok=True)
        shutil.rmtree(run.path / "finals", ignore_errors=True)
        run.reopen(recipe, run_key(recipe, run.read_json("data.json")["fingerprint"]))


def _worked(run: Any) -> float:
    """Seconds."""
    return float(run.read_json(CLOCK)["seconds"]) if run.has(CLOCK) else 0.0


def _must_hold_one(run: Any, recipe: dict[str, Any], folder: str) -> None:
    """Raises BadInput where a finished search has no trial of its own under the new limits."""
    limits = Target.of(recipe).budget.limits
    own = [line for line in run.lines("trials.jsonl") if line["arm"] not in ("largest", "random")]
    kept = any(
        all(line[name] is not None and line[name] <= limit for name, limit in limits.items()) for line in own
    )
    if run.finished and not kept:
        came = f"none of {counted(len(own), 'trial')} of {folder} keeps it"
        raise BadInput("budget", came, "trials under it", "--more-trials 10, or --more-minutes 10, too")


def _forget_larger(run: Any, recipe: dict[str, Any]) -> None:
    """Remove the network that came out where it is over the new limits: it is no longer a result."""
    from ...graph import Graph
    from ...runs.own_code import teach

    if not run.has("graph.json"):
        return
    found = run.read_json("graph.json")
    teach(run.path, found)
    if not Target.of(recipe).budget.without_latency().check(Graph.from_json(found)).kept:
        for name in ("weights.safetensors", "model.onnx", "graph.json"):
            (run.path / name).unlink(missing_ok=True)


def _open_plan(run: Any, recipe: dict[str, Any], *, is_changed: bool) -> None:
    """The decisions of the search that more trials, more time or another budget put in question."""
    if not run.has("plan.json"):
        return
    plan, lines = run.read_json("plan.json"), run.lines("trials.jsonl")
    for name in (*_DECIDED_AT_THE_END, *(("forecast",) if is_changed else ())):
        plan.pop(name, None)
    at = lines[-1]["at"] if lines else 0.0
    largest = sum(line["arm"] == "largest" and line["rung"] == 0 for line in lines)
    plan["reopened"] = {"at": at, "largest": largest + 1 if is_changed else max(1, largest)}
    plan["of"]["budget"] = Target.of(recipe).budget.to_json()
    run.write_json("plan.json", plan)
    if recipe.get("minutes") is not None:
        left = max(1.0, 60 * recipe["minutes"] - (_worked(run) if run.has(CLOCK) else at))
        run.write_json("times.json", {"search": at + SEARCH_SHARE * left})
