"""The model card: a run's README.md, the report's essentials as plain text that sits beside the weights."""

from __future__ import annotations

import html
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from .. import __version__
from ..runs.files import write_whole
from . import facts as _facts
from . import words
from .facts import Facts
from .page import TEMPLATES, UNEXPECTED, built, name_of
from .sections import (
    answers,
    data,
    devices,
    environment,
    evaluation,
    export,
    head,
    pretrained,
    repeat,
    search,
    teacher,
)

PARTS = (head, data, pretrained, search, teacher, evaluation, answers, export, devices, repeat, environment)
WORST = 5
"""Classes that are listed as the weakest."""


def card(run_folder: str | os.PathLike[str]) -> Path:
    """Write ``README.md`` into a run folder: what came out, on what, how sure, how to use and repeat it.

    After M. Mitchell et al., "Model Cards for Model Reporting", 2019.

    Args:
        run_folder: e.g. ``"runs/0001"``, or what has such a ``path``.

    Returns:
        The path of the card.

    Raises:
        NotARun: the folder holds no run.
        OtherVersion: the run was written in another format.
        CannotWrite: the folder is not writable, or the disk is full.
    """
    facts = _facts.read(run_folder)
    target = facts.path / "README.md"
    write_whole(target, text(facts))
    return target


def text(facts: Facts) -> str:
    """The card as Markdown."""
    template = _template()
    settings = {
        "words": words,
        "version": __version__,
        "worst": WORST,
        "code": code,
        "title": head.title(facts),
    }
    nothing = dict.fromkeys(map(name_of, PARTS))
    parts: dict[str, Any] = dict(nothing)
    for module in PARTS:
        name = name_of(module)
        found = {name: built(facts, module)}
        try:
            template.render(**settings, **(nothing | found))
        except UNEXPECTED:
            continue  # the part's file holds what nobody expects there; the report names it
        parts |= found
    return re.sub(r"\n{3,}", "\n\n", template.render(**settings, **parts))


@cache
def _template() -> jinja2.Template:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=False,  # `finalize` escapes each value for Markdown instead
        finalize=escaped,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return made.get_template("card.md")


def escaped(value: Any) -> str:
    """A value as Markdown that means nothing but itself.

    Example:
        >>> escaped("a|b <script> _x_")
        'a\\\\|b &lt;script&gt; \\\\_x\\\\_'
    """
    if isinstance(value, Markup):
        return str(value)
    plain = " ".join(html.escape(str(value), quote=False).split())
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", plain)


def code(value: str, language: str = "") -> Markup:
    """A fenced block; the fence is longer than any in the text."""
    fence = "`" * max([3, *(len(found) + 1 for found in re.findall("`{3,}", value))])
    return Markup(f"{fence}{language}\n{value}\n{fence}")  # inside a fence nothing is markup
