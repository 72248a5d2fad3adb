"""The picture of a network as SVG: boxes with shapes, arrows, skips in colour, repeated blocks in a frame."""

from __future__ import annotations

from typing import Protocol

from ...printable import shortened
from .blocks import Box, Fold
from .layout import ENTRY, Layout, layout

HEIGHT, GAP, NARROW, MARGIN = 40, 24, 34, 24
"""Pixels: a box's height, between boxes, a lane that holds only wires, around the picture."""
LETTER, SMALL = 7.0, 6.5
"""Pixels of a letter of the two sizes, at most."""
COLOURS = (
    ("Depthwise", "#e0f2f1", "#00796b"), ("Separable", "#e0f2f1", "#00796b"), ("Conv", "#e3f0fd", "#1c6fc4"),
    ("Pool", "#e6f4e5", "#3c8539"), ("Dense", "#efe6fa", "#7440b5"), ("Add", "#fdeede", "#c65d07"),
    ("Concatenate", "#fdeede", "#c65d07"), ("Multiply", "#fdeede", "#c65d07"),
    ("InputLayer", "#eceef2", "#4c566a"), ("Unknown", "#fde7e9", "#b3261e"),
)  # fmt: skip
STYLE = (
    "text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1d2430}"
    ".s{font-size:11px;fill:#5b6475}.t{font-size:15px;font-weight:600}.x{font-weight:600;fill:#c65d07}"
    ".w{fill:none;stroke:#7d8798;stroke-width:1.5}.k{fill:none;stroke:#d9480f;stroke-width:2}"
    ".f{fill:none;stroke:#c65d07;stroke-width:1.2;stroke-dasharray:6 4}"
)


class Drawn(Protocol):
    """What is painted: a `Drawing`, by what is asked of it."""

    @property
    def boxes(self) -> tuple[Box, ...]: ...
    @property
    def folds(self) -> tuple[Fold, ...]: ...
    @property
    def title(self) -> str: ...
    def label(self, box: Box) -> str: ...
    def shapes(self, fold: Fold, box: Box, index: int) -> str: ...


def picture(drawing: Drawn) -> str:
    """The whole picture."""
    width = _box_width(drawing)
    parts: list[str] = []
    left = right = width / 2
    y = MARGIN + 30.0
    above = y  # the lower edge of the box before the block
    for fold in drawing.folds:
        top = y
        reach = [width / 2, width / 2]
        if fold.times > 1:
            y += 12
        for block in fold.blocks:
            plan = layout(drawing.boxes, block)
            xs = _lanes(plan, width)
            for (source, target), lane in plan.wires.items():
                if source != ENTRY or block.entry >= 0:
                    wire = _wire(plan, xs, source, target, lane, (y, above, width))
                    parts.append(wire)
            for index in block.boxes:
                box = drawing.boxes[index]
                at = (xs[plan.lane[index]], y + (plan.rank[index] - 1) * (HEIGHT + GAP))
                parts.append(_box(drawing, fold, box, index, at, width))
            for lane, x in xs.items():
                half = width / 2 if lane in plan.boxed else NARROW / 2
                reach = [max(reach[0], half - x), max(reach[1], half + x)]
            y += plan.height * (HEIGHT + GAP)
            above = y - GAP
        if fold.times > 1:
            parts.append(_frame(fold, top - 6, y - GAP + 10, reach))
            reach = [reach[0] + 10, reach[1] + 16 + LETTER * 5]
            y += 12
        left, right = max(left, reach[0]), max(right, reach[1])
    right = max(right, LETTER * 1.3 * len(drawing.title) - left)
    size = (left + right + 2 * MARGIN, y - GAP + MARGIN)
    body = "\n".join(part for part in parts if part)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]:.0f}" height="{size[1]:.0f}" '
        f'viewBox="0 0 {size[0]:.0f} {size[1]:.0f}" role="img"><title>{_escaped(drawing.title)}</title>\n'
        f"<style>{STYLE}</style>\n<defs>{_marker('a', '#7d8798')}{_marker('b', '#d9480f')}</defs>\n"
        f'<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text class="t" x="{MARGIN}" y="{MARGIN + 4}">{_escaped(drawing.title)}</text>\n'
        f'<g transform="translate({MARGIN + left:.1f} 0)">\n{body}\n</g></svg>\n'
    )


def _box_width(drawing: Drawn) -> float:
    """Wide enough for the longest text of any box that is drawn."""
    widest = 150.0
    for fold in drawing.folds:
        for block in fold.blocks:
            for index in block.boxes:
                box = drawing.boxes[index]
                below = len(_short(box.main.name)) + len(drawing.shapes(fold, box, index)) + 2
                widest = max(widest, LETTER * len(drawing.label(box)) + 20, SMALL * below + 20)
    return widest


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:12]}…{name[-15:]}"


def _lanes(plan: Layout, width: float) -> dict[int, float]:
    """The middle of each lane, in pixels from the trunk."""
    lanes = {0, *plan.lane.values(), *plan.wires.values()}
    xs = {0: 0.0}
    for side in (1, -1):
        edge = width / 2
        for lane in range(side, (max(lanes) if side > 0 else min(lanes)) + side, side):
            room = width + 24 if lane in plan.boxed else NARROW
            xs[lane] = side * (edge + room / 2)
            edge += room
    return xs


def _box(drawing: Drawn, fold: Fold, box: Box, index: int, at: tuple[float, float], width: float) -> str:
    kind = box.main.kind_name
    fill, line = next(((fill, line) for part, fill, line in COLOURS if part in kind), ("#fff", "#7d8798"))
    left, top = at[0] - width / 2, at[1]
    layers = ", ".join(shortened(node.name) for node in box.nodes)
    return (
        f"<g><title>{_escaped(layers)}</title>"
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{HEIGHT}" rx="5" fill="{fill}" '
        f'stroke="{line}"/><text x="{left + 10:.1f}" y="{top + 17:.1f}">{_escaped(drawing.label(box))}</text>'
        f'<text class="s" x="{left + 10:.1f}" y="{top + 32:.1f}">{_escaped(_short(box.main.name))}</text>'
        f'<text class="s" x="{left + width - 10:.1f}" y="{top + 32:.1f}" text-anchor="end">'
        f"{_escaped(drawing.shapes(fold, box, index))}</text></g>"
    )


def _wire(
    plan: Layout,
    xs: dict[int, float],
    source: int,
    target: int,
    lane: int,
    place: tuple[float, float, float],
) -> str:
    """The arrow from one box to another, down its lane; a skip leaves and enters at the boxes' sides."""
    top, above, width = place
    step = HEIGHT + GAP
    x0, x1, x = xs[plan.lane[source]], xs[plan.lane[target]], xs[lane]
    y0 = above if source == ENTRY else top + (plan.rank[source] - 1) * step + HEIGHT
    y1 = top + (plan.rank[target] - 1) * step - 1
    spans = plan.rank[target] - plan.rank[source] > 1
    skip = spans and lane not in (plan.lane[source], plan.lane[target])
    style = f'class="{"k" if skip else "w"}" marker-end="url(#{"b" if skip else "a"})"'
    if not spans or x0 == x == x1:
        middle = (y0 + y1) / 2
        bend = f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
        return f'<path {style} d="M{x0:.1f} {y0:.1f}{f"V{y1:.1f}" if x0 == x1 else bend}"/>'
    down, up, bend_by = y1 - (plan.rank[target] - plan.rank[source] - 1) * step, y1 - GAP + 1, GAP / 2
    start = f"M{x0:.1f} {y0:.1f}C{x0:.1f} {y0 + bend_by:.1f} {x:.1f} {down - bend_by:.1f} {x:.1f} {down:.1f}"
    end = f"V{up:.1f}C{x:.1f} {up + bend_by:.1f} {x1:.1f} {y1 - bend_by:.1f} {x1:.1f} {y1:.1f}"
    if skip and abs(lane - plan.lane[source]) == 1:
        start = _side(x0, x, y0 - HEIGHT / 2, width, leaving=True)
    if skip and abs(lane - plan.lane[target]) == 1:
        end = _side(x1, x, y1 + 1 + HEIGHT / 2, width, leaving=False)
    return f'<path {style} d="{start}{end}"/>'


def _side(box: float, lane: float, y: float, width: float, *, leaving: bool) -> str:
    """The way out of a box's side into a lane, or from the lane into it, with round corners."""
    side = 1 if lane > box else -1
    edge, corner = box + side * width / 2, lane - side * 8
    if leaving:
        return f"M{edge:.1f} {y:.1f}H{corner:.1f}Q{lane:.1f} {y:.1f} {lane:.1f} {y + 8:.1f}"
    return f"V{y - 8:.1f}Q{lane:.1f} {y:.1f} {corner:.1f} {y:.1f}H{edge + side:.1f}"


def _frame(fold: Fold, top: float, bottom: float, reach: list[float]) -> str:
    left, width, height = -reach[0] - 10, reach[0] + reach[1] + 20, bottom - top
    return (
        f'<rect class="f" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="8"/>'
        f'<text class="x" x="{left + width + 8:.1f}" y="{(top + bottom) / 2 + 4:.1f}">× {fold.times}</text>'
    )


def _marker(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
