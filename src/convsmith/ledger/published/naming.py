"""Which published network a row of a table speaks of: its name, its width, its size of image."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple

from ...graph import Graph

WIDTH = (0.05, 8.0)
SIDES = (16, 4096)


class Named(NamedTuple):
    """A network of the zoo, as a row's label calls it.

    Args:
        name: in the zoo.
        width: where the label gives one that the zoo has no name for, else None.
        side: of the image, where the label gives it, else None.
        others: other networks that go by the same name (Keras's and torchvision's).
    """

    name: str
    width: float | None = None
    side: int | None = None
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name + ("" if self.width is None else f" of width {self.width:g}")


def named(label: str, like: str = "") -> Named | None:
    """The network that a label names; None where it names none of the zoo's.

    Args:
        label: e.g. "ResNet-50", "MobileNetV1 1.0", "0.75 MobileNet-160", "EfficientNet_B2_Weights.V1".
        like: a network's name whose family a short label may mean: "B2" beside efficientnet_b0.

    Example:
        >>> named("ResNet-50").name, named("0.75 MobileNet-160"), named("conv1")
        ('resnet50', Named(name='mobilenet_075', width=None, side=160, others=()), None)
    """
    text = _bare(label)
    for trial, side in _sides(text):
        found = _exact(trial, like)
        if found:
            return found._replace(side=side)
        for rest, width in _widths(trial):
            by_width = _families().get(_alias(_plain(rest)))
            if by_width:
                name = next((name for own, name in by_width if own == width), None)
                return Named(name, None, side) if name else Named(by_width[0][1], width, side)
            digits = f"{width:.1f}"
            for spelled in (rest, f"{rest}{digits}", f"{rest}x{digits}")[0 if width == 1 else 1 :]:
                found = _exact(spelled, like)
                if found:
                    return found._replace(side=side)
    return None


def built(found: Named, shape: tuple[int, ...] | None, classes: int | None) -> Graph:
    """The network at that size of image (its own without one).

    Args:
        found: what `named` gave.
        shape: rows, columns, channels.
        classes: how many; the network's own without it.
    """
    from ... import zoo

    if found.width is None:
        return zoo.network(found.name, shape, classes)
    return zoo.network(found.name, shape, classes, width=found.width)


def _bare(label: str) -> str:
    """The label in lower case without what does not name: references, remarks, training recipes."""
    text = re.sub(r"_?weights?\.\w+$", "", label.strip().lower())
    text = re.sub(r"\[[^\]]*\]|[*†‡§]", " ", text)
    text = re.sub(r"\((?!\s*[\d.]+\s*x?\s*\))[^)]*\)", " ", text)  # a width in parentheses stays
    text = re.sub(r"\b(ours|baseline|pytorch|torchvision|keras)\b", " ", text)
    return " ".join(re.sub(r"[()]", " ", text).split()).strip(" :,-_")


def _sides(text: str) -> list[tuple[str, int | None]]:
    """The text as it is, and without a size of image at its end: "mobilenet-160", "b2 @ 260"."""
    found: list[tuple[str, int | None]] = [(text, None)]
    at_end = re.fullmatch(r"(.*?)[\s_,@-]+[ir]?(\d{2,4})(?:\s*[x×]\s*\2)?(?:\s*(?:px|²))?", text)
    if at_end and SIDES[0] <= int(at_end[2]) <= SIDES[1]:
        found.append((at_end[1].strip(), int(at_end[2])))
    return found


def _widths(text: str) -> list[tuple[str, float]]:
    """The text without a factor of the width, before or behind: "0.75 mobilenet", "shufflenetv2 1.5x"."""
    found = []
    for pattern, rest, number in (
        (r"(\d*\.\d+|\d)\s*[x×]?[\s_-]+(.+)", 2, 1),
        (r"(.+?)[\s_,-]+(?:w|x|α=|alpha=|width\s*)?\s*(\d*\.\d+|\d)\s*[x×]?", 1, 2),
        (r"(.+?)(\d*\.\d+)[x×]?", 1, 2),
    ):
        match = re.fullmatch(pattern, text)
        if match and WIDTH[0] <= float(match[number]) <= WIDTH[1]:
            found.append((match[rest], float(match[number])))
    return found


def _exact(text: str, like: str) -> Named | None:
    """The network of that very name, and those that others call the same."""
    by_plain, plain = _names(), _alias(_plain(text))
    name = by_plain.get(plain)
    if name is None and like:
        stem = re.sub(r"[a-z]?\d*$", "", _plain(like))
        name = by_plain.get(stem + plain) if stem and re.fullmatch(r"[a-z]?\d+", plain) else None
    if name is None:
        return None
    other = by_plain.get(f"{_plain(name)}v1")
    return Named(name, others=() if other is None else (other,))


def _plain(text: str) -> str:
    """Letters and digits; what stands between two digits is one underscore: 1.6 is not 16."""
    apart = re.sub(r"(?<=\d)[^a-z0-9]+(?=\d)", "/", text.lower().replace("/", " "))
    return re.sub(r"[^a-z0-9/]", "", apart).replace("/", "_")


def _alias(plain: str) -> str:
    """What else people write."""
    plain = re.sub(r"^mbv(?=\d)", "mobilenetv", plain)
    plain = re.sub(r"^wrn", "wideresnet", plain)
    plain = re.sub(r"^mobilenetv1", "mobilenet", plain)
    plain = re.sub(r"^effnet|^efficientnet(?=\d)", "efficientnetb" if plain[-1:].isdigit() else "", plain)
    return re.sub(r"^(resnet\d+)v1_5$", r"\1", plain)


@cache
def _names() -> dict[str, str]:
    from ...zoo import NETWORKS

    return {_plain(name): name for name in NETWORKS}


@cache
def _families() -> dict[str, tuple[tuple[float, str], ...]]:
    """Networks that are the same but for their width: common name -> (width, the zoo's name)."""
    from ... import zoo

    groups: dict[Callable[..., Graph], list[tuple[float, str]]] = {}
    for name, build in zoo.NETWORKS.items():
        if isinstance(build, partial) and next(iter(inspect.signature(build.func).parameters)) == "width":
            groups.setdefault(build.func, []).append((float(build.args[0]), name))
    return {_common([_plain(name) for _, name in group]): tuple(sorted(group)) for group in groups.values()}


def _common(words: Sequence[str]) -> str:
    """The letters that all begin with."""
    length = next(
        (place for place, letters in enumerate(zip(*words, strict=False)) if len(set(letters)) > 1),
        min(map(len, words)),
    )
    return words[0][:length].rstrip("_")
