"""Drawing: SVG elements as escaped markup, scales with round ticks, and the frame of a plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_ACCURACIES = (0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995)


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element; text and attributes are escaped, `Markup` children are not.

    Attribute names lose a trailing underscore and have their others turned into hyphens; None is left out.

    Example:
        >>> tag("text", "<a & b>", x=1.5, class_="label", text_anchor="end")
        Markup('<text x="1.5" class="label" text-anchor="end">&lt;a &amp; b&gt;</text>')
    """
    written = [
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    inside = "".join(str(escape(child)) for child in children)
    return Markup(f"<{name}{''.join(written)}>{inside}</{name}>")  # every part is escaped above


def _short(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return value


@dataclass(frozen=True)
class AxisScale:
    """From values to places on the paper.

    Args:
        low: the smallest value shown.
        high: the largest.
        start: where `low` lies, in pixels.
        end: where `high` lies.
        kind: "linear", "log", or "error": the logarithm of 1 - value, which keeps 98% and 99% apart.
    """

    low: float
    high: float
    start: float
    end: float
    kind: str = "linear"

    def _bend(self, value: float) -> float:
        if self.kind == "log":
            return math.log10(max(value, 1e-12))
        if self.kind == "error":
            return -math.log10(max(1 - value, 1e-9))
        return value

    def __call__(self, value: float) -> float:
        low, high = self._bend(self.low), self._bend(self.high)
        share = (self._bend(min(max(value, self.low), self.high)) - low) / ((high - low) or 1)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values within the scale, few enough to be labelled."""
        if self.kind == "error":
            found: Sequence[float] = [t for t in _ACCURACIES if self.low <= t <= self.high]
        elif self.kind == "log":
            found = self._log_ticks(most)
        else:
            found = _round_ticks(self.low, self.high, most)
        apart = abs(self.end - self.start) / (most + 2)
        kept: list[float] = []
        for tick in reversed(found):
            if all(abs(self(tick) - self(other)) >= apart for other in kept):
                kept.append(tick)
        return kept[::-1]

    def _log_ticks(self, most: int) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for steps in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 5, 7), (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)):
            found = [step * 10**d for d in decades for step in steps if self.low <= step * 10**d <= self.high]
            if len(found) >= min(4, most):
                return found
        return found


def _round_ticks(low: float, high: float, most: int) -> list[float]:
    if high <= low:
        return [low]
    rough = (high - low) / most
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def polyline(places: Sequence[tuple[float, float]], **attributes: object) -> Markup:
    """A line through places."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return tag("polyline", points=path, fill="none", **attributes)


def mark(shape: str, x: float, y: float, size: float, *children: object, **attributes: object) -> Markup:
    """A mark of a plot: circle, square, triangle or diamond, of about equal area for equal `size`."""
    if shape == "circle":
        return tag("circle", *children, cx=x, cy=y, r=size, **attributes)
    corners = {
        "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
        "triangle": ((0, -1.25), (1.2, 0.85), (-1.2, 0.85)),
        "diamond": ((0, -1.35), (1.35, 0), (0, 1.35), (-1.35, 0)),
    }[shape]
    path = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in corners)
    return tag("polygon", *children, points=path, **attributes)


@dataclass(frozen=True)
class Frame:
    """The axes of a plot.

    Args:
        x: the horizontal scale.
        y: the vertical scale; its `start` is the lower end.
        x_labels: (value, text) along the bottom.
        y_labels: (value, text) along the left.
        x_title: what the horizontal axis shows.
        y_title: what the vertical axis shows, written above it.
    """

    x: AxisScale
    y: AxisScale
    x_labels: Sequence[tuple[float, str]]
    y_labels: Sequence[tuple[float, str]]
    x_title: str
    y_title: str

    def draw(self, *inside: Markup, width: int, height: int, label: str) -> Markup:
        """The plot as one SVG element with its accessible name."""
        return tag(
            "svg",
            tag("title", label),
            *self.parts(height),
            *inside,
            viewBox=f"0 0 {width} {height}",
            role="img",
            class_="plot",
            aria_label=label,
        )

    def parts(self, height: int) -> list[Markup]:
        """Axes, lines, titles; what is plotted comes on top."""
        left, right, bottom = self.x.start, self.x.end, self.y.start
        parts = [tag("text", self.y_title, x=0, y=13, class_="axis")]
        for value, text in self.y_labels:
            y = self.y(value)
            parts.append(tag("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
            parts.append(tag("text", text, x=left - 8, y=y + 4, text_anchor="end"))
        for value, text in self.x_labels:
            x = self.x(value)
            parts.append(tag("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="tick"))
            parts.append(tag("text", text, x=x, y=bottom + 19, text_anchor="middle"))
        parts.append(tag("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="tick"))
        parts.append(tag("text", self.x_title, x=right, y=height - 4, text_anchor="end", class_="axis"))
        return parts


def strip(value: float, low: float, high: float, *, start: float = 0.0, tone: str = "search") -> Markup:
    """A value with its interval on a short line from `start` to 1, for a table cell that has it in words."""
    x = AxisScale(start, 1, 3, 117)
    inside = [
        tag("line", x1=3, x2=117, y1=8, y2=8, class_="rail"),
        tag("line", x1=x(low), x2=x(high), y1=8, y2=8, class_=f"whisker {tone}"),
        tag("circle", cx=x(value), cy=8, r=4, class_=f"dot {tone}"),
    ]
    return tag("svg", *inside, viewBox="0 0 120 16", width=120, height=16, class_="strip", aria_hidden="true")
