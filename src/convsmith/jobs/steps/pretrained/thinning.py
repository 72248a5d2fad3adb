"""Cuts that are over the budget, with fewer inner channels: which fit, and what linear heads make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...running.job import ForgeJob
from .places import LARGE, Place, member_at

if TYPE_CHECKING:
    import numpy as np

    from ....graph import Graph
    from ....pretrained import Source

DEEPER = 4
"""Cuts behind the deepest one that fits as it is, which are looked at."""
LEFT = 0.6
"""Of what the inner channels carry, less than which nothing is gained by starting from the weights."""
JUDGED = 6
"""Thinned networks that get a linear head, at most."""
SETTLED_ON = 256
"""Training images that the batch norms' statistics are measured on, at most."""


def thinned_rows(job: ForgeJob, source: Source, table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows for cuts over the budget that fit with fewer inner channels, the most promising first.

    Args:
        job: the job.
        source: the pretrained network.
        table: the rows of the cuts as they are, of every size that was judged.
    """
    from ....pretrained.thinned import thinned

    found: list[tuple[float, dict[str, Any]]] = []
    for sides in dict.fromkeys(tuple(row["sides"]) for row in table):
        rows = [row for row in table if tuple(row["sides"]) == sides]
        for row in next_ones(rows):
            shares = thinned(source, lambda keep, row=row: _graph(job, source, row, keep), job.budget)  # type: ignore[misc]
            if shares is None or shares[1] < LEFT:
                continue
            keep = {name: round(share, 4) for name, share in shares[0].items()}
            verdict = job.budget.without_latency().check(_graph(job, source, row, keep))
            figures = {name: verdict.figures[name] for name in ("params", "macs", "bytes", "memory")}
            about = {name: row[name] for name in ("cut", "size", "sides", "latency_ms")}
            if verdict.kept:
                more = {"fits": True, "keep": keep, "carried": round(shares[1], 4)}
                found.append((row["left_out"] * shares[1], about | figures | more))
    found.sort(key=lambda one: (-one[0], one[1]["macs"]))
    sizes: dict[str, int] = {}
    turns = []
    for promise, row in found:  # of each cut its best size first, then its second
        sizes[row["cut"]] = sizes.get(row["cut"], 0) + 1
        turns.append((sizes[row["cut"]], -promise, row))
    return [row for _, _, row in sorted(turns, key=lambda turn: turn[:2])][:JUDGED]


def next_ones(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the rows of one size, in the order of the network, those that may fit when thinned."""
    if max(rows[0]["sides"]) > LARGE:
        return []
    deepest = max((at for at, row in enumerate(rows) if row["fits"]), default=-1)
    return rows[deepest + 1 : deepest + 1 + DEEPER]


def pooled(
    job: ForgeJob, source: Source, row: dict[str, Any], rows: np.ndarray, train: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What a thinned network makes of images before any training, and its weights.

    Its batch norms' statistics are measured anew: with channels gone they are others.

    Args:
        job: the job.
        source: the pretrained network.
        row: of a thinned network.
        rows: positions of the images.
        train: positions of the training images that the statistics are measured on.

    Returns:
        Features (images, channels) and the member's weights, whose head is new.
    """
    import numpy as np

    from ....data.view import selected
    from ....engine.lower import lower
    from ....engine.lowered.passes import INFERENCE, TRAINING
    from ....engine.predict import predict
    from ....engine.train.statistics import sample, settle
    from ....engine.weights import dump
    from ....graph import Graph
    from ....graph.fold import fold
    from ....pretrained.inherit import inherited
    from ....pretrained.members import HEAD

    graph = _graph(job, source, row, row["keep"])
    weights = inherited(graph, source, seed=job.options.seed)
    headless = Graph(
        graph.name, [node for node in graph.nodes if node.name != HEAD], ("pooled",), graph.inputs
    )
    own = {name: array for name, array in weights.items() if name in headless.weights}
    place = Place(tuple(row["size"]), tuple(row["sides"]))  # type: ignore[arg-type]
    pixels = job.pixels(place.size)
    seen = np.asarray(selected(pixels, np.sort(train)))
    module = lower(headless, own, passes=TRAINING)
    settle(module, seen, sample(len(seen), job.options.seed, SETTLED_ON))
    own = dump(module)
    folded = lower(*fold(headless, own), passes=INFERENCE)
    return predict(folded, selected(pixels, rows)), weights | own


def _graph(job: ForgeJob, source: Source, row: dict[str, Any], keep: Any) -> Graph:
    place = Place(tuple(row["size"]), tuple(row["sides"]))  # type: ignore[arg-type]
    return member_at(job, source, row["cut"], place, keep=keep)
