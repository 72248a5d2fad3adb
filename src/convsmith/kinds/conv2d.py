"""Conv2D: filters slid over an image, each looking at all channels (or at one group of them)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import window
from .kind import Formula, Kind, OnnxWriter, Reach, Shape, ShapeError, Weight, image, kind, pair, size

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Conv2D(Kind):
    """Keras's Conv2D."""

    filters: int
    kernel_size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: str = "valid"
    data_format: str | None = "channels_last"
    dilation_rate: tuple[int, int] = (1, 1)
    groups: int = 1
    activation: str | None = "linear"
    use_bias: bool = True
    kernel_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    kernel_regularizer: str | None = None
    bias_regularizer: str | None = None
    activity_regularizer: str | None = None
    kernel_constraint: str | None = None
    bias_constraint: str | None = None

    torch_weights = {"kernel": ("weight", (3, 2, 0, 1)), "bias": ("bias", None)}

    def __post_init__(self) -> None:
        for name in ("kernel_size", "strides", "dilation_rate"):
            object.__setattr__(self, name, pair(getattr(self, name), name))
        object.__setattr__(self, "padding", self.padding.lower())

    def _pads(self, shape: Shape) -> window.Pads:
        return window.pads(
            shape[0], shape[1], self.kernel_size, self.strides, self.padding, self.dilation_rate
        )

    def shape(self, *inputs: Shape) -> Shape:
        rows, columns, channels = image(inputs[0], "Conv2D")
        if self.groups < 1 or channels % self.groups or self.filters % self.groups:
            raise ShapeError(
                f"{channels} channels and {self.filters} filters in {self.groups} groups",
                "both divisible by the number of groups",
                "groups=1",
            )
        (fh, fw), (sh, sw), (dh, dw) = self.kernel_size, self.strides, self.dilation_rate
        return (
            window.length(rows, fh, sh, self.padding, dh),
            window.length(columns, fw, sw, self.padding, dw),
            self.filters,
        )

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        channels = image(inputs[0], "Conv2D")[2]
        kernel = Weight(
            "kernel", (*self.kernel_size, channels // self.groups, self.filters), self.kernel_initializer
        )
        return (
            (kernel, Weight("bias", (self.filters,), self.bias_initializer)) if self.use_bias else (kernel,)
        )

    def macs(self, *inputs: Shape) -> int | None:
        out = size(self.shape(*inputs))
        fh, fw = self.kernel_size
        return None if out is None else out * fh * fw * (image(inputs[0], "Conv2D")[2] // self.groups)

    def formula(self, *inputs: Shape) -> Formula:
        rows, columns, filters = self.shape(*inputs)
        fh, fw = self.kernel_size
        channels = image(inputs[0], "Conv2D")[2] // self.groups
        each = f"({fh}×{fw}×{channels} + 1)" if self.use_bias else f"{fh}×{fw}×{channels}"
        return Formula(
            shape=window.shape_formula(
                inputs[0][0], fh, self.strides[0], self.padding, self._pads(inputs[0]), self.dilation_rate[0]
            ),
            params=f"{each}×{filters}",
            macs=f"{rows}×{columns}×{filters} × {fh}×{fw}×{channels}",
        )

    def reach(self, *inputs: Shape) -> Reach:
        return window.reach(self.kernel_size, self.strides, self._pads(inputs[0]), self.dilation_rate)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch import Conv2d

        return Conv2d(
            image(inputs[0], "Conv2D")[2],
            self.filters,
            self.kernel_size,
            stride=self.strides,
            sides=self._pads(inputs[0]),
            dilation=self.dilation_rate,
            groups=self.groups,
            bias=self.use_bias,
        )

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        top, bottom, left, right = self._pads(inputs[0])
        arrays = [write.constant(weights["kernel"].transpose(3, 2, 0, 1))]
        arrays += [write.constant(weights["bias"])] if self.use_bias else []
        return write.node(
            "Conv",
            [names[0], *arrays],
            kernel_shape=list(self.kernel_size),
            strides=list(self.strides),
            dilations=list(self.dilation_rate),
            group=self.groups,
            pads=[top, left, bottom, right],
        )
