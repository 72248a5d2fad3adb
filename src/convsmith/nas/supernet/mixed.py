"""A relaxed network in torch: operations that meet are summed by weights that are learned."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convsmith.engine.lower import lower
from convsmith.engine.weights import initial

from ..relaxed import Group, Relaxed

EPSILON = 1e-5  # of the normalisation of pools


class Mix(nn.Module):
    """The weighed sum of the operations of an edge.

    In the authors' code a pool is normalised while it is weighed (batch norm without parameters), since
    nothing in it limits its numbers.

    Args:
        group: says which operations these are.
    """

    def __init__(self, group: Group) -> None:
        super().__init__()
        self._normed = [option in group.normed for option in group.built]
        self._index = [group.options.index(option) for option in group.built]
        self.weights: Tensor | None = None

    def forward(self, *inputs: Tensor) -> Tensor:
        assert self.weights is not None, "weigh the supernet first"
        out: Tensor | None = None
        for x, index, normed in zip(inputs, self._index, self._normed, strict=True):
            if normed:
                x = F.batch_norm(x, None, None, training=True, eps=EPSILON)
            part = self.weights[index] * x
            out = part if out is None else out + part
        assert out is not None
        return out


class Supernet:
    """A relaxed space with weights w, and one row of numbers alpha for each group of operations.

    Args:
        relaxed: the space.
        seed: of the first weights and alphas (normal, deviation 0.001).
    """

    def __init__(self, relaxed: Relaxed, seed: int) -> None:
        self.relaxed = relaxed
        self.module = lower(relaxed.graph, initial(relaxed.graph, seed))
        self.mixes: dict[str, Mix] = {}
        for name, group in relaxed.mixes.items():
            mix = Mix(relaxed.groups[group])
            self.module.steps_by_name[name].layer = mix
            self.module.layers_by_name[name] = mix
            self.mixes[name] = mix
        for name in relaxed.branches:  # an operation that could scale itself would hide its weight
            for parameter in self.module.layers_by_name[name].parameters():
                parameter.requires_grad_(False)
        self.module.train()
        self.weights = [one for one in self.module.parameters() if one.requires_grad]
        generator = torch.Generator().manual_seed(seed)
        self.alphas = {
            name: nn.Parameter(1e-3 * torch.randn(len(group.options), generator=generator))
            for name, group in relaxed.groups.items()
        }

    def scores(self, x_NCHW: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """The network's logits, its operations weighed by group."""
        for name, mix in self.mixes.items():
            mix.weights = weights[self.relaxed.mixes[name]]
        module = self.module
        return module.logits(x_NCHW) if module.ends_in_softmax else module(x_NCHW)

    def loss(self, x_NCHW: Tensor, target: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """Mean cross-entropy with rows of targets."""
        return -(target * self.scores(x_NCHW, weights).log_softmax(1)).sum(1).mean()


def shares(alphas: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The softmax of each row."""
    return {name: alpha.softmax(0) for name, alpha in alphas.items()}


def plain(weights: Mapping[str, Tensor]) -> dict[str, list[float]]:
    """Weights as lists of numbers."""
    return {name: [float(one) for one in row.detach()] for name, row in weights.items()}
