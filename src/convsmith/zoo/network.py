"""The door to the zoo: networks by name, each with what its paper published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import Any

from ..errors import BadInput
from ..graph import Graph
from ..graph.input_sizes import check_sizes
from ..registry import Registry

NETWORKS: Registry[Callable[..., Graph]] = Registry(
    "network", package="convsmith.zoo", group="convsmith.networks"
)


@dataclass(frozen=True)
class Published:
    """What was published about a network.

    Args:
        paper: authors, title, where.
        year: of the paper.
        params: learned numbers; batch-norm statistics are not among them, unless `statistics`.
        macs: multiply-adds of one image of the network's own size, as precisely as published.
        top1: accuracy in percent, one crop, on the data of `trained_on`.
        source: where the three figures come from.
        statistics: True where `params` counts batch-norm statistics, as Keras does.
        trained_on: the data of `top1`.
        note: why a figure differs from this network's own, where it does.
        sides: other sizes of image, in pixels, at which its figures are published too.
    """

    paper: str
    year: int
    params: int | None = None
    macs: float | None = None
    top1: float | None = None
    source: str = "the paper"
    statistics: bool = False
    trained_on: str = "ImageNet"
    note: str = ""
    sides: tuple[int, ...] = ()


PUBLISHED: dict[str, Published] = {}
"""What is known of the networks that have been registered; `published` fills it."""


def enter(name: str, build: Callable[..., Graph], record: Published) -> None:
    """Put a network into the zoo.

    Args:
        name: the network's name.
        build: ``(input_shape=..., classes=...) -> Graph``, with its own size as defaults.
        record: what was published about it.
    """
    NETWORKS.add(name, build)
    PUBLISHED[name] = record


def published(name: str) -> Published | None:
    """What was published about a network; None where nothing was.

    Raises:
        BadName: for an unknown name, with the nearest one.

    Example:
        >>> published("resnet50").params
        25557032
    """
    NETWORKS.find(name)  # an unknown name says which is nearest
    return PUBLISHED.get(name)


def network(
    name: str,
    input_shape: Sequence[int] | None = None,
    classes: int | None = None,
    *,
    width: float | None = None,
) -> Graph:
    """The network of that name as a Graph.

    Args:
        name: e.g. ``"lenet5"``; `NETWORKS` lists them; ``"mine.py:tiny"`` for a function in a file of one's
            own, which is run.
        input_shape: rows, columns, channels; the network's own without it.
        classes: how many classes; the network's own without it.
        width: another factor of the channels, where the name stands for one of a family of widths.

    Raises:
        BadName: for an unknown name, with the nearest one.
        BadInput: for a width of a network that has only one; for other than three sizes.

    Example:
        >>> network("lenet5").params
        61706
        >>> network("mobilenet", width=0.75).params == network("mobilenet_075").params
        True
    """
    settings: dict[str, Any] = {}
    if input_shape is not None and len(input_shape) != 3:
        check_sizes(input_shape, NETWORKS.find(name)().input_shape)
    if input_shape is not None:
        settings["input_shape"] = tuple(input_shape)
    if classes is not None:
        settings["classes"] = classes
    build = NETWORKS.find(name)
    if width is None:
        return build(**settings)
    if not isinstance(build, partial) or next(iter(signature(build.func).parameters)) != "width":
        raise BadInput(f"network '{name}'", f"asked for at width {width:g}", "one of several widths")
    return build.func(width, **settings, name=f"{name}_width_{width:g}")  # type: ignore[no-any-return]
