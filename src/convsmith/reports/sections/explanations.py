"""What the network looked at: heatmaps of wrong and of right answers."""

from __future__ import annotations

from typing import Any

from .. import words
from ..facts import Facts

TITLE = "What it looked at"
MOST = 48
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
        "badge": facts.evidence.get("badge"),
        "evidence": _evidence(facts.evidence),
        "agreement": _agreement(facts.evidence),
    }


def _evidence(found: dict[str, Any]) -> list[tuple[bool, str]]:
    """(passed, what was measured) of each check of the heatmaps."""
    return [
        (bool(test["passed"]), text)
        for test in found.get("tests") or ()
        if (text := _measured(test["name"], bool(test["passed"]), test["figures"], test["images"]))
    ]


def _measured(name: str, passed: bool, figures: dict[str, Any], images: int) -> str:
    if name == "learned":
        if not passed:
            return "The network learned too little for any map to mean something."
        if figures.get("of"):
            right, chance = words.percent(figures["right"] / figures["of"]), words.percent(figures["chance"])
            return f"The network knows something: {right} of its test images right, {chance} by chance."
        return "The network knows something: its answers tell the images apart."
    if name == "randomisation" and figures.get("stages"):
        alike = figures["stages"][-1]["spearman"]
        text = "follow what the network learned" if passed else "may not follow what was learned"
        measured = f"with random weights their rank correlation with these falls to {alike:.2f}"
        return f"The maps {text}: {measured}, over {words.count(images)} maps."
    if name == "places" and figures.get("correlation") is not None:
        text = "matter to the answer" if passed else "are not shown to matter to the answer"
        measured = f"correlation with what covering does {figures['correlation']:.2f}"
        beside = f"turned and moved maps {figures['moved']:.2f} (p = {figures['p_moved']:.3f})"
        return f"The marked places {text}: {measured}, {beside}."
    if name == "own image":
        text = "belong to their images" if passed else "would do as well for other images"
        return f"The maps {text} (p = {figures['p_others']:.3f})."
    if figures.get("median_error") is not None:
        return (
            f"The parts should add up to the {name}: they are {words.percent(figures['median_error'])} off."
        )
    return ""


def _agreement(found: dict[str, Any]) -> str:
    """How like the maps are to other methods' maps, in words."""
    pairs = [
        f"{_METHODS.get(name, name.replace('_', ' '))} {value:.2f}"
        for name, value in (found.get("agreement") or {}).items()
    ]
    return (
        f"Rank correlation with the maps of {words.listed(pairs)}; methods ask different questions."
        if pairs
        else ""
    )


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
