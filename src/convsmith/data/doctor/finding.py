"""One thing that is odd about a set of images, and the report of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ...units import counted

SEVERITIES = ("error", "warning", "note")
"""An error makes the result wrong or stops training; a warning may make it worse; a note is worth knowing."""

MARKS = {"error": "ERROR", "warning": "warn ", "note": "note "}


@dataclass(frozen=True)
class Finding:
    """One thing that is odd.

    Args:
        severity: one of `SEVERITIES`.
        kind: what it is, in a word or two, e.g. "copies in two classes".
        text: one sentence with the figures.
        hint: what to do.
        names: images that show it, the worst first.
        rows: their positions among the set's items, -1 where there is nothing to show.
        count: how many images it concerns.
        similarity: of each two names, where they come in pairs that look alike: from 0 to 1.
        pictures: thumbnails as data addresses, one for each name, where they come in pairs.
    """

    severity: str
    kind: str
    text: str
    hint: str = ""
    names: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    count: int = 0
    similarity: tuple[float, ...] = ()
    pictures: tuple[str, ...] = ()

    def examples(self, most: int) -> list[str]:
        """Lines that name the first images, or the first pairs with how similar they are."""
        if not self.similarity:
            return list(self.names[:most])
        pairs = zip(self.names[::2], self.names[1::2], self.similarity, strict=True)
        return [f"{b} looks like {a} (similarity {s:.2f})" for a, b, s in list(pairs)[:most]]


@dataclass(frozen=True)
class Checkup:
    """What the doctor found.

    Args:
        source: what was looked at.
        found: the report on what there is, as `Images.found`.
        findings: errors first.
        classes: for each class: count, mean and spread of the grey level, mean height and width.
        working: height, width and channels that a network would see them at, and why; empty without images.
    """

    source: str
    found: dict[str, Any]
    findings: tuple[Finding, ...]
    classes: dict[str, dict[str, float]] = field(default_factory=dict)
    working: dict[str, Any] = field(default_factory=dict)

    @property
    def hurts(self) -> bool:
        """Whether something would hurt: an error or a warning."""
        return any(finding.severity != "note" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "source": self.source,
            "hurts": self.hurts,
            "findings": [asdict(finding) for finding in self.findings],
            "classes": self.classes,
            "working": self.working,
            "found": self.found,
        }

    def text(self, *, examples: int = 3) -> str:
        """Lines for a terminal."""
        from ..found import lines

        out = [lines(self.found)[0], *(line for line in lines(self.found)[1:2] if line.startswith("sizes"))]
        for finding in self.findings:
            out.append(f"{MARKS[finding.severity]} {finding.kind}: {finding.text}")
            lines_of = finding.examples(examples)
            out += [f"        {line}" for line in lines_of]
            held = len(finding.similarity) or len(finding.names)
            if held > examples or finding.count > held > 0:
                more = max(finding.count, held) - len(lines_of)
                out += [f"        and {more:,} more"] if more > 0 else []
            out += [f"        -> {finding.hint}"] if finding.hint else []
        counts = [sum(finding.severity == one for finding in self.findings) for one in SEVERITIES]
        out.append(", ".join(counted(n, word) for n, word in zip(counts, SEVERITIES, strict=True)))
        return "\n".join(out)


def sort_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Errors first, then warnings, then notes; the order within each kept."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))
