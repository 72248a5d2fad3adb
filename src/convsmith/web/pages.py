"""Pages and their JSON: the same data under the same address, as HTML or with .json behind it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from .. import __version__
from ..reports import words
from ..runs.files import to_json
from .refusal import Refused

HERE = Path(__file__).parent
STATIC = HERE / "static"
SHEET = re.compile(r"sheet-\d{4}\.jpg")


@cache
def templates() -> jinja2.Environment:
    """Templates that escape whatever they are given, and stop at a name that is not there."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"words": words, "version": __version__}
    made.filters["json"] = to_json
    return made


def json_of(value: Any, status: int = 200) -> Response:
    """A value as JSON that every browser reads: no NaN, no infinity."""
    return Response(to_json(value), status, media_type="application/json")


def shown(request: Request, template: str, **data: Any) -> Response:
    """A page, or its data where the address ends in .json.

    Args:
        request: what was asked.
        template: the page's.
        data: what the page shows, all of it plain values.
    """
    if request.url.path.endswith(".json"):
        return json_of(data)
    page = templates().get_template(template)
    return HTMLResponse(page.render(data=data, path=request.url.path, **data))


def refused(request: Request, error: Refused) -> Response:
    """An error, as a page or as JSON: what came, what was expected, what to try."""
    wants_json = request.url.path.endswith(".json") or request.method != "GET"
    if wants_json:
        return json_of(error.to_json(), error.status)
    page = templates().get_template("error.html")
    return HTMLResponse(page.render(error=error, path=request.url.path, data={}), error.status)


def count_of(request: Request, name: str) -> int:
    """A whole number of the address; 0 without it."""
    text = request.query_params.get(name, "0")
    if not re.fullmatch(r"\d{1,15}", text):
        raise Refused(400, name, f"got {text!r:.40}", "a whole number")
    return int(text)


def maybe_of(request: Request, name: str) -> int | None:
    """The same; None without it."""
    return count_of(request, name) if request.query_params.get(name) else None


def png_of(content: bytes) -> Response:
    """A picture that the browser may keep for a minute."""
    return Response(content, media_type="image/png", headers={"Cache-Control": "private, max-age=60"})


def sheet_of(folder: Path, name: str) -> Response:
    """A sheet of thumbnails, by its name in a list."""
    if not SHEET.fullmatch(name) or not (folder / name).is_file() or (folder / name).is_symlink():
        raise Refused(404, "picture", "is not there", "a sheet that the list names")
    return FileResponse(
        folder / name, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=60"}
    )
