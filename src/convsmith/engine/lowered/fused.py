"""Several layers as one operation with a way back of its own: the same numbers, less traffic to memory.

The passes of `engine.lowered.passes` put these in place of a lowered network's layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...kinds._torch import BatchNorm, Conv2d
from .. import native
from ..native import convolutions
from ..native.limits import limit

ACTS: dict[type[nn.Module] | None, tuple[str, list[float]]] = {
    None: ("none", []),
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
}
"""Activations that oneDNN applies while it writes a convolution's output, with its words for them."""


NATIVE = {"none": "none", "relu": "relu", "hardtanh": "relu6"}
"""oneDNN's name -> that of `engine.native`."""


def act_of(activation: nn.Module | None) -> tuple[str, list[float]] | None:
    """oneDNN's name for an activation, or None where it has no such form here."""
    return ACTS.get(None if activation is None else type(activation))


def fits(x: Tensor) -> bool:
    """Whether the fused operations take this tensor: float32, on a CPU, channels last in memory."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.dim() == 4
        and x.is_contiguous(memory_format=torch.channels_last)
        and torch.backends.mkldnn.is_available()
        and not torch.is_autocast_enabled("cpu")
    )


def is_depthwise(conv: nn.Module) -> bool:
    """Whether it is a convolution of each channel by itself, without gaps in its kernel."""
    return (
        isinstance(conv, Conv2d)
        and conv.groups == conv.in_channels == conv.out_channels > 1
        and conv.dilation == (1, 1)
        and not (conv.uneven or conv.skips)
    )


def _is_plain(conv: nn.Module) -> bool:
    """Whether it is a convolution of all channels, without strides or gaps."""
    return (
        isinstance(conv, Conv2d)
        and conv.groups == 1
        and conv.stride == conv.dilation == (1, 1)
        and not (conv.uneven or conv.skips)
    )


def is_winograd(conv: nn.Module) -> bool:
    """Whether it is a convolution that `engine.native` does in fewer multiplications, where it has enough."""
    if not isinstance(conv, Conv2d) or conv.kernel_size != (3, 3) or not _is_plain(conv):
        return False
    return convolutions.fits_winograd(conv.in_channels, conv.out_channels)


def is_narrow(conv: nn.Module) -> bool:
    """Whether it is a convolution of so few channels that oneDNN takes long for the gradient of its input."""
    if not isinstance(conv, Conv2d) or not _is_plain(conv):
        return False
    columns = conv.kernel_size[1]
    most = limit("narrow most channels, wide" if columns >= 5 else "narrow most channels")
    return columns > 1 and conv.in_channels <= most


def is_direct(conv: nn.Module) -> bool:
    """Whether it is a convolution of so few channels that `engine.native` is faster with it."""
    found = _channels_and_numbers(conv)
    return found is not None and found[0] <= limit("direct most channels")


def is_direct_with_pool(conv: nn.Module) -> bool:
    """Whether it is one with which `engine.native` is faster when a max-pooling of 2x2 stands behind it."""
    found = _channels_and_numbers(conv)
    return found is not None and found[1] <= limit("direct most numbers with pool")


def is_direct_back(conv: nn.Module) -> bool:
    """Whether it is one whose kernel's gradient `engine.native` finds faster.

    All sums of up to 28 numbers of a kernel are in registers at once; oneDNN likes multiples of 8 channels.
    """
    found = _channels_and_numbers(conv)
    if found is None:
        return False
    least, below = limit("direct kernel least channels"), limit("direct kernel below channels")
    return found[1] <= limit("direct kernel most numbers") or least <= found[0] < below


def is_compiled(conv: nn.Module) -> bool:
    """Whether `engine.native` has a faster way for this convolution or one of its gradients."""
    return any(is_one(conv) for is_one in (is_winograd, is_narrow, is_direct, is_direct_back))


def _channels_and_numbers(conv: nn.Module) -> tuple[int, int] | None:
    """Channels, and numbers of the kernel of a filter; None for convolutions of other kinds."""
    if not isinstance(conv, Conv2d) or not _is_plain(conv):
        return None
    rows, columns = conv.kernel_size
    numbers = int(rows * columns * conv.in_channels)
    return (int(conv.in_channels), numbers) if 1 < columns <= 5 and rows <= 5 else None


def padding_of(conv: Conv2d) -> tuple[int, int]:
    """Zeros above and below, left and right."""
    return int(conv.padding[0]), int(conv.padding[1])


def rows(x_NCHW: Tensor) -> Tensor:
    """The pixels one under the other, (N H W, C), without a copy where channels are last in memory."""
    return x_NCHW.permute(0, 2, 3, 1).reshape(-1, x_NCHW.shape[1])


def _image(x: Tensor, like_NCHW: Tensor) -> Tensor:
    count, _, high, wide = like_NCHW.shape
    return x.view(count, high, wide, -1).permute(0, 3, 1, 2)


def _sum(x: Tensor) -> Tensor:
    """The sum over rows: as a matrix product, which is the fastest."""
    return torch.mv(x.t(), x.new_ones(len(x)))


def _convolved(
    x: Tensor, conv: Conv2d, weight: Tensor, bias: Tensor | None, act: tuple[str, list[float]]
) -> Tensor:
    if is_winograd(conv) and convolutions.takes_winograd(x, padding := padding_of(conv)):
        return convolutions.winograd(x, weight, bias, padding, NATIVE[act[0]])
    if is_direct(conv) and convolutions.takes_direct(x, conv.kernel_size, padding := padding_of(conv)):
        return convolutions.direct(x, weight, bias, padding, NATIVE[act[0]])
    found: Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, weight, bias, conv.padding, conv.stride, conv.dilation, conv.groups, *act, ""
    )
    return found


def _before(act: tuple[str, list[float]], grad: Tensor, out: Tensor) -> Tensor:
    """The gradient in front of an activation."""
    if act[0] == "relu":
        return torch.ops.aten.threshold_backward(grad, out, 0)
    if act[0] == "hardtanh":
        return torch.ops.aten.hardtanh_backward(grad, out, *act[1])
    return grad


def _before_bias(act: tuple[str, list[float]], grad: Tensor, out: Tensor | None) -> tuple[Tensor, Tensor]:
    """The gradient in front of an activation, and that of a bias in front of it."""
    grad = grad.contiguous(memory_format=torch.channels_last)
    if native.takes(grad) and (out is None or native.takes(out)):
        return native.bias_back(grad, out, NATIVE[act[0]])
    if out is not None:
        grad = _before(act, grad, out)
    return grad, _sum(rows(grad))


def _depthwise_back(
    grad: Tensor, x: Tensor, weight: Tensor, conv: Conv2d, wanted: list[bool]
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients of a depthwise convolution, where there are faster ways than oneDNN's own.

    That of the image is the convolution with the kernel turned round: with a stride of one, oneDNN does it in
    two thirds of the time. That of a kernel of 5 x 5 takes oneDNN ten times the convolution.
    """
    size, stride, (top, left) = conv.kernel_size, conv.stride, padding_of(conv)
    to_x = to_weight = None
    if wanted[0] and stride == (1, 1) and size == (2 * top + 1, 2 * left + 1):
        to_x = torch.nn.functional.conv2d(grad, weight.flip(2, 3), None, 1, conv.padding, 1, conv.groups)
    if wanted[1] and size in ((5, 5), (7, 7)) and stride[0] == stride[1] and native.takes(grad, x):
        to_weight = convolutions.depthwise_weights(grad, x, size[0], stride[0], (top, left))
    return to_x, to_weight


def _winograd_back(
    grad: Tensor, x: Tensor, weight: Tensor, conv: Conv2d, wanted: list[bool]
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients of a convolution of 3x3, where they are faster in fewer multiplications."""
    padding = padding_of(conv)
    to_x = to_weight = None
    if not native.takes(grad) or not convolutions.takes_winograd(x, padding):
        return None, None
    if wanted[0]:
        to_x = convolutions.winograd_image(grad, weight, padding)
    if wanted[1] and conv.out_channels > limit("winograd kernel more filters"):
        to_weight = convolutions.winograd_weights(grad, x, padding)
    return to_x, to_weight


def convolution_back(
    grad: Tensor, x: Tensor, weight: Tensor, conv: Conv2d, wanted: list[bool]
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients of a convolution's input and kernel, of those that are wanted."""
    to_x = to_weight = None
    if is_depthwise(conv):
        to_x, to_weight = _depthwise_back(grad, x, weight, conv, wanted)
    elif is_winograd(conv):
        to_x, to_weight = _winograd_back(grad, x, weight, conv, wanted)
    elif native.takes(grad, x):
        size, padding = conv.kernel_size, padding_of(conv)
        if wanted[0] and is_narrow(conv):
            to_x = convolutions.narrow_image(grad, weight, x.shape, padding)
        if wanted[1] and is_direct_back(conv) and convolutions.takes_direct(x, size, padding):
            to_weight = convolutions.direct_weights(grad, x, size, padding)
    rest = [wanted[0] and to_x is None, wanted[1] and to_weight is None]
    if any(rest):
        more_x, more_weight, _ = torch.ops.aten.convolution_backward(
            grad, x, weight, None, conv.stride, conv.padding, conv.dilation, False, [0, 0], conv.groups,
            [*rest, False],
        )  # fmt: skip
        to_x, to_weight = more_x if rest[0] else to_x, more_weight if rest[1] else to_weight
    return to_x, to_weight


class _Convolution(torch.autograd.Function):
    """act(convolution + bias): the activation while writing, both gradients behind it in one go."""

    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, x: Tensor, weight: Tensor, bias: Tensor | None, conv: Conv2d, act: tuple[str, list[float]]
    ) -> Tensor:
        out = _convolved(x, conv, weight, bias, act)
        ctx.conv, ctx.act = conv, act
        ctx.save_for_backward(x, weight, out if act[0] != "none" else None)
        return out

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        x, weight, out = ctx.saved_tensors
        conv = ctx.conv
        wanted = list(ctx.needs_input_grad[:3])
        to_bias = None
        if wanted[2] or out is not None:
            grad, to_bias = _before_bias(ctx.act, grad, out)
        grad = grad.contiguous(memory_format=torch.channels_last)
        to_x, to_weight = convolution_back(grad, x, weight, conv, wanted[:2])
        return to_x, to_weight, to_bias if wanted[2] else None, None, None


class Convolution(nn.Module):
    """A convolution and its activation.

    Args:
        conv: the layer, whose weights stay its own.
        activation: ReLU, ReLU6 or None.
    """

    def __init__(self, conv: Conv2d, activation: nn.Module | None) -> None:
        super().__init__()
        self.conv, self.activation = conv, activation
        self.act = ACTS[None if activation is None else type(activation)]

    def forward(self, x_NCHW: Tensor) -> Tensor:
        if fits(x_NCHW):
            return _Convolution.apply(x_NCHW, self.conv.weight, self.conv.bias, self.conv, self.act)  # type: ignore[no-any-return, no-untyped-call]
        out: Tensor = self.conv(x_NCHW)
        return out if self.activation is None else self.activation(out)


class _Widened(torch.autograd.Function):
    """act(batch norm(1x1 convolution)) with everything but the activations' signs from the narrow input.

    y = W x has the mean W mean(x) and the variance diag(W cov(x) Wᵀ), so the norm can be part of the kernel
    before y is computed; on the way back, the sums that batch norm needs are diagonals of dᵀ x Wᵀ. The wide
    y itself is never kept, read again or normalised.
    """

    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, x: Tensor, weight: Tensor, gamma: Tensor | None, beta: Tensor | None, part: Widened
    ) -> tuple[Tensor, Tensor, Tensor]:
        pixels = rows(x)
        mean = _sum(pixels).div_(len(pixels))
        centred = pixels - mean
        cov = torch.mm(centred.t(), centred).div_(len(pixels))
        kernel = weight.flatten(1)
        spread = kernel.double() @ cov.double()
        var = (spread * kernel).sum(1).clamp_(min=0)
        inv = (var + part.norm.eps).rsqrt()
        scale = inv if gamma is None else inv * gamma
        scaled = (scale[:, None] * kernel).float()
        out = _convolved(
            _image(centred, x), part.conv, scaled.view(weight.shape), beta, part.act
        )  # a bias of the convolution would fall out with the mean
        ctx.act = part.act
        ctx.save_for_backward(centred, kernel, spread, inv, scale, scaled, out)
        ctx.mark_non_differentiable(mean_y := kernel @ mean, var_y := var.float())
        return out, mean_y, var_y

    @staticmethod
    def backward(ctx, grad: Tensor, _mean: Tensor, _var: Tensor):  # type: ignore[no-untyped-def]
        centred, kernel, spread, inv, scale, scaled, out = ctx.saved_tensors
        image, total = _before_bias(ctx.act, grad, out)
        d = rows(image)
        count = len(d)
        product = torch.mm(centred.t(), d).t().double()  # dᵀ x
        toward = (product * kernel).sum(1) * inv  # the sum of d times the normalised y
        share = scale * toward * inv / count
        to_weight = (scale[:, None] * product - (share * count)[:, None] * spread).float()
        to_x = None
        if ctx.needs_input_grad[0]:
            back = (kernel.double().t() @ (share[:, None] * kernel)).float()
            to_x = torch.addmm(-(total / count) @ scaled, centred, back, alpha=-1)
            to_x = _image(to_x.addmm_(d, scaled), image)
        return (
            to_x,
            to_weight.view(*to_weight.shape, 1, 1),
            toward.float() if ctx.needs_input_grad[2] else None,
            total if ctx.needs_input_grad[3] else None,
            None,
        )


class Widened(nn.Module):
    """A 1x1 convolution to more channels, its batch norm and its activation.

    Args:
        conv: without stride and padding; its weights stay its own.
        norm: its weights and statistics stay its own.
        activation: ReLU, ReLU6 or None.
    """

    def __init__(self, conv: Conv2d, norm: BatchNorm, activation: nn.Module | None) -> None:
        super().__init__()
        self.conv, self.norm, self.activation = conv, norm, activation
        self.act = ACTS[None if activation is None else type(activation)]

    def forward(self, x_NCHW: Tensor) -> Tensor:
        norm = self.norm
        if not norm.training or norm.frozen or not fits(x_NCHW) or not self.conv.weight.requires_grad:
            out: Tensor = norm(self.conv(x_NCHW))
            return out if self.activation is None else self.activation(out)
        out, mean, var = _Widened.apply(x_NCHW, self.conv.weight, norm.weight, norm.bias, self)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            if self.conv.bias is not None:
                mean = mean + self.conv.bias
            # .data: autograd need not watch the statistics, nothing on the way back reads them
            norm.running_mean.data.lerp_(mean, 1 - norm.momentum)
            norm.running_var.data.lerp_(var, 1 - norm.momentum)
        return out


class _ReLU6(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.mark_dirty(x)
        ctx.save_for_backward(x.clamp_(0, 6))
        return x

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        return torch.ops.aten.hardtanh_backward(grad, ctx.saved_tensors[0], 0.0, 6.0)


class ReLU6InPlace(nn.Module):
    """ReLU6 that overwrites its input; torch's own keeps a copy of it for the way back."""

    def forward(self, x: Tensor) -> Tensor:
        return _ReLU6.apply(x)  # type: ignore[no-any-return, no-untyped-call]


class SumInPlace(nn.Module):
    """A sum that overwrites its first term."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = first.add_(other)
        return first
