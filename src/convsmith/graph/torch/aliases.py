"""Whether a module changes numbers in place that it sees again under another name."""

from __future__ import annotations

from typing import Any

from .call import operator_of

VIEWS = frozenset(
    f"aten.{name}"
    for name in (
        "view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "permute", "transpose", "t",
        "expand", "expand_as", "view_as", "slice", "select", "narrow", "chunk", "split", "split_with_sizes",
        "unbind", "contiguous", "detach", "alias", "dropout", "feature_dropout", "alpha_dropout", "to",
        "movedim", "unsafe_chunk", "swapaxes", "type_as", "dropout2d", "numpy_T",
    )
)  # fmt: skip
"""Operators whose output may be its input's own memory, in evaluation mode."""


def parted(graph: Any) -> Any:
    """The first call that changes a tensor of which another view is used later; None where there is none.

    Torch records such a call as it is: the other view would silently keep its old numbers.
    """
    order = {node: place for place, node in enumerate(graph.nodes)}
    root: dict[Any, Any] = {}
    family: dict[Any, list[Any]] = {}
    for node in graph.nodes:
        root[node] = node
        if node.op == "call_function" and node.all_input_nodes:
            first = node.all_input_nodes[0]
            in_place = getattr(getattr(node.target, "_schema", None), "is_mutable", False)
            if in_place and any(
                order[user] > order[node]
                for other in family[root[first]]
                if other is not first and not _same_tensor(other, first, order)
                for user in other.users
                if user is not node
            ):
                return node
            if in_place or operator_of(node) in VIEWS or getattr(node.target, "__name__", "") == "getitem":
                root[node] = root[first]
        family.setdefault(root[node], []).append(node)
    return None


def _same_tensor(one: Any, other: Any, order: dict[Any, int]) -> bool:
    """Whether one is the other after a change in place: torch goes on with the newest of them."""
    while order[one] != order[other]:
        later = one if order[one] > order[other] else other
        if not getattr(getattr(later.target, "_schema", None), "is_mutable", False):
            return False
        if later is one:
            one = later.args[0]
        else:
            other = later.args[0]
    return True
