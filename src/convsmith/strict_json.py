"""One way to read JSON that others may have written: whole, bounded in depth, or one line that says why."""

from __future__ import annotations

import json
from typing import Any

from .errors import BadInput

DEEPEST = 100
"""Lists and objects inside each other; nothing that convsmith writes comes near it."""


def parse(data: bytes | str, where: str, expected: str = "JSON as convsmith writes it") -> Any:
    """The value of a JSON text.

    Args:
        data: the text; bytes are UTF-8.
        where: the file, and perhaps the line, for the message.
        expected: what should be there, for the message.

    Raises:
        BadInput: text that is not UTF-8, not JSON, or nested deeper than `DEEPEST`.

    Example:
        >>> parse('{"a": [1]}', "x.json")
        {'a': [1]}
        >>> parse(b"[" * 10**6, "x.json")
        Traceback (most recent call last):
        convsmith.errors.BadInput: x.json: is nested too deeply; expected JSON as convsmith writes it
    """
    try:
        found = json.loads(data.decode("utf-8") if isinstance(data, bytes) else data)
        if _is_deep(found):
            raise RecursionError
    except RecursionError:
        came = "is nested too deeply"
    except UnicodeDecodeError as error:
        came = f"is not UTF-8 text (byte {error.start})"
    except json.JSONDecodeError as error:
        place = (
            f" (line {error.lineno}, column {error.colno})" if error.lineno > 1 else f" (place {error.pos})"
        )
        came = "is empty" if not error.doc.strip() else f"is not JSON: {error.msg.lower()}{place}"
    except ValueError as error:  # a number of thousands of digits
        came = f"cannot be read: {error}"
    else:
        return found
    raise BadInput(where, came, expected)


def _is_deep(value: Any) -> bool:
    layer = [value]
    for _ in range(DEEPEST + 1):
        layer = [
            inner
            for item in layer
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return False
    return True
