"""Layer-wise relevance propagation: S. Bach et al., 2015; "epsilon-plus", as in G. Montavon et al., 2019."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..explanation import Explanation
from ..method import METHODS
from ..target import Aim, Refused, Target
from ._pixels import aimed_at, of_pixels, scores_of

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ...engine.lower import Lowered
    from ...graph import Node

LIKE_RELU = {"linear", "relu", "relu6", "leaky_relu", None}
POSITIVE = {"Conv2D", "DepthwiseConv2D", "SeparableConv2D"}
EACH_ALONE = {"ReLU", "Activation", "Rescaling", "Normalization"}
SHARED_OUT = {
    "Dense", "Add", "Concatenate", "Flatten", "Reshape", "ZeroPadding2D", "AveragePooling2D",
    "GlobalAveragePooling2D", "Average", "Cropping2D", "Permute", "ZeroPadding1D", "UpSampling2D",
}  # fmt: skip
WINNERS = {"MaxPooling2D", "GlobalMaxPooling2D"}
VALID = POSITIVE | EACH_ALONE | SHARED_OUT | WINNERS | {"InputLayer", "Softmax"}


@METHODS.register()
def lrp(
    net: Lowered,
    images_NCHW: torch.Tensor,
    target: Target = None,
    *,
    layer: str | None = None,
    epsilon: float = 1e-6,
) -> Explanation:
    """The logit handed back from layer to layer in the shares in which it came, down to the pixels.

    Dense layers and sums by the epsilon rule, convolutions by their positive parts (z+), maxima to the
    winner; batch norm is folded into the convolution before it first, and biases keep nothing in
    convolutions. How far the pixels' sum is from the logit stands in ``arrays["conservation_error_N"]``.

    Args:
        epsilon: added to what is divided by, with its sign.

    Raises:
        Refused: for a network with layers or activations for which these rules are not valid.
    """
    import torch

    from ...engine.lower import lower
    from ...engine.weights import dump
    from ...graph.fold import fold

    aimed = aimed_at(net, images_NCHW, target)
    folded = lower(*fold(net.graph, dump(net))).to(images_NCHW.device)
    for node in folded.graph.nodes:
        _check(folded, node)
    scores_N = scores_of(net, images_NCHW, aimed)
    with torch.no_grad():
        inputs, logits_NK = _forward(folded, images_NCHW)
    relevance = {folded.graph.outputs[0]: _start(logits_NK, aimed)}
    for node in reversed(folded.graph.nodes):
        if node.name not in relevance or not node.inputs:
            continue
        shares = _back(folded, node, inputs[node.name], relevance.pop(node.name), epsilon)
        for source, part in zip(node.inputs, shares, strict=True):
            relevance[source] = relevance[source] + part if source in relevance else part
    parts_NCHW = relevance[folded.graph.inputs[0]]
    error_N = (parts_NCHW.sum((1, 2, 3)) - scores_N).abs() / scores_N.abs().clamp(min=1e-6)
    return of_pixels(
        "lrp",
        images_NCHW,
        parts_NCHW.sum(1),
        aimed,
        scores_N,
        signed=True,
        arrays={"attribution_NCHW": parts_NCHW, "conservation_error_N": error_N},
    )


def _check(net: Lowered, node: Node) -> None:
    where = f"lrp of network '{net.graph.name}'"
    if len(net.graph.inputs) > 1 or len(net.graph.outputs) > 1:
        raise Refused(where, "several inputs or outputs", "one of each")
    activation = "softmax" if node.kind_name == "Softmax" else getattr(node.kind, "activation", None)
    allowed = LIKE_RELU
    if node.name == net.graph.outputs[0]:
        allowed = LIKE_RELU | {"sigmoid" if net.ends_in_one_sigmoid else "softmax"}
    if node.kind_name not in VALID:
        raise Refused(
            where,
            f"layer {node.name} ({node.kind_name}) has no rule",
            "convolutions, pools, dense layers, sums",
        )
    if activation not in allowed:
        raise Refused(where, f"layer {node.name} has activation {activation}", "ReLU or one of its like")


def _forward(net: Lowered, x_NCHW: Tensor) -> tuple[dict[str, list[Tensor]], Tensor]:
    """What each layer took, and the logits."""
    graph, values, taken = net.graph, {net.graph.inputs[0]: x_NCHW}, {}
    for node in graph.nodes:
        if node.name in values:
            continue
        taken[node.name] = [values[source] for source in node.inputs]
        step = net.steps_by_name[node.name]
        ended = net.ends_in_softmax or net.ends_in_one_sigmoid
        call: Any = step.before_the_end if node.name == graph.outputs[0] and ended else step
        values[node.name] = call(*taken[node.name])
    return taken, values[graph.outputs[0]]


def _start(logits_NK: Tensor, aimed: Aim) -> Tensor:
    """The logits of the classes that are explained; 0 for the others."""
    import torch

    if logits_NK.shape[1] == 1 and aimed.minus is not None:  # one sigmoid unit: its logit, or minus it
        sign_N = torch.tensor([(plus - minus) for plus, minus in zip(aimed.plus, aimed.minus, strict=True)])
        return logits_NK * sign_N.to(logits_NK)[:, None]
    found, rows = torch.zeros_like(logits_NK), torch.arange(len(logits_NK))
    found[rows, list(aimed.plus)] = logits_NK[rows, list(aimed.plus)]
    if aimed.minus is not None:
        found[rows, list(aimed.minus)] -= logits_NK[rows, list(aimed.minus)]
    return found


def _back(net: Lowered, node: Node, inputs: list[Tensor], given: Tensor, epsilon: float) -> list[Tensor]:
    """The relevance of each input of one layer."""
    layer: Any = net.steps_by_name[node.name].layer
    name = node.kind_name
    if name in EACH_ALONE or name == "Softmax":
        return [given]
    if name in WINNERS:
        return _vjp(layer, inputs, lambda out: given)
    if name in POSITIVE:
        parts = list(layer) if name == "SeparableConv2D" else [layer]
        between = [inputs[0]]
        for part in parts[:-1]:
            between.append(part(between[-1]).detach())
        for part, x in zip(reversed(parts), reversed(between), strict=True):
            given = _positive(part, x, given)
        return [given]
    found = _vjp(
        layer, inputs, lambda out: given / (out + epsilon * (out >= 0).to(out) - epsilon * (out < 0).to(out))
    )
    return [x * part for x, part in zip(inputs, found, strict=True)]


def _vjp(layer: Any, inputs: list[Tensor], weigh: Any) -> list[Tensor]:
    """The layer's transpose applied to ``weigh(its output)``."""
    import torch

    with torch.enable_grad():
        asked = [x.detach().requires_grad_(True) for x in inputs]
        out = layer(*asked)
        return list(torch.autograd.grad(out, asked, weigh(out.detach())))


def _positive(convolution: Any, x_NCHW: Tensor, given: Tensor) -> Tensor:
    """z+: what comes in positive products, in their shares. Where no product is positive, nothing goes on."""
    import torch

    ways = []
    for sign in (1, -1):
        weights = {"weight": (sign * convolution.weight.detach()).clamp(min=0)}
        if convolution.bias is not None:
            weights["bias"] = torch.zeros_like(convolution.bias)
        with torch.enable_grad():
            part = (sign * x_NCHW.detach()).clamp(min=0).requires_grad_(True)
            ways.append((part, torch.func.functional_call(convolution, weights, (part,))))
    total = (ways[0][1] + ways[1][1]).detach()
    share = torch.where(total > 0, given / total.clamp(min=1e-12), 0.0)
    return sum(part.detach() * torch.autograd.grad(out, part, share)[0] for part, out in ways)  # type: ignore[return-value]
