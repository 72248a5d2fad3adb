"""Latency from a table: what each kind of block takes on some machine, added up for a network.

A block is a layer with what ONNX Runtime folds into it: the batch norm and the activation that only it feeds.
Its time is the sum of its operators' own times in ONNX Runtime's profile, without the change of layout at
both ends. A network then takes ``overhead + factor x sum of its blocks + step x their number``; the profile
itself takes time at every operator, so the step is often below zero. The three are fitted on whole networks,
and the error is measured on others. A block that the table does not hold is estimated from its neighbours of
the same kind, by its multiply-adds and the numbers that it reads and writes; a layer of which the table holds
nothing is said in one line.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..graph import Graph, Node
from ..kinds import Shape, size
from ..kinds.input_layer import InputLayer
from ..runs.files import write_whole

FORMAT = 1
RUNS = 30
NEIGHBOURS = 4
LEAST = 0.2  # of the sum of its blocks: no network takes less
_FOLDED = frozenset(("BatchNormalization", "Activation", "ReLU", "Dropout", "SpatialDropout2D", "Rescaling"))
_FREE = frozenset(("InputLayer", "Flatten", "Reshape", "Dropout", "SpatialDropout2D"))
_LAYOUT = frozenset(("Transpose", "ReorderInput", "ReorderOutput"))
_IGNORED = ("initializer", "regularizer", "constraint", "seed")


@dataclass(frozen=True)
class Block:
    """A layer and what is folded into it.

    Args:
        nodes: in order; the first is the layer.
        shapes: of the first one's inputs.
        out: the last one's shape.
    """

    nodes: tuple[Node, ...]
    shapes: tuple[Shape, ...]
    out: Shape

    @property
    def key(self) -> str:
        """What it is, whatever its layers are called: kinds, settings that cost time, shapes."""
        what = [[node.kind_name, _settings(node)] for node in self.nodes]
        return json.dumps([what, [list(shape) for shape in self.shapes]], sort_keys=True)

    @property
    def kind(self) -> str:
        """Its layer with window, stride and activation, and the layout: blocks of one kind are neighbours."""
        window = getattr(self.nodes[0].kind, "kernel_size", None) or getattr(
            self.nodes[0].kind, "pool_size", None
        )
        strides = getattr(self.nodes[0].kind, "strides", None) or (1, 1)
        words = [self.nodes[0].kind_name, *(f"{length[0]}x{length[1]}" for length in (window,) if length)]
        words += [f"stride {strides[0]}"] if strides[0] > 1 else []
        words += [getattr(node.kind, "activation", None) or "linear" for node in self.nodes]
        # ONNX Runtime's fast layout wants channels by eights.
        words += ["aligned" if all((shape[-1] or 0) % 8 == 0 for shape in (*self.shapes, self.out)) else ""]
        return " ".join(word for word in words if word and word != "linear")

    @property
    def traits(self) -> tuple[float, float, float]:
        """ln of multiply-adds, of numbers read and of numbers written, each plus one."""
        macs = self.nodes[0].kind.macs(*self.shapes) or 0
        read = sum(size(shape) or 0 for shape in self.shapes)
        return math.log1p(macs), math.log1p(read), math.log1p(size(self.out) or 0)

    def graph(self) -> Graph:
        """The block as a network of its own."""
        inputs = [Node(f"input_{place}", InputLayer(shape)) for place, shape in enumerate(self.shapes)]
        nodes, before = list(inputs), tuple(node.name for node in inputs)
        for node in self.nodes:
            nodes.append(Node(node.name, node.kind, before))
            before = (node.name,)
        return Graph("block", nodes)


def blocks(graph: Graph) -> Iterator[Block]:
    """The blocks of a network; what takes no time is in none.

    Args:
        graph: a network with known sizes.
    """
    folded: set[str] = set()
    for node in graph.nodes:
        if node.name in folded or node.kind_name in _FREE:
            continue
        chain = [node]
        takers = graph.consumers(node.name)
        while len(takers) == 1 and takers[0].kind_name in _FOLDED and chain[-1].name not in graph.outputs:
            chain.append(takers[0])
            folded.add(takers[0].name)
            takers = graph.consumers(takers[0].name)
        yield Block(tuple(chain), graph.input_shapes(node), graph.shapes[chain[-1].name])


@dataclass
class LatencyTable:
    """Latencies of blocks, measured on one machine.

    Args:
        space, input_shape, classes: whose blocks they are.
        machine: where they were measured.
        threads: of ONNX Runtime.
        batch: images in one run.
        rows: a block's key -> {"kind", "traits", "us"}: microseconds.
        overhead_ms: of a network with no blocks.
        factor: milliseconds of a network for each millisecond of its blocks.
        step_ms: milliseconds of a network for each block, whatever it does.
        error: median of |predicted / measured - 1| over networks that it was not fitted on.
        worst: the largest of them.
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

    def __post_init__(self) -> None:
        self._laws: dict[tuple[str, int], tuple[Any, Any, Any]] = {}

    def check(self, space: str, input_shape: tuple[int, ...], classes: int) -> None:
        """Raise BadInput unless the table is of this space, these images and so many classes."""
        own = (self.space, tuple(self.input_shape), self.classes)
        if own != (space, tuple(input_shape), classes):
            shown = [f"space {name}, input {'x'.join(map(str, shape))}, {many} classes"
                     for name, shape, many in (own, (space, input_shape, classes))]  # fmt: skip
            raise BadInput(
                "--latency-table", f"is of {shown[0]}", shown[1], "convsmith latency-table of this space"
            )

    def parts(self, graph: Graph) -> tuple[float, int]:
        """Milliseconds of all its blocks, and how many they are.

        Raises:
            BadInput: a block of a kind that the table does not hold.
        """
        found = [self._us(block) for block in blocks(graph)]
        return math.fsum(found) / 1e3, len(found)

    def latency_ms(self, graph: Graph) -> float:
        """Milliseconds that the network takes, by the table; raises as `parts`."""
        blocks_ms, count = self.parts(graph)
        return max(self.overhead_ms + self.factor * blocks_ms + self.step_ms * count, LEAST * blocks_ms)

    def _us(self, block: Block) -> float:
        row = self.rows.get(block.key)
        if row is not None:
            return float(row["us"])
        alike = [row for row in self.rows.values() if row["kind"] == block.kind]
        if len(alike) < NEIGHBOURS:
            layer = block.nodes[0].kind_name
            alike = [row for row in self.rows.values() if row["kind"].split()[0] == layer]
        if not alike:
            raise BadInput(
                "--latency-table",
                f"has no row for {block.kind} of {' and '.join(map(str, block.shapes))}",
                "a table of this space",
                "convsmith latency-table once more, with more --networks",
            )
        return self._estimate(block, alike)

    def _estimate(self, block: Block, alike: list[dict[str, Any]]) -> float:
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


def read_table(path: str | Path) -> LatencyTable:
    """The table that `LatencyTable.write` wrote.

    Raises:
        BadInput: no such file, or not such a table.
    """
    try:
        found = json.loads(Path(path).read_text())
        if found.pop("format") != FORMAT:
            raise ValueError("another format")
        table = LatencyTable(**found)
        numbers = [table.factor, *(row["us"] for row in table.rows.values())]
        if not all(math.isfinite(number) and number >= 0 for number in numbers):
            raise ValueError("a time that is none")
        if not all(isinstance(row["kind"], str) and len(row["traits"]) == 3 for row in table.rows.values()):
            raise ValueError("a row without kind and traits")
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


def _settings(node: Node) -> dict[str, Any]:
    return {
        name: value
        for name, value in node.kind.settings().items()
        if not name.endswith(_IGNORED) and name not in ("rate", "momentum", "epsilon")
    }
