"""What its answers are worth: calibrated probabilities, and what it does not answer."""

from __future__ import annotations

from typing import Any

from ..facts import Facts

TITLE = "What its answers are worth"
SCORES = {"max_logit": "largest logit", "energy": "energy", "probability": "largest probability"}
"""What the scores are called."""


def build(facts: Facts) -> dict[str, Any] | None:
    """The rule of answering, and how it does on test images; None for a run that has no rule."""
    rule = facts.found("answer_rule.json")
    if not rule:
        return None
    found = facts.metrics.get("answers") or {}
    return {
        "fitted_on": str(rule["fitted_on"]),
        "note": str(rule["note"]),
        "temperature": float(rule["temperature"]),
        "score": SCORES.get(rule["score"]),
        "threshold": rule["threshold"],
        "false_rejection": rule["false_rejection"],
        "ece": found.get("ece"),
        "calibrated": found.get("calibrated_ece"),
        "images": found.get("images"),
        "by": SCORES.get(found.get("score", "")),
        "at": [
            {name: row[name] for name in ("rejected", "n", "accuracy", "interval")}
            for row in found.get("at") or []
        ],
        "rejected": found.get("rejected"),
        "interval": found.get("rejected_interval"),
        "answered": found.get("answered_accuracy"),
        "no_class": _no_class(found.get("no_class") or {}),
    }


def _no_class(found: dict[str, Any]) -> dict[str, Any] | None:
    if not found:
        return None
    kinds = sorted((float(share), str(kind)) for kind, share in found["kinds"].items())
    return {"n": found["n"], "rejected": found["rejected"], "interval": found["interval"], "kinds": kinds}
