"""Measure a table of latencies on the machine where networks must run, for searches elsewhere."""

from __future__ import annotations

import json
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..endings import ending_of
from ..errors import BadInput
from ..notebooks import InNotebooks
from ..runs.environment import cpu_model
from ..units import Size, counted

if TYPE_CHECKING:
    from ..formats.latency_blocks import TimedBlock
    from ..formats.latency_table import LatencyTable
    from ..graph import Graph
    from ..nas.choose import SpaceFunction
    from ..pretrained import Source

SAVE_EVERY = 20  # blocks
WHOLE, FEWEST = 40, 8  # networks measured whole; of 40 a margin for 95% of them can be told


@dataclass(frozen=True, repr=False)
class Measured(InNotebooks):
    """What was measured, and how well blocks add up."""

    path: str
    rows: int
    new: int
    missing: int
    error: float | None
    worst: float | None
    margin: float | None
    coverage: float | None
    machine: str

    def render(self, wanted: str) -> str:
        """As text or as one JSON object."""
        if wanted == "json":
            return json.dumps(vars(self))
        fit = (
            "" if self.error is None else
            f"; on whole networks it errs by {self.error:.0%} in the median, {self.worst:.0%} at worst; "
            f"a limit counts {self.margin:.3g} times what it says, which {self.coverage:.0%} of them keep"
        )  # fmt: skip
        left = f"; {self.missing} blocks are left: the same command goes on" if self.missing else ""
        return f"{self.path}: {self.rows} blocks ({self.new} new) on {self.machine}{fit}{left}"


def latency_table(
    space: str | SpaceFunction,
    *,
    input_shape: Size,
    classes: int = 10,
    output: str = "latency.json",
    pretrained: str = "auto",
    networks: int = 120,
    minutes: float = 10.0,
    threads: int = 1,
    batch: int = 1,
    seed: int = 0,
    quiet: bool = False,
) -> Measured:
    """Measure what the blocks of a space's networks take on this machine, in ONNX Runtime.

    Take the file to where the search runs: "convsmith search SPACE photos/ --max-latency-ms 2 --latency-table
    latency.json" then keeps the limit for the machine of the table. Stopped and started again, it goes on.

    Args:
        space: whose networks; "convsmith list spaces" shows them; or mine.py:my_space.
        input_shape: rows, columns and channels of the images, such as 64x64x3.
        classes: how many classes the search will have.
        output: the file to write, or to go on with.
        pretrained: also measure what a pretrained network is made of, at the sizes that forge tries: "auto"
            takes the usual one where its weights are here and the images are large enough; "none"; or a name
            of "convsmith list pretrained".
        networks: how many networks, drawn at random, the blocks are taken from.
        minutes: how long all of it may take.
        threads: of ONNX Runtime.
        batch: images in one run.
        seed: of the networks that are drawn.
        quiet: no progress on standard error.

    Raises:
        BadInput: an unknown space, sizes that are none, or a file that is another table.

    Example:
        >>> found = latency_table("chain", input_shape=(8, 8, 1), networks=1, minutes=0.01, quiet=True)
        >>> found.path
        'latency.json'
    """
    import numpy as np

    from ..nas.spaces import name_of
    from ..nas.spaces import space as find_space
    from ..pretrained.space import NAME as PRETRAINED

    for name, value in (("classes", classes), ("networks", networks), ("threads", threads), ("batch", batch)):
        if value < 1:
            raise BadInput(f"--{name}", f"got {value}", "at least 1", f"--{name} 1")
    if not minutes > 0:
        raise BadInput("--minutes", f"got {minutes}", "more than 0", "--minutes 10")
    if len(input_shape) != 3:
        raise BadInput("--input", f"got {input_shape}", "rows, columns and channels", "--input 64x64x3")
    if space == PRETRAINED:
        raise BadInput(
            "space", f"'{space}' depends on the network that it is made of", "a space with blocks of its own",
            "convsmith list spaces",
        )  # fmt: skip
    ending_of(output, (".json",))
    members, source = _members(pretrained, input_shape, classes)
    rows, columns, channels = input_shape
    where = (rows, columns, channels)
    images, rng = find_space(name_of(space), where, classes), np.random.default_rng(seed)
    table = _table(Path(output), images.name, where, classes, threads, batch)
    until = time.monotonic() + 60 * minutes
    before = len(table.rows)
    wanted = _wanted([images.graph(images.sample(rng)) for _ in range(networks)]) | _wanted(members)
    missing = [(key, block) for key, block in wanted.items() if key not in table.rows]
    _measure_blocks(table, missing, Path(output), until - 12 * minutes, quiet)
    fresh = np.random.default_rng([seed, 1])
    whole = [images.graph(images.sample(fresh)) for _ in range(WHOLE)]
    law = _measured_whole(table, whole, until)
    for name, value in law.items():
        setattr(table, name, value)
    if source is not None:
        some = members[:: max(1, len(members) // WHOLE)]
        law = _measured_whole(table, some, until + 3 * minutes)
        if law:
            table.pretrained = {"name": source.name, "sha256": source.sha256} | law
    table.write(output)
    left = sum(key not in table.rows for key in wanted)
    new = len(table.rows) - before
    return Measured(
        output, len(table.rows), new, left, table.error, table.worst, table.margin, table.coverage,
        table.machine,
    )  # fmt: skip


def _table(
    path: Path, space: str, where: tuple[int, int, int], classes: int, threads: int, batch: int
) -> LatencyTable:
    """The table at the path, to go on with, or a new one."""
    from ..formats.latency_table import LatencyTable, read_table

    machine = f"{cpu_model() or platform.machine()}, {counted(threads, 'thread')}"
    if not path.exists():
        return LatencyTable(space, where, classes, machine, threads, batch)
    table = read_table(path)
    of: tuple[Any, ...] = (table.space, table.input_shape, table.classes, table.machine, table.batch)
    if of != (space, where, classes, machine, batch):
        came = "is a table of space {}, {}, {} classes, {}, batch {}".format(*of)
        raise BadInput(f"--output {path}", came, "the same settings, or another file", "--output other.json")
    return table


def _wanted(graphs: list[Graph]) -> dict[str, TimedBlock]:
    """Every block of the networks once, those of most networks first."""
    from ..formats.latency_blocks import blocks

    found: dict[str, TimedBlock] = {}
    counts: dict[str, int] = {}
    for graph in graphs:
        for block in blocks(graph):
            found.setdefault(block.key, block)
            counts[block.key] = counts.get(block.key, 0) + 1
    return {key: found[key] for key in sorted(found, key=lambda key: -counts[key])}


def _measure_blocks(
    table: LatencyTable, missing: list[tuple[str, TimedBlock]], path: Path, until: float, quiet: bool
) -> None:
    from ..formats.latency_table import block_us

    for place, (key, block) in enumerate(missing):
        if time.monotonic() > until and table.rows:
            break
        us = block_us(block.graph(), threads=table.threads, batch=table.batch)
        table.rows[key] = {"kind": block.kind, "traits": list(block.traits), "us": us}
        if place % SAVE_EVERY == SAVE_EVERY - 1:
            table.write(path)
            if not quiet:
                print(f"{place + 1} of {len(missing)} blocks", file=sys.stderr, flush=True)


def _members(pretrained: str, input_shape: Size, classes: int) -> tuple[list[Graph], Source | None]:
    """Networks of every cut of a pretrained one, at the sizes that are tried on such images; and the source.

    Sides of the images' proportions; small images are made larger inside the network.
    """
    from ..pretrained import SOURCES, open_source
    from ..pretrained.members import member
    from ..pretrained.opening import on_this_machine
    from .steps.pretrained.places import SIDES
    from .steps.pretrained.source import DEFAULT, SMALLEST

    rows, columns, channels = input_shape
    longest = max(rows, columns)
    is_auto = pretrained == "auto"
    if pretrained == "none" or (
        is_auto and (longest < SMALLEST or on_this_machine(SOURCES[DEFAULT]) is None)
    ):
        return [], None
    source = open_source(DEFAULT if is_auto else pretrained)
    found = []
    for side in dict.fromkeys((*SIDES, longest)):
        scale = side / longest
        sides = max(8, round(rows * scale)), max(8, round(columns * scale))
        for cut in source.cuts:
            shape = (rows, columns, channels) if side > longest else (*sides, channels)
            found.append(member(source, cut.name, shape, classes, sides=sides))
    return found, source


def _measured_whole(table: LatencyTable, graphs: list[Graph], until: float) -> dict[str, Any]:
    """The law of whole networks, by name; error and margin are of each by the law of the others.

    Nothing where there was no time for enough of them.
    """
    import numpy as np

    from ..formats.calibration import fit_law, margin, shortfalls
    from ..formats.latency import latency_ms

    parts: list[tuple[float, int]] = []
    took: list[float] = []
    for graph in graphs:
        if time.monotonic() > until and len(took) >= FEWEST:
            break
        try:
            parts.append(table.parts(graph))
        except BadInput:  # a kind that the table does not hold yet
            continue
        took.append(latency_ms(graph, threads=table.threads, batch=table.batch, seconds=0.15).median_ms)
    if len(took) < FEWEST:
        return {}
    x, y = np.array(parts), np.array(took)
    law, found = fit_law(x, y), shortfalls(x, y)
    errors = np.abs(1 / found - 1)
    most, share = margin(found)
    return {
        "overhead_ms": law.overhead_ms, "factor": law.factor, "step_ms": law.step_ms,
        "error": float(np.median(errors)), "worst": float(errors.max()), "margin": most, "coverage": share,
    }  # fmt: skip
