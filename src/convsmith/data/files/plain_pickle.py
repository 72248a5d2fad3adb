"""Data out of a pickle without unpickling: numbers, text, lists, dicts and NumPy arrays, and nothing else.

A pickle is a program; running one from somebody else can do anything. This follows the program's instructions
with `pickletools.genops`, which only tells them apart, and obeys those that build plain data. A pickle that
names any class or function other than NumPy's own way to store an array is refused.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import BadInput

_RECONSTRUCT = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
_FROM_BUFFER = {"numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer"}
_KNOWN = _RECONSTRUCT | _FROM_BUFFER | {"numpy ndarray", "numpy dtype", "_codecs encode", "__builtin__ bytes"}
_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "LONG"}
_TEXTS = {
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "UNICODE",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BYTEARRAY8",
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_IGNORED = {"PROTO", "FRAME", "STOP"}


@dataclass(frozen=True)
class _Name:
    """A class or function that the pickle names; it is never looked up."""

    text: str


@dataclass
class _Type:
    """A NumPy type under construction."""

    code: str
    order: str = "="


class _Array:
    """A NumPy array under construction."""

    value: np.ndarray | None = None


MAX_STEPS = 2_000_000
"""Instructions that are followed at most; CIFAR-100's training batch has 0.4 million."""


class _Allowance:
    """How much may be built: values that refer to each other can stand for more than any memory holds."""

    def __init__(self, bytes_there: int) -> None:
        self.left = 1_000_000 + 8 * bytes_there

    def spend(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise ValueError("it builds more than its size allows")


def read_plain(data: bytes, where: str) -> Any:
    """The value that a pickle of plain data describes.

    Args:
        data: the pickle's bytes; what it builds takes no more memory than a small multiple of them.
        where: what to name in an error.

    Raises:
        BadInput: when the pickle names anything that is not plain data, or is damaged.

    Example:
        >>> import pickle
        >>> read_plain(pickle.dumps({"labels": [1, 2], "data": np.arange(3, dtype=np.uint8)}), "x")
        {'labels': [1, 2], 'data': array([0, 1, 2], dtype=uint8)}
        >>> read_plain(pickle.dumps(len), "x")
        Traceback (most recent call last):
        convsmith.errors.BadInput: x: names 'builtins len'; expected plain data and NumPy arrays
    """
    allowance = _Allowance(len(data))
    machine = _Machine(where, allowance)
    try:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if step >= MAX_STEPS:
                raise ValueError(f"more than {MAX_STEPS:,} instructions")
            machine.obey(opcode.name, argument)
        return _finished(machine.stack[-1], allowance)
    except BadInput:
        raise
    except Exception as error:  # a damaged program fails in any way
        raise BadInput(where, f"is a damaged pickle: {error}", "a whole file") from None


class _Machine:
    def __init__(self, where: str, allowance: _Allowance) -> None:
        self.where = where
        self.allowance = allowance
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def refuse(self, what: str) -> BadInput:
        return BadInput(self.where, what, "plain data and NumPy arrays")

    def since_mark(self) -> list[Any]:
        at = self.marks.pop()
        taken = self.stack[at:]
        del self.stack[at:]
        return taken

    def obey(self, name: str, argument: Any) -> None:
        if name in _IGNORED:
            return
        if name in _NUMBERS or name in _TEXTS:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"):
            self.stack.append({"EMPTY_DICT": {}, "EMPTY_LIST": [], "EMPTY_TUPLE": ()}[name])
        elif name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            place = len(self.memo) if name == "MEMOIZE" else int(argument)
            if place >= MAX_STEPS:
                raise self.refuse(f"remembers a value as number {place}")
            self.memo[place] = self.stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            self.stack.append(self.memo[int(argument)])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            self.name(argument)
        elif hasattr(self, f"do_{name.lower()}"):
            getattr(self, f"do_{name.lower()}")()
        else:
            raise self.refuse(f"does {name}")

    def name(self, argument: str | None) -> None:
        if argument is None:
            last = self.stack.pop()
            argument = f"{self.stack.pop()} {last}"
        if argument not in _KNOWN:
            raise self.refuse(f"names '{argument}'")
        self.stack.append(_Name(argument))

    def do_tuple(self) -> None:
        self.stack.append(tuple(self.since_mark()))

    def do_list(self) -> None:
        self.stack.append(self.since_mark())

    def do_dict(self) -> None:
        taken = self.since_mark()
        self.stack.append({self.key(key): value for key, value in zip(taken[::2], taken[1::2], strict=True)})

    def do_tuple1(self) -> None:
        self.stack[-1:] = [tuple(self.stack[-1:])]

    def do_tuple2(self) -> None:
        self.stack[-2:] = [tuple(self.stack[-2:])]

    def do_tuple3(self) -> None:
        self.stack[-3:] = [tuple(self.stack[-3:])]

    def do_append(self) -> None:
        value = self.stack.pop()
        self.stack[-1].append(value)

    def do_appends(self) -> None:
        taken = self.since_mark()
        self.stack[-1].extend(taken)

    def do_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.stack[-1][self.key(key)] = value

    def do_setitems(self) -> None:
        taken = self.since_mark()
        for key, value in zip(taken[::2], taken[1::2], strict=True):
            self.stack[-1][self.key(key)] = value

    def key(self, key: Any) -> Any:
        """A key of a dict: text, whose hashes nobody can choose to be alike."""
        if not isinstance(key, (str, bytes)):
            raise self.refuse(f"has a dict with keys of {type(key).__name__}")
        return key

    def do_pop(self) -> None:
        held = self.marks if self.marks and self.marks[-1] == len(self.stack) else self.stack
        held.pop()

    def do_reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if isinstance(function, _Name) and function.text in _RECONSTRUCT:
            self.stack.append(_Array())
        elif function == _Name("numpy dtype"):
            self.stack.append(_Type(str(_text(arguments[0]))))
        elif isinstance(function, _Name) and function.text in _FROM_BUFFER:
            content, kind, shape, order = arguments
            made = _Array()
            made.value = self.array(content, kind, shape, order == "F")
            self.stack.append(made)
        elif function == _Name("__builtin__ bytes") and arguments == ():
            self.stack.append(b"")
        elif function == _Name("_codecs encode") and arguments[1] == "latin1":
            self.allowance.spend(len(arguments[0]))
            self.stack.append(str(arguments[0]).encode("latin1"))
        else:
            raise self.refuse("calls something")

    def do_build(self) -> None:
        state = self.stack.pop()
        made = self.stack[-1]
        if isinstance(made, _Type):
            made.order = str(_text(state[1]))
        elif isinstance(made, _Array):
            _, shape, kind, fortran, content = state
            made.value = self.array(content, kind, shape, fortran)
        else:
            raise self.refuse("sets the state of something")

    def array(self, content: Any, kind: _Type, shape: tuple[int, ...], fortran: bool) -> np.ndarray:
        """The array that these bytes of a type are."""
        dtype = np.dtype(kind.code)
        if dtype.hasobject or dtype.kind not in "biuf":
            raise self.refuse(f"holds an array of {dtype}")
        dtype = dtype.newbyteorder(">" if kind.order == ">" else "<" if kind.order == "<" else "=")
        self.allowance.spend(len(content))
        raw = content.encode("latin1") if isinstance(content, str) else content
        flat, sides = np.frombuffer(raw, dtype) if raw else np.zeros(0, dtype), tuple(int(n) for n in shape)
        return flat.reshape(sides[::-1]).T if fortran else flat.reshape(sides)


def _text(value: Any) -> Any:
    return value.decode("latin1") if isinstance(value, bytes) else value


def _finished(value: Any, allowance: _Allowance, depth: int = 0) -> Any:
    """The value with arrays in the places where they are wanted; bytes keys become text."""
    allowance.spend(1)
    if depth > 20:
        raise ValueError("nested too deeply")
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, dict):
        return {_text(key): _finished(held, allowance, depth + 1) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_finished(held, allowance, depth + 1) for held in value)
    return value
