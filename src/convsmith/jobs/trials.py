"""The trials of a search, while it runs or afterwards: table, front, and which choices matter."""

from __future__ import annotations

import csv
import html
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..notebooks import InNotebooks, frame_of, framed, heading, picture, table
from ..printable import spreadsheet_cell
from ..runs import to_json
from ..units import counted

if TYPE_CHECKING:
    import pandas

SHOWN = 15
_FIGURES = ("score", "loss", "params", "macs", "bytes", "memory", "latency_ms", "seconds")
_COLUMNS = ("index", "arm", "arm_index", "rung", "status", "epochs", "size", *_FIGURES, "seed", "at")
_PAGE = (
    "body{display:block;max-width:75rem;margin:2rem auto;padding:0 1rem}td,th{white-space:nowrap}"
    "pre{white-space:pre-wrap}"
)
_AGAINST = ("params", "macs", "memory", "latency_ms")


class Trials(list[dict[str, Any]]):
    """The trials of a search, in order, as in trials.jsonl."""

    def __repr__(self) -> str:
        best = max((one["score"] for one in self if one.get("score") is not None), default=None)
        return f"<Trials {counted(len(self), 'trial')}" + ("" if best is None else f", best {best:.2%}") + ">"

    def _repr_html_(self) -> str:
        found = rows(self)
        names = [name for name in _COLUMNS if any(row.get(name) is not None for row in found)]
        names += sorted({name for row in found for name in row if name.startswith("answer.")})
        return framed(table(found, names))

    def to_pandas(self) -> pandas.DataFrame:
        """One row for each trial; answers are columns named ``answer.<question>``.

        Raises:
            BadInput: pandas is not installed.
        """
        return frame_of(rows(self))


@dataclass(frozen=True, repr=False)
class Told(InNotebooks):
    """What the trials of a run say.

    Args:
        path: the run folder.
        trials: every finished trial.
        running: what several workers have now, or had when the run stopped; 0 where there is one.
        finished: whether the run came to its end.
        driven: whether a process is driving the run.
    """

    path: Path
    trials: Trials
    running: int
    finished: bool
    driven: bool

    @property
    def ranked(self) -> Trials:
        """The trials that worked, best first: those that trained longest before the others."""
        worked = [one for one in self.trials if one["status"] == "ok"]
        return Trials(sorted(worked, key=lambda one: (-one["rung"], -one["score"], one["macs"] or 0)))

    def front(self, quantity: str) -> Trials:
        """The trials that no other one beats on accuracy and on this quantity, cheapest first.

        Args:
            quantity: "params", "macs", "memory" or "latency_ms".
        """
        from ..reports.plots import pareto

        rung = max((one["rung"] for one in self.trials), default=0)
        known = [one for one in self.ranked if one.get(quantity) is not None and one["rung"] == rung]
        by_point = {(one[quantity], one["score"]): one for one in reversed(known)}
        return Trials(by_point[point] for point in pareto(list(by_point)))

    @property
    def in_short(self) -> str:
        """How many there are, and whether there will be more."""
        return self._state()

    def _repr_html_(self) -> str:
        plots = [
            picture(self._plot(name), f"front against {name}")
            for name in _AGAINST
            if len(self.front(name)) > 1
        ]
        return framed(heading(self._state()), *plots, self.ranked._repr_html_())

    def to_pandas(self) -> pandas.DataFrame:
        """One row for each trial, in order.

        Raises:
            BadInput: pandas is not installed.
        """
        return self.trials.to_pandas()

    def render(self, wanted: str) -> str:
        """As text, JSON, CSV, an HTML page or an SVG picture of the front."""
        if wanted == "json":
            return to_json(self._said())
        if wanted == "csv":
            return _csv(rows(self.trials))
        if wanted == "svg":
            return self._plot("params")
        return self._html() if wanted == "html" else self._text()

    def _said(self) -> dict[str, Any]:
        from ..nas.space.importance import importance

        found = importance(self.trials)
        return {
            "run": str(self.path), "finished": self.finished, "driven": self.driven,
            "running": self.running,
            "trials": list(self.trials),
            "front": {name: [one["index"] for one in self.front(name)] for name in _AGAINST},
            "importance": None if found is None else found.to_json(),
        }  # fmt: skip

    def _state(self) -> str:
        status = Counter(one["status"] for one in self.trials)
        parts = [f"{status['ok']} trained"]
        parts += [
            f"{status[name]} {name.replace('_', ' ')}" for name in ("failed", "over_budget") if status[name]
        ]
        if self.running:
            parts.append(f"{self.running} running" if self.driven else f"{self.running} were under way")
        state = "finished" if self.finished else "running" if self.driven else "stopped before its end"
        return f"{self.path}: {counted(len(self.trials), 'trial')} ({', '.join(parts)}), {state}"

    def _text(self) -> str:
        lines = [self._state(), "", *_table(self.ranked[:SHOWN])]
        left = len(self.ranked) - SHOWN
        lines += [f"  and {left} more: --csv shows all"] if left > 0 else []
        for name in _AGAINST:
            front = self.front(name)
            if len(front) > 1:
                points = ", ".join(f"{one['score']:.1%} at {_figure(name, one[name])}" for one in front)
                lines += ["", f"front against {name}: {points}"]
        lines += ["", *self._importance()]
        failed = [one for one in self.trials if one["status"] == "failed"]
        lines += ["", "failed:"] if failed else []
        lines += [f"  trial {one['index']}: {reason(one)}" for one in failed[:SHOWN]]
        return "\n".join(lines)

    def _importance(self) -> list[str]:
        from ..nas.space.importance import FEWEST, importance

        found = importance(self.trials)
        if found is None:
            return [f"importance of choices: not before {FEWEST} comparable trials"]
        lines = [f"importance of choices, {counted(found.trials, 'trial')} ({found.method}):"]
        if not found.falls:
            lines.append("  nothing: the forest hardly predicts a held-out score better than their mean")
        else:
            lines += [f"  {name:20} {fall:6.2f}" for name, fall in found.falls.items() if fall >= 0.005]
            lines.append(f"  the forest explains {found.explained:.0%} of the variance")
        if found.common:
            lines += ["", "the best quarter has in common:"]
        for one in found.common[:8]:
            lines.append(
                f"  {one.question} = {one.answer}: {one.best:.0%} of the best, {one.rest:.0%} of the rest"
            )
        return lines

    def _plot(self, name: str) -> str:
        """A picture that stands alone."""
        text = self._bare_plot(name)
        if "xmlns=" not in text.partition(">")[0]:
            text = text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        head, _, rest = text.partition(">")
        return f"{head}><style>{_style()}</style>{rest}"

    def _bare_plot(self, name: str) -> str:
        from ..reports import plots

        drawn = plots.front(self.ranked, [], name, None)
        if drawn is None:
            came = f"has {counted(len(self.ranked), 'trial')} that worked"
            raise BadInput(str(self.path), came, "two or more to draw", "wait for them")
        return str(drawn)

    def _html(self) -> str:
        found = rows(self.ranked)
        names = [name for name in _COLUMNS if any(row.get(name) is not None for row in found)]
        plots = [self._bare_plot(name) for name in _AGAINST if len(self.front(name)) > 1]
        cells = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        body = "".join(
            "<tr>"
            + "".join(f"<td>{html.escape(_cell(name, row.get(name)))}</td>" for name in names)
            + "</tr>"
            for row in found
        )
        said = html.escape("\n".join(self._importance()))
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Trials</title>'
            f"<style>{_style()}{_PAGE}</style>"
            f"<h1>Trials</h1><p>{html.escape(self._state())}</p><div class='plots'>{''.join(plots)}</div>"
            f"<pre>{said}</pre><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></html>"
        )


def trials(run: str) -> Told:
    """Show the trials of a search, while it runs or afterwards.

    The best first, the front against each cost, how much each choice matters, and why trials failed.

    Args:
        run: a run folder of forge or search.

    Raises:
        BadInput: no run, or one without trials.

    Example:
        >>> import tempfile
        >>> from convsmith.runs import Run
        >>> none = dict.fromkeys("index arm_index rung epochs seed params macs bytes memory".split(), 1)
        >>> none |= {"arm": "random", "answers": {}, "fingerprint": "", "status": "ok", "at": 0.0}
        >>> none |= {"loss": 0.1, "latency_ms": 0.2, "seconds": 3.0}
        >>> with Run.create(tempfile.mkdtemp(), kind="search", recipe={}) as made:
        ...     for score in (0.7, 0.9):
        ...         made.append("trials.jsonl", none | {"score": score})
        >>> trials(made.path).trials
        <Trials 2 trials, best 90.00%>
    """
    from ..runs import Run
    from ..runs.folder import is_driven

    opened = Run.open(run)
    lines = opened.lines("trials.jsonl")
    if not lines:
        raise BadInput(run, "has no trials yet", "a search that got so far", "wait for its first trial")
    done = {(one["rung"], one["arm"], one["arm_index"]) for one in lines}
    begun = {(one["rung"], one["arm"], one["arm_index"]) for one in opened.lines("proposed.jsonl")}
    return Told(opened.path, Trials(lines), len(begun - done), opened.finished, is_driven(opened.path))


def rows(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Trials as flat rows: answers become ``answer.<question>``, errors their last line."""
    questions = list(dict.fromkeys(name for one in found for name in one["answers"]))
    return [
        {
            **{name: one.get(name) for name in _COLUMNS},
            "reason": reason(one),
            **{f"answer.{name}": one["answers"].get(name) for name in questions},
        }
        for one in found
    ]


def reason(trial: dict[str, Any]) -> str:
    """Why a trial failed: the last line of its traceback."""
    text = str(trial.get("error") or "").strip()
    return text.splitlines()[-1] if text else ""


def _style() -> str:
    """The colours and lines of reports."""
    from ..reports import plots

    return (Path(plots.__file__).parent / "templates" / "style.css").read_text()


def _csv(found: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    cells = [
        {name: spreadsheet_cell(cell) if isinstance(cell, str) else cell for name, cell in row.items()}
        for row in found
    ]
    writer = csv.DictWriter(text, list(found[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells)
    return text.getvalue().rstrip("\n")


def _table(found: list[dict[str, Any]]) -> list[str]:
    names = ["index", "arm", "rung", "epochs", "score", "params", "macs", "latency_ms", "seconds"]
    names = [name for name in names if any(one.get(name) is not None for one in found)]
    cells = [names, *([_cell(name, one.get(name)) for name in names] for one in found)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(names))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.2%}" if name == "score" else _figure(name, value)


def _figure(name: str, value: Any) -> str:
    from ..ledger.budget import show

    if name in ("params", "macs", "bytes", "memory", "latency_ms"):
        return show(name, value)
    return f"{value:.1f}" if isinstance(value, float) else str(value)
