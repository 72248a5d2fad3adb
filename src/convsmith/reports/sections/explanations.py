"""What the network looked at: heatmaps of wrong and of right answers."""

from __future__ import annotations

from typing import Any

from .. import words
from ..facts import Facts

TITLE = "What it looked at"
MOST = 48
_AREAS = (("insertion", "deletion"), ("random_insertion", "random_deletion"))
_METHODS = {"grad_cam": "Grad-CAM"}


def build(facts: Facts) -> dict[str, Any] | None:
    """The wrong answers, most confident first, then the right ones, and the evidence; None without any."""
    shown = [entry for entry in (_entry(facts, found) for found in facts.explained) if entry]
    refused = facts.evidence.get("refused")
    if not shown and not refused:
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
        "refused": refused,
        "evidence": _evidence(facts.evidence),
    }


def _evidence(found: dict[str, Any]) -> list[tuple[bool, str]]:
    """(passed, what was measured) of each check of the heatmaps."""
    lines = []
    random, areas = found.get("randomisation") or {}, found.get("areas") or {}
    if random.get("stages"):
        alike = random["stages"][-1]["spearman"]
        text = "follow what the network learned" if random["passed"] else "may not follow what was learned"
        lines.append(
            (
                bool(random["passed"]),
                f"The maps {text}: with random weights their rank correlation with these falls to "
                f"{alike:.2f}, over {random['images']} maps.",
            )
        )
    if areas.get("insertion") is not None:
        gap, chance = (areas[a] - areas[b] for a, b in _AREAS)
        text = "matter to the answer" if areas["passed"] else "matter no more than others to the answer"
        lines.append(
            (
                bool(areas["passed"]),
                f"The marked places {text}: insertion minus deletion is {gap:.2f}, for maps moved elsewhere "
                f"{chance:.2f} (mean of {areas['draws']}).",
            )
        )
    return lines


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
