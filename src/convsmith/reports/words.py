"""Figures as people read them: percentages, intervals, times, counts, each with its unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..units import show_bytes, show_count

QUANTITIES = {
    "params": "parameters",
    "macs": "multiply-adds (MACs) per image",
    "bytes": "bytes of weights",
    "memory": "peak memory",
    "latency_ms": "latency, one image",
}
"""Names of what a budget can limit."""
ARMS = {
    "search": "search",
    "evolution": "evolution",
    "random": "random search",
    "largest": "largest candidate",
    "shared": "shared start",
}
"""Names of the ways by which a search found its networks."""


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage; never rounded up to 100.

    Example:
        >>> percent(0.98765), percent(0.9999), percent(1), percent(None)
        ('98.8%', '99.9%', '100%', '–')
    """
    if value is None:
        return "–"
    if value == 1:
        return "100%"
    return f"{min(value * 100, 100 - 10**-digits) if value < 1 else value * 100:.{digits}f}%"


def sure(value: float) -> str:
    """A confidence with its nines, and never 100% where it is not.

    Example:
        >>> sure(0.5), sure(0.99912), sure(0.9999993), sure(0.99999999)
        ('50%', '99.91%', '99.9999%', '>99.9999%')
    """
    if value >= 0.9999995:
        return ">99.9999%"
    for digits, limit in ((0, 0.99), (1, 0.999), (2, 0.9999), (3, 0.99999)):
        if value < limit:
            shown = int(value * 100 * 10**digits) / 10**digits if value > 0.9 else round(value * 100, digits)
            return f"{shown:.{digits}f}%"
    return f"{int(value * 1e6) / 1e4:.4f}%"


def span(interval: Sequence[float] | None) -> str:
    """An interval of shares.

    Example:
        >>> span([0.972, 0.9961])
        '97.2 to 99.6%'
    """
    if not interval or None in interval:
        return "–"
    return f"{percent(interval[0])[:-1]} to {percent(interval[1])}"


def points(value: float) -> str:
    """A difference of shares in percentage points.

    Example:
        >>> points(0.0123), points(-0.004)
        ('1.2 points', '−0.4 points')
    """
    shown = f"{abs(value) * 100:.1f}"
    return f"{'−' if value < 0 and float(shown) else ''}{shown} point{'' if shown == '1.0' else 's'}"


def count(value: Any) -> str:
    """A whole number with thousands apart; a dash for None.

    Example:
        >>> count(61706), count(None)
        ('61,706', '–')
    """
    return "–" if value is None else f"{value:,}"


def quantity(name: str, value: float | None) -> str:
    """A budgeted quantity with its unit.

    Example:
        >>> quantity("params", 19846), quantity("macs", 1_940_000), quantity("latency_ms", 0.2512)
        ('19,846', '1.94M', '0.251 ms')
    """
    if value is None:
        return "–"
    if name == "params":
        return f"{int(value):,}"
    if name == "macs":
        return show_count(value)
    if name in ("bytes", "memory"):
        return show_bytes(value)
    return f"{value:.3g} ms"


def seconds(value: float | None) -> str:
    """A time in the units of a clock.

    Example:
        >>> seconds(4.25), seconds(171), seconds(7260)
        ('4.2 s', '2 min 51 s', '2 h 1 min')
    """
    if value is None:
        return "–"
    if value < 60:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def many(value: float) -> str:
    """A count that may be too large to read out.

    Example:
        >>> many(2304), many(4.1e11)
        ('2,304', '4.1×10¹¹')
    """
    if value < 1e7:
        return f"{int(value):,}"
    figure, _, exponent = f"{value:.1e}".partition("e+")
    return f"{figure}×10{str(int(exponent)).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def number(value: Any) -> str:
    """Any figure, short: 4 digits, thousands apart; the rest as text.

    Example:
        >>> number(3.14159), number(12000), number(2.1e-7), number("x")
        ('3.142', '12,000', '2.1e-07', 'x')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return "–" if value is None else str(value)


def arm(name: Any) -> str:
    """An arm of the search by the name that a reader knows."""
    return ARMS.get(str(name), str(name))


def largest(*, capped: bool) -> str:
    """What the largest candidate of a search is, for a sentence.

    Args:
        capped: whether networks were left out whose trainings would have taken too long.
    """
    kept = "the largest network of the space that keeps the budget"
    return f"{kept} and that there is time to train" if capped else kept


def answers(found: dict[str, Any] | None) -> str:
    """A genotype in one line.

    Example:
        >>> answers({"width": 16, "block": "plain"})
        'width 16, block plain'
    """
    return ", ".join(f"{name} {number(value)}" for name, value in (found or {}).items())


def listed(items: Sequence[str]) -> str:
    """Items as a sentence has them.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b and c'
    """
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)
