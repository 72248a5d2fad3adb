"""What the server says where it does not answer: a status of HTTP and one line."""

from __future__ import annotations


class Refused(Exception):
    """A request that is not answered.

    Args:
        status: of HTTP: 400, 408, 413, 415, 422, 429, 503.
        line: what came, what was expected, what to try.
    """

    def __init__(self, status: int, line: str) -> None:
        self.status, self.line = status, " ".join(line.split())
        super().__init__(self.line)
