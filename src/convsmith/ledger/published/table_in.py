"""A published table, from CSV or Markdown: which column says what, and its rows."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from ...errors import BadInput
from . import cells

MAX_BYTES = 4 * 2**20
MAX_ROWS = 2000
FIGURES = ("input_shape", "output_shape", "activation_size", "params", "trainable_params", "macs")
"""What a column can say about a layer or a network; `SHAPES` are not numbers."""
SHAPES = ("input_shape", "output_shape")


@dataclass(frozen=True)
class Head:
    """What one column says.

    Args:
        title: its title as published.
        figure: one of `FIGURES`.
        place: its index.
        scale: what its cells are multiplied by.
        flops: whether it calls itself FLOPs.
    """

    title: str
    figure: str
    place: int
    scale: int = 1
    flops: bool = False


@dataclass(frozen=True)
class Published:
    """A table as it was published.

    Args:
        heads: the columns that can be checked.
        labels: what each row calls its layer.
        rows: the cells of each row, as text.
        ignored: titles of the other columns.
        subject: "network" or "layer", what the labels' title says that a row is; empty where that is open.
    """

    heads: tuple[Head, ...]
    labels: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    ignored: tuple[str, ...]
    subject: str = ""

    def cell(self, row: int, head: Head) -> str:
        """One cell's text; empty where the row is too short."""
        found = self.rows[row]
        return found[head.place].strip() if head.place < len(found) else ""


def read_table(table: str | Path) -> Published:
    """A table from a CSV or Markdown file, or from its text.

    Raises:
        BadInput: where there is no table, or no column that can be checked.

    Example:
        >>> found = read_table("layer,shape,params\\nconv1,28x28x6,156\\n")
        >>> found.labels, [head.figure for head in found.heads]
        (('conv1',), ['output_shape', 'params'])
    """
    where, text = "table", str(table)
    if "\n" not in text:
        where, text = text, _content(Path(text))
    if text.lstrip()[:1] in ("<", "{") or "\0" in text:
        raise BadInput(where, "is neither CSV nor Markdown", "a table as text with columns between , or |")
    grid = (
        _markdown(text) if re.search(r"^\s*\|?\s*:?-{2,}:?\s*(\||$)", text, re.M) else _comma_separated(text)
    )
    if len(grid) < 2:
        raise BadInput(where, "holds no table", "a CSV or Markdown table with a header and rows")
    if len(grid) - 1 > MAX_ROWS:
        raise BadInput(where, f"has {len(grid) - 1:,} rows", f"at most {MAX_ROWS:,}")
    titles, rows = [cells.clean(cell) for cell in grid[0]], grid[1:]
    heads, taken = _heads(titles, rows)
    if not heads:
        raise BadInput(
            where,
            f"has no column that can be checked (columns: {', '.join(titles)})",
            "a column for shape, activation size, parameters or MACs",
            'name it "shape", "size", "params" or "MACs"',
        )
    label = _label_column(titles, taken)
    ignored = tuple(
        title for place, title in enumerate(titles) if place not in taken and place != label and title
    )
    labels = tuple(cells.clean(row[label]) if label < len(row) else "" for row in rows)
    said = titles[label].lower()
    networks = re.search(r"model|network|backbone|architecture|weight", said)
    layers = re.search(r"layer|stage|operat|block", said)
    subject = "layer" if layers else "network" if networks else ""
    return Published(heads, labels, tuple(tuple(row) for row in rows), ignored, subject)


def _content(path: Path) -> str:
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise BadInput(str(path), f"cannot be read ({error.strerror})", "a CSV or Markdown file") from None
    if data is None:
        raise BadInput(str(path), f"is larger than {MAX_BYTES:,} bytes", "one table")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _markdown(text: str) -> list[list[str]]:
    """The first Markdown table: the row above the rule, and the rows below it."""
    lines = text.splitlines()
    for place, line in enumerate(lines):
        if place and "-" in line and re.fullmatch(r"[\s|:-]+", line) and "|" in lines[place - 1]:
            below = []
            for row in lines[place + 1 :]:
                if "|" not in row:
                    break
                below.append(_piped(row))
            return [_piped(lines[place - 1]), *below]
    return []


def _piped(line: str) -> list[str]:
    line = re.sub(r"^\s*\|", "", line)
    line = re.sub(r"\|\s*$", "", line)
    return [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", line)]


def _comma_separated(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return []
    delimiter = max(",;\t", key=lines[0].count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error as error:
        raise BadInput("table", f"is not CSV ({error})", "a CSV or Markdown table") from None
    return [row for row in rows if any(cell.strip() for cell in row)]


def _heads(titles: list[str], rows: list[list[str]]) -> tuple[tuple[Head, ...], set[int]]:
    heads: list[Head] = []
    for place, title in enumerate(titles):
        texts = [row[place] for row in rows if place < len(row)]
        found = _meaning(title, texts)
        again = any(head.figure == found for head in heads)
        if found and not (again and found not in ("params", "macs", "output_shape")):
            heads.append(Head(title, found, place, _scale(title), "flop" in title.lower()))
    if all(head.figure == "input_shape" for head in heads):
        return (), set()
    return tuple(heads), {head.place for head in heads}


def _meaning(title: str, texts: list[str]) -> str:
    """Which figure a column holds, by its title, and by its cells where the title may mean two things."""
    name = re.sub(r"[^a-z#+]", "", title.lower())
    filled = [text for text in texts if cells.clean(text).lower() not in cells.EMPTY]
    if "param" in name or name in ("weights", "#weights", "weight"):
        named = sum(bool(re.match(r"[^\W\d]", cells.clean(text))) for text in filled)
        if "non" in name or named * 2 > len(filled):
            return ""
        return "trainable_params" if "trainable" in name else "params"
    other = re.search(r"multiplier|byte|second", name)
    if re.search(r"macs?$|^[kmg]?macs?|mult|madd|flop", name) and not other:
        return "macs"
    if re.search(r"^input|^resolution|^cropsize|^imagesize|defaultinput", name):
        return "input_shape"
    if re.search(r"kernel|filter|pool|input|batch|mb$|kb$|byte|memory|model|file|resize|min|max|crop", name):
        return ""
    if re.search(r"size|shape|output|activation|feature", name):
        return _size_or_shape(name, filled)
    return ""


def _size_or_shape(name: str, filled: list[str]) -> str:
    if "shape" in name:
        return "output_shape"
    if "activation" in name:  # its size may be written as a product
        images = sum(cells.figure(text) is None and len(cells.shape(text) or ()) > 1 for text in filled)
        return "output_shape" if images * 2 > len(filled) else "activation_size"
    images = sum(cells.is_shape(text) for text in filled)
    if images * 2 > len(filled):
        return "output_shape"
    single = all(cells.shape(text) for text in filled)
    if "output" in name and filled and single:
        return "output_shape"
    return "activation_size" if "size" in name else ""


def _scale(title: str) -> int:
    """What a column's title multiplies its cells by."""
    lowered = title.lower()
    if re.search(r"10(\^|\*\*)?[6⁶]\b|10⁶", lowered):
        return 10**6
    if re.search(r"10(\^|\*\*)?9\b|10⁹", lowered):
        return 10**9
    found = re.search(r"\b(k|m|g|b|million|billion)\b", lowered) or re.search(
        r"\b([kmg])(?:mac|flop|madd)", lowered
    )
    return cells.SCALES[found[1]] if found else 1


def _label_column(titles: list[str], taken: set[int]) -> int:
    named = [
        place
        for place, title in enumerate(titles)
        if place not in taken and re.search(r"layer|name|model|network|stage|operat", title.lower())
    ]
    free = [place for place in range(len(titles)) if place not in taken]
    return (named or free or [0])[0]
