"""A program as plain C99: constant arrays, one static arena, no allocation, nothing but the standard headers.

The functions of the operators stand as C beside this file (``c/int8.c``, ``c/float.c``, ``c/moves.c``); those
that a program needs are copied into its source. Int8 gives the integers of `integers.run_integers`, to the
bit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import BadInput
from .arena import planned
from .c_answer import Answer
from .c_calls import FLOAT, INT8, MOVES, as_float
from .program import Program

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


def to_c(
    program: Program, name: str, *, classes: Sequence[str] = (), about: str = "",
    rule: Mapping[str, Any] | None = None,
) -> CSource:  # fmt: skip
    """A program as C.

    Args:
        program: of floating-point or int8 operators.
        name: begins every name that others see; letters, digits and underscores.
        classes: the classes' names in order.
        about: a line about what it is.
        rule: how logits become answers: temperature, score and threshold as answer_rule.json has them. Where
            the network ends in a softmax, the header then has a function that applies it.

    Raises:
        BadInput: for a name that is none in C, or an operator that has no C.

    Example:
        >>> from convsmith.device.program import Op, Tensor
        >>> tensors = (Tensor("x", (1, 2, 2, 1)), Tensor("y", (1, 2, 2, 1)))
        >>> program = Program("net", tensors, (Op("RELU", (0,), 1),), (0,), (1,))
        >>> to_c(program, "net").header.splitlines()[-6]
        'const float *net_run(void);'
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.A):
        raise BadInput("name", f"'{name}' is no name in C", "letters, digits and underscores", "net.c")
    made = _Source(program, name, rule)
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

    def __init__(self, program: Program, name: str, rule: Mapping[str, Any] | None = None) -> None:
        self.program, self.name = program, name
        last = program.ops[-1]
        is_softmax = last.code == "SOFTMAX" and last.output == program.outputs[0]
        self.answer = Answer(name, last.inputs[0], rule) if rule and is_softmax else None
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
            numbers = [as_float(item) if kind == "float" else str(int(item)) for item in data.ravel()]
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
        answer = ""
        if self.answer:
            logits = self.answer.logits
            answer = self.answer.source(self.at(logits), self.program.tensors[logits])
        head = "" if self.whole else "#include <float.h>\n#include <math.h>\n"
        if self.whole and self.answer:
            head = "#include <math.h>\n"
        first, last = self.at(self.program.inputs[0]), self.at(self.program.outputs[0])
        arrays = "\n".join(self.arrays.values())
        body = "\n".join(self.lines)
        return (
            f"/* {self._about(about)} */\n{head}#include <stdint.h>\n#include <string.h>\n"
            f'#include "{self.name}.h"\n\ntypedef {self.type} number;\n\n'
            f"static number arena[{size}];\n\n{arrays}\n\n{listed}{functions}\n"
            f"{self.type} *{self.name}_input(void)\n{{\n    return {first};\n}}\n\n"
            f"const {self.type} *{self.name}_run(void)\n{{\n{body}\n    return {last};\n}}\n"
            f"{answer}"
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
            meant = f" An output q means ({as_float(out.scale.scales[0])} * (q - ({zero})))."
        listed = f"extern const char *const {name}_classes[];\n" if classes else ""
        answer = self.answer.header() if self.answer else ""
        return (
            f"/* {self._about(about)} */\n#ifndef {upper}_H\n#define {upper}_H\n#include <stdint.h>\n\n"
            f"#define {upper}_ROWS {rows}\n#define {upper}_COLUMNS {columns}\n"
            f"#define {upper}_CHANNELS {channels}\n"
            f"#define {upper}_OUTPUTS {out.size}\n#define {upper}_ARENA {self.arena.bytes}\n\n"
            '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
            f"{listed}/* Where the image goes, before each run: rows x columns x channels, {pixels}. */\n"
            f"{self.type} *{name}_input(void);\n"
            f"/* Runs the network; the outputs stand until the next image.{meant} */\n"
            f"const {self.type} *{name}_run(void);\n{answer}\n#ifdef __cplusplus\n}}\n#endif\n#endif\n"
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


def _filled(file: str, name: str, made: _Source, classes: Sequence[str]) -> str:
    text = (HERE / file).read_text(encoding="utf-8")
    shown = f"puts({name}_classes[best]);" if classes else 'printf("%d\\n", best);'
    printed = f"Serial.println({name}_classes[best]);" if classes else "Serial.println(best);"
    if made.answer and made.answer.turns_away:
        shown = f'if ({name}_answer(0)) puts("none of the classes"); else {shown}'
        printed = f'if ({name}_answer(0)) Serial.println("none of the classes"); else {printed}'
    pixel = "(int8_t)(c - 128)" if made.whole else "(float)c"
    changes = {"NAME": name.upper(), "name": name, "number": made.type, "pixel": pixel, "shown": shown,
               "printed": printed}  # fmt: skip
    return re.sub(r"\{\{(\w+)\}\}", lambda found: changes[found[1]], text)
