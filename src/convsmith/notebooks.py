"""What a prompt and a notebook show of a result: one line, and an HTML fragment whose names are escaped."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .installed import need
from .printable import shortened

if TYPE_CHECKING:
    import pandas

MOST_ROWS = 60
"""Rows of a table that a notebook shows."""
STYLE = (
    ".convsmith{font:14px system-ui,sans-serif}.convsmith pre{font-size:13px;line-height:1.4}"
    ".convsmith .scroll{overflow:auto;max-height:40em}.convsmith table{border-collapse:collapse}"
    ".convsmith th,.convsmith td{padding:2px 10px;text-align:left;white-space:nowrap}"
    ".convsmith td.n,.convsmith th.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".convsmith tfoot td{font-weight:600;border-top:1px solid}.convsmith img{max-width:100%;background:#fff}"
)
"""For this fragment alone: a notebook has a style of its own."""


class InNotebooks:
    """A result whose `render("text")` is for a terminal, shown where its value stands alone in a cell.

    A dataclass that inherits this says ``repr=False``, so that the line here is not replaced.
    """

    def render(self, wanted: str) -> Any:
        """The result as "text" or another form."""
        raise NotImplementedError

    @property
    def in_short(self) -> str:
        """What it is, in one line: the first of its text."""
        lines = str(self.render("text")).strip().splitlines()
        return lines[0] if lines else ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {' '.join(shortened(self.in_short, 160).split())}>"

    def __str__(self) -> str:
        return str(self.render("text"))

    def _repr_html_(self) -> str:
        return framed(pre(str(self.render("text"))))


def framed(*fragments: str) -> str:
    """HTML fragments as the output of a cell, with a style that stays inside.

    Args:
        fragments: HTML whose texts are escaped.
    """
    return f'<div class="convsmith"><style>{STYLE}</style>{"".join(fragments)}</div>'


def pre(text: str) -> str:
    """A text as it stands in a terminal.

    Example:
        >>> pre("a < b")
        '<pre>a &lt; b</pre>'
    """
    return f"<pre>{html.escape(text)}</pre>"


def heading(text: str) -> str:
    """One bold line."""
    return f"<p><b>{html.escape(text)}</b></p>" if text else ""


def table(rows: Sequence[Mapping[str, Any]], columns: Iterable[str]) -> str:
    """Rows as an HTML table; of many, the first.

    Args:
        rows: cells by column; absent ones and None are empty.
        columns: which, in order.

    Example:
        >>> table([{"name": "<b>", "n": 2}], ["name", "n"]).count("&lt;b&gt;")
        1
    """
    names = list(columns)

    def cell(value: Any) -> str:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else shortened(str(value))
        return f"<td{' class=n' if number else ''}>{html.escape(text)}</td>"

    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(cell(row.get(name)) for name in names)}</tr>" for row in rows[:MOST_ROWS])
    more = f"<p>and {len(rows) - MOST_ROWS:,} more</p>" if len(rows) > MOST_ROWS else ""
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'
    )


def picture(svg: str, what: str) -> str:
    """An SVG picture with its own style kept to itself.

    Args:
        svg: a file of its own.
        what: the picture in words.
    """
    data = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{html.escape(what)}" src="data:image/svg+xml;base64,{data}">'


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pandas.DataFrame:
    """Rows as a pandas table.

    Raises:
        BadInput: pandas is not installed.
    """
    need("to_pandas", "pandas")
    import pandas

    return pandas.DataFrame(list(rows))


def frame_of_csv(text: str) -> pandas.DataFrame:
    """Comma-separated values as a pandas table; "unknown" is a missing number.

    Raises:
        BadInput: pandas is not installed.
    """
    need("to_pandas", "pandas")
    import pandas

    return pandas.read_csv(io.StringIO(text), na_values=["unknown"], keep_default_na=False)
