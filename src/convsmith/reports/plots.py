"""The plots of a report: accuracy against a budgeted quantity, and curves over epochs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from ..units import show_bytes, show_count
from . import words
from .svg import AxisScale, Frame, mark, polyline, tag

WIDTH, HEIGHT = 560, 350
LEFT, RIGHT, TOP, BOTTOM = 58, 548, 26, 300
SHAPES = {"shared": "circle", "evolution": "circle", "random": "triangle", "largest": "square"}
TITLED = 1500  # points that still get a tooltip; more would weigh more than the page


def pareto(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no other beats: smaller cost and higher score, from cheapest to best.

    Example:
        >>> pareto([(3, 0.9), (1, 0.5), (2, 0.4), (4, 0.9)])
        [(1, 0.5), (3, 0.9)]
    """
    front: list[tuple[float, float]] = []
    for cost, score in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or score > front[-1][1]:
            front.append((cost, score))
    return front


def accuracy_scale(values: Sequence[float], start: float, end: float) -> AxisScale:
    """A scale for accuracies: linear, or by the logarithm of the error where many are near 1."""
    low, high = min(values), max(values)
    if high <= 0.9:
        return AxisScale(max(0.0, low - 0.05), min(1.0, high + 0.05), start, end)
    near = min(0.9995, 1 - (1 - high) / 1.2)
    return AxisScale(max(0.0, 1 - (1 - low) * 1.15), near, start, end, "error")


def front(
    trials: Sequence[dict[str, Any]],
    tested: Sequence[tuple[str, dict[str, Any]]],
    quantity: str,
    limit: float | None,
) -> Markup | None:
    """Accuracy against a budgeted quantity.

    Args:
        trials: finished trials with ``arm``, ``score`` and the quantity; accuracy on validation images.
        tested: (arm, figures with ``test_accuracy``, ``interval`` and the quantity) of the final networks.
        quantity: a name of `words.QUANTITIES`.
        limit: the budget, where there is one.

    Returns:
        The plot; None where fewer than two networks have both figures.
    """
    dots = [t for t in trials if t.get("score") is not None and t.get(quantity) is not None]
    finals = [(arm, t) for arm, t in tested if t.get("test_accuracy") is not None and t.get(quantity)]
    if len(dots) + len(finals) < 2:
        return None
    costs = [t[quantity] for t in dots] + [t[quantity] for _, t in finals] + ([limit] if limit else [])
    scores = [t["score"] for t in dots] + [t["test_accuracy"] for _, t in finals]
    scores += [end for _, t in finals for end in t.get("interval") or ()]
    x = _cost_scale(costs)
    y = accuracy_scale(scores, BOTTOM, TOP)
    inside: list[Markup] = []
    if limit:
        inside.append(
            tag("rect", x=x(limit), y=TOP, width=max(0, RIGHT - x(limit)), height=BOTTOM - TOP, class_="over")
        )
        inside.append(tag("line", x1=x(limit), x2=x(limit), y1=TOP, y2=BOTTOM, class_="limit"))
        inside.append(tag("text", "budget", x=x(limit) - 5, y=TOP + 12, text_anchor="end", class_="limit"))
    best = pareto([(t[quantity], t["score"]) for t in dots])
    inside.append(polyline(_stairs([(x(cost), y(score)) for cost, score in best]), class_="front"))
    for t in sorted(dots, key=lambda t: t.get("arm") != "shared"):
        title = (tag("title", _said(t, quantity)),) if len(dots) <= TITLED else ()
        shape, size = SHAPES.get(t.get("arm", ""), "circle"), 3.2 + 0.8 * min(t.get("rung") or 0, 3)
        kind = f"point {tone(t.get('arm'))}"
        inside.append(mark(shape, x(t[quantity]), y(t["score"]), size, *title, class_=kind))
    for arm, t in reversed(finals):  # the search's own on top
        inside += _final(arm, t, x(t[quantity]), y)
    frame = Frame(
        x,
        y,
        [(tick, tick_text(quantity, tick)) for tick in x.ticks(5)],
        [(tick, f"{tick * 100:g}%") for tick in y.ticks(6)],
        words.QUANTITIES[quantity] + (", log scale" if x.kind == "log" else ""),
        "accuracy" + (", by the log of the error" if y.kind == "error" else ""),
    )
    label = f"Accuracy against {words.QUANTITIES[quantity]}: {len(dots)} trials, {len(finals)} final networks"
    return frame.draw(*inside, width=WIDTH, height=HEIGHT, label=label)


def _cost_scale(costs: Sequence[float]) -> AxisScale:
    low, high = min(costs), max(costs)
    if low > 0 and high / low > 4:
        return AxisScale(low / 1.15, high * 1.15, LEFT + 6, RIGHT, "log")
    margin = (high - low) * 0.06 or high * 0.1 or 1
    return AxisScale(max(0, low - margin), high + margin, LEFT + 6, RIGHT)


def _stairs(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    steps: list[tuple[float, float]] = []
    for place in places:
        if steps:
            steps.append((place[0], steps[-1][1]))
        steps.append(place)
    return [*steps, (RIGHT, steps[-1][1])] if steps else []


def _final(arm: str, found: dict[str, Any], x: float, y: AxisScale) -> list[Markup]:
    kind = f"final {tone(arm)}"
    said = f"{words.arm(arm)}, test accuracy {words.percent(found['test_accuracy'])}"
    parts = []
    if found.get("interval"):
        low, high = (y(end) for end in found["interval"])
        parts.append(tag("line", x1=x, x2=x, y1=low, y2=high, class_=f"whisker {tone(arm)}"))
    shape = {"random": "triangle", "largest": "square"}.get(arm, "diamond")
    parts.append(mark(shape, x, y(found["test_accuracy"]), 7, tag("title", said), class_=kind))
    return parts


def tone(arm: Any) -> str:
    """The colour class of an arm."""
    return str(arm) if arm in ("random", "largest", "shared") else "search"


def _said(trial: dict[str, Any], quantity: str) -> str:
    cost = f"{words.QUANTITIES[quantity]} {words.quantity(quantity, trial[quantity])}"
    score = f"validation accuracy {words.percent(trial['score'])}"
    return f"trial {trial.get('index')}, {words.arm(trial.get('arm'))}: {score}, {cost}"


def tick_text(quantity: str, value: float) -> str:
    """A round value of a budgeted quantity, short.

    Example:
        >>> tick_text("params", 20000), tick_text("latency_ms", 0.2), tick_text("bytes", 50000)
        ('20k', '0.2', '50 kB')
    """
    if quantity == "latency_ms":
        return f"{value:g}"
    text = show_bytes(value) if quantity in ("bytes", "memory") else show_count(value)
    figure, unit = text.rstrip("kMGB ") or text, text[len(text.rstrip("kMGB ")) :]
    return (figure.rstrip("0").rstrip(".") if "." in figure else figure) + unit


def curves(
    series: Sequence[tuple[str, str, Sequence[tuple[float, float]]]], what: str, *, share: bool
) -> Markup | None:
    """Curves over epochs, each named at its end.

    Args:
        series: (name, tone, (epoch, value) pairs); those without a value are left out.
        what: the title of the vertical axis.
        share: True for accuracies, shown as percentages.
    """
    drawn = [(name, colour, list(pairs)) for name, colour, pairs in series if len(pairs) > 1]
    if not drawn:
        return None
    epochs = [epoch for _, _, pairs in drawn for epoch, _ in pairs]
    values = [value for _, _, pairs in drawn for _, value in pairs]
    right = RIGHT - 82
    x = AxisScale(min(epochs), max(epochs), LEFT, right)
    if share:
        y = accuracy_scale(values, BOTTOM, TOP)
    elif min(values) > 0 and max(values) / min(values) > 12:
        y = AxisScale(min(values) / 1.1, max(values) * 1.05, BOTTOM, TOP, "log")
    else:
        y = AxisScale(min(0.0, *values), max(values) * 1.03 or 1, BOTTOM, TOP)
    inside = []
    ends = apart([y(pairs[-1][1]) for _, _, pairs in drawn], 16)
    for (name, colour, pairs), end in zip(drawn, ends, strict=True):
        inside.append(polyline([(x(epoch), y(value)) for epoch, value in pairs], class_=f"curve {colour}"))
        inside.append(tag("text", name, x=right + 7, y=end + 4, class_=f"name {colour}"))
    bent = {"log": ", log scale", "error": ", by the log of the error"}.get(y.kind, "")
    frame = Frame(
        x,
        y,
        [(tick, f"{tick:g}") for tick in x.ticks(6) if tick == int(tick)],
        [(tick, f"{tick * 100:g}%" if share else f"{tick:g}") for tick in y.ticks(6)],
        "epoch",
        what + bent,
    )
    last = "; ".join(
        f"{name} ends at {words.percent(pairs[-1][1]) if share else words.number(pairs[-1][1])}"
        for name, _, pairs in drawn
    )
    return frame.draw(*inside, width=WIDTH, height=HEIGHT, label=f"{what} over epochs: {last}")


def apart(places: Sequence[float], gap: float) -> list[float]:
    """The places moved so that labels do not overlap, in the same order from top to bottom."""
    moved = list(places)
    order = sorted(range(len(places)), key=lambda k: places[k])
    for before, k in pairwise(order):
        moved[k] = max(moved[k], moved[before] + gap)
    overshoot = max(0.0, max(moved) - BOTTOM)
    return [place - overshoot for place in moved]
