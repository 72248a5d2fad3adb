"""Which images the candidates of a search are trained on: of very many, a part tells them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...running.job import ForgeJob
from .earlier import earlier_plan

if TYPE_CHECKING:
    import numpy as np

SEARCHED = "searched.json"
FEWEST = 10_000
EACH_MINUTE = 1_000


def searched(job: ForgeJob) -> np.ndarray:
    """Rows of the training images that candidates are trained on, in order.

    All of them, but with a time limit at most a thousand for each of its minutes, and ten thousand at least:
    an epoch of more would leave time for a few candidates only, and small ones. The part has the classes'
    proportions. The finished network is trained on all images.

    How many they are is decided once, in searched.json.
    """
    import numpy as np

    train = np.sort(job.split.train)
    if not job.run.has(SEARCHED):
        minutes, earlier = job.options.minutes, earlier_plan(job.options.plan, SEARCHED)
        most = len(train) if minutes is None else max(FEWEST, round(EACH_MINUTE * minutes))
        job.run.write_json(SEARCHED, earlier or {"images": min(most, len(train))})
    count = int(job.run.read_json(SEARCHED)["images"])
    return train if count >= len(train) else train[part(job.images.y[train], count, job.options.seed)]


def part(classes: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Places of `count` of these class numbers in which each class has its share, in order.

    Example:
        >>> import numpy as np
        >>> rows = part(np.array([0, 1, 0, 1, 0, 0, 0, 0]), 4, seed=0)
        >>> len(rows), (rows % 2).sum() > 0
        (4, np.True_)
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    turn = np.empty(len(classes))  # each class spread evenly over the same line; its beginning is taken
    for one in np.unique(classes):
        places = rng.permutation(np.flatnonzero(classes == one))
        turn[places] = (np.arange(len(places)) + rng.uniform()) / len(places)
    return np.sort(np.argsort(turn, kind="stable")[:count])
