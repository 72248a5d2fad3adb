"""What a table or a picture calls a layer: its kind with the settings that matter, ``Conv2D(6, 5, relu)``."""

from __future__ import annotations

from ..graph import Node

_SHOWN = ("filters", "units", "kernel_size", "pool_size", "rate", "target_shape", "activation")


def labelled(node: Node) -> str:
    """The kind with the settings that matter to a reader.

    Example:
        >>> from convsmith.kinds import KINDS
        >>> labelled(Node("a", KINDS["Conv2D"](6, 5, strides=2, padding="same", activation="relu")))
        'Conv2D(6, 5, relu, s=2, same)'
    """
    kind = node.kind
    if not kind.counted:
        return kind.label
    parts: list[str] = []
    for name in _SHOWN:
        value = getattr(kind, name, None)
        if value is None or value == "linear":
            continue
        if isinstance(value, tuple):
            square = len(set(value)) == 1 and name != "target_shape"
            parts.append(str(value[0]) if square else "×".join(str(item) for item in value))
        elif name == "activation" and (value.startswith("{") or node.kind_name == "Activation"):
            parts.append(value if node.kind_name == "Activation" else "activation")
        else:
            parts.append(str(value))
    strides = getattr(kind, "strides", None)
    if strides and set(strides) != {1} and strides != getattr(kind, "pool_size", None):
        parts.append("s=" + (str(strides[0]) if len(set(strides)) == 1 else "×".join(map(str, strides))))
    for name, short in (("groups", "groups"), ("dilation_rate", "dilation")):
        value = getattr(kind, name, None)
        if value is not None and set(value if isinstance(value, tuple) else (value,)) != {1}:
            parts.append(f"{short}={value[0] if isinstance(value, tuple) else value}")
    padding = getattr(kind, "padding", None)
    if padding in ("same", "causal") and set(getattr(kind, "kernel_size", (1,))) != {1}:
        parts.append(padding)
    return f"{kind.label}({', '.join(parts)})" if parts else kind.label
