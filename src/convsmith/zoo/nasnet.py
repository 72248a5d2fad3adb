"""NASNet-A: cells found by reinforcement learning on CIFAR-10, stacked for ImageNet.

B. Zoph, V. Vasudevan, J. Shlens, Q. Le, "Learning Transferable Architectures for Scalable Image Recognition",
2017, figure 4. The form is Keras's.
"""

from __future__ import annotations

from functools import partial

from ..graph import Graph
from ..graph import notation as keras
from ..graph.places import place
from ._cells import Cell, Style, Wire, first
from ._parts import activate, head, image
from .network import Published, enter

NORMAL = Cell(
    (
        ("sep_5x5", 1, "sep_3x3", 0),
        ("sep_5x5", 0, "sep_3x3", 0),
        ("avg_3x3", 1, "skip", 0),
        ("avg_3x3", 0, "avg_3x3", 0),
        ("sep_3x3", 1, "skip", 1),
    ),
    (0, 2, 3, 4, 5, 6),
)
REDUCTION = Cell(
    (
        ("sep_5x5", 1, "sep_7x7", 0),
        ("max_3x3", 1, "sep_7x7", 0),
        ("avg_3x3", 1, "sep_5x5", 0),
        ("avg_3x3", 2, "skip", 3),
        ("sep_3x3", 2, "max_3x3", 1),
    ),
    (3, 4, 5, 6),
)
STYLE = Style(epsilon=1e-3, momentum=0.9997)


def nasnet(
    cells: int,
    filters: int,
    stem: int,
    skips: bool,
    normal: Cell = NORMAL,
    reduction: Cell = REDUCTION,
    input_shape: tuple[int, ...] = (224, 224, 3),
    classes: int = 1000,
    dropout: float = 0.0,
    *,
    name: str,
) -> Graph:
    """A stem, two reduction cells, three stages of `cells` cells with reductions between them.

    Args:
        cells: normal cells in each stage.
        filters: channels of an operation in the first stage.
        stem: channels of the first convolution.
        skips: whether the cell after a reduction looks past it.
        normal: the cell.
        reduction: the cell that halves the image.
        input_shape: rows, columns, channels.
        classes: how many classes.
        dropout: before the classifier.
        name: of the network.
    """
    style = STYLE
    inputs, x = image(input_shape)
    x = style.norm(keras.layers.Conv2D(stem, 3, strides=2, use_bias=False)(x))
    before, last = None, Wire(x, stem, 0)
    for share in (4, 2):
        with place(f"stem_{share}"):
            before, last = last, style.cell(reduction, before, last, filters // share, reduce=True)
    last = _stages(before, last, cells, filters, skips, normal, reduction)
    return keras.Model(inputs, head(activate(last.x, "relu"), classes, dropout), name=name)


def nasnet_small(
    cells: int,
    filters: int,
    normal: Cell = NORMAL,
    reduction: Cell = REDUCTION,
    input_shape: tuple[int, ...] = (32, 32, 3),
    classes: int = 10,
    dropout: float = 0.0,
    *,
    skips: bool = False,
    halvings: int = 0,
    name: str,
) -> Graph:
    """The network for small images: a convolution instead of the stem and its two reduction cells.

    Args:
        halvings: strided convolutions before the cells, for larger images; the others as of `nasnet`.
    """
    inputs, x = image(input_shape)
    last = _stages(None, first(x, filters, halvings), cells, filters, skips, normal, reduction)
    return keras.Model(inputs, head(activate(last.x, "relu"), classes, dropout), name=name)


def _stages(
    before: Wire | None, last: Wire, cells: int, filters: int, skips: bool, normal: Cell, reduction: Cell
) -> Wire:
    """Three stages of `cells` normal cells, with a reduction cell before the second and the third."""
    for stage in range(3):
        width = filters * 2**stage
        if stage:
            with place(f"reduction_{stage}"):
                made = STYLE.cell(reduction, before, last, width, reduce=True)
            before, last = (before if skips else last), made
        for number in range(cells):
            with place(f"normal_{stage}_{number}"):
                before, last = last, STYLE.cell(normal, before, last, width, reduce=False)
    return last


_PAPER = (
    "B. Zoph et al., Learning Transferable Architectures for Scalable Image Recognition, arXiv:1707.07012"
)
enter(
    "nasnet_mobile",
    partial(nasnet, 4, 44, 32, False, name="nasnet_mobile"),
    Published(_PAPER, 2017, 5_326_716, 564e6, 74.0, "keras.applications; MACs: the paper", statistics=True),
)
enter(
    "nasnet_large",
    partial(nasnet, 6, 168, 96, True, input_shape=(331, 331, 3), name="nasnet_large"),
    Published(
        _PAPER,
        2017,
        88_949_818,
        23.8e9,
        82.7,
        "keras.applications; MACs and top-1: the paper",
        statistics=True,
    ),
)
