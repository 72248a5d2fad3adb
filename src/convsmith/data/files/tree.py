"""Files with paths, wherever they are: what folders and archives have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..decoding.decode import MAX_FILE_BYTES
from ..decoding.record import Progress
from ..items import Items
from .listing import Walked


class Tree(ABC):
    """Files with paths, wherever they are.

    Args:
        path: what the user named.
    """

    sep = "/"
    """What separates the steps of a path."""

    def __init__(self, path: str) -> None:
        self.path = path

    @abstractmethod
    def images(
        self, walked: Walked, *, cache: Path | None = None, progress: Progress | None = None
    ) -> Iterator[str]:
        """Names of the files that look like images, in order; what else there is goes to `walked`.

        `cache` and `progress` are those of `listing.walk`.
        """

    @abstractmethod
    def others(self) -> list[str]:
        """Names of the files near the top that are no images: manifests and data files."""

    @abstractmethod
    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """The bytes of one file; `Unreadable` where there are none."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""

    @abstractmethod
    def items(self, names: Iterable[str]) -> Items:
        """The images with these names, missing ones included."""
