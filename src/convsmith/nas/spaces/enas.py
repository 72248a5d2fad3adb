"""The micro space of ENAS: cells of five blocks, each of two operations on any two earlier states.

The paper counts (5 x 5!)^4 = 1.3 * 10^11 pairs of cells; with every block's two operations and two states
written out there are 2.6 * 10^25.

Source: H. Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", 2018.
"""

from __future__ import annotations

from convsmith.graph import Graph
from convsmith.zoo.enas import enas as network

from ..choose import Choose
from . import SPACES
from ._cells import FILTERS, free_cell, halvings

OPERATIONS = ("skip", "max_3x3", "avg_3x3", "sep_3x3", "sep_5x5")
BLOCKS = 5
CELLS = (1, 2, 3, 4, 6, 9, 12, 15)


@SPACES.register()
def enas(choose: Choose, input_shape: tuple[int, int, int], classes: int) -> Graph:
    """The micro space of ENAS: cells of 5 blocks, 5 operations, free inputs; cells and filters to choose.

    Args:
        choose: answers the questions below.
        input_shape: rows, columns, channels.
        classes: how many classes.
    """
    down = halvings(choose, min(input_shape[:2]))
    cells, filters = choose("cells", CELLS), choose("filters", FILTERS)
    normal, reduction = (free_cell(choose, name, OPERATIONS, BLOCKS) for name in ("normal", "reduction"))
    return network(
        cells, filters, input_shape, classes,
        normal=normal, reduction=reduction, halvings=down, name="enas",
    )  # fmt: skip
