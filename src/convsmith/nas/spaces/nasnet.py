"""The cells of NASNet and AmoebaNet: five blocks of two of thirteen operations, on any earlier states.

Around the cells: for small images a convolution and three stages of cells; larger images also have the choice
of the ImageNet network, whose stem begins with two reduction cells. The two states of a block are added.

Sources: B. Zoph et al., "Learning Transferable Architectures for Scalable Image Recognition", 2017 (the
thirteen operations); E. Real et al., "Regularized Evolution for Image Classifier Architecture Search", 2018.
"""

from __future__ import annotations

from convsmith.graph import Graph
from convsmith.zoo.nasnet import nasnet as network
from convsmith.zoo.nasnet import nasnet_small

from ..choose import Choose
from . import SPACES
from ._cells import FILTERS, free_cell, halvings

OPERATIONS = (
    "skip", "1x3_3x1", "1x7_7x1", "dil_3x3", "avg_3x3", "max_3x3", "max_5x5", "max_7x7",
    "conv_1x1", "conv_3x3", "sep_3x3", "sep_5x5", "sep_7x7",
)  # fmt: skip
BLOCKS = 5
CELLS = (1, 2, 3, 4, 6)
"""Normal cells in each of the three stages."""
IMAGENET = 96  # rows or columns from which on the stem of the ImageNet network is a choice
WIDE = (*(filters for filters in FILTERS if filters >= 8), 96, 168, 190)


@SPACES.register()
def nasnet(choose: Choose, input_shape: tuple[int, int, int], classes: int) -> Graph:
    """The cells of NASNet and AmoebaNet: 5 blocks, 13 operations, free inputs; cells, filters, stem.

    Args:
        choose: answers the questions below.
        input_shape: rows, columns, channels.
        classes: how many classes.
    """
    side = min(input_shape[:2])
    cells = choose("cells", CELLS)
    skips = choose("skips", (False, True))
    normal, reduction = (free_cell(choose, name, OPERATIONS, BLOCKS) for name in ("normal", "reduction"))
    if side >= IMAGENET and choose("stem", ("convolutions", "cells")) == "cells":
        stem, filters = choose("stem_filters", (8, 16, 32, 96)), choose("wide_filters", WIDE)
        return network(
            cells, filters, stem, skips, normal, reduction, input_shape, classes, name="nasnet"
        )  # fmt: skip
    down, filters = halvings(choose, side), choose("filters", FILTERS)
    return nasnet_small(
        cells, filters, normal, reduction, input_shape, classes, skips=skips, halvings=down, name="nasnet"
    )
