"""Rewrites of a lowered network that change its speed and not its results.

Each takes the module and changes it in place. `TRAINING` are those that `engine.loop` uses.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
from functools import cache

from torch import nn

from ...kinds._torch import BatchNorm, Conv2d, MaxPool2d, Merge
from ...kinds.zero_padding2d import ZeroPadding2D
from .. import native
from ..lower import Lowered, Step
from ..native.limits import limit
from .compiled_layers import CompiledPool, ConvolutionPool, Norm
from .dropout import Dropout
from .fused import Convolution, ReLU6InPlace, SumInPlace, Widened, act_of, is_compiled, is_depthwise


def cheap_dropout(module: Lowered) -> None:
    """Dropout masks from cheap random bits: other masks, the same distribution."""
    for step in module.steps_by_name.values():
        if isinstance(step.layer, nn.Dropout):
            step.layer = module.layers_by_name[step.name] = Dropout(step.layer.p)


def relu_after_pool(module: Lowered) -> None:
    """ReLU moves behind a max-pooling that alone takes its output: the same numbers, on fewer pixels."""
    graph = module.graph
    for node in graph.nodes:
        step = module.steps_by_name[node.name]
        if not isinstance(step.layer, MaxPool2d) or step.activation is not None:
            continue
        source = module.steps_by_name[node.inputs[0]]
        alone = len(graph.consumers(source.name)) == 1 and source.name not in graph.outputs
        if alone and isinstance(source.activation, nn.ReLU):
            source.activation, step.activation = None, source.activation
        elif alone and isinstance(source.layer, nn.ReLU) and source.activation is None:
            step.activation, source.layer = source.layer, nn.Identity()


def padding_in_convolution(module: Lowered) -> None:
    """Zeros around an image that only a convolution without padding takes become that convolution's own."""
    for node in module.graph.nodes:
        kind = node.kind
        if not isinstance(kind, ZeroPadding2D) or (taker := _only_taker(module, node.name)) is None:
            continue
        (top, bottom), (left, right) = kind.padding
        conv = taker.layer
        plain = isinstance(conv, Conv2d) and conv.padding == (0, 0) and not conv.uneven and not conv.skips
        if plain and top == bottom and left == right and _uses(module, taker.name) == 1:
            assert isinstance(conv, Conv2d)
            conv.padding = (top, left)
            conv._reversed_padding_repeated_twice = [left, left, top, top]
            module.steps_by_name[node.name].layer = nn.Identity()


def _only_taker(module: Lowered, name: str) -> Step | None:
    """The one step that takes this output, where it is one."""
    takers = module.graph.consumers(name)
    if len(takers) != 1 or name in module.graph.outputs:
        return None
    return module.steps_by_name[takers[0].name]


def _pixels(module: Lowered, name: str) -> int:
    """How many pixels an output has; 0 where its size is open."""
    return math.prod(size or 0 for size in module.graph.shapes[name][:-1])


def _uses(module: Lowered, name: str) -> int:
    """How many calls the layer of this step has."""
    owner = module.graph[name].owner
    return sum(node.owner == owner for node in module.graph.nodes)


def _activation_after(module: Lowered, step: Step) -> tuple[Step, nn.Module | None] | None:
    """The activation that alone takes a step's output, and where it is: in the step or in the next one.

    Returns:
        The step it stands in and the activation, or None for none; None where it has no fused form.
    """
    if step.activation is not None:
        return (step, step.activation) if act_of(step.activation) else None
    after = _only_taker(module, step.name)
    if after is None:
        return step, None
    if isinstance(after.layer, nn.Identity) and after.activation is not None and act_of(after.activation):
        return after, after.activation
    if after.activation is None and isinstance(after.layer, nn.ReLU | nn.ReLU6):
        return after, after.layer
    return step, None


def _gone(step: Step, activation: nn.Module | None) -> None:
    """Take the activation out of its step: another step does it now."""
    if activation is not None and step.activation is activation:
        step.activation = None
    elif activation is not None:
        step.layer = nn.Identity()


def widen_at_once(module: Lowered) -> None:
    """A 1x1 convolution to at least twice as many channels, its batch norm and ReLU: one operation."""
    for node in module.graph.nodes:
        step = module.steps_by_name[node.name]
        conv, taker = step.layer, _only_taker(module, node.name)
        if (
            isinstance(conv, Conv2d)
            and conv.kernel_size == conv.stride == (1, 1)
            and conv.padding == (0, 0)
            and conv.groups == 1
            and conv.out_channels >= 2 * conv.in_channels
            and _pixels(module, node.name) >= limit("widen least pixels")
            and step.activation is None
            and taker is not None
            and isinstance(taker.layer, BatchNorm)
            and _uses(module, node.name) == _uses(module, taker.name) == 1
            and (found := _activation_after(module, taker)) is not None
        ):
            place, activation = found
            _gone(place, activation)
            step.layer, taker.layer = nn.Identity(), Widened(conv, taker.layer, activation)


def activate_at_once(module: Lowered) -> None:
    """A convolution does its activation while it writes: one with a bias, or with a faster way of its own."""
    for node in module.graph.nodes:
        step = module.steps_by_name[node.name]
        conv = step.layer
        if (
            isinstance(conv, Conv2d)
            and not (conv.uneven or conv.skips)
            and (
                (conv.bias is not None and conv.out_channels >= limit("activate least filters"))
                or is_depthwise(conv)
                or (native.available() and is_compiled(conv))
            )
        ):
            found = _activation_after(module, step)
            if found is not None:
                _gone(*found)
                step.layer = Convolution(conv, found[1])


def pool_at_once(module: Lowered) -> None:
    """Max-pooling by windows side by side and its ReLU: one compiled operation."""
    for step in module.steps_by_name.values():
        if CompiledPool.suits(step.layer):
            assert isinstance(step.layer, MaxPool2d)
            relu = step.activation if isinstance(step.activation, nn.ReLU) else None
            step.layer = CompiledPool(step.layer, relu)
            _gone(step, relu)


def pool_in_convolution(module: Lowered) -> None:
    """A convolution and the max-pooling of 2x2 that alone takes its output: one compiled operation."""
    for node in module.graph.nodes:
        step, taker = module.steps_by_name[node.name], _only_taker(module, node.name)
        if taker is None or step.activation is not None or not ConvolutionPool.suits(step.layer, taker.layer):
            continue
        convolution, pool = step.layer, taker.layer
        assert isinstance(convolution, Convolution)
        assert isinstance(pool, CompiledPool)
        step.layer, taker.layer = nn.Identity(), ConvolutionPool(convolution, pool)


def norm_at_once(module: Lowered) -> None:
    """A batch norm, the sum that alone takes it, and the activation behind: one compiled operation."""
    for node in module.graph.nodes:
        step = module.steps_by_name[node.name]
        norm, inputs = step.layer, [node.name]
        if not isinstance(norm, BatchNorm) or len(module.graph.shapes[node.name]) != 3:
            continue
        taker, end = _only_taker(module, node.name), step
        if taker is not None and step.activation is None and _is_sum_of_two(module, taker):
            end, inputs = taker, list(module.graph[taker.name].inputs)
            step.layer = nn.Identity()
        found = _activation_after(module, end)
        place, activation = found if found is not None else (end, None)
        _gone(place, activation)
        end.layer = Norm(norm, activation, inputs.index(node.name))


def _is_sum_of_two(module: Lowered, step: Step) -> bool:
    """Whether the step adds two different outputs of the same shape."""
    names = module.graph[step.name].inputs
    same = len({module.graph.shapes[name] for name in names}) == 1
    is_sum = isinstance(step.layer, Merge) and step.layer.operation == "add"
    return is_sum and same and len(names) == len(set(names)) == 2


_OUTPUT_NOT_KEPT = (BatchNorm, nn.Conv2d, nn.Linear, MaxPool2d)
"""Layers whose way back does not look at their output."""


def _is_fresh(layer: nn.Module) -> bool:
    """Whether the layer's output is memory of its own that nobody else will read."""
    return isinstance(layer, _OUTPUT_NOT_KEPT) and not (isinstance(layer, MaxPool2d) and layer.skips)


def relu_in_place(module: Lowered) -> None:
    """ReLU overwrites its input where nobody looks at that again: less memory to fetch and to write."""
    graph = module.graph
    for node in graph.nodes:
        step = module.steps_by_name[node.name]
        if not isinstance(step.activation, nn.ReLU | nn.ReLU6):
            continue
        source = step
        if isinstance(step.layer, nn.Identity):
            source = module.steps_by_name[node.inputs[0]]
            if len(graph.consumers(source.name)) > 1 or source.name in graph.outputs or source.activation:
                continue
        summed = isinstance(source.layer, Merge) and source.layer.operation == "add"
        if summed or _is_fresh(source.layer):
            is_six = isinstance(step.activation, nn.ReLU6)
            step.activation = ReLU6InPlace() if is_six else nn.ReLU(inplace=True)


def add_in_place(module: Lowered) -> None:
    """A sum overwrites its first term where that is a fresh output which nobody looks at again."""
    graph = module.graph
    for node in graph.nodes:
        step = module.steps_by_name[node.name]
        first = module.steps_by_name[node.inputs[0]] if node.inputs else step
        if (
            isinstance(step.layer, Merge)
            and step.layer.operation == "add"
            and len(set(node.inputs)) == len(node.inputs)
            and len({graph.shapes[name] for name in node.inputs}) == 1
            and _is_fresh(first.layer)
            and first.activation is None
            and _only_taker(module, first.name) is step
        ):
            step.layer = SumInPlace()


TRAINING = (
    padding_in_convolution,
    cheap_dropout,
    relu_after_pool,
    widen_at_once,
    activate_at_once,
    pool_at_once,
    pool_in_convolution,
    norm_at_once,
    relu_in_place,
    add_in_place,
)
"""For a training; the order counts."""
INFERENCE = (
    padding_in_convolution,
    relu_after_pool,
    activate_at_once,
    pool_at_once,
    pool_in_convolution,
)
"""For a network that is already folded (`graph.fold`)."""


@cache
def keep_pages() -> bool:
    """Tell glibc to keep freed memory instead of giving it back: a training step asks for the same again.

    Without it each large tensor is a fresh mapping whose pages the kernel fills with zeros. Set
    ``CONVSMITH_MALLOC=0`` to leave the allocator alone.

    Returns:
        Whether it was done (glibc on Linux only).
    """
    if not sys.platform.startswith("linux") or os.environ.get("CONVSMITH_MALLOC") == "0":
        return False
    trim, top_pad, mmap = -1, -2, -3  # M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD of malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
        ctypes.CDLL(None).gnu_get_libc_version  # noqa: B018  # musl has a mallopt that does nothing
    except (OSError, AttributeError):
        return False
    done = [mallopt(mmap, 1 << 30), mallopt(trim, 1 << 30), mallopt(top_pad, 1 << 26)]
    return all(done)
