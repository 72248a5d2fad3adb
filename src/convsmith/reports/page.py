"""Building the page: sections in order, each from its own file, into one HTML file without outside parts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from .. import __version__
from ..runs.files import write_whole
from . import facts as _facts
from . import words
from .facts import Facts
from .sections import (
    data,
    environment,
    evaluation,
    explanations,
    export,
    head,
    network,
    repeat,
    search,
    training,
)

TEMPLATES = Path(__file__).parent / "templates"
SECTIONS = (data, network, search, training, evaluation, explanations, export, repeat, environment)
"""In the order of the page. Each has ``TITLE`` and ``build(facts)``: what its template of the same name
takes, or None where the run has nothing to show."""


def report(run_folder: str | os.PathLike[str]) -> Path:
    """Write ``report.html`` into a run folder, from its plain files alone.

    The page is one file: no script, no font, no picture from elsewhere; it opens offline and prints. What the
    run does not have yet is left out.

    Args:
        run_folder: e.g. ``"runs/0001"``, or what has such a ``path``.

    Returns:
        The path of the page.

    Raises:
        NotARun: the folder holds no run.
        OtherVersion: the run was written in another format.
        CannotWrite: the folder is not writable, or the disk is full.

    Example:
        >>> import tempfile
        >>> from convsmith.runs import Run
        >>> with Run.create(tempfile.mkdtemp(), kind="train", recipe={"epochs": 2}) as run:
        ...     report(run.path).name
        'report.html'
    """
    facts = _facts.read(run_folder)
    target = facts.path / "report.html"
    write_whole(target, page(facts))
    return target


def page(facts: Facts) -> str:
    """The page as text."""
    top = built(facts, head) or {}
    sections = []
    for module in SECTIONS:
        found = built(facts, module)
        if found is not None:
            name = module.__name__.rsplit(".", 1)[1]
            sections.append({"name": name, "title": module.TITLE, "template": f"{name}.html", "here": found})
    style = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))
    return environment_of().get_template("page.html").render(
        facts=facts, head=top, sections=sections, style=style, version=__version__
    )  # fmt: skip


def environment_of() -> jinja2.Environment:
    """Templates that escape whatever they are given, and stop at a name that is not there."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["words"] = words
    return made


def built(facts: Facts, module: Any) -> dict[str, Any] | None:
    """What a section shows; a file of unexpected content costs its section, not the page."""
    try:
        found: dict[str, Any] | None = module.build(facts)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        name = module.__name__.rsplit(".", 1)[1]
        facts.troubles.append(f"the part '{name}' is left out: {type(error).__name__}: {error}")
        return None
    return found
