"""The pretrained network: where its weights come from, what fits of it, what it was worth."""

from __future__ import annotations

from typing import Any

from .. import verdict, words
from ..facts import Facts

TITLE = "The pretrained network"
SHOWN = 8
OWN = "your own"
"""Origin of weights that were made here, by a network that began with random numbers."""
FITS = "the pretrained network that fits, with a linear head and no training of its own"


def build(facts: Facts) -> dict[str, Any] | None:
    """Source and licence; of forge also the comparison with the network not trained, and the cuts."""
    if started := facts.found("started.json").get("source"):
        taken = str(facts.found("started.json").get("taken") or "")
        return {
            "sentences": [f"Training started from {taken}."],
            "facts": _origin(started),
            "limit": _limit(started),
            "rows": [],
            "left_out": 0,
        }
    judged = facts.found("pretrained.json")
    if not judged.get("source"):
        return None
    source, chosen = judged["source"], facts.found("chosen.json")
    fitting = sorted(
        (row for row in judged.get("table") or () if row.get("fits")), key=lambda row: -row["left_out"]
    )
    return {
        "sentences": _sentences(facts, source, chosen),
        "facts": _rows(judged, source, facts),
        "limit": _limit(source) if chosen.get("inherits", chosen.get("winner") != "search") else "",
        "rows": [
            row
            | {
                "sides": "×".join(map(str, row["sides"])),
                "cut": f"{row['cut']}, fewer channels" if row.get("keep") else row["cut"],
            }
            for row in fitting[:SHOWN]
        ],
        "left_out": max(0, len(fitting) - SHOWN),
    }


def _sentences(facts: Facts, source: dict[str, Any], chosen: dict[str, Any]) -> list[str]:
    name, found = str(source["name"]), []
    why = str(facts.found("arms.json").get("why") or "")
    own, fits = facts.metrics, (facts.metrics.get("baselines") or {}).get("fits") or {}
    if chosen.get("winner") == "search" and chosen.get("inherits"):
        found.append(f"The network that came out is a member of {name} and starts from its weights.")
    elif chosen.get("winner") == "search":
        found.append(f"The network that came out does not start from {name}: the search's was better.")
    elif chosen.get("winner") == "fits":
        found.append(f"The network that came out is {FITS}; the weights are those of {name}.")
    elif chosen:
        found.append(f"The network that came out starts from the weights of {name}.")
    if fits.get("interval") and own.get("interval") and chosen.get("winner") != "fits":
        found.append(
            verdict.sentence(
                own["test_accuracy"], own["interval"], fits["test_accuracy"], fits["interval"], FITS
            )
        )
    if why:
        found.append(f"{why[:1].upper()}{why[1:]}.")
    if facts.found("arms.json").get("arm") == "pretrained":
        found.append(
            "It had all of the time, so that there is neither a network of random search nor the largest one "
            "of the space to compare with."
        )
    return found


def _rows(judged: dict[str, Any], source: dict[str, Any], facts: Facts) -> list[tuple[str, str]]:
    rows = [*_origin(source), ("judged in", words.seconds(judged.get("seconds")))]
    if fits := (facts.metrics.get("baselines") or {}).get("fits"):
        said = (
            f"{words.percent(fits['test_accuracy'])} of the test images "
            f"({words.span(fits.get('interval'))}), {words.count(fits['params'])} parameters, "
            f"after {words.seconds(fits['seconds'])}"
        )
        rows.append(("the pretrained network that fits", said))
    return rows


def _origin(source: dict[str, Any]) -> list[tuple[str, str]]:
    free = "" if source.get("commercial", True) else ", no commercial use"
    return [
        ("weights", f"{source['name']}, {source['origin']}"),
        ("licence", f"{source['licence']}{free}"),
    ]


def _limit(source: dict[str, Any]) -> str:
    """What nobody can say of a network whose weights somebody else began."""
    if source["origin"] == OWN:
        return ""
    return (
        f"{source['name']}, whose weights it started from, had learned from other images before. Whether "
        "images of this test are among those has not been looked at."
    )
