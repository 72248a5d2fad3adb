"""A bank of views of the training images at a student's size, and a teacher's features of each view.

Files in a cache folder, by content: what is there already is not made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..data.files.evict import evict, used
from ..data.files.wholefile import whole
from .views import drawn, rendered, rounded

if TYPE_CHECKING:
    import torch

BATCH = 32
VERSION = 1


class Seer(Protocol):
    """A teacher: `features.Features` of one cut, or a network that says its logits."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels that it takes."""

    @property
    def cuts(self) -> tuple[str, ...]:
        """What it gives."""

    def of(self, x_NCHW: torch.Tensor) -> list[np.ndarray]:
        """Of a batch of raw pixels, float32: arrays (N, channels), of which the last one counts."""


@dataclass(frozen=True)
class Bank:
    """Views of images.

    Args:
        x_NHWC: the images, (N, H, W, C) uint8, as finely as the teacher wants them; may be memory-mapped.
        key: stands for these images and their order.
        views: of each image.
        seed: of where the views lie.
        flips: whether half of them are mirrored.
        folder: the cache folder.
    """

    x_NHWC: np.ndarray
    key: str
    views: int
    seed: int
    flips: bool
    folder: Path

    def features(
        self, seer: Seer, source_key: str, *, progress: Callable[[float], None] = lambda share: None
    ) -> np.ndarray:
        """What a teacher sees in each view: its pooled last feature map, float16 (N, views, channels).

        Args:
            seer: gives the features of one cut, or its logits.
            source_key: stands for its weights.
            progress: called with the share that is done.
        """
        found = []
        for view in range(self.views):
            found.append(self._features(seer, source_key, view))
            progress((view + 1) / self.views)
        return np.stack(found, 1)

    def _features(self, seer: Seer, source_key: str, view: int) -> np.ndarray:
        sides = seer.shape[:2]
        path = self._path("features", f"{source_key}{seer.shape}{seer.cuts}{view}", ".npy")
        known = _array(path)
        if known is not None and len(known) == len(self.x_NHWC):
            return known
        places, parts = self._places(view), []
        for start in range(0, len(self.x_NHWC), BATCH):
            rows = slice(start, start + BATCH)
            parts.append(seer.of(rendered(self.x_NHWC[rows], places[rows], sides))[-1])
        found = np.concatenate(parts).astype(np.float16)
        with whole(path) as draft, open(draft, "wb") as file:
            np.save(file, found)
        evict(self.folder, keep=path)
        return found

    def pixels(
        self, shape: tuple[int, int, int], *, progress: Callable[[float], None] = lambda share: None
    ) -> np.ndarray:
        """The views at a student's size, memory-mapped uint8 (N x views, rows, columns, channels).

        The views of an image lie side by side, as `engine.loop.fit` takes them with ``views=``.
        """
        path = self._path("views", f"{shape}{self.views}", ".npy")
        wanted = (len(self.x_NHWC) * self.views, *shape)
        known = _array(path)
        if known is not None and known.shape == wanted:
            return known
        places = np.stack([self._places(view) for view in range(self.views)], 1)
        with whole(path) as draft:
            made = np.lib.format.open_memmap(draft, mode="w+", dtype=np.uint8, shape=wanted)
            for start in range(0, len(self.x_NHWC), BATCH):
                images = np.repeat(np.asarray(self.x_NHWC[start : start + BATCH]), self.views, 0)
                where = places[start : start + BATCH].reshape(-1, 5)
                part = rounded(rendered(images, where, shape[:2]))
                made[start * self.views : start * self.views + len(part)] = part
                progress(min(1.0, (start + BATCH) / len(self.x_NHWC)))
            made.flush()
            del made
        evict(self.folder, keep=path)
        found = _array(path)
        assert found is not None
        return found

    def _places(self, view: int) -> np.ndarray:
        return drawn(len(self.x_NHWC), view, seed=self.seed, flips=self.flips)

    def _path(self, kind: str, more: str, suffix: str) -> Path:
        what = f"{VERSION}{self.key}{self.x_NHWC.shape}{self.seed}{self.flips}{more}"
        return self.folder / f"{kind}-{hashlib.sha256(what.encode()).hexdigest()[:32]}{suffix}"


def _array(path: Path) -> np.ndarray | None:
    """A cached array, memory-mapped; None where there is none or it is not whole."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    used(path)
    return found
