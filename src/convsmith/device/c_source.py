"""A program as plain C99: constant arrays, one static arena, no allocation, nothing but the standard headers.

The functions of the operators stand as C beside this file (``c/int8.c``, ``c/float.c``, ``c/moves.c``); those
that a program needs are copied into its source. Int8 gives the integers of `integers.run_integers`, to the
bit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import BadInput
from .arena import planned
from .floats import window_pads
from .integers import (
    FUNCTIONS,
    bounds,
    multiplier,
    nearest_places,
    products,
    ratio,
    resize_weights,
    slopes,
    softmax_scale,
    sum_scales,
    table,
)
from .program import Op, Program, Tensor

if TYPE_CHECKING:
    import numpy as np

HERE = Path(__file__).parent / "c"
PER_LINE = 20
PART = re.compile(r"^/\*: (\w+) \*/\n", re.M)
NEEDS = {"ADD": ["broadcast"], "MUL": ["broadcast"], "extreme": ["broadcast"], "PRELU": ["broadcast"],
         "between": ["broadcast"], "transpose": ["broadcast"]}  # fmt: skip


@dataclass(frozen=True)
class CSource:
    """A network in C.

    Args:
        name: what its functions and files are called.
        source: the .c file.
        header: the .h file.
        main: a program that classifies one raw image from a file.
        sketch: an Arduino sketch that does.
        arena: bytes of memory for activations.
    """

    name: str
    source: str
    header: str
    main: str
    sketch: str
    arena: int


def to_c(program: Program, name: str, *, classes: Sequence[str] = (), about: str = "") -> CSource:
    """A program as C.

    Args:
        program: of floating-point or int8 operators.
        name: begins every name that others see; letters, digits and underscores.
        classes: the classes' names in order.
        about: a line about what it is.

    Raises:
        BadInput: for a name that is none in C, or an operator that has no C.

    Example:
        >>> tensors = (Tensor("x", (1, 2, 2, 1)), Tensor("y", (1, 2, 2, 1)))
        >>> program = Program("net", tensors, (Op("RELU", (0,), 1),), (0,), (1,))
        >>> to_c(program, "net").header.splitlines()[-6]
        'const float *net_run(void);'
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.A):
        raise BadInput("name", f"'{name}' is no name in C", "letters, digits and underscores", "net.c")
    made = _Source(program, name)
    return CSource(
        name=name,
        source=made.source(classes, about),
        header=made.header(classes, about),
        main=_filled("main.c", name, made, classes),
        sketch=_filled("sketch.ino", name, made, classes),
        arena=made.arena.bytes,
    )


class _Source:
    """One source in the making."""

    def __init__(self, program: Program, name: str) -> None:
        self.program, self.name = program, name
        self.whole = program.tensors[program.inputs[0]].type == "int8"
        self.type = "int8_t" if self.whole else "float"
        self.arena = planned(program, scratch=False)
        self.arrays: dict[str, str] = {}
        self.parts: list[str] = ["common"]
        self.lines: list[str] = []
        self._known: dict[tuple[str, bytes], str] = {}
        for op in program.ops:
            forms = INT8 if self.whole else FLOAT
            form = forms.get(op.code) or MOVES.get(op.code)
            if form is None:
                raise BadInput(f"layer {op.layer}", f"{op.code} has no C", "a .tflite or .onnx file instead")
            self.lines.append(f"    /* {_plain(op.layer)} */")
            form(self, op, [program.tensors[item] for item in op.inputs], program.tensors[op.output])

    # What operators call.

    def call(self, part: str, function: str, *arguments: Any) -> None:
        """A call of a function, which belongs to a part of the C beside this file."""
        for needed in [*NEEDS.get(part, []), part]:
            if needed not in self.parts:
                self.parts.append(needed)
        shown = ", ".join(str(item) for item in arguments)
        self.lines.append(f"    {function}({shown});")

    def at(self, tensor: int) -> str:
        """The C expression of a tensor: a place in the arena, or an array."""
        held = self.program.tensors[tensor]
        if held.data is not None:
            return self.array(held.data)
        offset = self.arena.offsets[tensor] // (1 if self.whole else 4)
        return f"arena + {offset}"

    def array(self, data: np.ndarray, kind: str | None = None) -> str:
        """A constant array; equal ones are written once."""
        names = {"int8": "int8_t", "int16": "int16_t", "int32": "int32_t", "float32": "float"}
        kind = kind or names[str(data.dtype)]
        key = (kind, data.tobytes())
        if key not in self._known:
            self._known[key] = name = f"data_{len(self._known)}"
            numbers = [_float(item) if kind == "float" else str(int(item)) for item in data.ravel()]
            rows = (", ".join(numbers[at : at + PER_LINE]) for at in range(0, len(numbers), PER_LINE))
            body = ",\n    ".join(rows)
            self.arrays[name] = f"static const {kind} {name}[{len(numbers)}] = {{\n    {body}}};"
        return self._known[key]

    def ints(self, numbers: Iterable[int], kind: str = "int") -> str:
        """A small array of integers."""
        import numpy as np

        return self.array(np.array(list(numbers), {"int": "int64"}.get(kind, kind)), _C[kind])

    # The files.

    def source(self, classes: Sequence[str], about: str) -> str:
        """The .c file."""
        parts = _parts("int8.c" if self.whole else "float.c") | _parts("moves.c")
        functions = "\n".join(parts[part] for part in self.parts if part in parts)
        size = self.arena.bytes if self.whole else self.arena.bytes // 4
        names = ",\n    ".join(f'"{_quoted(item)}"' for item in classes)
        listed = f"const char *const {self.name}_classes[] = {{\n    {names}}};\n\n" if classes else ""
        head = "" if self.whole else "#include <float.h>\n#include <math.h>\n"
        first, last = self.at(self.program.inputs[0]), self.at(self.program.outputs[0])
        arrays = "\n".join(self.arrays.values())
        body = "\n".join(self.lines)
        return (
            f"/* {self._about(about)} */\n{head}#include <stdint.h>\n#include <string.h>\n"
            f'#include "{self.name}.h"\n\ntypedef {self.type} number;\n\n'
            f"static number arena[{size}];\n\n{arrays}\n\n{listed}{functions}\n"
            f"{self.type} *{self.name}_input(void)\n{{\n    return {first};\n}}\n\n"
            f"const {self.type} *{self.name}_run(void)\n{{\n{body}\n    return {last};\n}}\n"
        )

    def header(self, classes: Sequence[str], about: str) -> str:
        """The .h file."""
        name, upper = self.name, self.name.upper()
        _, rows, columns, channels = self.program.tensors[self.program.inputs[0]].shape
        out = self.program.tensors[self.program.outputs[0]]
        pixels = "the pixel minus 128" if self.whole else "the pixel, 0 to 255"
        meant = ""
        if out.scale is not None:
            zero = out.scale.zero_point
            meant = f" An output q means ({_float(out.scale.scales[0])} * (q - ({zero})))."
        listed = f"extern const char *const {name}_classes[];\n" if classes else ""
        return (
            f"/* {self._about(about)} */\n#ifndef {upper}_H\n#define {upper}_H\n#include <stdint.h>\n\n"
            f"#define {upper}_ROWS {rows}\n#define {upper}_COLUMNS {columns}\n"
            f"#define {upper}_CHANNELS {channels}\n"
            f"#define {upper}_OUTPUTS {out.size}\n#define {upper}_ARENA {self.arena.bytes}\n\n"
            '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
            f"{listed}/* Where the image goes, before each run: rows x columns x channels, {pixels}. */\n"
            f"{self.type} *{name}_input(void);\n"
            f"/* Runs the network; the outputs stand until the next image.{meant} */\n"
            f"const {self.type} *{name}_run(void);\n\n#ifdef __cplusplus\n}}\n#endif\n#endif\n"
        )

    def _about(self, about: str) -> str:
        made = f"Made by convsmith {__version__} from the network '{_plain(self.program.name)}'."
        return f"{made} {_plain(about)}".strip()


_C = {"int": "int", "int8": "int8_t", "int16": "int16_t", "int32": "int32_t"}


def _parts(file: str) -> dict[str, str]:
    """The functions of a file beside this one, by the name in the comment before each."""
    found = PART.split((HERE / file).read_text(encoding="utf-8"))
    return dict(zip(found[1::2], found[2::2], strict=True))


def _plain(text: str) -> str:
    """A text that cannot end a comment of C."""
    return (
        "".join(letter if letter.isalnum() or letter in " ._-/:,()" else "?" for letter in text)
        .replace("*/", "?")
        .replace("/*", "?")[:200]
    )


def _quoted(text: str) -> str:
    """A text inside the quotes of a C string, in ASCII and UTF-8 bytes as octal numbers."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode("utf-8", "replace")
    )


def _float(number: Any) -> str:
    """A float32 as C writes it, to the bit."""
    import numpy as np

    shown = repr(float(np.float32(number)))
    if "inf" in shown:
        return "FLT_MAX" if number > 0 else "-FLT_MAX"
    return f"{shown}f" if any(mark in shown for mark in ".e") else f"{shown}.0f"


def _filled(file: str, name: str, made: _Source, classes: Sequence[str]) -> str:
    text = (HERE / file).read_text(encoding="utf-8")
    shown = f"puts({name}_classes[best]);" if classes else 'printf("%d\\n", best);'
    printed = f"Serial.println({name}_classes[best]);" if classes else "Serial.println(best);"
    pixel = "(int8_t)(c - 128)" if made.whole else "(float)c"
    changes = {"NAME": name.upper(), "name": name, "number": made.type, "pixel": pixel, "shown": shown,
               "printed": printed}  # fmt: skip
    return re.sub(r"\{\{(\w+)\}\}", lambda found: changes[found[1]], text)


# The forms of the operators: what is called for each.


def _window(made: _Source, op: Op, image: Tensor, kernel: tuple[int, int]) -> tuple[int, ...]:
    top, _, left, _ = window_pads(op, image.shape[1], image.shape[2], kernel)
    return (*op.options["strides"], *op.options.get("dilation", (1, 1)), top, left)


def _scales(made: _Source, op: Op, tensors: list[Tensor], out: Tensor, image: int) -> tuple[str, str]:
    found = products(tensors, out, image, 1)
    return made.ints((item[0] for item in found), "int32"), made.ints((item[1] for item in found), "int8")


def _zeros(image: Tensor, op: Op, out: Tensor) -> tuple[int, ...]:
    assert image.scale is not None
    assert out.scale is not None
    return image.scale.zero_point, out.scale.zero_point, *bounds(op, out)


def _limits(op: Op) -> tuple[str, str]:
    fused = op.options.get("fused") or op.code
    low = "0.0f" if fused in ("RELU", "RELU6") else "-FLT_MAX"
    return low, "6.0f" if fused == "RELU6" else "FLT_MAX"


def _conv(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    x, kernel = tensors[0], tensors[1]
    size = kernel.shape[1:3]
    window = _window(made, op, x, size)  # type: ignore[arg-type]
    head = (made.at(op.inputs[0]), *x.shape[1:], made.at(op.inputs[1]), *size)
    depthwise = op.code == "DEPTHWISE_CONV_2D"
    own = op.options["multiplier"] if depthwise else kernel.shape[3]
    shape = out.shape[1:3] if depthwise else out.shape[1:]
    bias = made.at(op.inputs[2])
    if made.whole:
        scales = _scales(made, op, tensors, out, 0)
        tail = (bias, *scales, made.at(op.output), *shape, *window, *_zeros(x, op, out))
    else:
        tail = (bias, made.at(op.output), *shape, *window, *_limits(op))
    made.call(op.code, op.code.lower(), *head, own, *tail)


def _transposed(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    _, kernel, x, _ = tensors
    (kh, kw), (sh, sw) = kernel.shape[1:3], op.options["strides"]
    top = max((x.shape[1] - 1) * sh + kh - out.shape[1], 0) // 2
    left = max((x.shape[2] - 1) * sw + kw - out.shape[2], 0) // 2
    head = (made.at(op.inputs[2]), *x.shape[1:], made.at(op.inputs[1]), kh, kw, made.at(op.inputs[3]))
    scales = _scales(made, op, tensors, out, 2) if made.whole else ()
    tail = _zeros(x, op, out) if made.whole else ()
    made.call(
        op.code,
        "transpose_conv",
        *head,
        *scales,
        made.at(op.output),
        *out.shape[1:],
        sh,
        sw,
        top,
        left,
        *tail,
    )


def _fully_connected(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    x, kernel, _ = tensors
    head = (made.at(op.inputs[0]), kernel.shape[1], made.at(op.inputs[1]), made.at(op.inputs[2]))
    if made.whole:
        ((whole, shift),) = products(tensors, out, 0, 1)
        tail = (whole, shift, made.at(op.output), kernel.shape[0], *_zeros(x, op, out))
    else:
        tail = (made.at(op.output), kernel.shape[0], *_limits(op))
    made.call(op.code, "fully_connected", *head, *tail)


def _pool(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    x, window = tensors[0], op.options["window"]
    top, _, left, _ = window_pads(op, x.shape[1], x.shape[2], window)
    made.call(
        op.code, op.code.lower(), made.at(op.inputs[0]), *x.shape[1:], made.at(op.output), *out.shape[1:3],
        *window, *op.options["strides"], top, left,
    )  # fmt: skip


def _mean(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    _, rows, columns, depth = tensors[0].shape
    tail: tuple[int, ...] = ()
    if made.whole:
        count = rows * columns
        whole, shift = ratio(tensors[0], out)
        bits = min(count.bit_length() - 1, 32, 31 + shift)
        tail = ((whole << bits) // count, shift - bits, *_zeros(tensors[0], op, out)[:2])
    made.call(op.code, "mean", made.at(op.inputs[0]), rows * columns, depth, made.at(op.output), *tail)


def _reduce_max(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    _, rows, columns, depth = tensors[0].shape
    made.call(op.code, "reduce_max", made.at(op.inputs[0]), rows * columns, depth, made.at(op.output))


def _stretched(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> tuple[Any, ...]:
    """Two inputs with the steps between their numbers, 0 where a size of 1 stretches."""
    found: list[Any] = []
    for tensor, held in zip(op.inputs, tensors, strict=True):
        shape = (1,) * (4 - len(held.shape)) + held.shape
        steps = [0 if size == 1 else math.prod(shape[at + 1 :]) for at, size in enumerate(shape)]
        found += [made.at(tensor), made.ints(steps)]
    return (*found, made.at(op.output), made.ints((1,) * (4 - len(out.shape)) + out.shape))


def _zero(tensor: Tensor) -> int:
    assert tensor.scale is not None
    return tensor.scale.zero_point


def _add(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    first, second, last = sum_scales(tensors[0], tensors[1], out)
    made.call(
        "ADD", "add", *_stretched(made, op, tensors, out), *first, _zero(tensors[0]), *second,
        _zero(tensors[1]), 1 if op.code == "ADD" else -1, *last, _zero(out), *bounds(op, out),
    )  # fmt: skip


def _mul(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    a, b = tensors
    assert a.scale is not None
    assert b.scale is not None
    assert out.scale is not None
    scale = multiplier(a.scale.scales[0] * b.scale.scales[0] / out.scale.scales[0])
    made.call(
        "MUL", "mul", *_stretched(made, op, tensors, out), _zero(a), _zero(b), *scale, _zero(out),
        *bounds(op, out),
    )  # fmt: skip


def _extreme(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    made.call("extreme", "extreme", *_stretched(made, op, tensors, out), int(op.code == "MAXIMUM"))


def _prelu(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    above, below = slopes(op, tensors, out)
    made.call(
        "PRELU",
        "prelu",
        *_stretched(made, op, tensors, out),
        *map(_zero, tensors),
        *above,
        *below,
        _zero(out),
    )


def _requantized(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    above, below = slopes(op, tensors, out)
    made.call(
        "requantize", "requantize", made.at(op.inputs[0]), out.size, made.at(op.output), _zero(tensors[0]),
        *above, *below, _zero(out), *bounds(op, out),
    )  # fmt: skip


def _lookup(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    answers = made.ints(table(op, tensors[0], out), "int8")
    made.call("lookup", "lookup", made.at(op.inputs[0]), out.size, made.at(op.output), answers)


def _softmax(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    scale = tensors[0].scale
    tail = softmax_scale(scale.scales[0]) if scale is not None else ()
    made.call("SOFTMAX", "softmax", made.at(op.inputs[0]), out.size, out.shape[-1], made.at(op.output), *tail)


def _bilinear(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    x = tensors[0]
    if made.whole:
        down, right = (
            made.ints((n for row in resize_weights(x.shape[i], out.shape[i]) for n in row), "int16")
            for i in (1, 2)
        )
        made.call(
            op.code, "resize_bilinear", made.at(op.inputs[0]), *x.shape[2:], made.at(op.output),
            *out.shape[1:3], down, right,
        )  # fmt: skip
    else:
        made.call(
            op.code,
            "resize_bilinear",
            made.at(op.inputs[0]),
            *x.shape[1:],
            made.at(op.output),
            *out.shape[1:3],
        )


def _between(what: str) -> Form:
    def form(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
        limits = _limits(op)
        made.call("between", "between", f"'{what}'", *_stretched(made, op, tensors, out), *limits)

    return form


def _each(part: str, function: str) -> Form:
    def form(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
        tail: tuple[str, ...] = _limits(op) if part == "clip" else ()
        tail = (_float(op.options["alpha"]),) if part == "LEAKY_RELU" else tail
        made.call(part, function, made.at(op.inputs[0]), out.size, made.at(op.output), *tail)

    return form


def _copy(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    made.call("copy", "copy", made.at(op.inputs[0]), out.size, made.at(op.output))


def _pad(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    sides = tensors[1].data
    assert sides is not None
    (top, bottom), (left, right) = sides[1].tolist(), sides[2].tolist()
    value = _zero(out) if made.whole else "0.0f"
    made.call(
        "pad", "pad", made.at(op.inputs[0]), *tensors[0].shape[1:], made.at(op.output), top, bottom, left,
        right, value,
    )  # fmt: skip


def _slice(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    begin = tensors[1].data
    assert begin is not None
    made.call(
        "slice", "slice", made.at(op.inputs[0]), *tensors[0].shape[2:], made.at(op.output), int(begin[1]),
        int(begin[2]), *out.shape[1:3],
    )  # fmt: skip


def _concatenate(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    axis = op.options["axis"]
    whole, start = math.prod(out.shape[axis:]), 0
    for tensor, held in zip(op.inputs, tensors, strict=True):
        length = math.prod(held.shape[axis:])
        made.call(
            "concatenate", "concatenate", made.at(tensor), math.prod(held.shape[:axis]), length,
            f"{made.at(op.output)} + {start}", whole,
        )  # fmt: skip
        start += length


def _transpose(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    shape, order = tensors[0].shape, tensors[1].data
    assert order is not None
    steps = [math.prod(shape[int(axis) + 1 :]) for axis in order]
    ahead = (1,) * (4 - len(shape))
    made.call(
        "transpose", "transpose", made.at(op.inputs[0]), made.at(op.output), made.ints(ahead + out.shape),
        made.ints([0] * len(ahead) + steps),
    )  # fmt: skip


def _nearest(made: _Source, op: Op, tensors: list[Tensor], out: Tensor) -> None:
    x = tensors[0]
    places = (
        made.ints(nearest_places(x.shape[i], out.shape[i], op.options["half_pixel"]).tolist(), "int16")
        for i in (1, 2)
    )
    made.call(
        "nearest",
        "nearest",
        made.at(op.inputs[0]),
        *x.shape[2:],
        made.at(op.output),
        *out.shape[1:3],
        *places,
    )


Form = Callable[[_Source, Op, list[Tensor], Tensor], None]
SHARED: dict[str, Form] = {
    "AVERAGE_POOL_2D": _pool,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _conv,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _pool,
    "MEAN": _mean,
    "REDUCE_MAX": _reduce_max,
    "RESIZE_BILINEAR": _bilinear,
    "SOFTMAX": _softmax,
    "TRANSPOSE_CONV": _transposed,
}
MOVES: dict[str, Form] = {
    "CONCATENATION": _concatenate,
    "PAD": _pad,
    "RESHAPE": _copy,
    "RESIZE_NEAREST_NEIGHBOR": _nearest,
    "SLICE": _slice,
    "TRANSPOSE": _transpose,
}
INT8: dict[str, Form] = SHARED | {
    "ADD": _add,
    "LEAKY_RELU": _requantized,
    "MAXIMUM": _extreme,
    "MINIMUM": _extreme,
    "MUL": _mul,
    "PRELU": _prelu,
    "QUANTIZE": _requantized,
    "RELU": _requantized,
    "RELU6": _requantized,
    "SUB": _add,
    **dict.fromkeys(FUNCTIONS, _lookup),
}
FLOAT: dict[str, Form] = SHARED | {
    "ADD": _between("+"),
    "ELU": _each("ELU", "elu"),
    "HARD_SWISH": _each("HARD_SWISH", "hard_swish"),
    "LEAKY_RELU": _each("LEAKY_RELU", "leaky_relu"),
    "LOGISTIC": _each("LOGISTIC", "logistic"),
    "MAXIMUM": _between(">"),
    "MINIMUM": _between("<"),
    "MUL": _between("*"),
    "PRELU": _between("p"),
    "RELU": _each("clip", "clip"),
    "RELU6": _each("clip", "clip"),
    "SUB": _between("-"),
    "TANH": _each("TANH", "hyperbolic"),
}
