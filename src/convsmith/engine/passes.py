"""Rewrites of a lowered network that change its speed and not its results.

Each takes the module and changes it in place. `TRAINING` are those that `engine.loop` uses.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

import torch
from torch import Tensor, nn

from ..kinds._torch import BatchNorm, MaxPool2d, Merge
from .lower import Lowered


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
    return torch.ops.aten.threshold_backward(x, words.to(x.dtype), limit).mul_(scale)


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


_OUTPUT_NOT_KEPT = (BatchNorm, nn.Conv2d, nn.Linear, MaxPool2d)
"""Layers whose way back does not look at their output."""


def relu_in_place(module: Lowered) -> None:
    """ReLU overwrites its input where nobody looks at that again: less memory to fetch and to write."""
    graph = module.graph
    for node in graph.nodes:
        step = module.steps_by_name[node.name]
        if not isinstance(step.activation, nn.ReLU):
            continue
        source = step
        if isinstance(step.layer, nn.Identity):
            source = module.steps_by_name[node.inputs[0]]
            if len(graph.consumers(source.name)) > 1 or source.name in graph.outputs or source.activation:
                continue
        summed = isinstance(source.layer, Merge) and source.layer.operation == "add"
        if summed or isinstance(source.layer, _OUTPUT_NOT_KEPT):
            step.activation = nn.ReLU(inplace=True)


TRAINING = (cheap_dropout, relu_after_pool, relu_in_place)


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
