"""AmoebaNet-A: cells found by aging evolution on CIFAR-10, stacked for ImageNet.

E. Real, A. Aggarwal, Y. Huang, Q. Le, "Regularized Evolution for Image Classifier Architecture Search", 2018,
figure 5; the cells and the stem as in the authors' code (tensorflow/tpu, amoeba_net).
"""

from __future__ import annotations

from functools import partial

from ._cells import Cell
from .nasnet import nasnet
from .network import Published, enter

NORMAL = Cell(
    (
        ("avg_3x3", 1, "max_3x3", 1),
        ("sep_3x3", 0, "skip", 0),
        ("skip", 1, "avg_3x3", 0),
        ("sep_3x3", 1, "sep_5x5", 2),
        ("avg_3x3", 5, "sep_3x3", 1),
    ),
    (0, 3, 4, 6),
)
REDUCTION = Cell(
    (
        ("sep_3x3", 0, "avg_3x3", 1),
        ("max_3x3", 1, "sep_7x7", 2),
        ("max_3x3", 0, "max_3x3", 1),
        ("sep_3x3", 4, "1x7_7x1", 1),
        ("avg_3x3", 0, "sep_7x7", 1),
    ),
    (2, 3, 4, 5, 6),
)

_PAPER = "E. Real et al., Regularized Evolution for Image Classifier Architecture Search, arXiv:1802.01548"
for _filters, _side, _name, _params, _macs, _top1 in (
    (190, 331, "amoebanet_a", 86.7e6, 23.1e9, 82.8),
    (448, 299, "amoebanet_a_large", 469e6, 104e9, 83.9),
):
    _shape = (_side, _side, 3)
    enter(
        _name,
        partial(
            nasnet, 6, _filters, 32, False, NORMAL, REDUCTION, input_shape=_shape, dropout=0.5, name=_name
        ),
        Published(_PAPER, 2018, int(_params), _macs, _top1, "the paper, table 2"),
    )
