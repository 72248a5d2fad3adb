"""A program of floating-point operators as one of int8 operators: scales, zero points, integer weights.

Source: the LiteRT 8-bit quantisation specification; B. Jacob et al., "Quantization and training of neural
networks for efficient integer-arithmetic-only inference", 2018. Weights of convolutions are symmetric, with
one scale for each output channel; those of dense layers have one scale, because per-channel scales need newer
runtimes there. Activations are asymmetric, with one scale for each tensor.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .lower import compact
from .program import Op, Program, Scale, Tensor

if TYPE_CHECKING:
    import numpy as np

    from .ranges import Ranges

Made = dict[tuple[str, str, Scale], int]
"""The integer forms of constants that there are already, by name, type and scale."""
UNIT = Scale((1 / 256,), -128)
FIXED = {"SOFTMAX": UNIT, "LOGISTIC": UNIT, "TANH": Scale((1 / 128,), 0)}
"""Operators whose output has a scale that the specification names."""
SAME_SCALE = frozenset((
    "MAX_POOL_2D", "AVERAGE_POOL_2D", "RESHAPE", "PAD", "TRANSPOSE", "SLICE", "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR", "REDUCE_MAX",
))  # fmt: skip
"""Operators that pass integers on as they are."""
SAME_FOR_ALL = frozenset(("CONCATENATION", "MAXIMUM", "MINIMUM"))
"""Operators whose inputs and output share one scale."""
WITH_WEIGHTS = {"CONV_2D": (1, 2, 0), "DEPTHWISE_CONV_2D": (1, 2, 3), "FULLY_CONNECTED": (1, 2, None),
                "TRANSPOSE_CONV": (1, 3, 0)}  # fmt: skip
"""Operator -> the places of its kernel and bias among its inputs, and the kernel's axis of channels."""
IMAGE = {"TRANSPOSE_CONV": 2}
"""The place of the image among the inputs, where it is not the first."""
PIXELS = Scale((1.0,), -128)
"""What goes in: pixel - 128."""
LARGEST_BIAS = 2**30


def quantized(program: Program, ranges: Ranges) -> Program:
    """The same program in int8: pixels go in as pixel - 128.

    A Rescaling in front becomes the scale of the input itself and costs nothing; its zero point is rounded,
    which moves all pixels by half a grey level at most.

    Args:
        program: of floating-point operators.
        ranges: of every computed tensor; see `measured_ranges`.
    """
    program, pixels = _without_rescaling(program)
    program = _apart(program)
    scales = _scales(program, ranges, pixels)
    tensors = [
        dataclasses.replace(tensor, type="int8", scale=scales[place]) if place in scales else tensor
        for place, tensor in enumerate(program.tensors)
    ]
    ops = []
    made: Made = {}
    for op in program.ops:
        inputs = list(op.inputs)
        if op.code in WITH_WEIGHTS:
            _weights(tensors, made, op, inputs, scales)
        else:
            for place, tensor in enumerate(op.inputs):
                if tensors[tensor].data is not None and tensors[tensor].type == "float32":
                    inputs[place] = _constant(tensors, made, tensor, op, scales)
        ops.append(dataclasses.replace(op, inputs=tuple(inputs)))
    return compact(dataclasses.replace(program, tensors=tuple(tensors), ops=tuple(ops)))


def scale_of(low: float, high: float) -> Scale:
    """The scale and zero point of a range, so that 0 is exact.

    Example:
        >>> scale_of(-1.0, 254.0)
        Scale(scales=(1.0,), zero_point=-127, axis=0)
    """
    low, high = min(low, 0.0), max(high, 0.0)
    step = (high - low) / 255 or 1.0
    return Scale((_float32(step),), int(min(max(round(-128 - low / step), -128), 127)))


def _float32(number: float) -> float:
    import numpy as np

    return float(np.float32(number))


def _without_rescaling(program: Program) -> tuple[Program, Scale]:
    """The program with a Rescaling in front turned into the input's own scale."""
    (tensor,) = program.inputs
    scale, offset, gone = 1.0, 0.0, []
    for code in ("MUL", "ADD"):
        readers = program.readers(tensor)
        if len(readers) != 1 or readers[0].code != code or "fused" in readers[0].options:
            continue
        number = program.tensors[readers[0].inputs[1]].data
        if readers[0].inputs[0] != tensor or number is None or number.size != 1 or number.item() == 0:
            continue
        scale, offset = (number.item(), offset) if code == "MUL" else (scale, number.item())
        gone.append(readers[0])
        tensor = readers[0].output
    zero = -128 - offset / scale
    if not gone or scale <= 0 or not -128.5 <= zero <= 127.5:
        return program, PIXELS
    shown = Scale((_float32(scale),), int(min(max(math.floor(zero + 0.5), -128), 127)))
    kept = [op for op in program.ops if op not in gone]
    tensors = list(program.tensors)
    tensors[tensor] = dataclasses.replace(tensors[tensor], name=program.tensors[program.inputs[0]].name)
    outputs = tuple(program.outputs)
    changed = dataclasses.replace(
        program, ops=tuple(kept), inputs=(tensor,), outputs=outputs, tensors=tuple(tensors)
    )
    return changed, shown


def _apart(program: Program) -> Program:
    """The program with a QUANTIZE before each tensor of a fixed scale that has to share another's."""
    fixed = set(program.inputs)
    tensors, ops = list(program.tensors), []
    for op in program.ops:
        if op.code in FIXED or (op.code in SAME_SCALE and op.inputs[0] in fixed):
            fixed.add(op.output)
        elif op.code in SAME_FOR_ALL:
            inputs = list(op.inputs)
            for place, tensor in enumerate(op.inputs):
                if tensor in fixed:
                    held = tensors[tensor]
                    tensors.append(Tensor(f"{held.name}/{op.layer}/quantize_{place}", held.shape))
                    inputs[place] = len(tensors) - 1
                    ops.append(Op("QUANTIZE", (tensor,), inputs[place], layer=op.layer))
            op = dataclasses.replace(op, inputs=tuple(inputs))
        ops.append(op)
    return dataclasses.replace(program, tensors=tuple(tensors), ops=tuple(ops))


def _shared(program: Program) -> Iterator[tuple[int, int]]:
    """Pairs of computed tensors that have one scale."""
    for op in program.ops:
        if op.code in SAME_SCALE:
            yield op.inputs[0], op.output
        elif op.code in SAME_FOR_ALL:
            for tensor in op.inputs:
                if program.tensors[tensor].data is None:
                    yield tensor, op.output


def _scales(program: Program, ranges: Ranges, pixels: Scale) -> dict[int, Scale]:
    """The scale of every computed tensor."""
    leader: dict[int, int] = {}

    def of(tensor: int) -> int:
        while leader.get(tensor, tensor) != tensor:
            tensor = leader[tensor]
        return tensor

    for a, b in _shared(program):
        leader[of(b)] = of(a)
    given = dict.fromkeys(program.inputs, pixels)
    given |= {op.output: FIXED[op.code] for op in program.ops if op.code in FIXED}
    fixed = {of(tensor): scale for tensor, scale in given.items()}
    known = {op.output: ranges[op.inputs[0]] for op in program.ops if op.code == "QUANTIZE"}
    wide: Ranges = {}
    for tensor in [*program.inputs, *(op.output for op in program.ops)]:
        low, high = known.get(tensor) or ranges[tensor]
        was = wide.get(of(tensor), (0.0, 0.0))
        wide[of(tensor)] = (min(low, was[0]), max(high, was[1]))
    return {
        tensor: fixed.get(of(tensor)) or scale_of(*wide[of(tensor)])
        for tensor in [*program.inputs, *(op.output for op in program.ops)]
    }


def _weights(tensors: list[Tensor], made: Made, op: Op, inputs: list[int], scales: dict[int, Scale]) -> None:
    """Put the integer kernel and bias of an operator in place of the floating-point ones."""
    import numpy as np

    at_kernel, at_bias, axis = WITH_WEIGHTS[op.code]
    kernel, bias = tensors[op.inputs[at_kernel]], tensors[op.inputs[at_bias]]
    assert kernel.data is not None
    assert bias.data is not None
    (image_scale,) = scales[op.inputs[IMAGE.get(op.code, 0)]].scales
    others = tuple(place for place in range(kernel.data.ndim) if place != axis) if axis is not None else None
    steps = np.atleast_1d(np.abs(kernel.data).max(axis=others).astype(np.float64)) / 127
    # A channel that is nearly dead would need a bias of more than 32 bits.
    least = np.abs(bias.data.astype(np.float64)) / (image_scale * LARGEST_BIAS)
    steps = np.maximum(steps, least.max() if axis is None else least)
    steps = np.where(steps > 0, steps, 1.0).astype(np.float32)
    along = (
        steps if axis is None else steps.reshape([-1 if at == axis else 1 for at in range(kernel.data.ndim)])
    )
    whole = np.clip(np.rint(kernel.data / along), -127, 127).astype(np.int8)
    inputs[at_kernel] = _added(tensors, made, kernel, whole, Scale(tuple(map(float, steps)), 0, axis or 0))
    products = np.float32(image_scale) * steps
    numbers = np.rint(bias.data.astype(np.float64) / products.astype(np.float64))
    inputs[at_bias] = _added(
        tensors, made, bias, numbers.astype(np.int32), Scale(tuple(map(float, products)), 0, 0)
    )


def _constant(tensors: list[Tensor], made: Made, place: int, op: Op, scales: dict[int, Scale]) -> int:
    """An integer form of a constant that stands where an activation might."""
    import numpy as np

    tensor = tensors[place]
    assert tensor.data is not None
    scale = scale_of(float(tensor.data.min()), float(tensor.data.max()))
    if op.code in SAME_FOR_ALL:
        scale = scales[op.output]
    numbers = np.rint(tensor.data / np.float32(scale.scales[0])) + scale.zero_point
    return _added(tensors, made, tensor, np.clip(numbers, -128, 127).astype(np.int8), scale)


def _added(tensors: list[Tensor], made: Made, like: Tensor, data: np.ndarray, scale: Scale) -> int:
    """The number of a constant's integer form; a shared layer's weights stay shared."""
    key = (like.name, str(data.dtype), scale)
    if key not in made:
        tensors.append(Tensor(like.name, like.shape, str(data.dtype), data, scale))
        made[key] = len(tensors) - 1
    return made[key]
