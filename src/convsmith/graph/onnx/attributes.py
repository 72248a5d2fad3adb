"""An operator's attributes as plain Python values."""

from __future__ import annotations

from typing import Any


def attributes(node: Any) -> dict[str, Any]:
    """The attributes that are numbers, texts or lists of them, by name; tensors and graphs are left out."""
    from onnx import AttributeProto as A

    found: dict[str, Any] = {}
    for item in node.attribute:
        if item.type == A.INT:
            found[item.name] = item.i
        elif item.type == A.FLOAT:
            found[item.name] = item.f
        elif item.type == A.STRING:
            found[item.name] = item.s.decode("utf-8", "replace")
        elif item.type == A.INTS:
            found[item.name] = list(item.ints)
        elif item.type == A.FLOATS:
            found[item.name] = list(item.floats)
        elif item.type == A.STRINGS:
            found[item.name] = [text.decode("utf-8", "replace") for text in item.strings]
    return found
