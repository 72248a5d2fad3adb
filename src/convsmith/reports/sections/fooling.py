"""How the network is fooled: pictures of nothing, images changed a little, and what turns them away."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from .. import words
from ..facts import Facts
from ..lines import against

TITLE = "How it is fooled"
FOLDER = "explain/fool"
MOST = 20
"""Classes whose pictures are shown."""
KINDS = (
    (
        "cppn",
        "Evolved, with regular forms",
        "A small network paints each picture from the place of its pixels; evolution kept those that this "
        "network is surest of.",
    ),
    ("direct", "Evolved, pixel by pixel", "Noise whose pixels evolution changed one by one."),
    (
        "gradient",
        "By gradient ascent",
        "A mean image, changed step by step in the direction that makes the network surer.",
    ),
)
_CURVES = {("pgd", "linf"): ("PGD", "search"), ("fgsm", "linf"): ("FGSM", "random")}


def build(facts: Facts) -> dict[str, Any] | None:
    """Galleries, curves and thresholds; None where the network was not fooled yet."""
    found = facts.found(f"{FOLDER}/fool.json")
    galleries = [one for kind, title, says in KINDS if (one := _gallery(facts, found, kind, title, says))]
    adversarial = _adversarial(facts, found.get("adversarial") or {})
    unknown = _unknown(facts, found.get("unknown") or {})
    if not galleries and adversarial is None and unknown is None:
        return None
    return {"galleries": galleries, "adversarial": adversarial, "unknown": unknown}


def _gallery(facts: Facts, found: dict[str, Any], kind: str, title: str, says: str) -> dict[str, Any] | None:
    about = found.get(kind) or {}
    entries = []
    for one in (about.get("pictures") or [])[:MOST]:
        picture = facts.picture(f"{FOLDER}/{one.get('file')}")
        if picture is not None:
            entries.append(
                {"picture": picture, "class": str(one["class"]), "confidence": words.sure(one["confidence"])}
            )
    if not entries:
        return None
    long = (
        f"{words.count(about['generations'])} generations of {words.count(about['children'])}"
        if "generations" in about
        else f"{words.count(about['steps'])} steps"
    )
    first = about.get("first_9999")
    when = f" It passed 99.99% at generation {first}." if first is not None else ""
    left_out = len(about["pictures"]) - len(entries)
    return {
        "title": title,
        "says": f"{says} Median confidence {words.sure(about['median'])} after {long}.{when}",
        "entries": entries,
        "left_out": left_out,
    }


def _adversarial(facts: Facts, found: dict[str, Any]) -> dict[str, Any] | None:
    curves = found.get("curves") or []
    if not curves:
        return None
    classes = max(len(facts.classes), 1)
    chance = (1 / classes, f"guessing: {words.percent(1 / classes, 0)}")
    plots: list[Markup] = []
    linf = [curve for curve in curves if curve["norm"] == "linf"]
    if linf:
        lines = [(*_CURVES[curve["attack"], "linf"], _stepped(curve["rows"])) for curve in linf]
        plots.append(
            against(
                lines,
                _ticks(linf[0]["rows"]),
                x_title="largest change of a pixel, of 255",
                label="Accuracy on attacked images: "
                + "; ".join(_ends(name, rows) for name, _, rows in lines),
                floor=chance,
            )
        )
    for curve in curves:
        if curve["norm"] == "l2":
            rows = _stepped(curve["rows"])
            plots.append(
                against(
                    [("PGD", "search", rows)],
                    _ticks(curve["rows"]),
                    x_title="length of the whole change (root of the sum of squares), pixel units",
                    label="Accuracy on images attacked within a length: " + _ends("PGD", rows),
                    floor=chance,
                )
            )
    return {
        "plots": plots,
        "images": found.get("images"),
        "verdict": _verdict(linf),
        "examples": [entry for one in found.get("examples") or [] if (entry := _example(facts, one))],
    }


def _stepped(rows: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Epsilons double from one to the next, so they stand at equal distances."""
    return [(float(place), float(row["accuracy"])) for place, row in enumerate(rows)]


def _ticks(rows: list[dict[str, Any]]) -> list[tuple[float, str]]:
    return [(float(place), f"{row['epsilon']:g}") for place, row in enumerate(rows)]


def _ends(name: str, pairs: list[tuple[float, float]]) -> str:
    return f"{name} from {pairs[0][1]:.1%} down to {pairs[-1][1]:.1%}"


def _verdict(linf: list[dict[str, Any]]) -> str:
    worst = next((curve for curve in linf if curve["attack"] == "pgd"), None)
    if worst is None:
        return ""
    clean = worst["rows"][0]["accuracy"]
    half = next((row["epsilon"] for row in worst["rows"] if row["accuracy"] <= clean / 2), None)
    if half is None:
        return "Even the largest change tried leaves it right more than half as often as before."
    return (
        f"Changing each pixel by at most {half:g} of 255 is enough to make it wrong on half of the images "
        "that it recognises."
    )


def _example(facts: Facts, found: dict[str, Any]) -> dict[str, Any] | None:
    picture = facts.picture(f"{FOLDER}/{found.get('file')}")
    if picture is None:
        return None
    return {
        "picture": picture,
        "fooled": bool(found["fooled"]),
        "true": str(found["true"]),
        "before": words.sure(found["confidence"]),
        "predicted": str(found["predicted"]),
        "after": words.sure(found["confidence_after"]),
        "epsilon": f"{found['epsilon']:g}",
    }


def _unknown(facts: Facts, found: dict[str, Any]) -> dict[str, Any] | None:
    scores = found.get("scores") or []
    if not scores:
        return None
    best = next((score for score in scores if score["score"] == found.get("best")), scores[0])
    kinds = [
        {
            **row,
            "picture": facts.picture(f"{FOLDER}/{row.get('file')}"),
            "let_in": best["kinds"][row["kind"]]["let_in"],
            "auroc": best["kinds"][row["kind"]]["auroc"],
        }
        for row in found.get("kinds") or []
    ]
    names = {
        "direct": "evolved pixel by pixel",
        "cppn": "evolved with regular forms",
        "gradient": "by gradient",
    }
    return {
        "kinds": kinds,
        "scores": scores,
        "best": best,
        "keep": found.get("keep"),
        "rule": bool(found.get("rule")),
        "known": found.get("known"),
        "fooling": [(names.get(kind, kind), share) for kind, share in (best.get("fooling") or {}).items()],
    }
