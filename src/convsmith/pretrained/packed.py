"""A source as JSON and one array, for those who train its members elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..graph import Graph
from .cuts import Cut
from .source import Source

if TYPE_CHECKING:
    import numpy as np

_PLAIN = ("name", "licence", "commercial", "origin", "sha256", "top1", "pads_odd_sides")


def packed(source: Source) -> tuple[dict[str, Any], np.ndarray]:
    """What `unpacked` makes the source of again: JSON-able, and the trunk's numbers in a row, float32.

    Args:
        source: the source; what lies behind its trunk is left out.
    """
    import numpy as np

    names = sorted(source.weights)
    about = {name: getattr(source, name) for name in _PLAIN} | {
        "network": source.network.to_json(), "cuts": [asdict(cut) for cut in source.cuts],
        "classes": list(source.classes),
        "shapes": {name: list(source.weights[name].shape) for name in names},
    }  # fmt: skip
    return about, np.concatenate([np.ravel(source.weights[name]) for name in names]).astype(np.float32)


def unpacked(about: Mapping[str, Any], numbers: np.ndarray) -> Source:
    """The source that was `packed`; its arrays are views of the numbers."""
    import math

    weights, at = {}, 0
    for name, shape in about["shapes"].items():
        many = math.prod(shape)
        weights[name] = numbers[at : at + many].reshape(shape)
        at += many
    return Source(
        network=Graph.from_json(about["network"]), weights=weights, classifier={},
        cuts=tuple(Cut(**cut) for cut in about["cuts"]), classes=tuple(about["classes"]),
        **{name: about[name] for name in _PLAIN},
    )  # fmt: skip
