"""The cells of DARTS, normal and reduction: four nodes, each adding two operations on earlier states.

Of the paper's eight operations "none" only weighs in while the relaxed cell is trained; no finished cell has
it, so seven can be chosen. The paper counts 10^9 cells of each sort, 10^18 pairs.

Source: H. Liu, K. Simonyan, Y. Yang, "DARTS: Differentiable Architecture Search", 2018.
"""

from __future__ import annotations

from convsmith.graph import Graph
from convsmith.zoo.darts import darts as network

from ..choose import Choose
from . import SPACES
from ._cells import FILTERS, cell_of_pairs, halvings

OPERATIONS = ("skip", "max_3x3", "avg_3x3", "sep_3x3", "sep_5x5", "dil_3x3", "dil_5x5")
NODES = 4
CELLS = (1, 2, 3, 4, 5, 6, 8, 11, 14, 20)


@SPACES.register()
def darts(choose: Choose, input_shape: tuple[int, int, int], classes: int) -> Graph:
    """The normal and the reduction cell of DARTS: 4 nodes, 7 operations; cells and filters to choose.

    Args:
        choose: answers the questions below.
        input_shape: rows, columns, channels.
        classes: how many classes.
    """
    down = halvings(choose, min(input_shape[:2]))
    cells, filters = choose("cells", CELLS), choose("filters", FILTERS)
    normal, reduction = (cell_of_pairs(choose, name, OPERATIONS, NODES) for name in ("normal", "reduction"))
    return network(
        cells, filters, input_shape, classes,
        normal=normal, reduction=reduction, halvings=down, name="darts",
    )  # fmt: skip
