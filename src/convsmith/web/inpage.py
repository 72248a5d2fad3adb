"""A run's network for a page of the studio: what its exported page computes with, as data alone.

The exported page may be a stranger's, so none of its scripts is served: the setup is read as JSON, the
weights as base64, and convsmith's own scripts (``device/js/``) run them in a worker.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..device.js_program import script
from ..device.page import SHARED
from ..errors import BadInput
from ..strict_json import parse
from .refusal import Refused

FILE = "model.html"
LARGEST = 300_000_000
"""Bytes of a page that is read."""
_SETUP = re.compile(r'<script id="setup" type="application/json">(.*?)</script>', re.S)
_WEIGHTS = re.compile(r'<script id="weights" type="application/octet-stream">([A-Za-z0-9+/=]*)</script>')


def network_of(run: Path) -> dict[str, Any]:
    """``setup`` and ``weights`` (base64) of a run's exported page; both None where there is none.

    Raises:
        Refused: for a page that is none of convsmith's.
    """
    file = run / FILE
    if not file.is_file() or file.is_symlink():
        return {"setup": None, "weights": None}
    wrong = Refused(500, FILE, "is no page of convsmith", "one that was exported", "export it again")
    if file.stat().st_size > LARGEST:
        raise wrong
    text = file.read_text(encoding="utf-8", errors="replace")
    setup, weights = _SETUP.search(text), _WEIGHTS.search(text)
    try:
        held = parse(setup[1], FILE) if setup else None
    except BadInput:
        raise wrong from None
    if weights is None or not isinstance(held, dict) or not isinstance(held.get("program"), dict):
        raise wrong
    return {"setup": held, "weights": weights[1]}


def script_of(name: str) -> str:
    """One of the scripts that run a network, or the worker that loads them all.

    Raises:
        Refused: for any other name.
    """
    if name == "worker":
        return f"importScripts({', '.join(repr(f'/net/{one}.js') for one in SHARED)});\n"
    if name not in SHARED:
        raise Refused(404, f"script {name:.40}", "is not there", ", ".join(("worker", *SHARED)))
    return script(f"{name}.js")
