"""How long each layer takes on this machine, and which bound it runs against (the roofline model).

Source: S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model", 2009. The
bounds are measured first: the rate of a large matrix product, the rate of a large copy, the cost of a call.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import BadInput
from ..graph import Graph, Node
from ..kinds import GIVE_SIZES, Shape, size
from .lower import lower


@dataclass(frozen=True)
class Machine:
    """What the machine can do, measured.

    Args:
        flops: floating-point operations a second in a large matrix product.
        bandwidth: bytes a second, read and written, in a large copy.
        call: seconds that calling a layer costs, whatever it does.
    """

    flops: float
    bandwidth: float
    call: float


def layer_times(
    graph: Graph, *, batch: int = 1, device: str = "cpu", seconds: float = 0.03
) -> dict[str, Any]:
    """Milliseconds of each layer at inference, and the bound that limits it.

    Args:
        graph: the network, with known sizes.
        batch: images at a time.
        device: a torch device.
        seconds: how long each layer is repeated, at least.

    Returns:
        By layer: ``ms`` (median), ``spread`` (half the distance between the quartiles, ms), ``bound``
        ("compute", "memory" or "calls"), ``bound_ms`` (what that bound would allow).

    Raises:
        BadInput: where a size is not known, or a layer has no torch form.

    Example:
        >>> from convsmith.zoo import network
        >>> sorted(layer_times(network("lenet5"), seconds=0.001)["conv1"])
        ['bound', 'bound_ms', 'ms', 'spread']
    """
    for node in graph.nodes:
        if None in graph.shapes[node.name]:
            raise BadInput(f"layer {node.name}", "has an unknown size", "known sizes", GIVE_SIZES)
    module = lower(graph).to(device)
    machine = measure_machine(device)
    found = {}
    with torch.inference_mode():
        for node in graph.nodes:
            if not node.inputs or node.kind.train_only:
                continue
            inputs = [_image(graph.shapes[source], batch, device) for source in node.inputs]
            step = module.steps_by_name[node.name]
            middle, spread = _repeat(lambda step=step, inputs=inputs: step(*inputs), seconds, device)  # type: ignore[misc]
            bound, allowed = _bound(graph, node, batch, machine)
            found[node.name] = {
                "ms": round(1e3 * middle, 4),
                "spread": round(1e3 * spread, 4),
                "bound": bound,
                "bound_ms": round(1e3 * allowed, 4),
            }
    return found


def measure_machine(device: str = "cpu") -> Machine:
    """The rates that bound any layer on this machine, at float32.

    Example:
        >>> measure_machine().flops > 0
        True
    """
    with torch.inference_mode():
        n = 768
        a, b = torch.rand(n, n, device=device), torch.rand(n, n, device=device)
        product, _ = _repeat(lambda: a @ b, 0.1, device)
        large = torch.zeros(2**24, device=device)
        other = torch.empty_like(large)
        copied, _ = _repeat(lambda: other.copy_(large), 0.1, device)
        one = torch.zeros(1, device=device)
        call, _ = _repeat(lambda: one.relu(), 0.02, device)
    return Machine(2 * n**3 / product, 2 * large.numel() * 4 / copied, call)


def _bound(graph: Graph, node: Node, batch: int, machine: Machine) -> tuple[str, float]:
    """Which of the three takes longest at best, and how many seconds that is."""
    shapes = graph.input_shapes(node)
    numbers = sum(size(shape) or 0 for shape in (*shapes, graph.shapes[node.name])) * batch
    if node.kind_name in ("Flatten", "Reshape", "Identity"):
        numbers = 0
    numbers += sum(weight.size for weight in node.kind.weights(*shapes))
    times = {
        "compute": 2 * (node.kind.macs(*shapes) or 0) * batch / machine.flops,
        "memory": 4 * numbers / machine.bandwidth,
        "calls": machine.call,
    }
    longest = max(times, key=lambda name: times[name])
    return longest, times[longest]


def _image(shape: Shape, batch: int, device: str) -> Tensor:
    sizes = [item or 1 for item in shape]
    if len(sizes) != 3:
        return torch.rand(batch, *sizes, device=device)
    x_NCHW = torch.rand(batch, sizes[2], sizes[0], sizes[1], device=device)
    return x_NCHW.contiguous(memory_format=torch.channels_last)


def _repeat(call: Callable[[], Any], seconds: float, device: str) -> tuple[float, float]:
    """The median and half the distance between the quartiles of one call's seconds, warmed up."""

    def once() -> float:
        start = time.perf_counter()
        call()
        if device != "cpu":
            torch.cuda.synchronize(device)
        return time.perf_counter() - start

    for _ in range(3):
        once()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < 9 or (time.perf_counter() < end and len(taken) < 2000):
        taken.append(once())
    first, middle, third = statistics.quantiles(taken, n=4)
    return middle, (third - first) / 2
