"""Images of a set that look alike though their pixels differ: found by hashes, confirmed on pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from ...errors import BadInput
from ..decoding.record import PAIR, Progress
from ..files.evict import used
from ..files.npy import members as arrays_of
from ..files.wholefile import whole
from ..items import Items
from ..pixels import fill
from .alike import GREY, SAME, SIDE, promising, similarities
from .candidates import candidates, closest, windows
from .looks import NEAR_SIDE, connected, firsts

VERSION = 1  # part of the key: raise it when other pairs come out
PICTURES = 8192
"""Pictures in memory at once, 12 kB each."""


def pairs_alike(
    items: Items,
    rows: np.ndarray,
    records: np.ndarray,
    *,
    workers: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Pairs of images that look alike: one is the other, resized, compressed anew, cut or brighter.

    Args:
        items: where the images are.
        rows: positions of the readable ones.
        records: (len(items),) what was seen of each.
        workers: processes that decode, as in `scan.scan`.
        cache: folder where what was found is kept.
        progress: called from time to time.

    Returns:
        (P,) of `PAIR`: rows and similarity. Of exact copies the first stands for all.
    """
    seen = records[rows]
    large = np.minimum(seen["height"], seen["width"]) >= NEAR_SIDE
    large &= seen["look"].any(axis=(1, 2)) & (firsts(seen["content"]) == np.arange(len(rows)))
    some = rows[large]
    pairs, window = candidates(records["look"][some])
    if not len(pairs):
        return np.zeros(0, PAIR)
    path = None if cache is None else _path(cache, records[some])
    kept = None if path is None else _kept(path)
    if kept is None:
        kept = _Confirming(items, some, records, workers, progress).all(pairs, window)
        if path is not None:
            with suppress(BadInput, OSError), whole(path) as draft, open(draft, "wb") as file:
                np.savez(file, pairs=kept)
    out = kept.copy()
    out["one"], out["other"] = some[kept["one"]], some[kept["other"]]
    return out


def _path(cache: Path, records: np.ndarray) -> Path:
    maker = hashlib.blake2b(str(VERSION).encode(), digest_size=16)
    maker.update(np.ascontiguousarray(records["raw"]).data)
    return cache / f"alike-{maker.hexdigest()}.npz"


def _kept(path: Path) -> np.ndarray | None:
    try:
        pairs = arrays_of(str(path))["pairs"]() if path.exists() else None
    except (KeyError, BadInput, ValueError):
        return None
    if pairs is None or pairs.dtype != PAIR or pairs.ndim != 1:
        return None
    used(path)
    return pairs


class _Confirming:
    """Candidates looked at on pixels; numbers count among the images that take part."""

    def __init__(
        self,
        items: Items,
        rows: np.ndarray,
        records: np.ndarray,
        workers: int | None,
        progress: Progress | None,
    ) -> None:
        self.items, self.rows, self.workers, self.progress = items, rows, workers, progress
        self.looks, self.raws = records["look"][rows], records["raw"][rows]

    def all(self, pairs: np.ndarray, window: np.ndarray) -> np.ndarray:
        """Confirmed pairs; each image of a chain is also compared with the one that most are like."""
        found = self.confirmed(pairs, window)
        asked = {_key(a, b) for a, b in pairs.tolist()}
        while True:
            ask = [pair for pair in _unasked(len(self.rows), found) if _key(*pair) not in asked]
            if not ask:
                return found
            asked |= {_key(a, b) for a, b in ask}
            more = self.confirmed(*closest(self.looks, np.array(ask)))
            found = np.concatenate([found, more])

    def confirmed(self, pairs: np.ndarray, window: np.ndarray) -> np.ndarray:
        """Those of the pairs that are one picture, with their similarity."""
        good, places = promising(self.looks[pairs[:, 0]], self.looks[pairs[:, 1]], windows()[window])
        pairs, places = pairs[good], places[good]
        out = [np.zeros(0, PAIR)]
        order = np.argsort(pairs.min(axis=1), kind="stable")
        for rows in _portions(pairs[order]):
            own, where = pairs[order[rows]], places[order[rows]]
            numbers, at = np.unique(own, return_inverse=True)
            pictures = self._pictures(numbers)
            one, other = at.reshape(-1, 2).T
            grey = np.rint(pictures @ GREY).astype(np.uint8)
            near, where = promising(grey[one], grey[other], where, level=1)
            found = np.zeros(int(near.sum()), PAIR)
            found["one"], found["other"] = own[near].T
            found["similarity"] = similarities(pictures[one[near]], pictures[other[near]], where[near])
            out.append(found[found["similarity"] >= SAME])
        return np.concatenate(out)

    def _pictures(self, numbers: np.ndarray) -> np.ndarray:
        out = np.empty((len(numbers), SIDE, SIDE, 3), np.uint8)
        say = self.progress
        report = None if say is None else lambda _, done, total: say("comparing pictures", done, total)
        fill(out, self.items, self.rows[numbers], self.raws[numbers], report, self.workers)
        return out


def _key(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _portions(pairs: np.ndarray) -> Iterator[slice]:
    """Slices of pairs with a bounded number of images in each."""
    step = PICTURES // 2
    for start in range(0, len(pairs), step):
        yield slice(start, start + step)


def _unasked(count: int, found: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of a chain's most connected image with those that it was not compared with."""
    links = np.stack([found["one"], found["other"]], axis=1)
    root = connected(count, links)
    out = []
    partners = _partners(links)
    for members in sets(root):
        held = set(members.tolist())
        while len(held) > 2:
            leader = max(sorted(held), key=lambda k: len(partners[k] & held))
            own = partners[leader] & held
            out += [(leader, k) for k in sorted(held - own - {leader})]
            held -= own | {leader}
    return out


def _partners(links: np.ndarray) -> dict[int, set[int]]:
    out: dict[int, set[int]] = {}
    for a, b in links.tolist():
        out.setdefault(a, set()).add(b)
        out.setdefault(b, set()).add(a)
    return out


def sets(groups: np.ndarray) -> list[np.ndarray]:
    """Positions of the members of each group of two or more, the largest group first.

    Example:
        >>> [members.tolist() for members in sets(np.array([0, 1, 0, 3, 1, 1]))]
        [[1, 4, 5], [0, 2]]
    """
    order = np.argsort(groups, kind="stable")
    cuts = np.flatnonzero(np.diff(groups[order])) + 1
    return sorted(
        (part for part in np.split(order, cuts) if len(part) > 1), key=lambda part: (-len(part), int(part[0]))
    )


def led(count: int, pairs: np.ndarray) -> np.ndarray:
    """Groups in which every image was confirmed to be like the group's leader; nothing is chained.

    Args:
        count: of images.
        pairs: (P,) of `PAIR`, numbers below `count`.

    Returns:
        (count,) int64: the leader of each image; itself for most.

    Example:
        >>> pairs = np.array([(0, 1, 0.9), (1, 2, 0.9), (2, 3, 0.9), (3, 4, 0.9)], PAIR)
        >>> led(5, pairs).tolist()
        [1, 1, 1, 3, 3]
    """
    leader = np.arange(count)
    links = np.stack([pairs["one"], pairs["other"]], axis=1)
    partners = _partners(links)
    for members in sets(connected(count, links)):
        held = set(members.tolist())
        while len(held) > 1:
            # of those that most are like, the first
            chief = max(sorted(held), key=lambda k: len(partners[k] & held))
            own = partners[chief] & held
            leader[sorted(own)] = chief
            held -= own | {chief}
    return leader


def followers(leaders: np.ndarray, pairs: np.ndarray) -> list[tuple[int, list[tuple[int, float]]]]:
    """Each leader of others with its members and how similar they are to it, the largest group first.

    Args:
        leaders: (N,), of `led`.
        pairs: (P,) of `PAIR`.

    Example:
        >>> pairs = np.array([(0, 1, 0.75), (1, 2, 1.0)], PAIR)
        >>> followers(led(3, pairs), pairs)
        [(1, [(0, 0.75), (2, 1.0)])]
    """
    known = {_key(int(a), int(b)): float(s) for a, b, s in pairs}
    out = []
    for members in sets(leaders):
        chief = int(leaders[members[0]])
        own = [int(k) for k in members if _key(chief, int(k)) in known]
        out.append((chief, [(k, known[_key(chief, k)]) for k in own]))
    return sorted(((chief, own) for chief, own in out if own), key=lambda group: (-len(group[1]), group[0]))
