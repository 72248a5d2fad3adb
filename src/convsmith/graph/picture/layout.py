"""Where the boxes of one block go: ranks from top to bottom, lanes from left to right, wires between them.

The longest path goes straight down lane 0; every other path, and every skip, has its own lane beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .blocks import Block, Box

ENTRY = -1
"""Stands for the box before the block, at rank 0 in lane 0."""


@dataclass
class Layout:
    """One block's places.

    Args:
        rank: box -> how far down, from 1.
        lane: box -> how far right of the middle (negative: left).
        wires: (source, target) -> the lane that the wire between them runs down.
        boxed: lanes that hold boxes.
    """

    rank: dict[int, int] = field(default_factory=dict)
    lane: dict[int, int] = field(default_factory=dict)
    wires: dict[tuple[int, int], int] = field(default_factory=dict)
    boxed: set[int] = field(default_factory=set)

    @property
    def height(self) -> int:
        """How many ranks."""
        return max(self.rank.values(), default=0)


def layout(made: tuple[Box, ...], block: Block) -> Layout:
    """The places of a block's boxes and wires."""
    inside = set(block.boxes)
    sources = {
        index: [source if source in inside else ENTRY for source in made[index].sources]
        for index in block.boxes
    }
    found = Layout(rank={ENTRY: 0}, lane={ENTRY: 0})
    for index in block.boxes:
        found.rank[index] = 1 + max((found.rank[source] for source in sources[index]), default=0)
    takers: dict[int, list[int]] = {ENTRY: [], **{index: [] for index in block.boxes}}
    for index in block.boxes:
        for source in sources[index]:
            takers[source].append(index)
    used: dict[int, set[int]] = {}
    for place, path in enumerate(_paths(block, sources, takers, found.rank)):
        first, last = path[0], path[-1]
        start = min((found.rank[source] for source in sources[first]), default=found.rank[first] - 1) + 1
        end = max((found.rank[taker] for taker in takers[last]), default=found.rank[last] + 1) - 1
        lane = 0 if place == 0 else _free(used, start, end)
        used.setdefault(lane, set()).update(range(start, max(end, found.rank[last]) + 1))
        found.boxed.add(lane)
        found.lane.update(dict.fromkeys(path, lane))
    _wire(found, block, sources, used)
    return found


def _paths(
    block: Block, sources: dict[int, list[int]], takers: dict[int, list[int]], rank: dict[int, int]
) -> list[list[int]]:
    """The block's boxes as paths: the longest first, then what is left of the others."""
    end = block.boxes[-1]
    spine = [end]
    while True:
        before = [source for source in sources[spine[-1]] if source != ENTRY]
        if not before:
            break
        spine.append(max(before, key=lambda source: rank[source]))
    paths = [spine[::-1]]
    left = set(block.boxes) - set(spine)
    for index in block.boxes:
        if index not in left:
            continue
        path = [index]
        left.discard(index)
        while True:
            after = [taker for taker in takers[path[-1]] if taker in left]
            if not after:
                break
            path.append(after[0])
            left.discard(after[0])
        paths.append(path)
    return paths


def _wire(found: Layout, block: Block, sources: dict[int, list[int]], used: dict[int, set[int]]) -> None:
    """A lane for each wire; long ones that no box of theirs keeps free get a new one."""
    edges = [(source, target) for target in block.boxes for source in sources[target]]
    for source, target in sorted(edges, key=lambda edge: found.rank[edge[1]] - found.rank[edge[0]]):
        start, end = found.rank[source] + 1, found.rank[target] - 1
        if start > end:
            found.wires[source, target] = found.lane[target]
            continue
        for lane in (found.lane[target], found.lane[source]):
            # A path's own lane was kept free for the wires into its first and out of its last box.
            if lane != 0 and all(_is_clear(found, lane, at) for at in range(start, end + 1)):
                found.wires[source, target] = lane
                break
        else:
            lane = _free(used, start, end)
            used.setdefault(lane, set()).update(range(start, end + 1))
            found.wires[source, target] = lane


def _is_clear(found: Layout, lane: int, rank: int) -> bool:
    return not any(
        box_lane == lane and found.rank[box] == rank for box, box_lane in found.lane.items() if box != ENTRY
    )


def _free(used: dict[int, set[int]], start: int, end: int) -> int:
    """The lane nearest to the middle that is free from one rank to another, right before left."""
    distance = 1
    while True:
        for lane in (distance, -distance):
            if used.get(lane, set()).isdisjoint(range(start, max(start, end) + 1)):
                return lane
        distance += 1
