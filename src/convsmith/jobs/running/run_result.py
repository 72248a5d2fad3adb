"""What a job hands back: its run folder, and the figures that came out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...notebooks import InNotebooks, framed, heading, table

if TYPE_CHECKING:
    from ..trials import Trials


@dataclass(frozen=True, repr=False)
class Done(InNotebooks):
    """What a job made.

    Args:
        path: the run folder; in it report.html, model.onnx, weights.safetensors, graph.json and all the rest.
        result: the figures, as ``--json`` prints them.
    """

    path: Path
    result: dict[str, Any]

    @property
    def test_accuracy(self) -> float:
        """Share of the test images that the network gets right."""
        return float(self.result["test_accuracy"])

    @property
    def best(self) -> Done:
        """The best network of a search: it is this run's own."""
        return self

    @property
    def trials(self) -> Trials:
        """Every trial of the search, in order, as in trials.jsonl; ``.to_pandas()`` makes a table of them."""
        from ...runs import Run
        from ..trials import Trials

        return Trials(Run.open(self.path).lines("trials.jsonl"))

    @property
    def in_short(self) -> str:
        """Where it lies, how good it is, what it costs."""
        found = self.result
        params, accuracy = found.get("params"), found.get("test_accuracy")
        parts = [f"{accuracy:.2%} on test"] if accuracy is not None else []
        parts += [f"{params:,} parameters"] if params is not None else []
        return f"{self.path}" + (f": {', '.join(parts)}" if parts else "")

    def _repr_html_(self) -> str:
        lines = [line.partition("  ") for line in self.render("text").splitlines()]
        rows = [{"": name, " ": said.strip()} for name, _, said in lines]
        return framed(heading(str(self.path)), table(rows, ["", " "]))

    def _alike(self) -> str:
        """Said where the baselines found the same network."""
        from ...reports.verdict import same_network
        from ...runs import Run

        run = Run.open(self.path)
        alike = same_network(run.read_json("search.json")) if run.has("search.json") else []
        return f" ({' and '.join(alike)}: the same network)" if alike else ""

    def render(self, wanted: str) -> str:
        """The result as text or as one JSON object."""
        if wanted == "json":
            return json.dumps(self.result)
        result, (low, high) = self.result, self.result["interval"]
        lines = [
            f"test accuracy  {self.test_accuracy:.2%}  (95% interval {low:.2%} to {high:.2%})",
            f"network        {result['params']:,} parameters, {result['macs']:,} MACs, "
            f"{result['weight_bytes']:,} bytes of weights, {result['latency_ms']:.3g} ms",
            f"time           {result['seconds']:.0f} s",
            f"report         {self.path / 'report.html'}",
        ]
        if "int8" in result:
            file = result["int8"]
            lines.insert(
                2, f"in int8        {file['test_accuracy']:.2%} with {file['bytes']:,} bytes, "
                f"{file['memory']:,} bytes of memory",
            )  # fmt: skip
        if "tta" in result:
            views = result["tta"]
            lines.insert(1, f"several views  {views['test_accuracy']:.2%}  ({views['views']})")
        if "budget_kept" in result:
            lines.insert(2, f"budget         {'kept' if result['budget_kept'] else 'NOT KEPT'}")
        baselines = [
            f"{name} {value:.2%}" for name, value in result.get("baselines", {}).items() if value is not None
        ]
        if baselines:
            lines.insert(1, f"at equal cost  {', '.join(baselines)}{self._alike()}")
        if "no_search" in result:
            lines.insert(1, f"searched       not at all: {result['no_search']}")
        if "weak" in result:
            lines[:0] = [result["weak"], f"to go on       {result['next']}"]
        return "\n".join(lines)
