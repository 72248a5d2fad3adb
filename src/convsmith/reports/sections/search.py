"""The search: what it tried, the front, and whether it beat its baselines."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .. import plots, verdict, words
from ..facts import Facts
from ..svg import strip

TITLE = "The search"
SHOWN, LISTED = 12, 300
MATTERS = 0.01  # share of the variance; less is not shown


def build(facts: Facts) -> dict[str, Any] | None:
    """The front plots, the comparison with the baselines, the trials."""
    search, trials = facts.search, facts.trials
    baselines = dict(facts.metrics.get("baselines") or {})
    baselines.pop("fits", None)  # a section of its own shows it
    if not (search or trials or baselines):
        return None
    done = [t for t in trials if t.get("status", "ok") == "ok" and t.get("score") is not None]
    furthest = _furthest(done)
    ranked = sorted(furthest, key=lambda t: (-(t.get("rung") or 0), -t["score"], t.get("params") or 0))
    named = _tested(facts, baselines)
    budget = search.get("budget") or {
        name: entry.get("limit") for name, entry in (facts.metrics.get("budget") or {}).items()
    }
    budget = {name: limit for name, limit in budget.items() if name in words.QUANTITIES and limit}
    known = ("earlier", "shared", "random", "largest")
    own = list(dict.fromkeys(str(t["arm"]) for t in trials if t.get("arm") and t["arm"] not in known))
    drawn = [(name, plots.front(furthest, named, name, budget.get(name))) for name in budget or ("params",)]
    status = Counter(t.get("status", "ok") for t in trials)
    return {
        "sentences": _sentences(named, search),
        "facts": _rows(search, status, trials),
        "plots": [(name, plot) for name, plot in drawn if plot is not None],
        "arms": [arm for arm in ("earlier", "shared", *own, "random", "largest") if _has(furthest, arm)],
        "tested": [arm for arm, _ in named],
        "rungs": len({t.get("rung") for t in done}) > 1,
        "compared": _compared(named, search),
        "fairness": _fairness(facts.recipe, search, named, budget),
        "columns": [name for name in words.QUANTITIES if any(t.get(name) is not None for t in ranked)],
        "best": ranked[:SHOWN],
        "rest": ranked[SHOWN:LISTED],
        "left_out": max(0, len(ranked) - LISTED),
        "failed": [(t.get("index"), _reason(t)) for t in trials if t.get("status") == "failed"][:LISTED],
        "importance": _importance(search.get("importance")),
    }


def _fairness(
    recipe: dict[str, Any], search: dict[str, Any], named: list[tuple[str, dict[str, Any]]],
    budget: dict[str, Any],
) -> str:  # fmt: skip
    """What the searches had alike, and what not."""
    alike = "seconds of training" if recipe.get("minutes") else "short trainings, whatever time these took"
    said = f"The search and random search had equally many {alike}."
    if recipe.get("warm_start"):
        said += " The search alone also knew the trials of an earlier one."
    capped = search.get("largest_capped", bool(recipe.get("minutes")))
    return f"{said} The largest candidate is {words.largest(capped=capped)}{_used(named, budget)}."


def _used(named: list[tuple[str, dict[str, Any]]], budget: dict[str, Any]) -> str:
    """How much of the budget the largest candidate uses."""
    found = dict(named).get("largest", {})
    said = [
        f"{words.quantity(name, found[name])} of {words.quantity(name, limit)} {words.QUANTITIES[name]}"
        for name, limit in budget.items()
        if found.get(name) is not None
    ]
    return f": {words.listed(said)}" if said else ""


def _reason(trial: dict[str, Any]) -> str:
    """Why a trial failed: the last line of its traceback."""
    text = str(trial.get("error") or "").strip()
    return text.splitlines()[-1] if text else "no reason recorded"


def _importance(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """Which choices mattered, and what the best have in common, as sentences."""
    if not found:
        return None
    falls = {name: fall for name, fall in (found.get("falls") or {}).items() if fall >= MATTERS}
    return {
        "trials": found.get("trials"),
        "method": found.get("method"),
        "explained": found.get("explained"),
        "falls": list(falls.items())[:SHOWN],
        "common": [
            f"{one['question']} {words.number(one['answer'])}: {words.percent(one['best'], 0)} of the best "
            f"quarter, {words.percent(one['rest'], 0)} of the others"
            for one in (found.get("common") or [])[:8]
        ],
    }


def _furthest(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each candidate of an arm, the trial that trained longest: the only ones comparable at the end."""
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for t in trials:
        answers = t.get("answers")
        key = (str(t.get("arm")), repr(answers) if answers else f"#{t.get('index')}")
        if key not in last or (t.get("rung") or 0) >= (last[key].get("rung") or 0):
            last[key] = t
    return list(last.values())


def _tested(facts: Facts, baselines: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The networks that were trained to the end, the search's own first: the metrics are its."""
    if not baselines:
        return []
    metrics = facts.metrics
    own = {name: metrics.get(name) for name in ("test_accuracy", "interval", "params", "macs", "latency_ms")}
    own |= {"bytes": metrics.get("weight_bytes"), "memory": metrics.get("memory_bytes")}
    own["seconds"] = facts.history[-1].get("seconds") if facts.history else None
    found = [("search", own | baselines.get("search", {}))]
    return found + [(arm, baselines[arm]) for arm in ("random", "largest") if baselines.get(arm)]


def _has(trials: list[dict[str, Any]], arm: str) -> bool:
    return any(t.get("arm") == arm for t in trials)


def _sentences(named: list[tuple[str, dict[str, Any]]], search: dict[str, Any]) -> list[str]:
    known = {arm: f for arm, f in named if f.get("test_accuracy") is not None and f.get("interval")}
    if "search" not in known:
        return []
    own = known["search"]
    found = [
        f"The search's network is right on {words.percent(own['test_accuracy'])} of the test images "
        f"(95% interval {words.span(own['interval'])})."
    ]
    same = verdict.same_network(search)
    for arm in ("random", "largest"):
        if other := known.get(arm):
            name = {"random": "random search", "largest": "the largest candidate"}[arm]
            if arm in same:
                found.append(f"It is also {'what random search found' if arm == 'random' else name}.")
                continue
            if search.get("winner_arm") == arm:
                is_what = {"random": "what random search found", "largest": name}[arm]
                found.append(f"It is {is_what}: nothing else tried did better on validation.")
                continue
            found.append(
                verdict.sentence(
                    own["test_accuracy"], own["interval"], other["test_accuracy"], other["interval"], name
                )
            )
    return found


def _rows(
    search: dict[str, Any], status: Counter[str], trials: list[dict[str, Any]]
) -> list[tuple[str, str]]:
    rows = []
    if search.get("space"):
        size = search.get("space_size")
        if isinstance(size, int | float):
            size = f"{words.many(size)} networks"
        of = f", {size}" if size else ""
        rows.append(("space", f"{search['space']}{of}"))
    if search.get("algorithm"):
        rows.append(("algorithm", str(search["algorithm"])))
    if trials:
        said = f"{status['ok']:,} trained"
        if status["failed"]:
            said += f", {status['failed']:,} failed"
        if status["over_budget"]:
            said += f", {status['over_budget']:,} refused before training: over the budget"
        if search.get("images"):
            said += f", each on {search['images']:,} images"
        rows.append(("trials", said))
    if search.get("learnt"):
        rows.append(("learned first", _learnt(search["learnt"])))
    if search.get("winner_arm"):
        rows.append(("the winner came from", words.arm(search["winner_arm"])))
    return rows


def _learnt(found: dict[str, Any]) -> str:
    """What an algorithm that shares weights did before it proposed, and its alarms."""
    net = found.get("supernet") or {}
    said = f"{found.get('steps', 0):,} steps in {words.number(found.get('seconds'))} s"
    if net.get("params") is not None:
        said += f" of a supernet with {net['params']:,} parameters, which is no candidate"
    more = [*(f"alarm: {one}" for one in found.get("alarm") or ()), *(found.get("notes") or ())]
    return "; ".join([said, *more])


def _compared(named: list[tuple[str, dict[str, Any]]], search: dict[str, Any]) -> list[dict[str, Any]]:
    costs = search.get("cost_seconds") or {}
    ends = [f["interval"][0] for _, f in named if f.get("interval")]
    start = max(0.0, min([0.9, *(int(low * 20) / 20 for low in ends)])) if ends else 0.0
    rows = []
    for arm, found in named:
        interval = found.get("interval")
        accuracy = found.get("test_accuracy")
        drawn = None
        if interval and accuracy is not None:
            drawn = strip(accuracy, interval[0], interval[1], start=start, tone=plots.tone(arm))
        searched = costs.get(search.get("algorithm", "") if arm == "search" else arm)
        rows.append(
            {
                "arm": words.arm(arm),
                "accuracy": accuracy,
                "interval": interval,
                "strip": drawn,
                "start": start,
                "params": found.get("params"),
                "macs": found.get("macs"),
                "searched": searched,
                "trained": found.get("seconds"),
            }
        )
    return rows
