"""Choosing cells, and how large images are brought down before them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from convsmith.zoo._cells import Block, Cell

from ..choose import Answers, Choose
from ..relaxed import Relaxing

FILTERS = (4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 44, 48, 56, 64)
_LARGEST = 32  # rows or columns that the cells begin with, at most where the image allows it
_SMALLEST = 8  # and at least: two reduction cells follow


def halvings(choose: Choose, side: int) -> int:
    """How often strided convolutions halve the image before the cells; a choice where there is one."""
    fewest = 0
    while -(-side >> fewest) > _LARGEST * 1.5:
        fewest += 1
    most = fewest + (side >> (fewest + 1) >= _SMALLEST)
    return int(choose("halvings", range(fewest, most + 1)))


def free_cell(choose: Choose, name: str, operations: Sequence[str], blocks: int) -> Cell:
    """A cell of blocks of two operations, each on any earlier state; its output joins the loose ends.

    What else is joined is a choice as well: the published cells of NASNet and AmoebaNet join some states
    that their blocks already use.

    Args:
        choose: answers.
        name: of the cell: "normal" or "reduction".
        operations: their names.
        blocks: how many.
    """
    if isinstance(choose, Relaxing):
        return choose.cell(name, operations, blocks, sided, {f"{name}_joins": "all"})
    made: list[Block] = []
    for block in range(blocks):
        states = tuple(range(2 + block))
        left, right = (
            (choose(f"{name}_{block}_{side}", operations), choose(f"{name}_{block}_{side}_from", states))
            for side in ("left", "right")
        )
        made.append((*left, *right))
    used = {state for _, a, _, b in made for state in (a, b)}
    ends = range(2, 2 + blocks)
    joins = choose(f"{name}_joins", ("loose", "all", *(f"loose and {state}" for state in (0, *ends[:-1]))))
    loose = {state for state in ends if state not in used}
    more = ends if joins == "all" else {int(joins.split()[-1])} if joins != "loose" else ()
    return Cell(tuple(made), tuple(sorted(loose | set(more))))


def cell_of_pairs(choose: Choose, name: str, operations: Sequence[str], nodes: int) -> Cell:
    """A cell of nodes that each add two operations on two different earlier states; all nodes are joined.

    Args:
        choose: answers.
        name: of the cell: "normal" or "reduction".
        operations: their names.
        nodes: how many.
    """
    if isinstance(choose, Relaxing):
        return choose.cell(name, operations, nodes, paired, {})
    made: list[Block] = []
    for node in range(nodes):
        first, second = choose(f"{name}_{node}_from", tuple(combinations(range(2 + node), 2)))
        left = choose(f"{name}_{node}_first", operations)
        made.append((left, first, choose(f"{name}_{node}_second", operations), second))
    return Cell(tuple(made), tuple(range(2, 2 + nodes)))


def sided(name: str, block: int, left: tuple[str, int], right: tuple[str, int]) -> Answers:
    """The answers of `free_cell` for a block of two operations on two states."""
    return {
        f"{name}_{block}_left": left[0], f"{name}_{block}_left_from": left[1],
        f"{name}_{block}_right": right[0], f"{name}_{block}_right_from": right[1],
    }  # fmt: skip


def paired(name: str, node: int, left: tuple[str, int], right: tuple[str, int]) -> Answers:
    """The answers of `cell_of_pairs` for a node of two operations on two states, the earlier one first."""
    return {
        f"{name}_{node}_from": [left[1], right[1]],
        f"{name}_{node}_first": left[0], f"{name}_{node}_second": right[0],
    }  # fmt: skip
