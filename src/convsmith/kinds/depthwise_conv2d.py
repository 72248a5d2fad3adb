"""DepthwiseConv2D: one small filter (or several) per channel, no mixing of channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import window
from .kind import Formula, Kind, OnnxWriter, Reach, Shape, Weight, image, kind, pair, size

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class DepthwiseConv2D(Kind):
    """Keras's DepthwiseConv2D."""

    kernel_size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: str = "valid"
    depth_multiplier: int = 1
    data_format: str | None = "channels_last"
    dilation_rate: tuple[int, int] = (1, 1)
    activation: str | None = "linear"
    use_bias: bool = True
    depthwise_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    depthwise_regularizer: str | None = None
    bias_regularizer: str | None = None
    activity_regularizer: str | None = None
    depthwise_constraint: str | None = None
    bias_constraint: str | None = None

    torch_weights = {"kernel": ("weight", (2, 3, 0, 1)), "bias": ("bias", None)}

    def __post_init__(self) -> None:
        for name in ("kernel_size", "strides", "dilation_rate"):
            object.__setattr__(self, name, pair(getattr(self, name), name))
        object.__setattr__(self, "padding", self.padding.lower())

    def _pads(self, shape: Shape) -> window.Pads:
        return window.pads(
            shape[0], shape[1], self.kernel_size, self.strides, self.padding, self.dilation_rate
        )

    def shape(self, *inputs: Shape) -> Shape:
        rows, columns, channels = image(inputs[0], "DepthwiseConv2D")
        (fh, fw), (sh, sw), (dh, dw) = self.kernel_size, self.strides, self.dilation_rate
        return (
            window.length(rows, fh, sh, self.padding, dh),
            window.length(columns, fw, sw, self.padding, dw),
            channels * self.depth_multiplier,
        )

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        channels = image(inputs[0], "DepthwiseConv2D")[2]
        kernel = Weight(
            "kernel", (*self.kernel_size, channels, self.depth_multiplier), self.depthwise_initializer
        )
        bias = Weight("bias", (channels * self.depth_multiplier,), self.bias_initializer)
        return (kernel, bias) if self.use_bias else (kernel,)

    def macs(self, *inputs: Shape) -> int | None:
        out = size(self.shape(*inputs))
        return None if out is None else out * self.kernel_size[0] * self.kernel_size[1]

    def formula(self, *inputs: Shape) -> Formula:
        rows, columns, filters = self.shape(*inputs)
        fh, fw = self.kernel_size
        return Formula(
            shape=window.shape_formula(
                inputs[0][0], fh, self.strides[0], self.padding, self._pads(inputs[0]), self.dilation_rate[0]
            ),
            params=f"({fh}×{fw} + 1)×{filters}" if self.use_bias else f"{fh}×{fw}×{filters}",
            macs=f"{rows}×{columns}×{filters} × {fh}×{fw}",
        )

    def reach(self, *inputs: Shape) -> Reach:
        return window.reach(self.kernel_size, self.strides, self._pads(inputs[0]), self.dilation_rate)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import Conv2d

        channels = image(inputs[0], "DepthwiseConv2D")[2]
        return Conv2d(
            channels,
            channels * self.depth_multiplier,
            self.kernel_size,
            stride=self.strides,
            sides=self._pads(inputs[0]),
            dilation=self.dilation_rate,
            groups=channels,
            bias=self.use_bias,
        )

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        top, bottom, left, right = self._pads(inputs[0])
        kernel_CMHW = weights["kernel"].transpose(2, 3, 0, 1)
        arrays = [write.constant(kernel_CMHW.reshape(-1, 1, *self.kernel_size))]
        arrays += [write.constant(weights["bias"])] if self.use_bias else []
        return write.node(
            "Conv",
            [names[0], *arrays],
            kernel_shape=list(self.kernel_size),
            strides=list(self.strides),
            dilations=list(self.dilation_rate),
            group=kernel_CMHW.shape[0],
            pads=[top, left, bottom, right],
        )
