"""The gradient with another rule at the ReLUs, as guided backprop and deconvolution have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..explanation import Explanation
from ..target import Refused, Target
from ._pixels import aimed_at, input_gradient, of_pixels

if TYPE_CHECKING:
    import torch

    from ...engine.lower import Lowered


@contextmanager
def relu_rule(what: str, net: Lowered, rule: Callable[[Any, Any], Any]) -> Iterator[None]:
    """Inside the block each ReLU passes back ``rule(its gradient, the gradient that it got)``.

    Args:
        what: who asks, for the refusal's words.
        net: the network; its hooks go at the block's end.
        rule: from the two gradients to the one that is passed back.

    Raises:
        Refused: the network has no ReLU to guide.
    """
    from torch import nn

    parts = [part for step in net.steps_by_name.values() for part in (step.layer, step.activation)]
    guided = [part for part in dict.fromkeys(parts) if isinstance(part, nn.ReLU | nn.ReLU6)]
    if not guided:
        raise Refused(
            f"{what} of network '{net.graph.name}'", "it has no ReLU to guide", "a network with ReLUs"
        )
    hook = lambda part, to_input, from_output: (rule(to_input[0], from_output[0]),)  # noqa: E731
    handles = [part.register_full_backward_hook(hook) for part in guided]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def with_relu_rule(
    method: str,
    net: Lowered,
    images_NCHW: torch.Tensor,
    target: Target,
    rule: Callable[[Any, Any], Any],
) -> Explanation:
    """The input's gradient under a rule for the ReLUs, as an explanation.

    Raises:
        Refused: the network has no ReLU to guide.
    """
    aimed = aimed_at(net, images_NCHW, target)
    with relu_rule(method, net, rule):
        slope_NCHW, scores_N = input_gradient(net, images_NCHW, aimed)
    return of_pixels(
        method,
        images_NCHW,
        slope_NCHW.abs().amax(1),
        aimed,
        scores_N,
        signed=False,
        arrays={"gradient_NCHW": slope_NCHW},
        notes=("shows what is seen more than what speaks for the class (Adebayo et al., 2018)",),
    )
