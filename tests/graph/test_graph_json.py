"""graph.json files that are not what convsmith writes: each was found by damaging real ones."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from convsmith.errors import BadInput
from convsmith.graph import Graph
from convsmith.zoo import network


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("owner", ["conv1"]),
        ("owner", {}),
        ("name", None),
        ("dtype", 3),
        ("rest", {"a": 1}),
        ("trainable", "yes"),
        ("inputs", [["input"]]),
        ("inputs", 7),
        ("kind", ["Conv2D"]),
        ("settings", [1, 2]),
    ],
)
def test_an_entry_of_another_type_is_one_clear_line(key: str, value: Any) -> None:
    found = copy.deepcopy(network("lenet5").to_json())
    found["nodes"][1][key] = value
    with pytest.raises(BadInput) as caught:
        Graph.from_json(found)
    assert "\n" not in str(caught.value)
