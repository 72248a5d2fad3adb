"""Numbers with units: reading "50k" and "1.5MB", writing 50,000 as "50.0k"."""

from __future__ import annotations

import re
from typing import Annotated

from .errors import BadInput

Count = Annotated[int, "count"]
"""A number in a signature that people may write as 50k or 1.5M."""
Bytes = Annotated[int, "bytes"]
"""Bytes in a signature that people may write as 200kB or 64KiB."""
Size = Annotated[tuple[int, ...], "size"]
"""Rows, columns and channels in a signature that people may write as 32x32x3."""

_COUNT = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}
_BYTES = {
    "": 1, "b": 1,
    "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9,
    "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip
_NUMBER = re.compile(r"^\s*([0-9][0-9_,]*(?:\.[0-9]+)?|\.[0-9]+)\s*([a-zA-Z]*)\s*$")


def _parse(text: str | float | int, units: dict[str, int], where: str, example: str) -> int:
    if isinstance(text, bool):
        raise BadInput(where, f"got {text!r}", "a number", example)
    match = _NUMBER.match(str(text)) if not isinstance(text, float) else None
    if isinstance(text, float):
        value = text
    elif match and match[2].lower() in units:
        value = float(match[1].replace(",", "").replace("_", "")) * units[match[2].lower()]
    else:
        suffixes = ", ".join(unit for unit in units if unit)
        raise BadInput(where, f"got {str(text)!r}", f"a number, perhaps with one of {suffixes}", example)
    if not 1 <= value < 1e18:
        raise BadInput(where, f"got {str(text)!r}", "at least 1 and less than 10^18", example)
    return int(value)


def parse_count(text: str | float | int, where: str = "count") -> int:
    """A count from text such as ``50k``, ``1.5M``, ``2G``, ``20_000`` (powers of 1000).

    Example:
        >>> parse_count("50k"), parse_count("1.5M"), parse_count(7)
        (50000, 1500000, 7)
    """
    return _parse(text, _COUNT, where, "50k")


def parse_bytes(text: str | float | int, where: str = "bytes") -> int:
    """Bytes from text such as ``80k``, ``1.5MB`` (powers of 1000) or ``64KiB`` (powers of 1024).

    Example:
        >>> parse_bytes("80kB"), parse_bytes("64KiB")
        (80000, 65536)
    """
    return _parse(text, _BYTES, where, "200kB")


def show_count(value: int | float) -> str:
    """A count with three digits and a suffix, as a person says it.

    Example:
        >>> show_count(61706), show_count(950), show_count(3_860_000_000)
        ('61.7k', '950', '3.86G')
    """
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= size:
            scaled = value / size
            return f"{scaled:.{max(0, 2 - len(str(int(scaled))) + 1)}f}{unit}"
    return f"{value:g}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun, in the singular where it is 1.

    Example:
        >>> counted(1, "class", "classes"), counted(1200, "epoch")
        ('1 class', '1,200 epochs')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def show_bytes(value: int | float) -> str:
    """Bytes in powers of 1000.

    Example:
        >>> show_bytes(246_824), show_bytes(12)
        ('247 kB', '12 B')
    """
    text = show_count(value)
    return f"{text[:-1]} {text[-1]}B" if text[-1] in "kMG" else f"{text} B"


def parse_size(text: str | tuple[int, ...] | list[int], where: str = "size") -> tuple[int, ...]:
    """Rows, columns and perhaps channels from text such as ``32x32x3``.

    Example:
        >>> parse_size("32x32x3"), parse_size("96")
        ((32, 32, 3), (96,))
    """
    parts = re.split(r"[x×,*]", text) if isinstance(text, str) else list(text)
    try:
        sizes = tuple(int(part) for part in parts)
    except ValueError:
        sizes = ()
    if not sizes or any(not 0 < size < 2**20 for size in sizes):
        raise BadInput(where, f"got {text!r}", "positive sizes such as rows x columns x channels", "32x32x3")
    return sizes
