"""Cells of published tables as figures: ``5 x 5 x 6 + 6 = 156``, ``25.6M``, ``(28, 28, 6)``, ``6@28x28``."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import NamedTuple

EMPTY = frozenset(("", "-", "–", "—", "n/a", "na", "none", "/", "?", "nan", "null", "--", "..."))
"""What people write where there is nothing to say."""
SCALES = {
    "": 1, "k": 10**3, "m": 10**6, "million": 10**6, "mio": 10**6, "g": 10**9, "b": 10**9,
    "billion": 10**9, "t": 10**12,
}  # fmt: skip
_NUMBER = re.compile(r"[~≈]?\s*(\d{1,3}(?:[,_  ' ]\d{3})+(?:\.\d+)?|\d+\.\d+|\d+|\.\d+)\s*([A-Za-z]*)")
_THOUSANDS = re.compile(r"\d{1,3}(\.\d{3})+")
_OPERATIONS: dict[type, Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
}  # fmt: skip


class Figure(NamedTuple):
    """A number as it was published.

    Args:
        value: what it says.
        slack: how far the true value may be from it, because of rounding.
        formula: the arithmetic beside it, if any.
        result: what that arithmetic comes to.
    """

    value: float
    slack: float = 0.0
    formula: str = ""
    result: int | None = None

    def agrees(self, right: float) -> bool:
        """Whether it is `right`, as far as its digits go (rounded or cut off)."""
        return abs(self.value - right) <= self.slack


def clean(text: str) -> str:
    """The cell without Markdown's, HTML's and LaTeX's dress."""
    text = re.sub(r"<br\s*/?>|&nbsp;|\$", " ", text)
    text = re.sub(r"\\(times|cdot)", "×", text).replace("\\,", "").replace("&times;", "×")
    text = " ".join(re.sub(r"\[([^\]]+)\]\([^()\s]*\)", r"\1", text).split())
    for mark in ("**", "__", "`", "*"):
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
            text = text[len(mark) : -len(mark)].strip()
    return text


def figure(text: str, scale: int = 1) -> Figure | None:
    """The number in a cell, or None when it cannot be read as one.

    Args:
        text: the cell.
        scale: what the column's head multiplies by (10**6 for "Params (M)").

    Example:
        >>> figure("5 x 5 x 6 x 16 + 16 = 2416")
        Figure(value=2416, slack=0, formula='5 x 5 x 6 x 16 + 16', result=2416)
        >>> figure("25.6M").value, figure("25.6M").slack
        (25600000.0, 100000.0)
    """
    values, formulas = [], []
    for part in re.split(r"=|\(=", clean(text)):
        part = _balanced(part.strip())
        number = _plain(part, scale)
        if number is not None:
            values.append(number)
        elif part:
            result = arithmetic(part)
            if result is None:
                return None
            formulas.append((part, result))
    if not values and not formulas:
        return None
    if not values:
        part, result = formulas[0]
        return Figure(result * scale, 0.0, part, result * scale)
    value, slack = values[-1]
    if formulas:
        return Figure(value, slack, *formulas[0])
    return Figure(value, slack)


def _plain(text: str, scale: int) -> tuple[float, float] | None:
    """A number without arithmetic, and its slack."""
    match = _NUMBER.fullmatch(text)
    if match is None or match[2].lower() not in SCALES:
        return None
    unit = SCALES[match[2].lower()] if match[2] else scale
    digits = re.sub(r"[,_  ' ]", "", match[1])
    if unit == 1 and _THOUSANDS.fullmatch(digits) and not digits.startswith("0"):
        digits = digits.replace(".", "")
    if "." not in digits:
        value = int(digits) * unit
        if unit == 1:
            return value, 0
        zeros = 10 ** (len(digits) - len(digits.rstrip("0")))  # of 800K perhaps only the 8 is meant
        return value, max(unit, min(zeros * unit, value // 100))
    places = len(digits.split(".")[1])
    return float(digits) * unit, unit / 10**places


def _balanced(text: str) -> str:
    """The text without parentheses that have no partner, at either end."""
    while text.count("(") > text.count(")") and text.endswith("("):
        text = text[:-1].strip()
    while text.count(")") > text.count("(") and text.endswith(")"):
        text = text[:-1].strip()
    return text


def arithmetic(text: str) -> int | None:
    """The value of sums and products of whole numbers; None for anything else. Nothing is executed.

    Example:
        >>> arithmetic("(5*5*1+1)*6"), arithmetic("400 x 120 + 1"), arithmetic("f × f")
        (156, 48001, None)
    """
    if len(text) > 200:
        return None
    code = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    code = (
        re.sub(r"(?<=[\d)\s])[x×X·∙](?=[\d(\s])", "*", code)
        .replace("−", "-")
        .replace("[", "(")
        .replace("]", ")")
    )
    if not re.fullmatch(r"[\d\s()+*-]+", code) or "**" in code:
        return None
    try:
        return _value(ast.parse(re.sub(r"\b0+(?=\d)", "", code.strip()), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int and node.value < 10**15:
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        return _OPERATIONS[type(node.op)](_value(node.left), _value(node.right))
    raise ValueError


def shape(text: str) -> tuple[int, ...] | None:
    """The sizes in a cell, without batch and without trailing ones; None when it cannot be read as a shape.

    Of four sizes the first is the batch; ``112²×64`` is 112×112×64.

    Example:
        >>> shape("(28, 28, 6)"), shape("6@28x28"), shape("120 x 1"), shape("(None, 10)")
        ((28, 28, 6), (28, 28, 6), (120,), (10,))
    """
    text = re.sub(r"(\d+)(?:²|\^2)", r"\1x\1", clean(text).lower()).strip("()[]{} ")
    maps = re.fullmatch(r"(\d+)\s*@\s*(\d+)\s*[x×*]\s*(\d+)", text)
    if maps:
        return int(maps[2]), int(maps[3]), int(maps[1])
    parts = [part.strip() for part in re.split(r"[x×*,]|\s+", text) if part.strip()]
    if parts and parts[0] in ("none", "n", "b", "batch", "-1", "?"):
        parts = parts[1:]
    if not parts or not all(part.isdecimal() and len(part) < 9 for part in parts):
        return None
    return squeezed(tuple(int(part) for part in (parts[1:] if len(parts) == 4 else parts)))


def is_shape(text: str) -> bool:
    """Whether a cell is several sizes, and neither one number nor a sum.

    Example:
        >>> is_shape("28x28x6"), is_shape("112²×64"), is_shape("4,704"), is_shape("28*28*6 = 4704")
        (True, True, False, False)
    """
    several = len(re.findall(r"\d+", re.sub(r"²|\^2", " 2", text))) > 1
    return several and _plain(clean(text), 1) is None and shape(text) is not None


def squeezed(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """A row of features as one size, however many ones it was written with: (120, 1) and (1, 1, 120).

    Images keep their three sizes.
    """
    large = [item for item in sizes if item != 1]
    if len(large) <= 1 and math.prod(sizes) > 0:
        return (math.prod(sizes),)
    return sizes
