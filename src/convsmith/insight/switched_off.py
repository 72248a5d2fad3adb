"""Switching a unit off, and which classes miss it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .one_layer import checked_units, units_of
from .target import only_lowered, untouched

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ..engine.lower import Lowered


def without_unit(
    net: Lowered, layer: str, unit: int, images_NHWC: np.ndarray, *, batch_size: int = 128
) -> np.ndarray:
    """The network's outputs while one unit is switched off (its channel is 0 everywhere).

    Args:
        net: a network from `engine.lower`; not changed.
        layer: the layer.
        unit: its channel.
        images_NHWC: raw pixels at the network's input size.
        batch_size: images at a time.

    Returns:
        (N, classes); beside the outputs of the whole network they show which classes need the unit.

    Raises:
        BadInput: the layer has no such unit.
    """
    import numpy as np
    import torch

    only_lowered(net)
    checked_units(net, layer, [unit])

    def off(module: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        output = output.clone()
        output[:, unit] = 0
        return output

    handle, parts = net.steps_by_name[layer].register_forward_hook(off), []
    try:
        with untouched(net), torch.inference_mode():
            for start in range(0, len(images_NHWC), batch_size):
                batch = np.ascontiguousarray(images_NHWC[start : start + batch_size], dtype=np.float32)
                parts.append(net(torch.from_numpy(batch).permute(0, 3, 1, 2)).numpy())
    finally:
        handle.remove()
    return np.concatenate(parts)


def missed(
    net: Lowered,
    layer: str,
    images_NHWC: np.ndarray,
    y: np.ndarray,
    *,
    classes: int,
    on_share: Callable[[float], None] | None = None,
) -> list[dict[str, Any]]:
    """How the accuracy of each class changes when one unit after the other is switched off.

    Args:
        net: a network from `engine.lower`; not changed.
        layer: the layer.
        images_NHWC: raw pixels that the network was not trained on.
        y: their class numbers, (N,).
        classes: how many classes there are.
        on_share: told how far it is, 0 to 1.

    Returns:
        For each unit: unit, accuracy (change of the share that is right), classes (the same for each class;
        None for a class without images).
    """

    from ..engine.predict import predict

    def shares(said: np.ndarray) -> tuple[float, list[float | None]]:
        right = said == y
        own = [float(right[y == k].mean()) if (y == k).any() else None for k in range(classes)]
        return float(right.mean()), own

    whole, each = shares(answered(net, predict(net, images_NHWC)))
    rows = []
    count = units_of(net, layer)
    for unit in range(count):
        if on_share is not None:
            on_share(unit / count)
        now, own = shares(answered(net, without_unit(net, layer, unit, images_NHWC)))
        change = [None if a is None or b is None else b - a for a, b in zip(each, own, strict=True)]
        rows.append({"unit": unit, "accuracy": now - whole, "classes": change})
    return rows


def answered(net: Lowered, output_NK: np.ndarray) -> np.ndarray:
    """The class number that an output names; of one sigmoid unit 1 where it is above a half, else 0."""
    import numpy as np

    return (output_NK[:, 0] > 0.5).astype(np.int64) if net.ends_in_one_sigmoid else output_NK.argmax(1)


def most_missed(row: dict[str, Any], names: Sequence[str]) -> str:
    """The class that loses most without a unit, in a few words; empty where none loses.

    Example:
        >>> most_missed({"classes": [0.0, -0.25, None]}, ("cat", "dog", "owl"))
        'dog -25'
    """
    found = [(change, name) for change, name in zip(row["classes"], names, strict=True) if change]
    worst = min(found, default=(0.0, ""))
    return f"{worst[1]} {100 * worst[0]:.0f}" if worst[0] < 0 else ""
