"""Learning rates that differ from layer to layer: one optimizer for each rate, seen as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from ...graph import Graph
from ...graph.head import head
from ..optimizers import Optimizer
from ..optimizers.factors import Factor


def multipliers(graph: Graph, layer_decay: float) -> dict[str, float]:
    """What each layer's learning rate is multiplied by: the head 1, each stage before it less.

    A stage is a run of layers whose outputs have the same rows and columns, so that the rule means the same
    for shallow and deep networks (J. Howard, S. Ruder, "Universal Language Model Fine-tuning", 2018, section
    3.2, by stages instead of layers).

    Args:
        graph: the network.
        layer_decay: from 0 to 1; the stage before the head learns this much slower, the one before that by
            its square, and so on.

    Returns:
        Full name of each weight -> multiplier.

    Example:
        >>> from convsmith.zoo import network
        >>> found = multipliers(network("lenet5"), 0.5)
        >>> found["conv1/kernel"], found["conv2/kernel"], found["fc3/kernel"], found["softmax/kernel"]
        (0.125, 0.25, 0.5, 1.0)
    """
    last = head(graph).name
    stages: dict[tuple[int | None, ...], int] = {}
    stage: dict[str, int] = {}
    for name in graph.weights:
        owner = name.rpartition("/")[0]
        if owner != last and owner not in stage:
            stage[owner] = stages.setdefault(graph.shapes[owner][:-1], len(stages))
    owners = {name: name.rpartition("/")[0] for name in graph.weights}
    return {
        name: layer_decay ** (len(stages) - stage[owner]) if owner in stage else 1.0
        for name, owner in owners.items()
    }


class Grouped:
    """Several optimizers, each with its share of the parameters and a multiplier of the learning rate.

    It has of an `Optimizer` what a training uses: `step`, its two halves `numbers` and `apply`, `state` (in
    the order of all parameters) and `iterations`.

    Args:
        parameters: all of them.
        multipliers: one for each parameter.
        make: an optimizer for the parameters at these positions.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        multipliers: Sequence[float],
        make: Callable[[list[int]], Optimizer],
    ) -> None:
        self.groups = [
            (rate, [at for at in range(len(parameters)) if multipliers[at] == rate])
            for rate in sorted(set(multipliers))
        ]
        self.optimizers = [make(places) for _, places in self.groups]

    def step(self, rate: float) -> None:
        """Change the parameters by their gradients, and drop the gradients."""
        self.apply(self.numbers(rate))
        self.iterations += 1

    def numbers(self, rate: float) -> tuple[float, ...]:
        """Each optimizer's, one after the other."""
        pairs = zip(self.groups, self.optimizers, strict=True)
        return tuple(number for (share, _), one in pairs for number in one.numbers(rate * share))

    def apply(self, numbers: Sequence[Factor]) -> None:
        """The part of `step` that works on tensors."""
        each = len(numbers) // len(self.optimizers)
        for at, one in enumerate(self.optimizers):
            one.apply(numbers[at * each : (at + 1) * each])

    @property
    def state(self) -> dict[str, list[Tensor]]:
        """Slot -> one tensor for each parameter, in their order."""
        slots = self.optimizers[0].slots
        found: dict[str, list[Tensor]] = {}
        for slot in slots:
            placed = {
                at: tensor
                for (_, places), one in zip(self.groups, self.optimizers, strict=True)
                for at, tensor in zip(places, one.state[slot], strict=True)
            }
            found[slot] = [placed[at] for at in sorted(placed)]
        return found

    @property
    def iterations(self) -> int:
        """Steps done."""
        return self.optimizers[0].iterations

    @iterations.setter
    def iterations(self, steps: int) -> None:
        for one in self.optimizers:
            one.iterations = steps
