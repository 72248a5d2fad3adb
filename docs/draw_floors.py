"""The house as a picture, from its code: `python docs/draw_floors.py` writes docs/floors.svg.

Floors and imports are those of `tests/test_floors.py`. A line joins a room with each room below that it
imports, in whatever way; what the lowest floor holds is used by all and has no lines.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

HOME = Path(__file__).resolve().parent
PICTURE = HOME / "floors.svg"
WIDTH, FLOOR, BOX, LETTER, LEFT, MARGIN = 900, 84, 34, 7.8, 30, 16
"""Pixels: the width, from floor to floor, a box's height, a letter, the column of numbers, a margin."""
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1d2430}.n{fill:#5b6475}"
    "rect{fill:#e3f0fd;stroke:#1c6fc4}path{fill:none;stroke:#7d8798;stroke-opacity:.55}.s{stroke:#d9480f}"
)


def house() -> ModuleType:
    """What the test of the floors knows."""
    path = HOME.parent / "tests" / "test_floors.py"
    spec = importlib.util.spec_from_file_location("floors_of_the_house", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def picture(floors: list[set[str]], pairs: set[tuple[str, str]]) -> str:
    """The picture.

    Args:
        floors: the rooms of each floor, the lowest first.
        pairs: (room, room that it imports).
    """
    places: dict[str, tuple[float, float, float]] = {}
    for number, rooms in enumerate(floors):
        y = MARGIN + (len(floors) - 1 - number) * FLOOR
        widths = {room: LETTER * len(room) + 24 for room in sorted(rooms)}
        free = WIDTH - LEFT - 2 * MARGIN - sum(widths.values())
        x, space = MARGIN + LEFT + free / (2 * len(rooms)), free / len(rooms)
        for room, width in widths.items():
            places[room] = (x, y, width)
            x += width + space
    parts = []
    for room, below in sorted(pairs):
        if below in floors[0]:
            continue
        (x, y, width), (x2, y2, width2) = places[room], places[below]
        start, end, side = (x + width / 2, y + BOX), (x2 + width2 / 2, y2), ""
        if y == y2:
            start, end, side = (x + width / 2, y + BOX), (x2 + width2 / 2, y2 + BOX), ' class="s"'
        bend = 22 if y == y2 else (end[1] - start[1]) / 2
        parts.append(
            f'<path{side} d="M{start[0]:.0f} {start[1]:.0f}C{start[0]:.0f} {start[1] + bend:.0f} '
            f'{end[0]:.0f} {end[1] + (bend if y == y2 else -bend):.0f} {end[0]:.0f} {end[1]:.0f}"/>'
        )
    for number in range(len(floors)):
        y = MARGIN + (len(floors) - 1 - number) * FLOOR + BOX / 2 + 5
        parts.append(f'<text class="n" x="{MARGIN}" y="{y:.0f}">{number}</text>')
    for room, (x, y, width) in places.items():
        parts.append(f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{BOX}" rx="6"/>')
        parts.append(
            f'<text x="{x + width / 2:.0f}" y="{y + BOX / 2 + 5:.0f}" text-anchor="middle">{room}</text>'
        )
    height = 2 * MARGIN + (len(floors) - 1) * FLOOR + BOX
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    title = "<title>The floors of the house and what imports what</title>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{title}<style>{STYLE}</style>'
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def drawn() -> str:
    """The picture of the house as it is."""
    tests = house()
    rooms = {path: tests.room_of(path) for path in tests.FILES.values()}
    pairs = {
        (rooms[path], one.module.split(".")[1])
        for path in rooms
        for one in tests.imports(path)
        if one.module.startswith("convsmith.") and rooms[path] in tests.FLOOR
    }
    known = {(room, below) for room, below in pairs if below in tests.FLOOR and below != room}
    there = set(rooms.values())
    return picture([{room for room in floor if room in there} for floor in tests.FLOORS], known)


if __name__ == "__main__":
    PICTURE.write_text(drawn(), encoding="utf-8")
