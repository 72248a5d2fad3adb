"""Rewrites of a lowered network that change its speed and not its results.

Each takes the module and changes it in place. `TRAINING` are those that `engine.loop` uses.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
from functools import cache

import torch
from torch import Tensor, nn

from ..kinds._torch import BatchNorm, Conv2d, MaxPool2d, Merge
from ..kinds.zero_padding2d import ZeroPadding2D
from .fused import Convolution, ReLU6InPlace, SumInPlace, Widened, act_of
from .lower import Lowered, Step

PIXELS = 64
"""Pixels of an output from which on `widen_at_once` gains more than its own small products cost."""
MANY = 32
"""Filters from which on `activate_at_once` gains."""


class Dropout(nn.Module):
    """Dropout whose mask is cut from 64-bit random words, a byte a number, or two where one is too coarse.

    torch's own draws one number of the generator for each element, which costs a fifth of a small CNN's step.

    Args:
        rate: the share that becomes zero.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None
        exact = float(rate * 256).is_integer()
        self.word, self.levels = (torch.uint8, 256) if exact else (torch.int16, 65536)
        self.low = 0 if exact else -32768
        self.dropped = round(rate * self.levels)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.dropped == 0:
            return x
        if self.dropped == self.levels:
            return x * 0.0
        words = self.words(x.numel(), x.device)
        # The words take x's own memory order: no copy in channels-last.
        words = words.as_strided(x.shape, x.stride()) if _dense(x) else words.view(x.shape)
        return _Masked.apply(  # type: ignore[no-untyped-call]
            x, words, self.dropped + self.low - 0.5, self.levels / (self.levels - self.dropped)
        )

    def words(self, count: int, device: torch.device) -> Tensor:
        """`count` random whole numbers, each below `dropped` + `low` with probability `rate`."""
        each = 8 if self.levels == 256 else 4
        wide = torch.empty((count + each - 1) // each, dtype=torch.int64, device=device)
        wide.random_(-(2**63), None, generator=self.generator)
        return wide.view(self.word)[:count]


def _dense(x: Tensor) -> bool:
    return x.is_contiguous() or (x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last))


class _Masked(torch.autograd.Function):
    """x × scale where the random words are above the limit, else 0; keeps the words for the way back."""

    @staticmethod
    def forward(ctx, x: Tensor, words: Tensor, limit: float, scale: float) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(words)
        ctx.limit, ctx.scale = limit, scale
        return _masked(x, words, limit, scale)

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        return _masked(grad, ctx.saved_tensors[0], ctx.limit, ctx.scale), None, None, None


def _masked(x: Tensor, words: Tensor, limit: float, scale: float) -> Tensor:
    # The one vectorised kernel that selects by another tensor; a boolean mask costs three times as much.
    # The words need float32's precision, whatever x has.
    kept = torch.ops.aten.threshold_backward(x.to(torch.float32), words.to(torch.float32), limit)
    return kept.mul_(scale).to(x.dtype)


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
            and _pixels(module, node.name) >= PIXELS
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
    """A convolution with a bias does its activation while it writes."""
    for node in module.graph.nodes:
        step = module.steps_by_name[node.name]
        conv = step.layer
        if (
            isinstance(conv, Conv2d)
            and conv.bias is not None
            and conv.out_channels >= MANY
            and not (conv.uneven or conv.skips)
        ):
            found = _activation_after(module, step)
            if found is not None:
                _gone(*found)
                step.layer = Convolution(conv, found[1])


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
    relu_in_place,
    add_in_place,
)
"""For a training; the order counts."""
INFERENCE = (padding_in_convolution, relu_after_pool, activate_at_once)
"""For a network that is already folded (`engine.fold`)."""


def seed_dropout(module: nn.Module, generator: torch.Generator | None) -> None:
    """Let every dropout of the module draw from this generator."""
    for part in module.modules():
        if isinstance(part, Dropout):
            part.generator = generator


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
