"""How large the network is: the score that others must beat, and often do not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from . import PROXIES

if TYPE_CHECKING:
    import numpy as np

    from convsmith.graph import Graph


@PROXIES.register()
def params(graph: Graph, images_NCHW: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> float:
    """ln of the number of parameters.

    Source: White, Khodak, Tu, Shah, Bubeck, Dey, "A Deeper Look at Zero-Cost Proxies for Lightweight NAS",
    ICLR blog track 2022: parameters and multiply-adds are as good as most.

    Args:
        graph: the network.
        images_NCHW, labels, seed: not looked at.
    """
    return math.log(graph.params) if graph.params else float("-inf")
