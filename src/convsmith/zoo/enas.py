"""The cells that ENAS found on CIFAR-10 by sharing weights (its micro space), as a network.

H. Pham, M. Guan, B. Zoph, Q. Le, J. Dean, "Efficient Neural Architecture Search via Parameter Sharing", 2018,
figure 8; the cells and the layers around them as in the authors' code (melodyguan/enas, cifar10_micro_final).
The auxiliary head, which only trains, is left out.
"""

from __future__ import annotations

from functools import partial

from ..graph import Graph
from ..graph import notation as keras
from ..graph.places import place
from ._cells import Cell, Style, first, stages
from ._parts import activate, image
from .network import Published, enter

NORMAL = Cell(
    (
        ("avg_3x3", 0, "sep_3x3", 0),
        ("skip", 0, "sep_5x5", 0),
        ("skip", 0, "sep_5x5", 1),
        ("sep_3x3", 1, "sep_5x5", 0),
        ("avg_3x3", 0, "sep_5x5", 1),
    ),
    (2, 3, 4, 5, 6),
)
REDUCTION = Cell(
    (
        ("sep_3x3", 1, "sep_3x3", 1),
        ("max_3x3", 0, "avg_3x3", 0),
        ("sep_5x5", 1, "sep_5x5", 3),
        ("sep_3x3", 1, "skip", 0),
        ("max_3x3", 0, "sep_5x5", 1),
    ),
    (2, 4, 5, 6),
)
STYLE = Style(epsilon=1e-5, momentum=0.9, twice=True, halve="both", active=False)


def enas(
    cells: int,
    filters: int,
    input_shape: tuple[int, ...] = (32, 32, 3),
    classes: int = 10,
    *,
    normal: Cell = NORMAL,
    reduction: Cell = REDUCTION,
    halvings: int = 0,
    dropout: float = 0.2,
    name: str,
) -> Graph:
    """A convolution, `cells` normal cells in three stages with a reduction cell between them.

    Args:
        cells: normal cells, all together.
        filters: channels of an operation in the first stage.
        input_shape: rows, columns, channels.
        classes: how many classes.
        normal: the cell.
        reduction: the cell that halves the image.
        halvings: strided convolutions before the cells, for larger images.
        dropout: before the classifier.
        name: of the network.
    """
    inputs, x = image(input_shape)
    before = last = first(x, filters, halvings)
    for number, (reduces, wider) in enumerate(stages(cells + 2, (cells // 3, 2 * (cells // 3) + 1))):
        cell = reduction if reduces else normal
        with place(f"cell_{number}"):
            before, last = last, STYLE.cell(cell, before, last, filters * wider, reduce=reduces)
    x = keras.layers.GlobalAveragePooling2D()(activate(last.x, "relu"))
    x = keras.layers.Dropout(dropout)(x)
    x = keras.layers.Dense(classes, activation="softmax", use_bias=False, name="softmax")(x)
    return keras.Model(inputs, x, name=name)


enter(
    "enas_micro",
    partial(enas, 15, 36, name="enas_micro"),
    Published(
        "H. Pham et al., Efficient Neural Architecture Search via Parameter Sharing, arXiv:1802.03268",
        2018,
        int(4.6e6),
        None,
        96.46,
        "the paper, table 2",
        trained_on="CIFAR-10",
        note="the cells and widths of the authors' final script give 3.9 million",
    ),
)
