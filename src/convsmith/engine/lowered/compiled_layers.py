"""Layers with what stands behind them as one compiled operation with a way back of its own.

The passes of `engine.lowered.passes` put these in place of a lowered network's layers. Each holds the layers
that it stands for, and calls them where the compiled functions (`engine.native`) do not take a tensor.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...kinds._torch import BatchNorm, Conv2d, MaxPool2d
from .. import native
from ..native import convolutions
from .fused import ACTS, NATIVE, Convolution, convolution_back, is_direct_with_pool, is_winograd, padding_of


class _Pool(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, window: tuple[int, int], relu: bool) -> Tensor:  # type: ignore[no-untyped-def]
        out, places = native.pool(x, window, relu=relu)
        ctx.save_for_backward(places)
        ctx.window, ctx.size = window, x.shape
        return out

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        (places,) = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)
        return native.pool_back(grad, places, ctx.window, ctx.size), None, None


class CompiledPool(nn.Module):
    """Max-pooling by windows side by side, and its ReLU.

    Args:
        pool: without padding; its stride is its window.
        activation: ReLU or None.
    """

    def __init__(self, pool: MaxPool2d, activation: nn.Module | None) -> None:
        super().__init__()
        self.pool, self.activation = pool, activation
        rows, columns = pool.kernel_size  # type: ignore[misc]
        self.window = int(rows), int(columns)

    @staticmethod
    def suits(pool: nn.Module) -> bool:
        """Whether the compiled function can do what this layer does."""
        if not isinstance(pool, MaxPool2d) or pool.uneven or pool.skips:
            return False
        rows, columns = pool.kernel_size  # type: ignore[misc]
        return pool.padding == (0, 0) and pool.stride == pool.kernel_size and rows * columns <= 255

    def forward(self, x: Tensor) -> Tensor:
        if native.takes(x) and x.shape[2] >= self.window[0] and x.shape[3] >= self.window[1]:
            return _Pool.apply(x, self.window, self.activation is not None)  # type: ignore[no-any-return, no-untyped-call]
        out: Tensor = self.pool(x)
        return out if self.activation is None else self.activation(out)


class _ConvolutionPool(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, x: Tensor, weight: Tensor, bias: Tensor | None, conv: Conv2d, relu: bool
    ) -> Tensor:
        way = convolutions.winograd_pool if is_winograd(conv) else convolutions.direct_pool
        out, places = way(x, weight, bias, padding_of(conv), relu=relu)
        ctx.save_for_backward(x, weight, places, out if relu else None)
        ctx.conv = conv
        return out

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        x, weight, places, out = ctx.saved_tensors
        conv, needs = ctx.conv, ctx.needs_input_grad
        grad = grad.contiguous(memory_format=torch.channels_last)
        to_bias = native.bias_back(grad, out, "none" if out is None else "relu")[1] if needs[2] else None
        size = convolutions.size_behind(x, weight.shape[2:], padding_of(conv))
        grad = native.pool_back(grad, places, (2, 2), torch.Size((len(x), len(weight), *size)))
        to_x, to_weight = convolution_back(grad, x, weight, conv, needs[:2])
        return to_x, to_weight, to_bias, None, None


class ConvolutionPool(nn.Module):
    """A convolution, max-pooling of 2x2 and a ReLU: what lies between the first two is never written.

    Args:
        convolution: without an activation of its own.
        pool: and its ReLU.
    """

    def __init__(self, convolution: Convolution, pool: CompiledPool) -> None:
        super().__init__()
        self.convolution, self.pool = convolution, pool

    @staticmethod
    def suits(convolution: nn.Module, pool: nn.Module) -> bool:
        """Whether the compiled function can do what these layers do."""
        return (
            isinstance(convolution, Convolution)
            and convolution.activation is None
            and (is_winograd(convolution.conv) or is_direct_with_pool(convolution.conv))
            and isinstance(pool, CompiledPool)
            and pool.window == (2, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        conv = self.convolution.conv
        size, padding = conv.kernel_size, padding_of(conv)
        if is_winograd(conv):
            is_taken = convolutions.takes_winograd(x, padding)
        else:
            is_taken = convolutions.takes_direct(x, size, padding)
        if is_taken and min(convolutions.size_behind(x, size, padding)) >= 2:
            return _ConvolutionPool.apply(x, conv.weight, conv.bias, conv, self.pool.activation is not None)  # type: ignore[no-any-return, no-untyped-call]
        out: Tensor = self.pool(self.convolution(x))
        return out


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, x: Tensor, other: Tensor | None, gamma: Tensor | None, beta: Tensor | None, epsilon: float,
        activation: str,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        out, mean, var, inv = native.norm(x, other, gamma, beta, epsilon, activation)
        # Without a second term the input tells where the activation was on; nothing else is read again.
        ctx.save_for_backward(x, None if other is None else out, gamma, beta, mean, inv)
        ctx.activation = activation
        ctx.mark_non_differentiable(mean, var)
        return out, mean, var

    @staticmethod
    def backward(ctx, grad: Tensor, _mean: Tensor, _var: Tensor):  # type: ignore[no-untyped-def]
        x, out, gamma, beta, mean, inv = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)
        to_x, to_other, to_gamma, to_beta = native.norm_back(
            grad, x, out, gamma, beta, mean, inv, ctx.activation
        )
        needs = ctx.needs_input_grad
        return (
            to_x if needs[0] else None,
            to_other if needs[1] else None,
            to_gamma if needs[2] else None,
            to_beta if needs[3] else None,
            None,
            None,
        )


class Norm(nn.Module):
    """A batch norm, what is added to its output, and the activation behind both.

    Args:
        norm: its weights and statistics stay its own.
        activation: ReLU, ReLU6 or None.
        place: which of the two terms of the sum comes from the norm.
    """

    def __init__(self, norm: BatchNorm, activation: nn.Module | None, place: int = 0) -> None:
        super().__init__()
        self.norm, self.activation, self.place = norm, activation, place
        self.name = NATIVE[ACTS[None if activation is None else type(activation)][0]]

    def forward(self, *inputs: Tensor) -> Tensor:
        x, others = inputs[self.place], [one for at, one in enumerate(inputs) if at != self.place]
        norm = self.norm
        if native.takes(x):
            others = [term.contiguous(memory_format=torch.channels_last) for term in others]
        if not norm.training or norm.frozen or not native.takes(x, *others):
            out: Tensor = norm(x)
            for term in others:
                out = out + term
            return out if self.activation is None else self.activation(out)
        other = others[0] if others else None
        out, mean, var = _Norm.apply(x, other, norm.weight, norm.bias, norm.eps, self.name)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            # .data: autograd need not watch the statistics, nothing on the way back reads them
            norm.running_mean.data.lerp_(mean, 1 - norm.momentum)
            norm.running_var.data.lerp_(var, 1 - norm.momentum)
        return out
