"""A program as a LiteRT file (.tflite), written with flatbuffers alone: no TensorFlow.

Source: LiteRT's schema, version 3 (schema.fbs in the LiteRT and TensorFlow Lite Micro repositories): the
slots of its tables and the numbers of its operators and types are repeated here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .program import Op, Program, Tensor

if TYPE_CHECKING:
    import flatbuffers

TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int8": 9}
ACTIVATIONS = {None: 0, "RELU": 1, "RELU6": 3}
PADDINGS = {"SAME": 0, "VALID": 1}
IDENTIFIER, VERSION = b"TFL3", 3
ALIGNED = 16
"""Weights stand at multiples of it, so that a device reads them where they are."""

OPERATORS: dict[str, tuple[int, int, int]] = {
    "ADD": (0, 11, 1), "AVERAGE_POOL_2D": (1, 5, 1), "CONCATENATION": (2, 10, 1), "CONV_2D": (3, 1, 1),
    "DEPTHWISE_CONV_2D": (4, 2, 1), "DEQUANTIZE": (6, 38, 1), "FULLY_CONNECTED": (9, 8, 1),
    "LOGISTIC": (14, 0, 1), "MAX_POOL_2D": (17, 5, 1), "MUL": (18, 21, 1), "RELU": (19, 0, 1),
    "RELU6": (21, 0, 1), "RESHAPE": (22, 17, 1), "RESIZE_BILINEAR": (23, 15, 1), "SOFTMAX": (25, 9, 1),
    "TANH": (28, 0, 1), "PAD": (34, 22, 1), "TRANSPOSE": (39, 26, 1), "MEAN": (40, 27, 1),
    "SUB": (41, 28, 1), "PRELU": (54, 0, 1), "MAXIMUM": (55, 39, 1), "MINIMUM": (57, 39, 1),
    "SLICE": (65, 48, 1), "TRANSPOSE_CONV": (67, 49, 3), "REDUCE_MAX": (82, 27, 1),
    "RESIZE_NEAREST_NEIGHBOR": (97, 74, 1), "LEAKY_RELU": (98, 75, 1), "ELU": (111, 0, 1),
    "QUANTIZE": (114, 89, 1), "HARD_SWISH": (117, 91, 1),
}  # fmt: skip
"""Operator -> its number, the number of its table of options (0 for none), its version for floats."""
INT8_VERSIONS = {
    "ADD": 2, "AVERAGE_POOL_2D": 2, "CONCATENATION": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 4, "LOGISTIC": 2, "MAX_POOL_2D": 2, "MUL": 2, "RELU": 2, "RELU6": 2,
    "RESHAPE": 1, "RESIZE_BILINEAR": 2, "SOFTMAX": 2, "TANH": 2, "PAD": 2, "TRANSPOSE": 2, "MEAN": 2,
    "SUB": 3, "MAXIMUM": 2, "MINIMUM": 2, "SLICE": 2, "TRANSPOSE_CONV": 3, "REDUCE_MAX": 2,
    "RESIZE_NEAREST_NEIGHBOR": 2, "LEAKY_RELU": 2, "PRELU": 1, "QUANTIZE": 2, "ELU": 1, "HARD_SWISH": 1,
    "DEQUANTIZE": 2,
}  # fmt: skip
"""The first version of each operator that takes int8."""


def to_tflite(program: Program, about: Mapping[str, Any]) -> bytes:
    """The bytes of a .tflite file.

    Args:
        program: of floating-point or int8 operators.
        about: what is known beside it (classes' names, what pixels go in), kept as JSON under the metadata
            name ``convsmith``.

    Example:
        >>> import numpy as np
        >>> from convsmith.device.program import Op, Tensor
        >>> tensors = (Tensor("x", (1, 2, 2, 1)), Tensor("y", (1, 2, 2, 1)))
        >>> program = Program("net", tensors, (Op("RELU", (0,), 1),), (0,), (1,))
        >>> to_tflite(program, {"classes": ["cat", "dog"]})[4:8]
        b'TFL3'
    """
    return _File(program, about).bytes


class _File:
    """One file in the making: flatbuffers are written from the leaves to the root."""

    def __init__(self, program: Program, about: Mapping[str, Any]) -> None:
        import flatbuffers

        self.b = flatbuffers.Builder(1024 + sum(t.bytes for t in program.tensors if t.data is not None))
        self.program = program
        self._written: dict[tuple[str, bytes], int] = {}
        text = json.dumps(dict(about), ensure_ascii=False, sort_keys=True).encode()
        datas = [b"", *(t.data.tobytes() for t in program.tensors if t.data is not None), text]
        buffers = self._offsets([self._buffer(data) for data in datas])
        places, count = [], 0
        for tensor in program.tensors:
            count += tensor.data is not None
            places.append(count if tensor.data is not None else 0)
        codes = sorted({(op.code, self._version(op)) for op in program.ops})
        tensors = self._offsets([self._tensor(*item) for item in zip(program.tensors, places, strict=True)])
        ops = self._offsets([self._operator(op, codes) for op in program.ops])
        subgraph = self._table(
            6,
            {
                0: tensors, 1: self._ints(program.inputs), 2: self._ints(program.outputs), 3: ops,
                4: self.b.CreateString(program.name),
            },
        )  # fmt: skip
        metadata = self._table(2, {0: self.b.CreateString("convsmith"), 1: ("uint", len(datas) - 1)})
        fields = {
            0: ("uint", VERSION),
            1: self._offsets([self._code(*item) for item in codes]),
            2: self._offsets([subgraph]),
            3: self.b.CreateString("convsmith"),
            4: buffers,
            6: self._offsets([metadata]),
        }
        self.b.Finish(self._table(9, fields), file_identifier=IDENTIFIER)
        self.bytes = bytes(self.b.Output())

    def _version(self, op: Op) -> int:
        if self.program.tensors[op.output].type == "float32":
            version = OPERATORS[op.code][2]
            dilated = op.code == "DEPTHWISE_CONV_2D" and op.options["dilation"] != (1, 1)
            return 2 if dilated else version
        return INT8_VERSIONS[op.code]

    def _table(self, slots: int, fields: Mapping[int, Any]) -> int:
        """A table; a value is an offset, or a pair of type and number."""
        self.b.StartObject(slots)
        for slot, value in fields.items():
            if value is None:
                continue
            if isinstance(value, int):
                self.b.PrependUOffsetTRelativeSlot(slot, value, 0)
            else:
                _PREPEND[value[0]](self.b, slot, value[1])
        return self.b.EndObject()

    def _offsets(self, offsets: Sequence[int]) -> int:
        self.b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.b.PrependUOffsetTRelative(offset)
        return self.b.EndVector()

    def _numbers(self, values: Any, kind: str) -> int:
        """A vector of numbers; equal ones are written once."""
        import numpy as np

        array = np.asarray(values, kind)
        key = (kind, array.tobytes())
        if key not in self._written:
            self._written[key] = self.b.CreateNumpyVector(array)
        return self._written[key]

    def _ints(self, values: Sequence[int]) -> int:
        return self._numbers(values, "<i4")

    def _buffer(self, data: bytes) -> int:
        if not data:
            return self._table(3, {})
        self.b.StartVector(1, len(data), ALIGNED)
        self.b.head = self.b.head - len(data)
        self.b.Bytes[self.b.Head() : self.b.Head() + len(data)] = data
        return self._table(3, {0: self.b.EndVector()})

    def _tensor(self, tensor: Tensor, buffer: int) -> int:
        shape = self._ints(tensor.shape)
        name = self.b.CreateString(tensor.name) if tensor.data is None else None
        scale = None
        if tensor.scale is not None:
            zeros = [tensor.scale.zero_point] * len(tensor.scale.scales)
            fields = {
                2: self._numbers(tensor.scale.scales, "<f4"), 3: self._numbers(zeros, "<i8"),
                6: ("int", tensor.scale.axis),
            }  # fmt: skip
            scale = self._table(7, fields)
        return self._table(
            11,
            {0: shape, 1: ("byte", TYPES[tensor.type]), 2: ("uint", buffer), 3: name, 4: scale,
             8: ("bool", True)},
        )  # fmt: skip

    def _code(self, code: str, version: int) -> int:
        number = OPERATORS[code][0]
        return self._table(4, {0: ("byte", min(number, 127)), 2: ("version", version), 3: ("int", number)})

    def _operator(self, op: Op, codes: list[tuple[str, int]]) -> int:
        inputs, outputs = self._ints(op.inputs), self._ints([op.output])
        table = OPERATORS[op.code][1]
        options = self._table(8, self._options(op)) if table else None
        return self._table(
            14,
            {0: ("uint", codes.index((op.code, self._version(op)))), 1: inputs, 2: outputs,
             3: ("ubyte", table), 4: options},
        )  # fmt: skip

    def _options(self, op: Op) -> dict[int, Any]:
        given, fused = op.options, ("byte", ACTIVATIONS[op.options.get("fused")])
        rows, columns = given.get("strides", (1, 1))
        window = {0: ("byte", PADDINGS[given["padding"]])} if "padding" in given else {}
        window |= {1: ("int", columns), 2: ("int", rows)} if "strides" in given else {}
        high, wide = given.get("dilation", (1, 1))
        if op.code == "CONV_2D":
            return window | {3: fused, 4: ("one", wide), 5: ("one", high)}
        if op.code == "DEPTHWISE_CONV_2D":
            return window | {3: ("int", given["multiplier"]), 4: fused, 5: ("one", wide), 6: ("one", high)}
        if op.code in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
            tall, broad = given["window"]
            return window | {3: ("int", broad), 4: ("int", tall)}
        if op.code == "TRANSPOSE_CONV":
            return window
        simple: dict[str, Callable[[], dict[int, Any]]] = {
            "ADD": lambda: {0: fused, 1: ("pot", False)},
            "SUB": lambda: {0: fused, 1: ("pot", False)},
            "MUL": lambda: {0: fused},
            "FULLY_CONNECTED": lambda: {0: fused},
            "CONCATENATION": lambda: {0: ("int", given["axis"])},
            "SOFTMAX": lambda: {0: ("float", 1.0)},
            "MEAN": lambda: {0: ("bool", given["keep_dims"])},
            "REDUCE_MAX": lambda: {0: ("bool", given["keep_dims"])},
            "RESIZE_BILINEAR": lambda: {3: ("bool", given["half_pixel"])},
            "RESIZE_NEAREST_NEIGHBOR": lambda: {1: ("bool", given["half_pixel"])},
            "LEAKY_RELU": lambda: {0: ("float", given["alpha"])},
            "RESHAPE": lambda: {0: self._ints(self.program.tensors[op.output].shape)},
        }
        return simple.get(op.code, dict)()


_PREPEND: dict[str, Callable[[flatbuffers.Builder, int, Any], None]] = {
    "uint": lambda b, slot, x: b.PrependUint32Slot(slot, x, 0),
    "int": lambda b, slot, x: b.PrependInt32Slot(slot, x, 0),
    "one": lambda b, slot, x: b.PrependInt32Slot(slot, x, 1),
    "version": lambda b, slot, x: b.PrependInt32Slot(slot, x, 1),
    "byte": lambda b, slot, x: b.PrependInt8Slot(slot, x, 0),
    "ubyte": lambda b, slot, x: b.PrependUint8Slot(slot, x, 0),
    "bool": lambda b, slot, x: b.PrependBoolSlot(slot, x, 0),
    "pot": lambda b, slot, x: b.PrependBoolSlot(slot, x, 1),
    "float": lambda b, slot, x: b.PrependFloat32Slot(slot, x, 0.0),
}
"""How a number of each type is put into its slot; the last argument is the value that need not be written."""
