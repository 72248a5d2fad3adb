"""`size`: what a network costs, layer by layer, every figure with its formula, unit and convention."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..graph import Graph
from ..kinds import GIVE_SIZES
from ..printable import shortened
from ..units import Bytes, Count, Size, counted, show_bytes, show_count
from .budget import Budget, Excess
from .files import check_ending, save
from .rows import Row, rows
from .source import Network, graph_of
from .table import Table, Tabled
from .totals import Totals, concentration, totals
from .views import VIEWS
from .what_if import changed

View = Literal["default", "formulas", "full", "course"]
Precision = Literal["float32", "float16", "int8"]


@dataclass(frozen=True, repr=False)
class Ledger(Tabled):
    """What a network costs. ``print(ledger)`` shows the table; the forms are attributes.

    Args:
        graph: the network.
        rows: one for each layer.
        totals: their sums, memory and receptive field.
        over: the limits that are exceeded; empty when there are none.
        view: which columns the tables have.
        milliseconds: measured time by layer, where it was asked for.
        before: the network before the changes of `what_if`.
    """

    graph: Graph
    rows: tuple[Row, ...]
    totals: Totals
    over: tuple[Excess, ...] = ()
    view: str = "default"
    milliseconds: Mapping[str, Any] | None = None
    before: Graph | None = None

    @property
    def table(self) -> Table:
        """The chosen view as a table."""
        return VIEWS[self.view](self)

    @property
    def in_short(self) -> str:
        """The network, and its totals in words."""
        return f"{self.graph.name}: {_sentence(self.totals)}"

    def to_json(self) -> dict[str, Any]:
        """Rows and totals as ``docs/ledger-json.md`` describes them."""
        found: dict[str, Any] = {
            "network": self.graph.name,
            "rows": [row.to_json() for row in self.rows],
            "totals": self.totals.to_json(),
            "over_budget": [excess.to_json() for excess in self.over],
        }
        if self.before is not None:
            found["before"] = {"params": self.before.params, "macs": self.before.macs}
        if self.milliseconds is not None:
            for row in found["rows"]:
                row["measured"] = self.milliseconds.get(row["name"])
        return found

    @property
    def exit_code(self) -> int:
        """1 when it is over the budget, else 0."""
        return 1 if self.over else 0

    def with_view(self, view: View) -> Ledger:
        """The same ledger with other columns."""
        return replace(self, view=view)

    @property
    def notes(self) -> tuple[str, ...]:
        """What stands below the table: the totals in words, where they concentrate, the conventions."""
        found = [_sentence(self.totals)]
        if self.before is not None:
            found.append(
                f"what if: {_moved('parameters', self.before.params, self.graph.params)}; "
                f"{_moved('MACs', self.before.macs, self.graph.macs)}"
            )
        for what, noun in (("params", "parameters"), ("macs", "MACs"), ("activation_size", "activations")):
            parts = concentration(self.rows, what)
            if parts:
                named = ", ".join(f"{shortened(name)} {share:.0%}" for name, share in parts[:4])
                more = f" and {len(parts) - 4} more" if len(parts) > 4 else ""
                found.append(f"half of the {noun}: {named}{more}")
        found.append(_memory(self.totals))
        field = self.totals.receptive_field
        found.append(
            f"receptive field: {field.size[0]}×{field.size[1]} pixels, stride {field.stride[0]}, "
            f"start {field.start[0]}, at {shortened(self.totals.receptive_field_at)}"
            + (" (* along the local path: a gate has seen the whole image)" if field.gated else "")
        )
        found.append(
            "conventions: one image; a MAC is one multiply-add of a convolution or dense layer, without bias"
        )
        if self.milliseconds is not None:
            found.append(
                "ms: each layer run alone on this machine, one image at float32, median; "
                "at best: what its bound (arithmetic, memory traffic or the call itself) would allow"
            )
        found += _open(self.graph)
        found += [f"OVER BUDGET: {excess}" for excess in self.over]
        return tuple(found)


def _moved(noun: str, before: int | None, after: int | None) -> str:
    """A figure before and after a change."""
    if before is None or after is None:
        return f"{noun} unknown"
    share = f", {(after - before) / before:+.1%}" if before else ""
    return f"{noun} {before:,} → {after:,} ({after - before:+,}{share})"


def _open(graph: Graph) -> list[str]:
    """What is not known, and why."""
    found = []
    if graph.unknown:
        more = f" and {len(graph.unknown) - 8} more" if len(graph.unknown) > 8 else ""
        named = ", ".join(map(shortened, graph.unknown[:8]))
        found.append(f"not known, so not in any total: {named}{more}")
    if any(None in graph.shapes[name] for name in graph.inputs):
        found.append(f"the input's size is left open; for MACs and memory give {GIVE_SIZES}")
    return found


def _sentence(totals: Totals) -> str:
    """Parameters, bytes and MACs in words."""
    if totals.params is None:
        known = counted(totals.known_params, "parameter")
        params = f"at least {known}" if totals.known_params else "parameters unknown"
    else:
        params = f"{totals.params:,} parameters"
        parts = []
        if totals.statistics:
            parts.append(f"{totals.statistics:,} statistics")
        if totals.trainable_params is not None and totals.trainable_params < totals.params:
            parts.insert(0, f"{totals.trainable_params:,} trainable")
        params += f" ({', '.join(parts)})" if parts else ""
        sizes = " / ".join(show_bytes(each) for each in totals.weight_bytes.values() if each is not None)
        params += f", {sizes} at float32 / float16 / int8"
    if totals.macs is None:
        macs = f"at least {show_count(totals.known_macs)} MACs" if totals.known_macs else "MACs unknown"
    else:
        macs = f"{show_count(totals.macs)} MACs"
    return f"{params}; {macs}"


def _memory(totals: Totals) -> str:
    """The memory figures in words."""
    models = [
        f"{model.replace('_', ' ')} {'unknown' if value is None else show_bytes(value)}"
        for model, value in totals.peak_memory.items()
    ]
    training = totals.training_memory
    total = "unknown" if training["total"] is None else show_bytes(training["total"])
    return (
        f"peak memory ({totals.precision}, one image): {', '.join(models)}; "
        f"training (batch {training['batch']}, {training['optimizer']}): {total}"
    )


def size(
    network: Network,
    *,
    input_shape: Size | None = None,
    classes: int | None = None,
    view: View = "default",
    precision: Precision = "float32",
    batch: int = 32,
    optimizer: str = "adam",
    max_params: Count | None = None,
    max_macs: Count | None = None,
    max_bytes: Bytes | None = None,
    max_memory: Bytes | None = None,
    what_if: str | None = None,
    measure: bool = False,
    output: Path | None = None,
) -> Ledger:
    """What a network costs, layer by layer, with the formula of each figure. Exit code 1 when over a limit.

    Args:
        network: a name in the zoo, a .keras, .h5, .json or .onnx file, or (in Python) a Keras model,
            a torch module or a Graph.
        input_shape: rows, columns and channels, where the network leaves them open; any for the zoo.
        classes: how many classes, for a name in the zoo.
        view: default; formulas (of everything); full (all columns); course (f, p, s, n_H, n_W, n_C).
        precision: of the activations in the memory figures; with int8 the limits on bytes and memory are
            those of the int8 .tflite file and its arena in TensorFlow Lite Micro.
        batch: images per step, for training memory.
        optimizer: Keras's name, for training memory.
        max_params: limit on parameters, statistics included.
        max_macs: limit on multiply-adds of one image.
        max_bytes: limit on the bytes of the weights at float32.
        max_memory: limit on peak bytes of activations (float32, one image, model liveness).
        what_if: changes to size instead, e.g. "conv2.filters=32, fc3.units=64".
        measure: also run each layer on this machine: milliseconds, and the bound that limits it.
        output: also write it to this .txt, .csv, .md, .tex, .html or .json file.

    Returns:
        The ledger: print it, or take ``.csv .markdown .latex .html .to_json() .totals .rows``.

    Raises:
        BadInput: for a network that cannot be read, with what to try.

    Example:
        >>> ledger = size("lenet5", input_shape=(32, 32, 1))
        >>> ledger.totals.params, ledger.totals.macs
        (61706, 416520)
    """
    budget = Budget(
        params=max_params, macs=max_macs, bytes=max_bytes, memory=max_memory,
        precision="int8" if precision == "int8" else "float32",
    )  # fmt: skip
    if output is not None:
        check_ending(output, Ledger)
    graph = graph_of(network, input_shape=input_shape, classes=classes)
    before = None
    if what_if:
        before, graph = graph, changed(graph, what_if)
    found = rows(graph)
    sums = totals(graph, found, precision=precision, batch=batch, optimizer=optimizer)
    times = None
    if measure:
        # By name, as a Registry imports: measuring needs torch, which this floor does without.
        times = importlib.import_module("convsmith.engine.layer_times").layer_times(graph)
    ledger = Ledger(graph, found, sums, budget.over(graph), view, times, before)
    if output is not None:
        save(ledger, output)
    return ledger
