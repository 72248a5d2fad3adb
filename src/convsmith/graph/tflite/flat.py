"""Flatbuffers as untrusted data: every place is checked against the file before it is read.

Source: the FlatBuffers binary format (google/flatbuffers, "FlatBuffer Internals"): offsets of 32 bits from
where they stand, a table begins with the distance back to its vtable, a vector with its length.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

_SIZES = {"b": 1, "B": 1, "?": 1, "h": 2, "H": 2, "i": 4, "I": 4, "f": 4, "q": 8}
MOST_TEXT = 10_000
"""Bytes of a text, at most."""


class Damaged(ValueError):
    """What stands in the file points out of it."""


@dataclass(frozen=True)
class Table:
    """One table of a flatbuffer.

    Args:
        data: the whole file.
        at: where the table begins.
    """

    data: bytes | memoryview
    at: int

    @classmethod
    def root(cls, data: bytes | memoryview) -> Table:
        """The table that a file begins with."""
        return cls(data, _number(data, 0, "I"))

    def _place(self, slot: int) -> int | None:
        """Where a field stands; None where the table lacks it."""
        vtable = self.at - _number(self.data, self.at, "i")
        size = _number(self.data, vtable, "H")
        entry = 4 + 2 * slot
        if entry + 2 > size:
            return None
        distance = _number(self.data, vtable + entry, "H")
        return self.at + distance if distance else None

    def number(self, slot: int, form: str, default: Any = 0) -> Any:
        """A number of the `struct` module's form, or the default."""
        place = self._place(slot)
        return default if place is None else _number(self.data, place, form)

    def table(self, slot: int) -> Table | None:
        """The table that a field points to."""
        place = self._place(slot)
        return None if place is None else Table(self.data, place + _number(self.data, place, "I"))

    def text(self, slot: int) -> str:
        """A field's text; empty where there is none."""
        found = self._vector(slot, 1)
        if found is None:
            return ""
        start, length = found
        return bytes(self.data[start : start + min(length, MOST_TEXT)]).decode("utf-8", "replace")

    def numbers(self, slot: int, form: str) -> tuple[Any, ...] | None:
        """A field's vector of numbers; None where there is none."""
        found = self._vector(slot, _SIZES[form])
        if found is None:
            return None
        start, length = found
        return struct.unpack_from(f"<{length}{form}", self.data, start)

    def tables(self, slot: int) -> list[Table]:
        """A field's vector of tables."""
        found = self._vector(slot, 4)
        if found is None:
            return []
        start, length = found
        places = range(start, start + 4 * length, 4)
        return [Table(self.data, place + _number(self.data, place, "I")) for place in places]

    def count(self, slot: int) -> int:
        """How many elements a field's vector has, as it says itself."""
        place = self._place(slot)
        return 0 if place is None else _number(self.data, place + _number(self.data, place, "I"), "I")

    def _vector(self, slot: int, size: int) -> tuple[int, int] | None:
        """First byte and length of a vector that lies in the file whole."""
        place = self._place(slot)
        if place is None:
            return None
        place += _number(self.data, place, "I")
        length = _number(self.data, place, "I")
        if place + 4 + length * size > len(self.data):
            raise Damaged(f"a list of {length:,} at byte {place:,} ends behind the file")
        return place + 4, length


def _number(data: bytes | memoryview, place: int, form: str) -> Any:
    if place < 0 or place + _SIZES[form] > len(data):
        raise Damaged(f"something at byte {place:,} of {len(data):,}")
    return struct.unpack_from("<" + form, data, place)[0]
