"""A set of labelled images: frozen, sliceable, decoded when needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BadInput
from ..units import counted
from . import pixels as _pixels
from . import split as _split
from .decoding.decode import MAX_PIXELS, Unreadable, decode
from .decoding.record import PAIR, RECORD, Progress
from .decoding.scan_all import scan
from .doctor.looks import connected, firsts, joined
from .doctor.near import led, pairs_alike
from .found import report
from .items import Items, Rows


@dataclass(frozen=True, eq=False, repr=False)
class Images:
    """Labelled images of any sizes.

    A reader makes one with `Images.listed`; `convsmith.read` then looks at every image once (`examined`).

    Args:
        items: where the images come from.
        labels: (len(items),) int64 class numbers; -1 where there is no label.
        classes: names of the classes, in the order of their numbers.
        source: what the user named, e.g. "photos/".
        reader: name of the reader.
        rows: (N,) positions in `items` of this set's images.
        part: (len(items),) int8, the set's own TRAIN/VALIDATION/TEST; None when it came in one piece.
        group: (len(items),) int64, images that belong together (one patient, one burst); None for none.
        records: (len(items),) what was seen when looking at the images; None before.
        alike: (P,) of `record.PAIR`, positions in `items` that look alike without being exact copies.
        unreadable: (name, reason) of images that are left out.
        notes: what else a person should know.

    Example:
        >>> x = np.zeros((4, 8, 8), np.uint8); x[1:, 0, 0] = [1, 2, 3]
        >>> images = Images.listed(Rows([("x", x)]), [0, 0, 1, 1], ("a", "b"), source="x").examined()
        >>> len(images), images[:3].y.tolist(), images.found["classes"]
        (4, [0, 0, 1], {'a': 2, 'b': 2})
    """

    items: Items
    labels: np.ndarray
    classes: tuple[str, ...]
    source: str
    reader: str
    rows: np.ndarray
    part: np.ndarray | None = None
    group: np.ndarray | None = None
    records: np.ndarray | None = None
    alike: np.ndarray | None = None
    unreadable: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def listed(
        cls,
        items: Items,
        labels: Sequence[int] | np.ndarray,
        classes: Sequence[str],
        *,
        source: str,
        reader: str = "",
        part: np.ndarray | None = None,
        group: np.ndarray | None = None,
        notes: Sequence[str] = (),
    ) -> Images:
        """All of `items`, not looked at yet: what a reader returns. The arguments are the class's own."""
        y = np.array(labels, np.int64)
        if y.shape != (len(items),) or (len(y) and int(y.max()) >= len(classes)):
            raise BadInput(
                source,
                f"{len(items)} items, labels of shape {y.shape}, {counted(len(classes), 'class', 'classes')}",
                "one label below the number of classes for each image",
            )  # fmt: skip
        rows = np.arange(len(items), dtype=np.int64)
        return cls(items, y, tuple(classes), source, reader, rows, part, group, None, None, (), tuple(notes))

    def examined(
        self,
        *,
        max_pixels: int = MAX_PIXELS,
        progress: Progress | None = None,
        workers: int | None = None,
        cache: str | Path | None = None,
    ) -> Images:
        """Look at every image once; those that cannot be read are left out and listed with the reason.

        The arguments are those of `convsmith.data.decoding.scan_all.scan`.
        """
        if self.records is not None:
            return self
        folder = None if cache is None else Path(cache)
        rows, seen, reasons = scan(
            self.items, max_pixels=max_pixels, progress=progress, workers=workers, cache=folder
        )
        records = np.zeros(len(self.items), RECORD)
        records[rows] = seen
        unreadable = tuple((self.items.name(i), reason) for i, reason in reasons)
        alike = pairs_alike(self.items, rows, records, workers=workers, cache=folder, progress=progress)
        return replace(self, rows=rows, records=records, alike=alike, unreadable=unreadable)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: int | slice | Sequence[int] | np.ndarray) -> Images:
        """Some of the images: a slice, positions or a mask; one position gives a set of one image."""
        if isinstance(which, (int, np.integer)):
            if not -len(self) <= which < len(self):
                raise IndexError(which)
            which = [int(which)]
        return replace(self, rows=self.rows[which if isinstance(which, slice) else np.asarray(which)])

    def __repr__(self) -> str:
        classes = counted(len(self.classes), "class", "classes")
        return f"<{counted(len(self), 'image')} of {classes} from {self.source}>"

    @property
    def y(self) -> np.ndarray:
        """(N,) int64: the class number of each image."""
        return self.labels[self.rows]

    @property
    def names(self) -> list[str]:
        """What a person calls each image: its path below the folder, or ``x_train[7]``."""
        return [self.items.name(int(i)) for i in self.rows]

    @property
    def seen(self) -> np.ndarray:
        """(N,) records of the images, of dtype `scan.RECORD`."""
        if self.records is None:
            raise BadInput(self.source, "has not been looked at", "an examined set", "images.examined()")
        return self.records[self.rows]

    @cached_property
    def fingerprint(self) -> str:
        """64 hex digits that stand for the content: images, labels, classes, order."""
        maker = hashlib.blake2b("\0".join(self.classes).encode("utf-8", "surrogateescape"), digest_size=32)
        maker.update(np.ascontiguousarray(self.seen["raw"]).data)
        maker.update(self.y.astype("<i8").tobytes())
        if self.part is not None:
            maker.update(self.part[self.rows].astype(np.int8).tobytes())
        return maker.hexdigest()

    @cached_property
    def exact(self) -> np.ndarray:
        """(N,) int64: the position of the first image of the same pixels (its own, for most)."""
        return firsts(self.seen["content"])

    @cached_property
    def near(self) -> np.ndarray:
        """(P,) of `record.PAIR`: positions in this set of images that look alike and are no exact copies.

        Confirmed on pixels (`data.doctor.alike`); of exact copies the first stands for all.
        """
        pairs = np.zeros(0, PAIR) if self.alike is None else self.alike
        if self.records is None or not len(pairs):
            return pairs
        # the first of its kind in the whole set -> the first in this one
        place = np.full(len(self.items), -1, np.int64)
        place[firsts(self.records["content"])[self.rows][::-1]] = self.exact[::-1]
        own = pairs.copy()
        own["one"], own["other"] = place[pairs["one"]], place[pairs["other"]]
        return own[(own["one"] >= 0) & (own["other"] >= 0)]

    @cached_property
    def lookalikes(self) -> np.ndarray:
        """(N,) int64: the image that leads the group of those that look alike, each confirmed to be like it.

        Exact copies go with the first of them. Most images lead themselves alone.
        """
        return led(len(self), self.near)[self.exact]

    @cached_property
    def copies(self) -> np.ndarray:
        """(N,) int64 numbers of what stays in one part of a split: exact copies, and images that look alike.

        Where chains of images that look alike would tie more than a tenth of all together (frames of a film,
        parts on a conveyor belt), its groups around a leader count, and where even these are larger, exact
        copies alone.
        """
        pairs = np.stack([self.near["one"], self.near["other"]], axis=1)
        groups = connected(len(self), pairs)[self.exact]
        for finer in (self.lookalikes, self.exact):
            _, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
            large = sizes[number.reshape(-1)] > max(10, len(self) // 10)
            groups = np.where(large, finer, groups)
        return groups

    @cached_property
    def found(self) -> dict[str, Any]:
        """What was found: counts, sizes, modes, unreadable images, copies, notes; ready for JSON."""
        return report(self)

    @cached_property
    def together(self) -> np.ndarray:
        """(N,) numbers: images stay in one part when they are copies or of one group."""
        if self.group is None:
            return self.copies
        return joined(self.copies, self.group[self.rows])

    def split(self, *, seed: int = 0, validation: float = 0.15, test: float = 0.2) -> _split.Split:
        """Cut in train, validation and test: stratified, copies together, the set's own parts respected.

        Args:
            seed: another seed, another cut.
            validation: fraction of the images.
            test: fraction of the images.

        Returns:
            Positions in this set.

        Raises:
            BadInput: when a class would be tested that no training image shows.
        """
        together, keys = self.together, self.seen["raw"]
        if self.part is None or not (self.part[self.rows] != _split.TRAIN).any():
            found = _split.cut(self.y, together, keys, seed=seed, validation=validation, test=test)
            way = "more images of it, or smaller groups of images that stay together"
        else:
            own = self.part[self.rows]
            found = _split.given(self.y, together, keys, own, seed=seed, validation=validation, test=test)
            way = "add some to the part for training, or take the class out"
        missing = _split.untaught(self.y, self.y[found.train])
        if missing:
            named = ", ".join(f"'{self.classes[k]}'" for k in missing[:5])
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            raise BadInput(
                self.source, f"no training image of {named}{more}, only others", "some of each class", way
            )
        return found

    def folds(self, *, k: int = 5, seed: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """k pairs (train positions, test positions): stratified, copies and groups together."""
        return _split.folds(self.y, self.together, self.seen["raw"], k=k, seed=seed)

    @cached_property
    def _parts(self) -> _split.Split:
        return self.split()

    @property
    def train(self) -> Images:
        """The training images of the split with seed 0."""
        return self[self._parts.train]

    @property
    def validation(self) -> Images:
        """The validation images of the split with seed 0."""
        return self[self._parts.validation]

    @property
    def test(self) -> Images:
        """The test images of the split with seed 0."""
        return self[self._parts.test]

    def image(self, i: int) -> np.ndarray:
        """One image at its own size: uint8 (H, W, 1 or 3)."""
        row = int(self.rows[i])
        try:
            raw = self.items.raw(row)
            if isinstance(raw, np.ndarray):
                return raw
            declared = (
                0
                if self.records is None
                else int(self.records["height"][row]) * int(self.records["width"][row])
            )
            return decode(raw, max_pixels=max(MAX_PIXELS, declared)).pixels
        except Unreadable as error:
            raise BadInput(self.items.name(row), str(error), "the file that was there before") from None

    def pixels(
        self,
        size: tuple[int, int],
        channels: int = 3,
        cache: str | Path | None = None,
        *,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """All images at one size, squashed to it with Pillow's antialiased bilinear resampling.

        Args:
            size: (height, width) in pixels.
            channels: 1 (grey) or 3 (RGB).
            cache: folder for a memory-mapped file keyed by content, size and channels: decoded once, later
                runs map it; memory stays flat. None decodes into memory.
            progress: called from time to time.

        Returns:
            Read-only uint8 (N, height, width, channels).

        Raises:
            BadInput: when a file has vanished or changed since the set was read, the disk is full, or
                without a cache the pixels would take more than half of the memory.
        """
        if channels not in (1, 3) or min(size) < 1:
            raise BadInput(
                "pixels", f"size {tuple(size)}, {channels} channels", "a size from 1 and 1 or 3 channels"
            )
        shape = (len(self), int(size[0]), int(size[1]), channels)
        raws = self.seen["raw"]
        if cache is None or not len(self):
            _pixels.fits(shape)
            return _pixels.in_memory(self.items, self.rows, raws, shape, progress)
        path = _pixels.cache_path(Path(cache), self.fingerprint, (shape[1], shape[2]), channels)
        done = _pixels.cached(path, shape)
        if done is None:
            return _pixels.build(path, shape, self.items, self.rows, raws, progress)
        _pixels.unchanged(self.items, self.rows, self.seen["bytes"])
        return done


__all__ = ["Images", "Rows"]
