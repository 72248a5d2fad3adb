"""Charts of where a network is wrong: the confusion matrix, calibration, accuracy by attribute.

Each is an SVG element for a page; `alone` makes it a file of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from .plots import BOTTOM, HEIGHT, LEFT, TOP, WIDTH
from .svg import AxisScale, Frame, mark, polyline, tag

STYLE = (
    ".plot{background:#fff}.plot text{font:13px system-ui,sans-serif;fill:#59626e}.plot .axis{fill:#181c21}"
    ".grid{stroke:#dde1e7}.tick{stroke:#59626e}.even{stroke:#59626e;stroke-dasharray:4 3}"
    ".curve{stroke-width:2}.curve.search,.whisker.search{stroke:#1f5fbf}"
    ".curve.random,.whisker.random{stroke:#b25208}.whisker{stroke-width:2}"
    ".dot.search{fill:#1f5fbf}.dot.random{fill:#b25208}.plot text.name.search{fill:#1f5fbf}"
    ".plot text.name.random{fill:#b25208}.cell.right{fill:#1f5fbf}.cell.wrong{fill:#ba2a22}"
    ".plot text.on{fill:#fff}"
)
"""The colours of the page's light theme (`templates/style.css`), for a file of its own."""

_NAME, _LETTER = 22, 7.4  # letters of a class's name that are shown; pixels of one
_NUMBERED = 40  # classes up to which cells have their count
_PANEL = 290, 220  # pixels of one attribute's part
_ACROSS = 2


def alone(picture: Markup) -> str:
    """A chart as an SVG file."""
    opening, _, rest = str(picture).partition(">")
    return f'{opening} xmlns="http://www.w3.org/2000/svg"><style>{STYLE}</style>{rest}\n'


def confusion(counts: Sequence[Sequence[int]], names: Sequence[str]) -> Markup:
    """True classes down, said classes across; blue is right, red is wrong, darker is a larger share.

    Args:
        counts: images of each true class (rows) by what was said of them (columns).
        names: of the classes.
    """
    many = len(names)
    cell = max(5.0, min(30.0, 720 / max(many, 1)))
    shown = [name if len(name) <= _NAME else name[: _NAME - 1] + "…" for name in names]
    left = 30 + _LETTER * max(map(len, shown), default=0)
    size = min(13.0, cell)
    parts: list[Markup] = []
    for row, line in enumerate(counts):
        total = max(sum(line), 1)
        for column, count in enumerate(line):
            if not count:
                continue
            depth = 0.15 + 0.75 * (count / total) ** 0.5
            x, y = left + column * cell, left + row * cell
            said = f"{count} of {names[row]} called {names[column]}"
            parts.append(
                tag(
                    "rect",
                    tag("title", said),
                    x=x,
                    y=y,
                    width=cell - 0.5,
                    height=cell - 0.5,
                    fill_opacity=depth,
                    class_="cell right" if row == column else "cell wrong",
                )
            )
            if many <= _NUMBERED:
                middle = {"x": x + cell / 2, "y": y + cell / 2 + 0.35 * size, "text_anchor": "middle"}
                parts.append(
                    tag("text", count, class_="on" if depth > 0.55 else None, font_size=size, **middle)
                )
    for number, name in enumerate(shown):
        place = left + (number + 0.5) * cell + 0.35 * size
        parts.append(tag("text", name, x=left - 5, y=place, text_anchor="end", font_size=size))
        turned = f"rotate(-90 {place:.1f} {left - 5:.1f})"
        parts.append(tag("text", name, x=place, y=left - 5, transform=turned, font_size=size))
    parts.append(tag("text", "is ↓  said →", x=0, y=13, class_="axis"))
    side = left + many * cell + 2
    wrong = sum(sum(line) for line in counts) - sum(line[k] for k, line in enumerate(counts))
    label = f"Confusion of {many} classes: {wrong} images are called another class"
    return tag(
        "svg", tag("title", label), *parts, viewBox=f"0 0 {side:.0f} {side:.0f}", role="img", class_="plot",
        aria_label=label,
    )  # fmt: skip


def reliability(before: Mapping[str, Any], after: Mapping[str, Any] | None, by: float | None) -> Markup:
    """Accuracy against confidence; on the dashed diagonal confidence means what it says.

    Args:
        before: what `insight.calibration.reliability` returns.
        after: the same with the logits divided by `by`; None where nothing was fitted.
        by: the temperature.
    """
    x, y = AxisScale(0, 1.02, LEFT, WIDTH - 12), AxisScale(0, 1.02, BOTTOM, TOP)
    inside = [polyline([(x(0), y(0)), (x(1), y(1))], class_="even")]
    drawn = [("as trained", before, "search", "circle")]
    drawn += [(f"temperature {by:.2f}", after, "random", "square")] if after is not None and by else []
    said = []
    for number, (name, found, tone, shape) in enumerate(drawn):
        rows = found["bins"]
        inside.append(
            polyline([(x(row["confidence"]), y(row["accuracy"])) for row in rows], class_=f"curve {tone}")
        )
        for row in rows:
            inside += _marked(x(row["confidence"]), y, row, tone, shape)
        line = f"{name}: error {100 * found['ece']:.1f} points"
        said.append(line)
        inside.append(tag("text", line, x=LEFT + 14, y=TOP + 14 + 18 * number, class_=f"name {tone}"))
    ticks = [(k / 5, f"{20 * k}%") for k in range(6)]
    frame = Frame(x, y, ticks, ticks, "confidence", "share that is right, with its 95% interval")
    label = f"Accuracy against confidence; {'; '.join(said)}"
    return frame.draw(*inside, width=WIDTH, height=HEIGHT, label=label)


def attributes(by: Mapping[str, Sequence[Mapping[str, Any]]], whole: float) -> Markup:
    """Accuracy from the lowest to the highest part of each attribute; the dashed line is all images'.

    Args:
        by: attribute -> what `insight.attributes.accuracy_by` returns.
        whole: accuracy on all images.
    """
    wide, high = _PANEL
    parts: list[Markup] = []
    for number, (name, rows) in enumerate(by.items()):
        x, y = AxisScale(-0.5, len(rows) - 0.5, 46, wide - 10), AxisScale(0, 1.03, high - 46, 26)
        ends = [f"{row['low']:.3g}–{row['high']:.3g}" for row in rows]
        frame = Frame(
            x, y, list(enumerate(ends)), [(k / 4, f"{25 * k}%") for k in range(5)], "", f"{name}: share right"
        )
        inside = [polyline([(x(-0.5), y(whole)), (x(len(rows)), y(whole))], class_="even")]
        for place, row in enumerate(rows):
            inside += _marked(x(place), y, row, "search", "circle")
        at = f"translate({number % _ACROSS * wide} {number // _ACROSS * high})"
        parts.append(tag("g", *frame.parts(high), *inside, transform=at))
    label = f"Accuracy by {', '.join(by)}, in parts of equal size from the lowest to the highest"
    size = f"0 0 {_ACROSS * wide} {-(-len(by) // _ACROSS) * high}"
    return tag(
        "svg", tag("title", label), *parts, viewBox=size, role="img", class_="plot small", aria_label=label
    )


def _marked(x: float, y: AxisScale, row: Mapping[str, Any], tone: str, shape: str) -> list[Markup]:
    """An accuracy with its interval."""
    low, high = row["interval"]
    title = tag("title", f"{100 * row['accuracy']:.1f}% of {row['n']} ({100 * low:.1f} to {100 * high:.1f})")
    return [
        tag("line", x1=x, x2=x, y1=y(low), y2=y(high), class_=f"whisker {tone}"),
        mark(shape, x, y(row["accuracy"]), 4, title, class_=f"dot {tone}"),
    ]
