"""Batches of a lesson: drawn from the seed and the step alone, so that no generator needs storing."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from convsmith.engine.augment import policy
from convsmith.engine.predict import to_NCHW
from convsmith.errors import BadInput


class Batches:
    """Images in batches, each epoch in another order; what does not fill a batch waits for another order.

    Args:
        x, y: images (N, H, W, C) uint8 and class numbers.
        rows: those to take.
        classes: how many.
        size: images in a batch; all rows where there are fewer.
        augment: the policy's name.
        seed, stream: of order and augmentation.

    Raises:
        BadInput: batches of less than two images: their statistics say nothing.
    """

    def __init__(
        self, x: np.ndarray, y: np.ndarray, rows: np.ndarray, *, classes: int, size: int, augment: str,
        seed: int, stream: int,
    ) -> None:  # fmt: skip
        self.size = min(size, len(rows))
        if self.size < 2:
            raise BadInput(
                "algorithm's batch", f"{size} of {len(rows)} images", "at least 2: one has no statistics",
                "--option batch=32, and more images",
            )  # fmt: skip
        self._x, self._y, self._rows, self._classes = x, np.asarray(y), rows, classes
        self._seed, self._stream = seed, stream
        self._policy = policy(augment, x)[0]
        self.count = len(rows) // self.size
        self._epoch, self._order = -1, rows

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Images, varied, NCHW float32, and rows of targets."""
        epoch, place = divmod(step, self.count)
        if epoch != self._epoch:
            rng = np.random.default_rng([self._seed, self._stream, epoch])
            self._epoch, self._order = epoch, rng.permutation(self._rows)
        rows = np.sort(self._order[place * self.size : (place + 1) * self.size])
        generator = torch.Generator().manual_seed(
            int(np.random.default_rng([self._seed, self._stream, 1, step]).integers(2**62))
        )
        target = F.one_hot(torch.from_numpy(self._y[rows].astype(np.int64)), self._classes).float()
        with torch.random.fork_rng(devices=[]):
            return self._policy(to_NCHW(self._x[rows]), target, classes=self._classes, generator=generator)


def halves(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two halves of so many rows: one to train weights on, one for what is chosen."""
    order = np.random.default_rng([seed, 9]).permutation(count)
    return np.sort(order[: count // 2]), np.sort(order[count // 2 :])
