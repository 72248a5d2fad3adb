"""The page that tells how to add an explanation works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "add-an-explanation.md"


def test_the_page_runs(capsys, trained, monkeypatch):
    from convsmith.insight.method import METHODS
    from convsmith.testing import explanations

    monkeypatch.setattr(explanations, "planted_network", lambda: trained)
    list(METHODS)
    monkeypatch.setattr(METHODS, "_things", dict(METHODS.items()))
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S):
        exec(block, names)  # our own page
    assert "'rank': 0." in capsys.readouterr().out
