"""NASWOT: do untrained units already tell images apart?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import PROXIES

if TYPE_CHECKING:
    import numpy as np

    from convsmith.graph import Graph


@PROXIES.register()
def naswot(graph: Graph, images_NCHW: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> float:
    """ln of the determinant of how alike the images switch the network's units on.

    Two images are as alike as units agree whether they are on, that is, whether what goes into their
    activation is above zero.

    Source: Mellor, Turner, Storkey, Crowley, "Neural Architecture Search without Training", ICML 2021.

    Args:
        graph: the network.
        images_NCHW: raw pixels, float32; 16 to 128 images, all different.
        labels: not looked at.
        seed: of the first weights.

    Returns:
        Higher is better; minus infinity where the network takes two images for the same.
    """
    import torch

    from convsmith.kinds._torch import Softmax

    from ._network import fresh, outputs

    module = fresh(graph, seed)
    count = len(images_NCHW)
    alike = torch.zeros(count, count, dtype=torch.float64)

    def look(part: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        on = (given[0].reshape(count, -1) > 0).float()
        agree = on @ on.T + (1 - on) @ (1 - on).T
        alike.add_(agree.double())

    for step in module.steps_by_name.values():
        if step.activation is not None and not isinstance(step.activation, Softmax):
            step.activation.register_forward_pre_hook(look)
        elif isinstance(step.layer, torch.nn.ReLU | torch.nn.ReLU6):
            step.layer.register_forward_pre_hook(look)
    with torch.no_grad():
        outputs(module, torch.from_numpy(images_NCHW))
    sign, determinant = torch.linalg.slogdet(alike)
    return float(determinant) if sign > 0 else float("-inf")
