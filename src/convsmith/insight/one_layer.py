"""One layer's units while the network runs: their answers before the activation, no further than needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from .target import only_lowered, untouched

if TYPE_CHECKING:
    import torch

    from ..engine.lower import Lowered


class _Seen(Exception):
    """The layer's answers are there; the rest of the network need not run."""


def answers(net: Lowered, layer: str, x_NCHW: torch.Tensor, *, before: bool) -> torch.Tensor:
    """A layer's answers to images, with their gradients where `x_NCHW` asks for some.

    Args:
        net: a network from `engine.lower`; not changed.
        layer: the layer.
        x_NCHW: raw pixels, float32.
        before: the numbers that go into the layer's activation (a ReLU that is off has no slope to climb, a
            softmax climbs by pushing the other classes down); else those that come out of it.

    Returns:
        (N, units, h, w), or (N, units) behind Dense.

    Example:
        >>> import torch
        >>> from convsmith.engine.lower import lower
        >>> from convsmith.zoo import network
        >>> answers(lower(network("lenet5")), "conv2", torch.zeros(2, 1, 32, 32), before=True).shape
        torch.Size([2, 16, 10, 10])
    """
    from torch import nn

    only_lowered(net)
    step = net.steps_by_name[net.graph[layer].name]
    kept: list[Any] = []

    def after(module: Any, inputs: Any, output: Any) -> None:
        kept.append(output)
        raise _Seen

    def ahead(module: Any, inputs: Any) -> None:
        kept.append(inputs[0])
        raise _Seen

    place, hook = step, step.register_forward_hook
    if before and step.activation is not None:
        hook = step.layer.register_forward_hook
    elif before and isinstance(step.layer, nn.ReLU | nn.ReLU6 | nn.Softmax):
        handle = place.register_forward_pre_hook(ahead)
        hook = None  # type: ignore[assignment]
    if hook is not None:
        handle = hook(after)
    try:
        with untouched(net):
            net(x_NCHW)
    except _Seen:
        pass
    finally:
        handle.remove()
    return kept[0]


def units_of(net: Lowered, layer: str) -> int:
    """How many units a layer has.

    Raises:
        BadName: there is no such layer.
    """
    return int(net.graph.shapes[net.graph[layer].name][-1] or 0)


def checked_units(net: Lowered, layer: str, units: list[int] | None) -> list[int]:
    """The units asked for, or all.

    Raises:
        BadInput: the layer has no such unit.
    """
    count = units_of(net, layer)
    for unit in units or ():
        if not 0 <= unit < count:
            raise BadInput(f"unit {unit} of layer {layer}", f"it has {count} units", f"0 to {count - 1}")
    return list(range(count)) if units is None else units
