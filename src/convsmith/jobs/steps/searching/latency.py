"""What a search's limit on latency is checked with: this machine, or a table measured on another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...running.job import AnyJob

if TYPE_CHECKING:
    from ....formats.latency_table import LatencyTable
    from ....graph import Graph

MARGIN = 1.05
"""A candidate counts as this much slower than measured, so that the winner keeps the limit later, too."""


def measure_or_predict(job: AnyJob, sha256: str | None = None) -> Callable[[Graph], float]:
    """Milliseconds of a network: its exported form on this machine, or what the recipe's table says.

    Args:
        job: the job.
        sha256: of the pretrained network whose members are asked for; None for those of the space.

    Raises:
        BadInput: a table that cannot be read, or is of other images.
    """
    known = table_of(job, sha256)
    if known is not None:
        job.display.say(
            "the latency table holds no margin: it may err either way; convsmith latency-table adds one"
            if known.margin is None
            else f"the limit on latency counts {known.margin:.3g} times what the table says, which "
            f"{known.coverage or 0:.0%} of measured networks keep"
        )
        return known.at_most_ms
    from ....formats.latency import latency_ms

    batch = job.target.latency_batch
    return lambda graph: MARGIN * latency_ms(graph, batch=batch, seconds=0.15).median_ms


def table_of(job: AnyJob, sha256: str | None = None) -> LatencyTable | None:
    """The recipe's latency table; None without one.

    Args:
        job: the job.
        sha256: as of `measure_or_predict`; the table as it holds for those, None where it holds none.
    """
    path = job.target.latency_table
    if path is None:
        return None
    from ....formats.latency_table import read_table

    table = read_table(path)
    if sha256 is not None:
        return table.for_pretrained(sha256)
    table.check(str(job.recipe["space"]), job.input_shape, len(job.images.classes))
    return table
