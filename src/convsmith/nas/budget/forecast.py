"""What a network's latency will be: for the many candidates of which one is proposed, and then measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convsmith.graph import Graph
from convsmith.ledger.budget import Budget, Latency
from convsmith.ledger.effort import moved

from ..choose import Answers, Space
from ..within import Within

if TYPE_CHECKING:
    import numpy as np

_MEASURED = 12
_SURE = 0.9  # of the limit: what a network that is known to keep it counts as, at most


@dataclass(frozen=True)
class Forecast:
    """Milliseconds of a network as a sum over its layers, multiply-adds and numbers moved.

    It errs by a third or so: good enough to choose candidates by, and never what decides about the budget.

    Args:
        layer: milliseconds for each layer.
        mac: for each multiply-add of an image.
        moved: for each number that goes into or out of a layer.

    Example:
        >>> from convsmith.graph import notation as keras
        >>> x = inputs = keras.Input((8, 8, 1))
        >>> graph = keras.Model(inputs, keras.layers.Conv2D(2, 3)(x))
        >>> Forecast(layer=0.01, mac=1e-6, moved=1e-5)(graph)  # 2 layers, 648 multiply-adds, 64 + 72 numbers
        0.022008
    """

    layer: float
    mac: float
    moved: float

    def __call__(self, graph: Graph) -> float:
        """Milliseconds of a network."""
        return self.layer * len(graph) + self.mac * (graph.macs or 0) + self.moved * moved(graph)

    def keeping(self, limit_ms: float, known: Graph) -> Forecast:
        """The same forecast, lower where it says of a network known to keep a limit that it does not.

        An algorithm whose every way back is forecast to be over the limit would propose nothing else.
        """
        says = self(known)
        if says <= _SURE * limit_ms:
            return self
        less = _SURE * limit_ms / says
        return Forecast(less * self.layer, less * self.mac, less * self.moved)

    def to_json(self) -> dict[str, Any]:
        """The three numbers."""
        return {"layer": self.layer, "mac": self.mac, "moved": self.moved}


def forecast(
    space: Space, budget: Budget, rng: np.random.Generator, *, anchor: Answers, latency_ms: Latency
) -> Forecast:
    """Measure some networks that keep the rest of the budget, and explain them.

    Args:
        space: the space.
        budget: with a limit on latency.
        rng: draws the networks.
        anchor: a genotype known to keep the budget; the forecast never says that it does not.
        latency_ms: measures a network.

    Returns:
        Milliseconds that explain the measured ones best, none below 0, relative errors counted.
    """
    import numpy as np
    from scipy.optimize import nnls

    within = Within(space, budget.without_latency(), anchor)
    graphs = [space.graph(anchor), *(within.graph(within.sample(rng)) for _ in range(_MEASURED))]
    took = np.array([latency_ms(graph) for graph in graphs])
    parts = np.array([(len(graph), graph.macs or 0, moved(graph)) for graph in graphs], dtype=float)
    unit = parts.max(0).clip(1)
    found = nnls(parts / unit / took[:, None], np.ones(len(took)))[0] / unit
    layer, mac, number = (float(one) for one in found)
    made = Forecast(layer, mac, number)
    return made if budget.latency_ms is None else made.keeping(budget.latency_ms, graphs[0])
