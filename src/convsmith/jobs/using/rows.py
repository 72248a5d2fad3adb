"""What is said of photographs as lines of text, CSV or one JSON object, piece by piece as it comes."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from ...printable import printable, spreadsheet_cell
from .predictions import Prediction

FORMS = ("text", "csv", "json")


def pieces(rows: Iterable[Prediction], form: str, *, top: int, head: dict[str, Any]) -> Iterator[str]:
    """The rows in a form.

    Args:
        rows: what is said of each image.
        form: one of `FORMS`.
        top: how many classes stand in a row.
        head: what the JSON object says before its images.

    Example:
        >>> row = Prediction("=a.png", "cat", 0.75, top=(("cat", 0.75), ("dog", 0.25)))
        >>> print("".join(pieces([row], "text", top=2, head={})), end="")
        =a.png: cat 75.0%, dog 25.0%
        >>> print("".join(pieces([row], "csv", top=2, head={})), end="")
        image,answer,class_1,probability_1,class_2,probability_2,reason
        '=a.png,cat,cat,0.75,dog,0.25,
        >>> found = json.loads("".join(pieces([row], "json", top=2, head={"network": "runs/0001"})))
        >>> found["network"], found["images"][0]["answer"], found["images"][0]["top"][1]
        ('runs/0001', 'cat', {'class': 'dog', 'probability': 0.25})
    """
    if form == "csv":
        yield from _csv(rows, top)
    elif form == "json":
        yield from _json(rows, head)
    else:
        for row in rows:
            yield printable(" ".join(line(row).split("\n"))) + "\n"


def line(row: Prediction) -> str:
    """What is said of one image, on one line."""
    if row.reason:
        return f"{row.name}: cannot be read: {row.reason}"
    likely = ", ".join(f"{name} {share:.1%}" for name, share in row.top)
    return f"{row.name}: {row.answer} (most like {likely})" if row.rejected else f"{row.name}: {likely}"


def _csv(rows: Iterable[Prediction], top: int) -> Iterator[str]:
    heads = [name for k in range(1, top + 1) for name in (f"class_{k}", f"probability_{k}")]
    yield _cells(["image", "answer", *heads, "reason"])
    for row in rows:
        shares = [cell for name, share in row.top for cell in (name, _share(share))]
        shares += [""] * (2 * top - len(shares))
        yield _cells([row.name, row.answer or "", *shares, row.reason])


def _cells(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([spreadsheet_cell(printable(cell)) for cell in cells])
    return out.getvalue()


def _json(rows: Iterable[Prediction], head: dict[str, Any]) -> Iterator[str]:
    yield f'{json.dumps(head)[:-1]}{", " if head else ""}"images": ['
    for k, row in enumerate(rows):
        about: dict[str, Any] = {"image": row.name, "answer": row.answer}
        if row.reason:
            about["reason"] = row.reason
        else:
            about["top"] = [{"class": name, "probability": float(_share(share))} for name, share in row.top]
        yield f"{',' if k else ''}\n{json.dumps(about)}"
    yield "\n]}\n"


def _share(share: float) -> str:
    """Seven digits: all that there are."""
    return "" if math.isnan(share) else f"{share:.7g}"
