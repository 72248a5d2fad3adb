"""The cells that DARTS found on CIFAR-10 (second order), as networks for CIFAR-10 and for ImageNet.

H. Liu, K. Simonyan, Y. Yang, "DARTS: Differentiable Architecture Search", 2018, figures 4 and 5; the layers
around the cells as in the authors' code (quark0/darts). The auxiliary head, which only trains, is left out.
"""

from __future__ import annotations

from functools import partial

from ..graph import Graph
from ..graph import notation as keras
from ..graph.places import place
from ._cells import Cell, Style, Wire, first, stages
from ._parts import IMAGENET, activate, conv_bn, head, image
from .network import Published, enter

NORMAL = Cell(
    (
        ("sep_3x3", 0, "sep_3x3", 1),
        ("sep_3x3", 0, "sep_3x3", 1),
        ("sep_3x3", 1, "skip", 0),
        ("skip", 0, "dil_3x3", 2),
    ),
    (2, 3, 4, 5),
)
REDUCTION = Cell(
    (
        ("max_3x3", 0, "max_3x3", 1),
        ("skip", 2, "max_3x3", 1),
        ("max_3x3", 0, "skip", 2),
        ("skip", 2, "max_3x3", 1),
    ),
    (2, 3, 4, 5),
)
STYLE = Style(epsilon=1e-5, momentum=0.9, always=True, halve="both")


def darts(
    cells: int,
    filters: int,
    input_shape: tuple[int, ...] = (32, 32, 3),
    classes: int = 10,
    *,
    normal: Cell = NORMAL,
    reduction: Cell = REDUCTION,
    halvings: int = 0,
    name: str,
) -> Graph:
    """The network for small images: a convolution, cells with two reductions at the thirds.

    Args:
        cells: how many.
        filters: channels of an operation in the first third.
        input_shape: rows, columns, channels.
        classes: how many classes.
        normal: the cell.
        reduction: the cell that halves the image.
        halvings: strided convolutions before the cells, for larger images.
        name: of the network.
    """
    inputs, x = image(input_shape)
    wire = first(x, filters, halvings)
    return _stack(inputs, wire, wire, cells, filters, classes, name, normal, reduction)


def darts_imagenet(
    cells: int, filters: int, input_shape: tuple[int, ...] = IMAGENET, classes: int = 1000, *, name: str
) -> Graph:
    """The network for ImageNet: three strided convolutions before the cells."""
    inputs, x = image(input_shape)
    x = conv_bn(conv_bn(x, filters // 2, 3, 2), filters, 3, 2, None)
    before = Wire(x, filters, 2)
    last = Wire(conv_bn(activate(x, "relu"), filters, 3, 2, None), filters, 3)
    return _stack(inputs, before, last, cells, filters, classes, name, NORMAL, REDUCTION)


def _stack(
    inputs: object,
    before: Wire,
    last: Wire,
    cells: int,
    filters: int,
    classes: int,
    name: str,
    normal: Cell,
    reduction: Cell,
) -> Graph:
    for number, (reduces, wider) in enumerate(stages(cells, (cells // 3, 2 * cells // 3))):
        cell = reduction if reduces else normal
        with place(f"cell_{number}"):
            before, last = last, STYLE.cell(cell, before, last, filters * wider, reduce=reduces)
    return keras.Model(inputs, head(last.x, classes), name=name)  # type: ignore[arg-type]


_PAPER = "H. Liu, K. Simonyan, Y. Yang, DARTS: Differentiable Architecture Search, arXiv:1806.09055"
enter(
    "darts_cifar",
    partial(darts, 20, 36, name="darts_cifar"),
    Published(_PAPER, 2018, int(3.3e6), None, 97.24, "the paper, table 1", trained_on="CIFAR-10"),
)
enter(
    "darts_imagenet",
    partial(darts_imagenet, 14, 48, name="darts_imagenet"),
    Published(
        _PAPER,
        2018,
        int(4.7e6),
        574e6,
        73.3,
        "the paper, table 3",
        note="the authors' network has 530 million multiply-adds of convolutions and dense layers",
    ),
)
