"""A chart of networks, drawn once for SVG (standard library) and PNG (Pillow)."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..units import show_count
from .table import escaped

WIDTH, HEIGHT = 860, 560
LEFT, RIGHT, TOP, BOTTOM = 76, 150, 44, 60
INK, DIM, GRID, NONE = "#1d2430", "#5b6475", "#e3e7ee", "#9aa3b2"
LOW, HIGH = (222, 119, 56), (28, 111, 196)
"""Colours of the lowest and the highest accuracy."""


class Point(NamedTuple):
    """One network: multiply-adds, parameters, top-1 in percent where it is known."""

    name: str
    macs: int
    params: int
    top1: float | None


class Mark(NamedTuple):
    """A line (x, y to x2, y2), a dot (radius) or a text of the chart."""

    what: str
    x: float
    y: float
    x2: float = 0.0
    y2: float = 0.0
    radius: float = 0.0
    text: str = ""
    colour: str = INK
    size: int = 12
    anchor: str = "start"


@dataclass
class Chart:
    """What to draw, in order."""

    marks: list[Mark] = field(default_factory=list)

    @property
    def svg(self) -> str:
        """The chart as SVG."""
        body = "\n".join(_svg(mark) for mark in self.marks)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui,sans-serif">\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
        )

    @property
    def png(self) -> bytes:
        """The chart as PNG, at twice the size."""
        from PIL import Image, ImageDraw, ImageFont

        image = Image.new("RGB", (2 * WIDTH, 2 * HEIGHT), "#fff")
        draw = ImageDraw.Draw(image)
        for mark in self.marks:
            x, y = 2 * mark.x, 2 * mark.y
            if mark.what == "line":
                draw.line((x, y, 2 * mark.x2, 2 * mark.y2), fill=mark.colour, width=2)
            elif mark.what == "dot":
                r = 2 * mark.radius
                draw.ellipse((x - r, y - r, x + r, y + r), fill=mark.colour, outline="#fff", width=2)
            else:
                place = {"start": "ls", "middle": "ms", "end": "rs"}[mark.anchor]
                font = ImageFont.load_default(2 * mark.size)
                draw.text((x, y), mark.text, fill=mark.colour, font=font, anchor=place)
        out = io.BytesIO()
        image.save(out, "PNG")
        return out.getvalue()


def chart(points: Sequence[Point]) -> Chart:
    """Parameters against multiply-adds, both logarithmic; colour and label say the published accuracy."""
    made = Chart()
    add = made.marks.append
    across, up = _axis([point.macs for point in points]), _axis([point.params for point in points])
    for value in _ticks(across):
        x = _x(value, across)
        add(Mark("line", x, TOP, x, HEIGHT - BOTTOM, colour=GRID))
        add(Mark("text", x, HEIGHT - BOTTOM + 18, text=_short(value), colour=DIM, anchor="middle"))
    for value in _ticks(up):
        y = _y(value, up)
        add(Mark("line", LEFT, y, WIDTH - RIGHT, y, colour=GRID))
        add(Mark("text", LEFT - 8, y + 4, text=_short(value), colour=DIM, anchor="end"))
    add(Mark("text", LEFT, TOP - 16, text="parameters", colour=DIM, size=13))
    add(
        Mark(
            "text",
            WIDTH - RIGHT,
            HEIGHT - BOTTOM + 42,
            text="MACs of one image",
            colour=DIM,
            size=13,
            anchor="end",
        )
    )
    known = [point.top1 for point in points if point.top1 is not None]
    taken: list[tuple[float, float, float, float]] = []
    for point in points:
        taken.append((_x(point.macs, across) - 8, _y(point.params, up) - 8, 16.0, 16.0))
    for point in sorted(points, key=lambda point: -point.params):
        x, y = _x(point.macs, across), _y(point.params, up)
        colour = NONE if point.top1 is None else _colour(point.top1, known)
        add(Mark("dot", x, y, radius=7, colour=colour))
        text = point.name + ("" if point.top1 is None else f"  {point.top1:.1f}%")
        label = _label(text, x, y, taken)
        if abs(label.y - 4 - y) > 8:  # away from its dot: a line shows whose it is
            made.marks.insert(0, Mark("line", x, y, label.x, label.y - 4, colour=NONE))
        add(label)
    if known:
        legend = f"colour: published top-1, {min(known):.1f}% orange to {max(known):.1f}% blue"
        add(Mark("text", LEFT, HEIGHT - BOTTOM + 42, text=legend, colour=DIM))
    return made


def _label(text: str, x: float, y: float, taken: list[tuple[float, float, float, float]]) -> Mark:
    """A label beside its dot, where no other stands yet."""
    width = 6.6 * len(text)
    places = [(x + 11, y + 4, "start"), (x - 11, y + 4, "end")]
    for rise in (18, -14, 32, -28, 46, -42, 60, -56):
        places += [(x + 11, y + rise, "start"), (x - 11, y + rise, "end")]
    for at_x, at_y, anchor in places:
        left = at_x if anchor == "start" else at_x - width
        box = (left, at_y - 11, width, 14.0)
        inside = left >= 2 and left + width <= WIDTH - 2 and TOP - 10 < at_y < HEIGHT - BOTTOM + 4
        if inside and not any(_overlap(box, other) for other in taken):
            break
    taken.append(box)
    return Mark("text", at_x, at_y, text=text, anchor=anchor)


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _axis(values: Sequence[int]) -> tuple[float, float]:
    """The ends of a logarithmic axis, in powers of ten."""
    logs = [math.log10(value) for value in values] or [6.0]
    low, high = min(logs) - 0.12, max(logs) + 0.12
    return (low, high) if high - low > 0.6 else (low - 0.3, high + 0.3)


def _ticks(axis: tuple[float, float]) -> list[float]:
    steps = (1, 2, 5) if axis[1] - axis[0] < 2.5 else (1,)
    found = [
        step * 10.0**power for power in range(math.floor(axis[0]), math.ceil(axis[1]) + 1) for step in steps
    ]
    return [value for value in found if axis[0] <= math.log10(value) <= axis[1]]


def _short(value: float) -> str:
    """A round number without its zeros: 50M."""
    return re.sub(r"\.0+(?=\D|$)", "", show_count(value))


def _x(value: float, axis: tuple[float, float]) -> float:
    return LEFT + (math.log10(value) - axis[0]) / (axis[1] - axis[0]) * (WIDTH - LEFT - RIGHT)


def _y(value: float, axis: tuple[float, float]) -> float:
    return HEIGHT - BOTTOM - (math.log10(value) - axis[0]) / (axis[1] - axis[0]) * (HEIGHT - TOP - BOTTOM)


def _colour(value: float, known: Sequence[float]) -> str:
    """Between the colours of the lowest and the highest accuracy."""
    low, high = min(known), max(known)
    share = (value - low) / (high - low) if high > low else 1.0
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(LOW, HIGH, strict=True))


def _svg(mark: Mark) -> str:
    if mark.what == "line":
        return f'<path d="M{mark.x:.1f} {mark.y:.1f}L{mark.x2:.1f} {mark.y2:.1f}" stroke="{mark.colour}"/>'
    if mark.what == "dot":
        place = f'cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{mark.radius}"'
        return f'<circle {place} fill="{mark.colour}" stroke="#fff"/>'
    return (
        f'<text x="{mark.x:.1f}" y="{mark.y:.1f}" font-size="{mark.size}" fill="{mark.colour}" '
        f'text-anchor="{mark.anchor}">{escaped(mark.text)}</text>'
    )
