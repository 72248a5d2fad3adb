"""Dropout whose mask costs little: torch's own draws one number of the generator for each element."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .. import native


class Dropout(nn.Module):
    """Dropout by random words of few bits, or by a compiled function that makes them where they are used.

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
        if not self.training or self.rate == 0:
            return x
        if self.rate == 1:
            return x * 0.0
        if is_compiled(x):
            key = torch.empty((), dtype=torch.int64).random_(-(2**63), None, generator=self.generator)
            return _Dropped.apply(x, self.rate, int(key) % 2**64)  # type: ignore[no-any-return, no-untyped-call]
        if self.dropped in (0, self.levels):  # as good as none or all
            return x if self.dropped == 0 else x * 0.0
        words = self.words(x.numel(), x.device)
        # The words take x's own memory order: no copy in channels-last.
        words = words.as_strided(x.shape, x.stride()) if _dense(x) else words.view(x.shape)
        return _Masked.apply(  # type: ignore[no-untyped-call, no-any-return]
            x, words, self.dropped + self.low - 0.5, self.levels / (self.levels - self.dropped)
        )

    def words(self, count: int, device: torch.device) -> Tensor:
        """`count` random whole numbers, each below `dropped` + `low` with probability `rate`.

        They are cut from 64-bit random words, a byte a number, or two where one is too coarse.
        """
        each = 8 if self.levels == 256 else 4
        wide = torch.empty((count + each - 1) // each, dtype=torch.int64, device=device)
        wide.random_(-(2**63), None, generator=self.generator)
        return wide.view(self.word)[:count]


def is_compiled(x: Tensor) -> bool:
    """Whether the compiled function takes this tensor."""
    plain = x.device.type == "cpu" and x.dtype == torch.float32
    return plain and 0 < x.numel() < 2**32 and _dense(x) and native.available()


def _dense(x: Tensor) -> bool:
    return x.is_contiguous() or (x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last))


class _Dropped(torch.autograd.Function):
    """The compiled dropout; the way back draws the same places again instead of keeping them."""

    @staticmethod
    def forward(ctx, x: Tensor, rate: float, key: int) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.rate, ctx.key, ctx.strides = rate, key, x.stride()
        return native.dropout(x, rate, key)

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        if grad.stride() != ctx.strides:
            grad = torch.empty_strided(grad.shape, ctx.strides).copy_(grad)
        return native.dropout(grad, ctx.rate, ctx.key), None, None


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


def seed_dropout(module: nn.Module, generator: torch.Generator | None) -> None:
    """Let every dropout of the module draw from this generator."""
    for part in module.modules():
        if isinstance(part, Dropout):
            part.generator = generator
