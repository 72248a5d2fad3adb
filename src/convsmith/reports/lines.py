"""Plots of accuracy against a measure of harm: how much an image was changed, or how badly it was spoiled."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from .plots import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, apart
from .svg import AxisScale, Frame, mark, polyline, tag

TONES = ("search", "random", "largest", "shared", "good")

Line = tuple[str, str, Sequence[tuple[float, float]]]


def against(
    lines: Sequence[Line],
    ticks: Sequence[tuple[float, str]],
    *,
    x_title: str,
    y_title: str = "accuracy",
    label: str,
    floor: tuple[float, str] | None = None,
) -> Markup:
    """Accuracies at given places, joined by lines, each named at its end.

    Args:
        lines: (name, one of `TONES`, (place, share from 0 to 1) pairs).
        ticks: (place, text) along the bottom.
        x_title: what the places are.
        y_title: what the shares are.
        label: the plot in words, for those who do not see it.
        floor: a share to draw a dashed line at, and its name.
    """
    places = [place for _, _, pairs in lines for place, _ in pairs]
    longest = max((len(name) for name, _, _ in lines), default=0)
    right = RIGHT - 8 * longest - 8
    x = AxisScale(min(places), max(places), LEFT, right)
    y = AxisScale(0.0, 1.0, BOTTOM, TOP)
    inside: list[Markup] = []
    if floor is not None:
        inside.append(tag("line", x1=LEFT, x2=right, y1=y(floor[0]), y2=y(floor[0]), class_="limit"))
        inside.append(tag("text", floor[1], x=LEFT + 6, y=y(floor[0]) - 6, class_="limit"))
    ends = apart([y(pairs[-1][1]) for _, _, pairs in lines], 16)
    for (name, tone, pairs), end in zip(lines, ends, strict=True):
        drawn = [(x(place), y(share)) for place, share in pairs]
        inside.append(polyline(drawn, class_=f"curve {tone}"))
        for (across, down), (_, share) in zip(drawn, pairs, strict=True):
            title = tag("title", f"{name}: {share:.1%}")
            inside.append(mark("circle", across, down, 3, title, class_=f"dot {tone}"))
        inside.append(tag("text", name, x=right + 9, y=end + 4, class_=f"name {tone}"))
    shares = [(tick, f"{tick:.0%}") for tick in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    frame = Frame(x, y, list(ticks), shares, x_title, y_title)
    return frame.draw(*inside, width=WIDTH, height=HEIGHT, label=label)
