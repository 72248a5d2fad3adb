"""What the studio says where it cannot do what was asked: the same words on a page and as JSON."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A request that is refused, or that failed.

    Args:
        status: of HTTP.
        what: what this is about, such as "run 0007".
        came: what is wrong.
        expected: what would have been right.
        way: what to try.

    Example:
        >>> Refused(404, "run 0007", "is not there", way="the list of runs").to_json()["error"]["came"]
        'is not there'
    """

    def __init__(self, status: int, what: str, came: str, expected: str = "", way: str = "") -> None:
        super().__init__(f"{what}: {came}")
        self.status, self.what, self.came, self.expected, self.way = status, what, came, expected, way

    def to_json(self) -> dict[str, Any]:
        """``{"error": {"what", "came", "expected", "try"}}``."""
        return {"error": {"what": self.what, "came": self.came, "expected": self.expected, "try": self.way}}
