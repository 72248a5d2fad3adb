"""Conv2DTranspose: a convolution run backwards, which makes images larger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadInput
from .kind import Formula, Kind, OnnxWriter, Reach, Shape, Weight, image, kind, pair, size

if TYPE_CHECKING:
    import numpy as np
    import torch


@kind
class Conv2DTranspose(Kind):
    """Keras's Conv2DTranspose."""

    filters: int
    kernel_size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: str = "valid"
    data_format: str | None = "channels_last"
    dilation_rate: tuple[int, int] = (1, 1)
    output_padding: tuple[int, int] | None = None
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
        if isinstance(self.output_padding, int):
            object.__setattr__(self, "output_padding", (self.output_padding,) * 2)
        if self.output_padding is not None and not (
            len(self.output_padding) == 2
            and all(0 <= more < s for more, s in zip(self.output_padding, self.strides, strict=True))
        ):
            raise BadInput("output_padding", f"got {self.output_padding}", "whole numbers below the strides")
        object.__setattr__(self, "padding", self.padding.lower())

    def _along(self, n: int, axis: int) -> tuple[int, int]:
        """Pixels cut off the front of the whole transposed convolution, and the pixels that are left."""
        stride = self.strides[axis]
        seen = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        if self.output_padding is not None:
            # An even number of pixels is cut off both ends together; those that output_padding gives back
            # come off the front's share first.
            around = 2 * (seen // 2) if self.padding == "same" else 0
            front = max((around - self.output_padding[axis]) // 2, 0)
            return front, (n - 1) * stride + seen - around + self.output_padding[axis]
        if self.padding == "same":
            return max((seen - stride) // 2, 0), n * stride
        return 0, n * stride + max(seen - stride, 0)

    def shape(self, *inputs: Shape) -> Shape:
        rows, columns, _ = image(inputs[0], "Conv2DTranspose")
        return (
            None if rows is None else self._along(rows, 0)[1],
            None if columns is None else self._along(columns, 1)[1],
            self.filters,
        )

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        channels = image(inputs[0], "Conv2DTranspose")[2]
        kernel = Weight("kernel", (*self.kernel_size, self.filters, channels), self.kernel_initializer)
        bias = Weight("bias", (self.filters,), self.bias_initializer)
        return (kernel, bias) if self.use_bias else (kernel,)

    def macs(self, *inputs: Shape) -> int | None:
        taken = size(inputs[0])
        fh, fw = self.kernel_size
        return None if taken is None else taken * fh * fw * self.filters

    def formula(self, *inputs: Shape) -> Formula:
        rows, columns, channels = inputs[0]
        fh, fw = self.kernel_size
        each = f"({fh}×{fw}×{channels} + 1)" if self.use_bias else f"{fh}×{fw}×{channels}"
        grown = f"{rows} × {self.strides[0]} ..= {self.shape(*inputs)[0]}" if rows is not None else ""
        return Formula(
            shape=grown,
            params=f"{each}×{self.filters}",
            macs=f"{rows}×{columns}×{channels} × {fh}×{fw}×{self.filters}",
        )

    def reach(self, *inputs: Shape) -> Reach:
        seen = [-(-f // s) for f, s in zip(self.kernel_size, self.strides, strict=True)]
        return Reach((seen[0], seen[1]))

    def _crop(self, shape: Shape) -> list[tuple[int, int]]:
        """Pixels cut off the front and back of rows and columns; negative ones are added."""
        found = []
        for axis in (0, 1):
            n = shape[axis] or 0
            front, left = self._along(n, axis)
            seen = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
            found.append((front, (n - 1) * self.strides[axis] + seen - front - left))
        return found

    def module(self, *inputs: Shape) -> torch.nn.Module:
        from ._torch_more import ConvTranspose2d

        return ConvTranspose2d(
            image(inputs[0], "Conv2DTranspose")[2],
            self.filters,
            self.kernel_size,
            stride=self.strides,
            dilation=self.dilation_rate,
            bias=self.use_bias,
            crop=self._crop(inputs[0]),
        )

    def onnx(
        self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, np.ndarray]
    ) -> str:
        (top, bottom), (left, right) = self._crop(inputs[0])
        arrays = [write.constant(weights["kernel"].transpose(3, 2, 0, 1))]
        arrays += [write.constant(weights["bias"])] if self.use_bias else []
        return write.node(
            "ConvTranspose",
            [names[0], *arrays],
            kernel_shape=list(self.kernel_size),
            strides=list(self.strides),
            dilations=list(self.dilation_rate),
            pads=[top, left, max(bottom, 0), max(right, 0)],
            output_padding=[max(-bottom, 0), max(-right, 0)],
        )
