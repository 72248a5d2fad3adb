"""Layers that belong together: a convolution with its padding, normalisation and activation."""

from __future__ import annotations

from dataclasses import replace

from .terms import SEQUENTIAL, Term, row

_PADS = ("nn.ZeroPad2d", "layers.ZeroPadding2D")
_WINDOWS = ("nn.Conv2d", "nn.Linear", "layers.Conv2D", "layers.DepthwiseConv2D", "layers.SeparableConv2D")
_NORMS = ("nn.BatchNorm2d", "nn.GroupNorm", "layers.BatchNormalization", "layers.GroupNormalization")
_MORE = ("nn.ReLU", "nn.ReLU6", "nn.SiLU", "nn.Hardswish", "nn.Hardsigmoid", "nn.Sigmoid", "nn.LeakyReLU",
         "nn.GELU", "nn.ELU", "nn.Tanh", "layers.Activation", "layers.ReLU")  # fmt: skip


def grouped(terms: list[Term]) -> list[Term]:
    """The terms in a row, with those that belong together as a row of their own; in branches too."""
    found: list[Term] = []
    group: list[Term] = []

    def close() -> None:
        if group:
            found.append(_with_roles(row(list(group))))
            group.clear()

    for term in terms:
        if term.slot:
            close()
            inside = tuple(replace(arg, value=_branch(arg.value)) for arg in term.args)
            found.append(replace(term, args=inside))
        elif term.name in _PADS or term.name in _WINDOWS:
            if not (group and group[-1].name in _PADS):
                close()
            group.append(term)
        elif group and (term.name in _NORMS or term.name in _MORE) and not _ended(group):
            group.append(term)
        else:
            close()
            found.append(term)
    close()
    return found


def _with_roles(term: Term) -> Term:
    """The group, whose activation may be an argument of a function."""
    if term.name != SEQUENTIAL:
        return term
    args = (replace(arg, role="act") if arg.value.name in _MORE else arg for arg in term.args)
    return replace(term, args=tuple(args))


def _branch(term: Term) -> Term:
    return row(grouped(term.parts if term.name == SEQUENTIAL else [term]))


def _ended(group: list[Term]) -> bool:
    return group[-1].name in _PADS or group[-1].name in _MORE


def named(term: Term) -> tuple[str, str]:
    """What a function for a part is called, and what it is."""
    branches = [arg.value for arg in term.args if isinstance(arg.value, Term)]
    if term.slot == "branches" or term.name in _JOINED:
        own = any(branch.name == "identity" for branch in branches)
        if own and term.name == "Add":
            return "residual", "A block, and its input added to what it makes."
        if own and term.name == "Multiply":
            return "gated", "Channels weighed by numbers that all of the image decides."
        if own and term.name == "Concatenate":
            return "grown", "The input, and beside it what a block makes of it."
        return "joined", "Branches on the same input."
    names = [part.name for part in branches]
    if names and all(name in _PADS + _WINDOWS + _NORMS + _MORE for name in names):
        words = [
            "pad" if name in _PADS else "conv" if name in _WINDOWS else "norm" if name in _NORMS else "act"
            for name in names
        ]
        about = {"pad": "padding", "conv": "a convolution", "norm": "a normalisation", "act": "an activation"}
        listed = ", ".join(about[word] for word in words)
        return "_".join(words), f"{listed[0].upper()}{listed[1:]}."
    return "block", "Layers that come several times."


_JOINED = ("Add", "Multiply", "Concatenate", "Average", "Maximum", "Minimum", "Subtract")
