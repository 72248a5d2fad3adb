"""What the network looked at: heatmaps of wrong and of right answers."""

from __future__ import annotations

from typing import Any

from .. import words
from ..facts import Facts

TITLE = "What it looked at"
MOST = 48
_METHODS = {"grad_cam": "Grad-CAM"}


def build(facts: Facts) -> dict[str, Any] | None:
    """The wrong answers, most confident first, then the right ones; None without pictures."""
    shown = [entry for entry in (_entry(facts, found) for found in facts.explained) if entry]
    if not shown:
        return None
    wrong = sorted((e for e in shown if not e["right"]), key=lambda e: -(e["confidence"] or 0))
    right = [e for e in shown if e["right"]]
    notes = list(dict.fromkeys(note for entry in shown for note in entry["notes"]))
    return {
        "groups": [
            ("Wrong, most confident first", wrong[:MOST]),
            ("Right", right[:MOST]),
        ],
        "wide": any((e["picture"].width or 0) > 1.4 * (e["picture"].height or 1e9) for e in shown),
        "left_out": max(0, len(wrong) - MOST) + max(0, len(right) - MOST),
        "methods": words.listed(sorted({entry["method"] for entry in shown})),
        "notes": notes,
    }


def _entry(facts: Facts, found: dict[str, Any]) -> dict[str, Any] | None:
    picture = facts.picture(f"explain/{found.get('file')}")
    if picture is None:
        return None
    right = bool(found.get("right"))
    method = _METHODS.get(str(found.get("method")), str(found.get("method") or "heatmap"))
    confidence = found.get("confidence")
    sure = f" with {words.percent(confidence, 0)} confidence" if confidence is not None else ""
    notes = found.get("notes") or []
    return {
        "picture": picture,
        "true": str(found.get("true")),
        "predicted": str(found.get("predicted")),
        "confidence": confidence,
        "right": right,
        "method": method,
        "notes": [notes] if isinstance(notes, str) else [str(note) for note in notes],
        "alt": f"{method} of test image {found.get('index', '?')}: a {found.get('true')}, "
        f"{'rightly' if right else 'wrongly'} called {found.get('predicted')}{sure}",
    }
