"""Which commands there are: the verb behind each, what it can print, and examples for its help."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One command: the verb as ``module:function``, one line of help, formats besides text, examples."""

    verb: str
    help: str
    formats: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


TABLE = ("json", "csv", "markdown", "latex", "html")

COMMANDS = {
    "forge": Command(
        "convsmith.jobs.forge:forge",
        "Images and a budget in; a finished network out.",
        ("json",),
        (
            "convsmith forge digits --max-params 20k --minutes 3",
            "convsmith forge photos/ --max-params 50k --max-latency-ms 2 --minutes 20",
            "convsmith forge photos/ --max-macs 10M --trials 40 --epochs 60 --json",
        ),
    ),
}
