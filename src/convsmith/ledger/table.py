"""A table in the forms that people want it in: text, CSV, Markdown, LaTeX, HTML. Standard library only."""

from __future__ import annotations

import csv
import html
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..notebooks import InNotebooks, frame_of_csv, framed, heading
from ..printable import shortened, spreadsheet_cell

if TYPE_CHECKING:
    import pandas

MOST_LETTERS = 120
"""Letters of a cell that a person reads; files hold names of any length. CSV and JSON keep them whole."""
STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --dim: #667; --line: #d5dae3;
  --bar: #cfe0f7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --dim: #9aa3b2; --line: #3a4150; --bar: #27436b; }
  body { background: #14171d; } }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); margin: 2rem auto; max-width: 90rem;
  padding: 0 1rem; }
h1 { font-size: 1.25rem; } p { margin: .3rem 0; color: var(--dim); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th { border-bottom: 2px solid var(--ink); font-weight: 600; }
th.n, td.n { text-align: right; }
td.bar { background: linear-gradient(var(--bar), var(--bar)) right / var(--share) 100% no-repeat; }
tfoot td { border-top: 2px solid var(--ink); border-bottom: 0; font-weight: 600; }
"""


class Worked(NamedTuple):
    """A figure with its working: tables show the working, CSV and bars take the value."""

    working: str
    value: float | None


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        head: what stands above it.
        key: its name in CSV.
        right: aligned to the right, as numbers are.
        bar: whether HTML shows each cell as a bar, the column's largest being full.
    """

    head: str
    key: str
    right: bool = True
    bar: bool = False


@dataclass(frozen=True)
class Table:
    """Cells with a meaning: numbers, shapes (tuples), figures with their working, text; None is "unknown"."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    footer: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Aligned columns for a terminal.

        Example:
            >>> columns = Column("layer", "name", right=False), Column("size", "size")
            >>> print(Table("", columns, (("conv", 4704),)).text)
            layer   size
            -----  -----
            conv   4,704
        """
        heads = [column.head for column in self.columns]
        body = [[shown(cell) for cell in row] for row in self.rows]
        foot = [[shown(cell) for cell in self.footer]] if self.footer else []
        widths = [max(map(len, cells)) for cells in zip(heads, *body, *foot, strict=True)]
        rule = "  ".join("-" * width for width in widths)

        def line(cells: Sequence[str]) -> str:
            parts = [
                cell.rjust(width) if column.right else cell.ljust(width)
                for cell, width, column in zip(cells, widths, self.columns, strict=True)
            ]
            return "  ".join(parts).rstrip()

        lines = [self.title] if self.title else []
        lines += [line(heads), rule, *map(line, body)]
        lines += [rule, *map(line, foot)] if foot else []
        lines += ["", *self.notes] if self.notes else []
        return "\n".join(lines)

    @property
    def csv(self) -> str:
        """Comma-separated values: plain numbers, shapes as 28x28x6, no footer."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([column.key for column in self.columns])
        writer.writerows([[spreadsheet_cell(_raw(cell)) for cell in row] for row in self.rows])
        return out.getvalue()

    @property
    def markdown(self) -> str:
        """A table for GitHub and its like."""
        plain = lambda text: " ".join(html.escape(text, quote=False).split())  # noqa: E731
        escape = lambda cell: plain(shown(cell)).replace("|", "\\|")  # noqa: E731
        lines = [f"**{plain(self.title)}**", ""] if self.title else []
        lines.append("| " + " | ".join(column.head for column in self.columns) + " |")
        lines.append("|" + "|".join("---:" if column.right else "---" for column in self.columns) + "|")
        lines += ["| " + " | ".join(map(escape, row)) + " |" for row in self.rows]
        if self.footer:
            cells = [f"**{text}**" if (text := escape(cell)) else "" for cell in self.footer]
            lines.append("| " + " | ".join(cells) + " |")
        lines += ["", *(f"- {plain(note)}" for note in self.notes)] if self.notes else []
        return "\n".join(lines) + "\n"

    @property
    def latex(self) -> str:
        """A tabular with booktabs' rules (``\\usepackage{booktabs}``)."""
        line = lambda cells: " & ".join(_tex(shown(cell)) for cell in cells) + r" \\"  # noqa: E731
        lines = [f"% {' '.join(self.title.split())}"] if self.title else []
        lines.append(
            r"\begin{tabular}{" + "".join("r" if column.right else "l" for column in self.columns) + "}"
        )
        lines += [r"\toprule", line([column.head for column in self.columns]), r"\midrule"]
        lines += [line(row) for row in self.rows]
        lines += [r"\midrule", line(self.footer)] if self.footer else []
        lines += [r"\bottomrule", r"\end{tabular}", *(f"% {' '.join(note.split())}" for note in self.notes)]
        return "\n".join(lines) + "\n"

    @property
    def html(self) -> str:
        """One page that needs nothing else."""
        return page(self.title, self.fragment)

    @property
    def fragment(self) -> str:
        """The table and its notes as HTML, without a page around it."""
        most = [
            max((_number(row[index]) for row in self.rows), default=0) if column.bar else 0
            for index, column in enumerate(self.columns)
        ]

        def cell(value: Any, index: int) -> str:
            classes = "n" if self.columns[index].right else ""
            style = ""
            if most[index]:
                classes += " bar"
                style = f' style="--share:{100 * _number(value) / most[index]:.1f}%"'
            return f'<td class="{classes}"{style}>{escaped(shown(value))}</td>'

        heads = "".join(
            f'<th class="{"n" if column.right else ""}">{escaped(column.head)}</th>'
            for column in self.columns
        )
        body = "\n".join(
            "<tr>" + "".join(cell(value, index) for index, value in enumerate(row)) + "</tr>"
            for row in self.rows
        )
        foot = ""
        if self.footer:
            cells = "".join(
                f'<td class="{"n" if column.right else ""}">{escaped(shown(value))}</td>'
                for value, column in zip(self.footer, self.columns, strict=True)
            )
            foot = f"<tfoot><tr>{cells}</tr></tfoot>"
        notes = "\n".join(f"<p>{escaped(note)}</p>" for note in self.notes)
        return (
            f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>'
            f"{foot}</table></div>\n{notes}"
        )


class Tabled(InNotebooks, ABC):
    """What a command gives back: a table, and the forms that it can be had in."""

    @property
    @abstractmethod
    def table(self) -> Table:
        """The result as a table."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The result as a JSON-able dictionary."""

    @property
    def in_short(self) -> str:
        """What the table is of."""
        return self.table.title

    def _repr_html_(self) -> str:
        return framed(heading(self.table.title), self.table.fragment)

    def to_pandas(self) -> pandas.DataFrame:
        """A row for each row of the table, with plain numbers; shapes are texts, what is unknown is missing.

        Raises:
            BadInput: pandas is not installed.
        """
        return frame_of_csv(self.csv)

    @property
    def text(self) -> str:
        """For a terminal."""
        return self.table.text

    @property
    def csv(self) -> str:
        """Comma-separated values, plain numbers."""
        return self.table.csv

    @property
    def markdown(self) -> str:
        """A Markdown table."""
        return self.table.markdown

    @property
    def latex(self) -> str:
        """A LaTeX table (booktabs)."""
        return self.table.latex

    @property
    def html(self) -> str:
        """A self-contained HTML page."""
        return self.table.html

    def render(self, form: str) -> str:
        """The result as "text", "json", "csv", "markdown", "latex" or "html"."""
        return json.dumps(self.to_json(), indent=1) if form == "json" else getattr(self, form)

    @property
    def exit_code(self) -> int:
        """What a command that shows it ends with."""
        return 0


def page(title: str, body: str) -> str:
    """A self-contained HTML page."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escaped(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{escaped(title)}</h1>\n{body}\n</body></html>\n"
    )


def shown(value: Any) -> str:
    """A cell as a person reads it.

    Example:
        >>> shown(61706), shown((28, 28, 6)), shown(None), shown(0.1234)
        ('61,706', '28×28×6', 'unknown', '0.123')
    """
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"
    if isinstance(value, Worked):
        return value.working or shown(value.value)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return "×".join("?" if item is None else str(item) for item in value)
    return shortened(str(value), MOST_LETTERS)


def _number(value: Any) -> float:
    """The number in a cell; 0 where there is none."""
    found = value.value if isinstance(value, Worked) else value
    return found if isinstance(found, (int, float)) else 0


def _raw(value: Any) -> str:
    if isinstance(value, Worked):
        return shown(None) if value.value is None else str(value.value)
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return "x".join("?" if item is None else str(item) for item in value)
    return shown(value)


_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"$\times$", "−": "$-$",
    "⌊": r"$\lfloor$", "⌋": r"$\rfloor$", "≥": r"$\geq$", "·": r"$\cdot$",
}  # fmt: skip


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)


def escaped(text: str) -> str:
    """Text that is safe inside HTML and SVG."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
