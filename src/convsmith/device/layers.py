"""What each kind of layer is in LiteRT's operators.

A kind that is not in the table may bring its own form, a method ``device(write, inputs, shape, weights)``
that returns the number of its output tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..kinds import Kind
from ..kinds.activation import Activation, activation_layer
from ..kinds.add import Add
from ..kinds.average import Average
from ..kinds.average_pooling2d import AveragePooling2D
from ..kinds.batch_normalization import BatchNormalization
from ..kinds.concatenate import Concatenate
from ..kinds.conv2d import Conv2D
from ..kinds.conv2d_transpose import Conv2DTranspose
from ..kinds.cropping2d import Cropping2D
from ..kinds.dense import Dense
from ..kinds.depthwise_conv2d import DepthwiseConv2D
from ..kinds.elu import ELU
from ..kinds.flatten import Flatten
from ..kinds.global_average_pooling2d import GlobalAveragePooling2D
from ..kinds.global_max_pooling2d import GlobalMaxPooling2D
from ..kinds.identity import Identity
from ..kinds.layer_scale import LayerScale
from ..kinds.leaky_re_lu import LeakyReLU
from ..kinds.max_pooling2d import MaxPooling2D
from ..kinds.maximum import Maximum
from ..kinds.minimum import Minimum
from ..kinds.multiply import Multiply
from ..kinds.normalization import Normalization
from ..kinds.p_re_lu import PReLU
from ..kinds.permute import Permute
from ..kinds.re_lu import ReLU
from ..kinds.rescaling import Rescaling
from ..kinds.reshape import Reshape
from ..kinds.resizing import Resizing
from ..kinds.separable_conv2d import SeparableConv2D
from ..kinds.softmax import Softmax
from ..kinds.subtract import Subtract
from ..kinds.up_sampling2d import UpSampling2D
from ..kinds.zero_padding2d import ZeroPadding2D

if TYPE_CHECKING:
    import numpy as np

    from .writer import Writer

    Weights = dict[str, np.ndarray]
    Shape = tuple[int, ...]

Form = Callable[["Writer", Any, list[int], "Shape", "Weights"], int]


class NoForm(BadInput):
    """A layer that devices do not run."""


def form_of(layer: Kind) -> Form:
    """How a kind is written.

    Raises:
        BadInput: for one that has no form.
    """
    if type(layer) in FORMS:
        return FORMS[type(layer)]
    if hasattr(layer, "device"):
        return lambda write, own, inputs, shape, weights: own.device(write, inputs, shape, weights)
    raise NoForm(
        layer.label, "has no form in LiteRT's operators", "a layer that devices run", "an .onnx file instead"
    )


def _bias(write: Writer, weights: Weights, count: int) -> int:
    import numpy as np

    return write.constant(weights.get("bias", np.zeros(count, "float32")), "bias")


def _conv2d(write: Writer, layer: Conv2D, inputs: list[int], shape: Shape, weights: Weights) -> int:
    kernel = write.constant(weights["kernel"].transpose(3, 0, 1, 2), "kernel")
    return write.op(
        "CONV_2D", [inputs[0], kernel, _bias(write, weights, layer.filters)], shape,
        padding=layer.padding.upper(), strides=layer.strides, dilation=layer.dilation_rate,
    )  # fmt: skip


def _depthwise(
    write: Writer, layer: DepthwiseConv2D, inputs: list[int], shape: Shape, weights: Weights
) -> int:
    kernel_HWCM = weights["kernel"]
    kernel = write.constant(kernel_HWCM.reshape(1, *kernel_HWCM.shape[:2], -1), "kernel")
    return write.op(
        "DEPTHWISE_CONV_2D", [inputs[0], kernel, _bias(write, weights, shape[-1])], shape,
        padding=layer.padding.upper(), strides=layer.strides, dilation=layer.dilation_rate,
        multiplier=layer.depth_multiplier,
    )  # fmt: skip


def _separable(
    write: Writer, layer: SeparableConv2D, inputs: list[int], shape: Shape, weights: Weights
) -> int:
    depthwise = DepthwiseConv2D(
        layer.kernel_size, layer.strides, layer.padding, layer.depth_multiplier,
        dilation_rate=layer.dilation_rate, use_bias=False,
    )  # fmt: skip
    between = depthwise.shape(write.shape(inputs[0]))
    middle = _depthwise(
        write, depthwise, inputs, between, {"kernel": weights["depthwise_kernel"]}  # type: ignore[arg-type]
    )  # fmt: skip
    second = {"kernel": weights["pointwise_kernel"]} | {
        name: array for name, array in weights.items() if name == "bias"
    }
    return _conv2d(write, Conv2D(layer.filters, (1, 1)), [middle], shape, second)


def _transposed(
    write: Writer, layer: Conv2DTranspose, inputs: list[int], shape: Shape, weights: Weights
) -> int:
    import numpy as np

    if layer.output_padding is not None or layer.dilation_rate != (1, 1):
        raise NoForm("Conv2DTranspose", "has output_padding or dilation", "neither, for a device")
    size = write.constant(np.array([1, *shape], "int32"), "size")
    kernel = write.constant(weights["kernel"].transpose(2, 0, 1, 3), "kernel")
    return write.op(
        "TRANSPOSE_CONV", [size, kernel, inputs[0], _bias(write, weights, layer.filters)], shape,
        padding=layer.padding.upper(), strides=layer.strides,
    )  # fmt: skip


def _dense(write: Writer, layer: Dense, inputs: list[int], shape: Shape, weights: Weights) -> int:
    if len(shape) == 3:  # on an image: the same as a 1x1 convolution
        own = weights | {"kernel": weights["kernel"][None, None]}
        return _conv2d(write, Conv2D(layer.units, (1, 1)), inputs, shape, own)
    if len(shape) != 1:
        raise NoForm("Dense", f"an output of shape {shape}", "features or an image")
    kernel = write.constant(weights["kernel"].T, "kernel")
    return write.op("FULLY_CONNECTED", [inputs[0], kernel, _bias(write, weights, layer.units)], shape)


def _between(code: str) -> Form:
    def form(write: Writer, layer: Kind, inputs: list[int], shape: Shape, weights: Weights) -> int:
        out = inputs[0]
        for other in inputs[1:]:
            sizes = zip(write.shape(out), write.shape(other), strict=True)
            out = write.op(code, [out, other], tuple(b if a == 1 else a for a, b in sizes))
        return out

    return form


def _average(write: Writer, layer: Average, inputs: list[int], shape: Shape, weights: Weights) -> int:
    total = _between("ADD")(write, layer, inputs, shape, weights)
    return _by_constant(write, "MUL", total, 1 / len(inputs), "share")


def _by_constant(write: Writer, code: str, value: int, constant: Any, name: str) -> int:
    """An operator between a tensor and one number, or one for each channel."""
    import numpy as np

    shape = write.shape(value)
    array = np.asarray(constant, "float32")
    array = array.reshape((1,) * (len(shape) + 1 - array.ndim) + array.shape)
    return write.op(code, [value, write.constant(array, name)], shape)


def _affine(write: Writer, value: int, scale: Any, offset: Any) -> int:
    import numpy as np

    out = value
    if not np.all(np.asarray(scale) == 1):
        out = _by_constant(write, "MUL", out, scale, "scale")
    if np.any(np.asarray(offset) != 0):
        out = _by_constant(write, "ADD", out, offset, "offset")
    return out


def _rescaling(write: Writer, layer: Rescaling, inputs: list[int], shape: Shape, weights: Weights) -> int:
    return _affine(write, inputs[0], layer.scale, layer.offset)


def _normalization(
    write: Writer, layer: Normalization, inputs: list[int], shape: Shape, weights: Weights
) -> int:
    import numpy as np

    mean, variance = (weights["mean"], weights["variance"]) if layer.mean is None else layer._given(shape)
    spread = np.maximum(np.sqrt(variance.astype("float64")), 1e-7)
    if layer.invert:
        return _affine(write, inputs[0], spread, mean)
    return _affine(write, inputs[0], 1 / spread, -mean / spread)


def _batch_norm(
    write: Writer, layer: BatchNormalization, inputs: list[int], shape: Shape, weights: Weights
) -> int:
    if layer.axis not in (-1, len(shape)):
        raise NoForm("BatchNormalization", f"over axis {layer.axis}", "over the channels")
    scale, offset = layer.folded(weights)
    return _affine(write, inputs[0], scale, offset)


def _layer_scale(write: Writer, layer: LayerScale, inputs: list[int], shape: Shape, weights: Weights) -> int:
    return _by_constant(write, "MUL", inputs[0], weights["gamma"], "gamma")


def _concatenate(write: Writer, layer: Concatenate, inputs: list[int], shape: Shape, weights: Weights) -> int:
    axis = layer.axis if layer.axis >= 0 else len(shape) + 1 + layer.axis
    return write.op("CONCATENATION", inputs, shape, axis=axis)


def _pool(code: str) -> Form:
    def form(write: Writer, layer: Any, inputs: list[int], shape: Shape, weights: Weights) -> int:
        return write.op(
            code, inputs, shape, padding=layer.padding.upper(), strides=layer.steps, window=layer.pool_size
        )

    return form


def _global(code: str) -> Form:
    def form(write: Writer, layer: Any, inputs: list[int], shape: Shape, weights: Weights) -> int:
        import numpy as np

        axes = write.constant(np.array([1, 2], "int32"), "axes")
        return write.op(code, [inputs[0], axes], shape, keep_dims=len(shape) == 3)

    return form


def _reshape(write: Writer, layer: Kind, inputs: list[int], shape: Shape, weights: Weights) -> int:
    import numpy as np

    if write.shape(inputs[0]) == shape:
        return inputs[0]
    return write.op("RESHAPE", [inputs[0], write.constant(np.array([1, *shape], "int32"), "shape")], shape)


def _permute(write: Writer, layer: Permute, inputs: list[int], shape: Shape, weights: Weights) -> int:
    import numpy as np

    order = write.constant(np.array([0, *layer.dims], "int32"), "order")
    return write.op("TRANSPOSE", [inputs[0], order], shape)


def _zero_padding(write: Writer, layer: ZeroPadding2D, inputs: list[int], shape: Shape, w: Weights) -> int:
    import numpy as np

    (top, bottom), (left, right) = layer.padding
    sides = write.constant(np.array([(0, 0), (top, bottom), (left, right), (0, 0)], "int32"), "sides")
    return write.op("PAD", [inputs[0], sides], shape)


def _cropping(write: Writer, layer: Cropping2D, inputs: list[int], shape: Shape, weights: Weights) -> int:
    import numpy as np

    (top, _), (left, _) = layer.cropping
    begin = write.constant(np.array([0, top, left, 0], "int32"), "begin")
    sizes = write.constant(np.array([1, *shape], "int32"), "sizes")
    return write.op("SLICE", [inputs[0], begin, sizes], shape)


RESIZES = {"nearest": "RESIZE_NEAREST_NEIGHBOR", "bilinear": "RESIZE_BILINEAR"}


def _resized(write: Writer, name: str, value: int, shape: Shape, half_pixel: bool) -> int:
    import numpy as np

    if name not in RESIZES:
        raise NoForm("interpolation", f"got '{name}'", " or ".join(RESIZES), "an .onnx file instead")
    size = write.constant(np.array(shape[:2], "int32"), "size")
    return write.op(RESIZES[name], [value, size], shape, half_pixel=half_pixel)


def _upsampling(write: Writer, layer: UpSampling2D, inputs: list[int], shape: Shape, weights: Weights) -> int:
    return _resized(write, layer.interpolation, inputs[0], shape, layer.interpolation == "bilinear")


def _resizing(write: Writer, layer: Resizing, inputs: list[int], shape: Shape, weights: Weights) -> int:
    if layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio or layer.antialias:
        raise NoForm("Resizing", "crops, pads or smooths", "plain resizing, for a device")
    return _resized(write, layer.interpolation, inputs[0], shape, True)


def _re_lu(write: Writer, layer: ReLU, inputs: list[int], shape: Shape, weights: Weights) -> int:
    if layer.threshold == 0 and layer.negative_slope == 0 and layer.max_value in (None, 6):
        return write.op("RELU" if layer.max_value is None else "RELU6", inputs, shape)
    if layer.threshold == 0 and layer.max_value is None:
        return write.op("LEAKY_RELU", inputs, shape, alpha=layer.negative_slope)
    if layer.threshold == 0 and layer.negative_slope == 0:
        return _by_constant(write, "MINIMUM", write.op("RELU", inputs, shape), layer.max_value, "most")
    raise NoForm("ReLU", "has a threshold, or a slope and a maximum", "one of them, for a device")


def _leaky(write: Writer, layer: LeakyReLU, inputs: list[int], shape: Shape, weights: Weights) -> int:
    return write.op("LEAKY_RELU", inputs, shape, alpha=layer.negative_slope)


def _p_re_lu(write: Writer, layer: PReLU, inputs: list[int], shape: Shape, weights: Weights) -> int:
    return write.op("PRELU", [inputs[0], write.constant(weights["alpha"], "alpha")], shape)


def _softmax(write: Writer, layer: Softmax, inputs: list[int], shape: Shape, weights: Weights) -> int:
    if layer.axis not in (-1, len(shape)):
        raise NoForm("Softmax", f"over axis {layer.axis}", "over the last one")
    return write.op("SOFTMAX", inputs, shape)


def _elu(write: Writer, layer: ELU, inputs: list[int], shape: Shape, weights: Weights) -> int:
    if layer.alpha != 1:
        raise NoForm("ELU", f"has alpha {layer.alpha}", "alpha 1, for a device")
    return write.op("ELU", inputs, shape)


def _same(write: Writer, layer: Kind, inputs: list[int], shape: Shape, weights: Weights) -> int:
    return inputs[0]


SIMPLE = {
    "relu": "RELU", "relu6": "RELU6", "sigmoid": "LOGISTIC", "tanh": "TANH", "softmax": "SOFTMAX",
    "hard_silu": "HARD_SWISH", "hard_swish": "HARD_SWISH", "elu": "ELU",
}  # fmt: skip


def activation(write: Writer, name: str, value: int) -> int:
    """An activation by Keras's name, after its layer; returns the output.

    Raises:
        BadInput: for one that has no such operators.
    """
    shape = write.shape(value)
    if name == "linear":
        return value
    given = activation_layer(name)
    if given is not None:
        return form_of(given)(write, given, [value], shape, {})
    if name in SIMPLE:
        return write.op(SIMPLE[name], [value], shape)
    if name == "leaky_relu":
        return write.op("LEAKY_RELU", [value], shape, alpha=0.2)
    if name in ("silu", "swish"):
        return write.op("MUL", [value, write.op("LOGISTIC", [value], shape)], shape)
    if name == "hard_sigmoid":  # relu6(x + 3) / 6
        raised = _by_constant(write, "ADD", value, 3.0, "three")
        return _by_constant(write, "MUL", write.op("RELU6", [raised], shape), 1 / 6, "sixth")
    known = [*SIMPLE, "leaky_relu", "silu", "swish", "hard_sigmoid"]
    raise NoForm(
        "activation", f"'{name}' has no form in LiteRT's operators", ", ".join(known), "an .onnx file instead"
    )


def _activation(write: Writer, layer: Activation, inputs: list[int], shape: Shape, weights: Weights) -> int:
    return inputs[0]


FORMS: dict[type[Kind], Form] = {
    Activation: _activation,
    Add: _between("ADD"),
    Average: _average,
    AveragePooling2D: _pool("AVERAGE_POOL_2D"),
    BatchNormalization: _batch_norm,
    Concatenate: _concatenate,
    Conv2D: _conv2d,
    Conv2DTranspose: _transposed,
    Cropping2D: _cropping,
    Dense: _dense,
    DepthwiseConv2D: _depthwise,
    ELU: _elu,
    Flatten: _reshape,
    GlobalAveragePooling2D: _global("MEAN"),
    GlobalMaxPooling2D: _global("REDUCE_MAX"),
    Identity: _same,
    LayerScale: _layer_scale,
    LeakyReLU: _leaky,
    MaxPooling2D: _pool("MAX_POOL_2D"),
    Maximum: _between("MAXIMUM"),
    Minimum: _between("MINIMUM"),
    Multiply: _between("MUL"),
    Normalization: _normalization,
    PReLU: _p_re_lu,
    Permute: _permute,
    ReLU: _re_lu,
    Rescaling: _rescaling,
    Reshape: _reshape,
    Resizing: _resizing,
    SeparableConv2D: _separable,
    Softmax: _softmax,
    Subtract: _between("SUB"),
    UpSampling2D: _upsampling,
    ZeroPadding2D: _zero_padding,
}
