"""ZiCo: do different images ask for the same change of the weights?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import PROXIES

if TYPE_CHECKING:
    import numpy as np

    from convsmith.graph import Graph

_BATCHES = 2


@PROXIES.register()
def zico(graph: Graph, images_NCHW: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> float:
    """Over the layers, ln of the sum of gradients' mean size over their standard deviation, of two batches.

    A large and steady gradient promises a fast fall of the loss and a small generalisation gap.

    Source: Li, Yang, Bhardwaj, Marculescu, "ZiCo: Zero-shot NAS via Inverse Coefficient of Variation on
    Gradients", ICLR 2023, equation 11.

    Args:
        graph: the network; it ends in a softmax over classes.
        images_NCHW: raw pixels, float32; 16 to 128 images.
        labels: class numbers.
        seed: of the first weights.

    Returns:
        Higher is better; minus infinity where a layer gets no gradient.
    """
    import torch

    from ._network import fresh, kernels, log_of, outputs

    module = fresh(graph, seed)
    weights = kernels(module)
    each = []
    for pixels, truth in zip(
        torch.from_numpy(images_NCHW).chunk(_BATCHES), torch.as_tensor(labels).chunk(_BATCHES), strict=True
    ):
        loss = torch.nn.functional.cross_entropy(outputs(module, pixels), truth.long())
        each.append(torch.autograd.grad(loss, weights, materialize_grads=True))
    total = 0.0
    for gradients in zip(*each, strict=True):
        together = torch.stack([one.double() for one in gradients])
        spread = together.std(0, unbiased=False)
        steady = together.abs().mean(0)[spread > 0] / spread[spread > 0]
        total += log_of(steady.sum())
    return total
