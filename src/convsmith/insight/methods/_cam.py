"""What the class-activation methods share: a spatial layer, its output and the score's gradient there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..place import field_of, stretched
from ..target import Aim, Refused, Target, aim, only_lowered, outputs, untouched

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ...engine.lower import Lowered
    from ..explanation import Explanation

_NOT_FEATURES = {
    "InputLayer", "Rescaling", "Normalization", "Dropout", "SpatialDropout2D", "MaxPooling2D",
    "AveragePooling2D", "ZeroPadding2D", "Cropping2D", "Reshape",
}  # fmt: skip


def spatial_layer(net: Lowered, layer: str | None, method: str) -> str:
    """The layer to look at: the one asked for, or the last one that computes an image of features.

    Raises:
        Refused: there is none, or the one asked for gives no image.
        BadName: there is no layer of that name.
    """
    only_lowered(net)
    graph = net.graph
    if layer is not None:
        shape = graph.shapes[graph[layer].name]
        if len(shape) != 3 or shape[0] == shape[1] == 1:
            raise Refused(
                f"{method} at layer {layer}",
                f"its output {shape} has no rows and columns left",
                "a layer whose output is an image",
                "a convolution before Flatten or global pooling",
            )
        if layer not in _ancestors(net):
            raise Refused(
                f"{method} at layer {layer}", "the class outputs do not depend on it", "another layer"
            )
        return layer
    on_the_way = _ancestors(net)
    for node in reversed(graph.nodes):
        shape = graph.shapes[node.name]
        many = len(shape) == 3 and not shape[0] == shape[1] == 1
        if (
            many
            and node.kind_name not in _NOT_FEATURES
            and not node.kind.train_only
            and node.name in on_the_way
        ):
            return node.name
    raise Refused(
        f"{method} of network '{graph.name}'",
        "it has no layer whose output is an image of features",
        "a network with a convolution before Flatten or global pooling",
        "a method on pixels, such as occlusion",
    )


def _ancestors(net: Lowered) -> set[str]:
    found, waiting = set(), [net.graph.outputs[0]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(net.graph[name].inputs)
    return found - {net.graph.outputs[0]}


def features_and_gradient(
    net: Lowered, images_NCHW: torch.Tensor, target: Target, layer: str
) -> tuple[torch.Tensor, torch.Tensor, Aim, torch.Tensor]:
    """The layer's output A, the score's gradient there, what was aimed at, and the scores.

    Returns:
        A_NChw, gradient_NChw, aim, scores_N; detached.
    """
    import torch

    kept: list[torch.Tensor] = []

    def begin(module: object, inputs: object, output: torch.Tensor) -> torch.Tensor:
        # What comes before the layer needs no gradient, and records none.
        torch.set_grad_enabled(True)
        kept.append(output.detach().requires_grad_(True))
        return kept[0].view_as(kept[0])

    with untouched(net), torch.no_grad():
        aimed = aim(net, images_NCHW, target)
        handle = net.steps_by_name[layer].register_forward_hook(begin)
        try:
            scores = aimed.scores(outputs(net, images_NCHW.detach()))
        finally:
            handle.remove()
        (gradient,) = torch.autograd.grad(scores.sum(), kept)
    return kept[0].detach(), gradient, aimed, scores.detach()


def cam(
    method: str,
    net: Lowered,
    images_NCHW: torch.Tensor,
    layer: str,
    coarse_Nhw: torch.Tensor,
    aimed: Aim,
    scores_N: torch.Tensor,
    notes: tuple[str, ...] = (),
) -> Explanation:
    """The explanation of a map on a layer's positions, put where they lie in the image."""
    from ..explanation import Explanation

    coarse: np.ndarray = coarse_Nhw.cpu().numpy().astype("float32")
    rows, columns = images_NCHW.shape[2:]
    return Explanation(
        method=method,
        maps_NHW=stretched(coarse, (rows, columns), field_of(net.graph, layer)),
        images_NCHW=images_NCHW.detach().cpu().numpy(),
        target=aimed.plus,
        versus=aimed.minus,
        output=aimed.output,
        scores=tuple(scores_N.tolist()),
        layer=layer,
        arrays={"coarse_Nhw": coarse},
        notes=notes,
    )
