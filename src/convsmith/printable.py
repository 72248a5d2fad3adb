"""Names that come from files, made harmless where they are shown: on a terminal, in a spreadsheet."""

from __future__ import annotations

import re

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_NUMBER = re.compile(r"[+-]?[\d.,]+(?:e[+-]?\d+)?%?", re.IGNORECASE)


def printable(text: str) -> str:
    r"""Text whose control characters are written out: nothing in it moves a cursor or turns a line around.

    Example:
        >>> print(printable("a\x1b[31mb\n"), end="")
        a\x1b[31mb
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shortened(text: str, most: int = 80) -> str:
    """A name that may be of any length, as a line that people read has it.

    Example:
        >>> shortened("conv1"), shortened("x" * 1000, 5)
        ('conv1', 'xxxxx…')
    """
    return text if len(text) <= most else f"{text[:most]}…"


def spreadsheet_cell(text: str) -> str:
    """A cell of a CSV file that a spreadsheet takes for text: what would be a formula gets an apostrophe.

    Example:
        >>> spreadsheet_cell("=1+1"), spreadsheet_cell("-0.5"), spreadsheet_cell("conv1")
        ("'=1+1", '-0.5', 'conv1')
    """
    risky = text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _NUMBER.fullmatch(text)
    return f"'{text}" if risky else text
