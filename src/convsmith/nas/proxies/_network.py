"""A network as the zero-cost scores look at it: first weights, batch statistics, no dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from convsmith.engine.lower import Lowered, lower
from convsmith.engine.weights import initial
from convsmith.graph import Graph
from convsmith.kinds._torch import BatchNorm


def fresh(graph: Graph, seed: int, *, batch_statistics: bool = True) -> Lowered:
    """The lowered network with first weights; its batch norms use the batch's statistics, or none."""
    module = lower(graph, initial(graph, seed)).eval()
    for part in module.modules():
        if isinstance(part, BatchNorm | nn.BatchNorm2d):
            part.train(batch_statistics)
    return module


def outputs(module: Lowered, images: Tensor) -> Tensor:
    """The network's outputs before a final softmax."""
    return module.logits(images) if module.ends_in_softmax else module(images)


def kernels(module: Lowered) -> list[nn.Parameter]:
    """The weights of convolutions and dense layers: those that have two dimensions or more."""
    return [one for one in module.parameters() if one.requires_grad and one.dim() > 1]


def log_of(total: Tensor) -> float:
    """ln; minus infinity for 0 and for what is no number."""
    return float(total.log()) if torch.isfinite(total) and total > 0 else float("-inf")
