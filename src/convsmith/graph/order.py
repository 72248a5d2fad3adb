"""An order in which everything comes after what it depends on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from ..errors import BadInput

K = TypeVar("K", bound=Hashable)


def topological(sources: Mapping[K, Iterable[K]]) -> list[K]:
    """The keys, each after its sources; otherwise in the order given (depth first, without recursion).

    Args:
        sources: what each key depends on.

    Raises:
        BadInput: for a source that is not a key, or a cycle, with a layer's name.

    Example:
        >>> topological({"c": ["b"], "b": ["a"], "a": [], "d": ["a"]})
        ['a', 'b', 'c', 'd']
    """
    order: list[K] = []
    state: dict[K, bool] = {}  # False while its sources are being placed, True once it is placed
    for start in sources:
        stack = [(start, iter(sources[start]))] if start not in state else []
        if stack:
            state[start] = False
        while stack:
            key, rest = stack[-1]
            for source in rest:
                if source not in sources:
                    raise BadInput(
                        f"layer {_name(key)}",
                        f"takes '{_name(source)}', which is not there",
                        "a layer of the network",
                    )
                if source not in state:
                    state[source] = False
                    stack.append((source, iter(sources[source])))
                    break
                if not state[source]:
                    raise BadInput(
                        f"layer {_name(source)}",
                        "is part of a cycle",
                        "layers that do not depend on themselves",
                    )
            else:
                state[key] = True
                order.append(key)
                stack.pop()
    return order


def _name(key: object) -> str:
    return str(key[0]) if isinstance(key, tuple) else str(key)
