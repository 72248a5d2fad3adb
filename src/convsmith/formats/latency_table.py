"""Latency from a table: what each kind of block takes on some machine, added up for a network.

A block's time (`latency_blocks`) is the sum of its operators' own times in ONNX Runtime's profile, without
the change of layout at both ends. A network then takes ``overhead + factor x sum of its blocks + step x
their number``; the profile itself takes time at every operator, so the step is often below zero. The three
are fitted on whole networks, and so is the margin that a limit keeps (`calibration`). A block that the table
does not hold is estimated from its neighbours of the same kind, by its multiply-adds and the numbers that it
reads and writes; a layer of which the table holds nothing is said in one line.
"""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..graph import Graph
from ..runs.files import write_whole
from ..strict_json import parse
from ..units import counted
from .calibration import Law
from .latency_blocks import TimedBlock, alignment, blocks

FORMAT = 1
RUNS = 30
NEIGHBOURS = 4
LAW = ("overhead_ms", "factor", "step_ms", "error", "worst", "margin", "coverage")
"""What is fitted on whole networks."""
MOST_BYTES = 64_000_000
_LAYOUT = frozenset(("Transpose", "ReorderInput", "ReorderOutput"))


@dataclass
class LatencyTable:
    """Latencies of blocks, measured on one machine.

    Args:
        space, input_shape, classes: whose blocks they are.
        machine: where they were measured.
        threads: of ONNX Runtime.
        batch: images in one run.
        rows: a block's key -> {"kind", "traits", "us"}: microseconds.
        overhead_ms, factor, step_ms: the `Law` of whole networks.
        error: median of |predicted / measured - 1| over networks, each by the law of the others.
        worst: the largest of them.
        margin: what a network takes is at most this times what the table says; None in a table of before.
        coverage: share of networks of which that is true.
        pretrained: of a pretrained network whose blocks are there, too: name, sha256, and the law, margin and
            coverage of its own members; empty without one.
    """

    space: str
    input_shape: tuple[int, ...]
    classes: int
    machine: str
    threads: int = 1
    batch: int = 1
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    overhead_ms: float = 0.0
    factor: float = 1.0
    step_ms: float = 0.0
    error: float | None = None
    worst: float | None = None
    margin: float | None = None
    coverage: float | None = None
    pretrained: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._laws: dict[tuple[str, int], tuple[Any, Any, Any]] = {}

    def check(self, space: str, input_shape: tuple[int, ...], classes: int) -> None:
        """Raise BadInput unless the table is of this space, these images and so many classes."""
        own = (self.space, tuple(self.input_shape), self.classes)
        if not self.is_of(space) or own[1:] != (tuple(input_shape), classes):
            shown = [f"space {name}, input {'x'.join(map(str, shape))}, {counted(many, 'class', 'classes')}"
                     for name, shape, many in (own, (space, input_shape, classes))]  # fmt: skip
            raise BadInput(
                "--latency-table", f"is of {shown[0]}", shown[1], "convsmith latency-table of this space"
            )

    def for_pretrained(self, sha256: str) -> LatencyTable | None:
        """The table as it holds for members of a pretrained network; None where it has no blocks of it."""
        if self.pretrained.get("sha256") != sha256:
            return None
        return replace(self, **{name: self.pretrained[name] for name in LAW if name in self.pretrained})

    def is_of(self, space: str) -> bool:
        """Whether this is the name of the table's space; a file of one's own may lie in another folder here.

        Example:
            >>> table = LatencyTable("/there/mine.py:small", (32, 32, 1), 10, "there")
            >>> table.is_of("mine.py:small"), table.is_of("mine.py:large"), table.is_of("stages")
            (True, False, False)
        """
        return _in_any_folder(self.space) == _in_any_folder(space)

    def parts(self, graph: Graph) -> tuple[float, int]:
        """Milliseconds of all its blocks, and how many they are.

        Raises:
            BadInput: a block of a kind that the table does not hold.
        """
        found = [self._us(block) for block in blocks(graph)]
        return math.fsum(found) / 1e3, len(found)

    def latency_ms(self, graph: Graph) -> float:
        """Milliseconds that the network takes, by the table; raises as `parts`."""
        return Law(self.overhead_ms, self.factor, self.step_ms)(*self.parts(graph))

    def at_most_ms(self, graph: Graph) -> float:
        """Milliseconds that the network keeps, as sure as `coverage`: what a limit is compared with."""
        return self.latency_ms(graph) * (self.margin or 1.0)

    def told(self, graph: Graph) -> str:
        """Both figures of a network in words.

        Example:
            >>> from convsmith.zoo import network
            >>> table = LatencyTable("chain", (32, 32, 1), 10, "here", margin=1.2, coverage=0.95)
            >>> rows = {block.key: {"kind": block.kind, "traits": [0, 0, 0], "us": 10.0}
            ...         for block in blocks(network("lenet5"))}
            >>> table.rows.update(rows)
            >>> table.told(network("lenet5"))
            'predicted 0.07 ms, at most 0.084 ms in 95% of measured networks'
        """
        predicted = f"predicted {self.latency_ms(graph):.3g} ms"
        if self.margin is None:
            return predicted
        share = f" in {self.coverage:.0%} of measured networks" if self.coverage else ""
        return f"{predicted}, at most {self.at_most_ms(graph):.3g} ms{share}"

    def _us(self, block: TimedBlock) -> float:
        row = self.rows.get(block.key)
        if row is not None:
            return float(row["us"])
        layer, aligned = block.kind.split()[0], alignment(block.kind)
        alike = [row for row in self.rows.values() if row["kind"] == block.kind]
        if len(alike) < NEIGHBOURS:
            same = [row for row in self.rows.values() if row["kind"].split()[0] == layer]
            alike = [row for row in same if alignment(row["kind"]) == aligned]
            alike = alike if len(alike) >= NEIGHBOURS else same
        if not alike:
            raise BadInput(
                "--latency-table",
                f"has no row for {block.kind} of {' and '.join(map(str, block.shapes))}",
                "a table of this space",
                "convsmith latency-table once more, with more --networks",
            )
        return self._estimate(block, alike)

    def _estimate(self, block: TimedBlock, alike: list[dict[str, Any]]) -> float:
        """Microseconds by a power law of the traits, fitted on the kind, put right by neighbours."""
        import numpy as np

        known = (block.kind, len(self.rows))
        if known not in self._laws:
            x = np.array([[1.0, *row["traits"]] for row in alike])
            y = np.log([row["us"] + 0.1 for row in alike])
            ridge = 0.1 * np.diag([0.0, 1.0, 1.0, 1.0])
            law = np.linalg.solve(x.T @ x + ridge + 1e-9 * np.eye(4), x.T @ y)
            self._laws[known] = law, x, y - x @ law
        law, x, left = self._laws[known]
        traits = np.array([1.0, *block.traits])
        distances = np.linalg.norm(x - traits, axis=1)
        near = np.argsort(distances)[:NEIGHBOURS]
        weights = 1 / (distances[near] + 0.2)
        return float(np.exp(traits @ law + (weights @ left[near]) / weights.sum()) - 0.1)

    def write(self, path: str | Path) -> None:
        """Write the table as JSON, whole."""
        write_whole(path, json.dumps({"format": FORMAT, **asdict(self)}, indent=1))


def _in_any_folder(space: str) -> str:
    return Path(space).name if ":" in space else space


def read_table(path: str | Path) -> LatencyTable:
    """The table that `LatencyTable.write` wrote.

    Raises:
        BadInput: no such file, or not such a table.
    """
    try:
        if Path(path).stat().st_size > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES // 1_000_000} MB")
        found = parse(Path(path).read_bytes(), f"latency table {path}", "a file of convsmith latency-table")
        if found.pop("format") != FORMAT:
            raise ValueError("another format")
        table = LatencyTable(**found)
        _check(table)
    except OSError as error:
        raise BadInput(
            f"latency table {path}", f"cannot be read ({error.strerror})", "a file of convsmith latency-table"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(
            f"latency table {path}", f"is not one ({error})", "a file of convsmith latency-table"
        ) from None
    table.input_shape = tuple(table.input_shape)
    return table


_NUMBERS: dict[str, tuple[float, float]] = {  # from, to; a file may come from anywhere
    "classes": (1, 1e6), "threads": (1, 4096), "batch": (1, 1e6), "overhead_ms": (-1e6, 1e6),
    "factor": (0, 1e4), "step_ms": (-1e3, 1e3), "error": (0, 1e6), "worst": (0, 1e6), "margin": (1, 100),
    "coverage": (0.01, 1),
}  # fmt: skip
_MAY_MISS = frozenset(("error", "worst", "margin", "coverage"))
_WHOLE = frozenset(("classes", "threads", "batch"))


def _check(table: LatencyTable) -> None:
    """Raises ValueError, TypeError or KeyError for what no table holds."""
    for name in ("space", "machine"):
        if not isinstance(getattr(table, name), str) or len(getattr(table, name)) > 1000:
            raise ValueError(f"{name} is no name")
    shape = table.input_shape
    if len(shape) != 3 or not all(isinstance(side, int) and 1 <= side <= 100_000 for side in shape):
        raise ValueError("input_shape is none")
    _check_numbers({name: getattr(table, name) for name in _NUMBERS})
    of = table.pretrained
    if not isinstance(of, dict) or (
        of and not all(isinstance(of.get(key), str) for key in ("name", "sha256"))
    ):
        raise ValueError("a pretrained network without name and sha256")
    _check_numbers({name: of[name] for name in LAW if name in of})
    for row in table.rows.values():
        if not _is_number(row["us"], 0, 1e9):
            raise ValueError("a time that is none")
        traits = row["traits"]
        if not isinstance(row["kind"], str) or not row["kind"].split() or len(traits) != 3:
            raise ValueError("a row without kind and traits")
        if not all(_is_number(trait, 0, 100) for trait in traits):
            raise ValueError("a row with traits that are none")


def _check_numbers(values: dict[str, Any]) -> None:
    for name, value in values.items():
        low, high = _NUMBERS[name]
        if value is None and name in _MAY_MISS:
            continue
        if not _is_number(value, low, high) or (name in _WHOLE and not isinstance(value, int)):
            raise ValueError(f"{name} is not a number from {low:g} to {high:g}")


def _is_number(value: object, low: float, high: float) -> bool:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and low <= value <= high  # type: ignore[operator]


def block_us(graph: Graph, *, threads: int = 1, batch: int = 1) -> float:
    """Microseconds that a network's operators take by themselves: the median of 30 runs, added up.

    Args:
        graph: a block as a network.
        threads: of ONNX Runtime.
        batch: images in one run.
    """
    import numpy as np

    from .check import open_session
    from .latency import WARM_UP, stand_in
    from .onnx import to_onnx

    with tempfile.TemporaryDirectory() as folder:
        model = to_onnx(graph, stand_in(graph))
        session = open_session(model, threads=threads, profile=str(Path(folder) / "profile"))
        rng = np.random.default_rng(0)
        feed = {
            put.name: rng.uniform(-1, 1, (batch, *put.shape[1:])).astype(np.float32)
            for put in session.get_inputs()
        }
        for _ in range(WARM_UP + RUNS):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    times: dict[str, list[float]] = {}
    for event in events:
        timed = event.get("cat") == "Node" and event["name"].endswith("_kernel_time")
        if timed and event["args"].get("op_name") not in _LAYOUT:
            times.setdefault(event["name"], []).append(float(event["dur"]) + 0.5)  # whole microseconds
    return math.fsum(float(np.median(some[WARM_UP:])) for some in times.values())
