"""SeparableConv2D: a depthwise convolution, then 1x1 filters that mix the channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conv2d import Conv2D
from .depthwise_conv2d import DepthwiseConv2D
from .kind import Formula, Kind, OnnxWriter, Reach, Shape, Weight, image, kind, pair

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class SeparableConv2D(Kind):
    """Keras's SeparableConv2D."""

    filters: int
    kernel_size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: str = "valid"
    data_format: str | None = "channels_last"
    dilation_rate: tuple[int, int] = (1, 1)
    depth_multiplier: int = 1
    activation: str | None = "linear"
    use_bias: bool = True
    depthwise_initializer: str = "glorot_uniform"
    pointwise_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    depthwise_regularizer: str | None = None
    pointwise_regularizer: str | None = None
    bias_regularizer: str | None = None
    activity_regularizer: str | None = None
    depthwise_constraint: str | None = None
    pointwise_constraint: str | None = None
    bias_constraint: str | None = None

    torch_weights = {
        "depthwise_kernel": ("0.weight", (2, 3, 0, 1)),
        "pointwise_kernel": ("1.weight", (3, 2, 0, 1)),
        "bias": ("1.bias", None),
    }

    def __post_init__(self) -> None:
        for name in ("kernel_size", "strides", "dilation_rate"):
            object.__setattr__(self, name, pair(getattr(self, name), name))
        object.__setattr__(self, "padding", self.padding.lower())

    def _parts(self) -> tuple[DepthwiseConv2D, Conv2D]:
        depthwise = DepthwiseConv2D(
            self.kernel_size,
            self.strides,
            self.padding,
            self.depth_multiplier,
            dilation_rate=self.dilation_rate,
            use_bias=False,
        )
        return depthwise, Conv2D(self.filters, (1, 1), use_bias=self.use_bias)

    def shape(self, *inputs: Shape) -> Shape:
        depthwise, pointwise = self._parts()
        return pointwise.shape(depthwise.shape(*inputs))

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        channels = image(inputs[0], "SeparableConv2D")[2]
        between = channels * self.depth_multiplier
        found = [
            Weight(
                "depthwise_kernel",
                (*self.kernel_size, channels, self.depth_multiplier),
                self.depthwise_initializer,
            ),
            Weight("pointwise_kernel", (1, 1, between, self.filters), self.pointwise_initializer),
        ]
        return (
            (*found, Weight("bias", (self.filters,), self.bias_initializer))
            if self.use_bias
            else tuple(found)
        )

    def macs(self, *inputs: Shape) -> int | None:
        depthwise, pointwise = self._parts()
        first, second = depthwise.macs(*inputs), pointwise.macs(depthwise.shape(*inputs))
        return None if first is None or second is None else first + second

    def formula(self, *inputs: Shape) -> Formula:
        depthwise, pointwise = self._parts()
        first, second = depthwise.formula(*inputs), pointwise.formula(depthwise.shape(*inputs))
        return Formula(first.shape, f"{first.params} + {second.params}", f"{first.macs} + {second.macs}")

    def reach(self, *inputs: Shape) -> Reach:
        return self._parts()[0].reach(*inputs)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from torch import nn

        depthwise, pointwise = self._parts()
        return nn.Sequential(depthwise.module(*inputs), pointwise.module(depthwise.shape(*inputs)))

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        depthwise, pointwise = self._parts()
        middle = depthwise.onnx(write, names, inputs, {"kernel": weights["depthwise_kernel"]})
        second = {"kernel": weights["pointwise_kernel"], "bias": weights.get("bias")}
        return pointwise.onnx(write, [middle], [depthwise.shape(*inputs)], second)  # type: ignore[arg-type]
