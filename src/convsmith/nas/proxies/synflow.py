"""Synaptic flow: how much of a signal the weights let through, all paths taken together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import PROXIES

if TYPE_CHECKING:
    import numpy as np

    from convsmith.graph import Graph


@PROXIES.register()
def synflow(graph: Graph, images_NCHW: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> float:
    """ln of the sum of ``|weight x gradient|`` for a white image and weights made positive.

    Sources: Tanaka, Kunin, Yamins, Ganguli, "Pruning neural networks without any data by iteratively
    conserving synaptic flow", NeurIPS 2020; as a score of networks: Abdelfattah, Mehrotra, Dudziak, Lane,
    "Zero-Cost Proxies for Lightweight NAS", ICLR 2021. Batch norms count as the identity that they are at
    first.

    Args:
        graph: the network.
        images_NCHW: gives the size; their pixels are not looked at.
        labels: not looked at.
        seed: of the first weights.

    Returns:
        Higher is better; minus infinity where nothing comes through.
    """
    import torch

    from ._network import fresh, kernels, log_of, outputs

    module = fresh(graph, seed, batch_statistics=False).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.abs_()
    weights = kernels(module)
    white = torch.full((1, *images_NCHW.shape[1:]), 255.0, dtype=torch.float64)
    flows = torch.autograd.grad(outputs(module, white).sum(), weights, allow_unused=True)
    total = torch.zeros((), dtype=torch.float64)
    for weight, flow in zip(weights, flows, strict=True):
        if flow is not None:
            total += (weight.detach() * flow).abs().sum()
    return log_of(total)
