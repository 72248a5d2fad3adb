"""Command lines from what is chosen on a page: known options with checked values, nothing else.

What a person types is only ever the value of an option, a number or one of a list; so nothing that is sent
becomes an option, a path or a program.
"""

from __future__ import annotations

from typing import Any

from ..errors import BadInput
from ..units import parse_bytes, parse_count
from .refusal import Refused

LIMITS = {
    "max_params": ("--max-params", parse_count),
    "max_macs": ("--max-macs", parse_count),
    "max_bytes": ("--max-bytes", parse_bytes),
    "max_memory": ("--max-memory", parse_bytes),
    "max_latency_ms": ("--max-latency-ms", None),
}
"""Field of the form -> option, and how a number is read; None for plain milliseconds."""
CHOICES = {
    "space": ("stages", "mobile", "chain", "nasnet", "enas", "darts", "pretrained"),
    "algorithm": ("auto", "evolution", "random", "tpe", "local", "bayesian"),
    "pretrained": ("auto", "none"),
    "augment": ("auto", "none", "digits", "photos", "light", "trivial", "rand", "strong"),
    "precision": ("float32", "int8"),
}
USUAL = {
    "space": "stages", "algorithm": "auto", "pretrained": "auto", "augment": "auto", "precision": "float32",
}  # fmt: skip


def forge(fields: dict[str, Any], source: str, runs: str, *, outside: bool = False) -> list[str]:
    """The command line of a search.

    Args:
        fields: what the form holds: limits, "minutes", "seed" and the choices.
        source: what the images are read from.
        runs: the folder of runs.
        outside: whether the images lie outside their table's folder.

    Raises:
        Refused: for a value that means nothing.

    Example:
        >>> forge({"max_params": "50k", "minutes": "5"}, "digits", "runs")
        ['forge', 'digits', '--max-params', '50000', '--minutes', '5', '--runs', 'runs']
    """
    argv = ["forge", source]
    for name, (flag, read) in LIMITS.items():
        text = str(fields.get(name) or "").strip()
        if text:
            argv += [flag, _limit(text, flag, read)]
    if len(argv) == 2:
        raise Refused(400, "budget", "has no limit", "at least one", "100k parameters")
    argv += ["--minutes", number(fields.get("minutes") or 10, "minutes", 0.25, 60 * 24 * 14)]
    for name, known in CHOICES.items():
        value = str(fields.get(name) or USUAL[name])
        if value not in known:
            raise Refused(400, name, f"got {value!r:.40}", " or ".join(known))
        if value != USUAL[name]:
            argv += [f"--{name}", value]
    if str(fields.get("seed") or "0") != "0":
        argv += ["--seed", number(fields["seed"], "seed", 0, 2**31, whole=True)]
    if outside:
        argv.append("--outside")
    return [*argv, "--runs", runs]


def _limit(text: str, flag: str, read: Any) -> str:
    if read is None:
        return number(text, flag.removeprefix("--"), 0.001, 1e6)
    try:
        return str(read(text, flag))
    except BadInput as error:
        raise Refused(400, flag, error.came, error.expected, error.hint) from None


def number(value: Any, what: str, low: float, high: float, *, whole: bool = False) -> str:
    """A number within its range, as text.

    Example:
        >>> number("5.0", "minutes", 1, 10)
        '5'
    """
    try:
        found = int(str(value)) if whole else float(str(value))
    except ValueError:
        found = float("nan")
    if not low <= found <= high:
        raise Refused(400, what, f"got {str(value)[:40]!r}", f"a number from {low:g} to {high:g}")
    return f"{found:g}" if isinstance(found, float) and found < 1e6 else str(int(found))
