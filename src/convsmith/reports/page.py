"""Building the page: sections in order, each from its own file, into one HTML file without outside parts."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from .. import __version__
from ..errors import BadInput
from ..runs.files import write_whole
from . import facts as _facts
from . import words
from .facts import Facts
from .sections import (
    answers,
    data,
    devices,
    environment,
    evaluation,
    evaluations,
    explanations,
    export,
    fooling,
    head,
    mistakes,
    network,
    pretrained,
    repeat,
    robustness,
    search,
    style,
    teacher,
    training,
    units,
)

TEMPLATES = Path(__file__).parent / "templates"
SECTIONS = (
    data,
    network,
    pretrained,
    search,
    teacher,
    training,
    evaluation,
    answers,
    evaluations,
    explanations,
    mistakes,
    units,
    robustness,
    fooling,
    style,
    export,
    devices,
    repeat,
    environment,
)
"""In the order of the page. Each has ``TITLE`` and ``build(facts)``: what its template of the same name
takes, or None where the run has nothing to show."""
UNEXPECTED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    jinja2.TemplateError,
    BadInput,
)
"""What numbers, texts and lists in each other's places lead to."""


def report(run_folder: str | os.PathLike[str]) -> Path:
    """Write report.html into a run folder, from its plain files alone.

    The page is one file: no script, no font, no picture from elsewhere; it opens offline and prints. What the
    run does not have yet is left out.

    Args:
        run_folder: a run folder; in Python also what forge and train return.

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
    templates = environment_of()
    top = _drawn(facts, head, templates)
    sections = [
        {"name": name_of(module), "title": module.TITLE, "body": body}
        for module in SECTIONS
        if (body := _drawn(facts, module, templates)) is not None
    ]
    style = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))  # our own file
    return templates.get_template("page.html").render(
        facts=facts, top=top, sections=sections, style=style, title=head.title(facts), version=__version__
    )


@cache
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
    except UNEXPECTED as error:
        _leave_out(facts, module, error)
        return None
    return found


def _drawn(facts: Facts, module: Any, templates: jinja2.Environment) -> Markup | None:
    """A section as HTML."""
    here = built(facts, module)
    if here is None:
        return None
    try:
        template = templates.get_template(f"{name_of(module)}.html")
        return Markup(template.render(facts=facts, here=here))  # the template escaped what is not ours
    except UNEXPECTED as error:
        _leave_out(facts, module, error)
        return None


def name_of(module: Any) -> str:
    """The section's name: its module's, and its template's."""
    return str(module.__name__).rsplit(".", 1)[1]


def _leave_out(facts: Facts, module: Any, error: Exception) -> None:
    facts.troubles.append(f"the part '{name_of(module)}' is left out: {type(error).__name__}: {error}")
