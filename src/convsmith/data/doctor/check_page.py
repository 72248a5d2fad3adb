"""The doctor's findings as one page with thumbnails, which opens anywhere without a network."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

import numpy as np

from ..decoding.decode import Unreadable, decode
from ..files.wholefile import whole
from ..found import lines
from ..images import Images
from .finding import Checkup, Finding

SIDE = 96
SHOWN = 12

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:68rem;padding:0 1rem}
body{color:#1c1c1c;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}
.error h2:before{content:"Error: ";color:#b00020}.warning h2:before{content:"Warning: ";color:#9a5b00}
.note h2:before{content:"Note: ";color:#555}
p{margin:.2rem 0}.hint{color:#555}.strip{display:flex;flex-wrap:wrap;gap:.6rem;margin:.5rem 0}
figure{margin:0;width:7.2rem}img{max-width:7.2rem;image-rendering:auto;border:1px solid #ccc}
figcaption{font-size:.72rem;overflow-wrap:anywhere;color:#444}
table{border-collapse:collapse}td,th{padding:.15rem .7rem;border-bottom:1px solid #ddd;text-align:right}
th:first-child,td:first-child{text-align:left}
@media(prefers-color-scheme:dark){body{background:#181818;color:#eee}.hint,figcaption{color:#bbb}td,th{border-color:#444}}
"""


def write_page(images: Images, checkup: Checkup, path: Path) -> None:
    """Write the page.

    Args:
        images: the examined set.
        checkup: what was found in it.
        path: of the .html file.
    """
    with whole(path) as draft:
        draft.write_text(page(images, checkup), encoding="utf-8", errors="replace")


def page(images: Images, checkup: Checkup) -> str:
    """The page's HTML, images included."""
    head = "".join(f"<p>{escape(line)}</p>" for line in lines(checkup.found)[:2])
    body = (
        "".join(_section(images, finding) for finding in checkup.findings) or "<p>Nothing odd was found.</p>"
    )
    columns = ("images", "mean", "spread", "height", "width")
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{''.join(f'<td>{held[column]:g}</td>' for column in columns)}</tr>"
        for name, held in checkup.classes.items()
    )
    table = (
        "<h2>Classes</h2><p class=hint>Mean and spread of the grey level, 0 to 255; mean size in pixels.</p>"
        f"<table><tr><th>class</th>{''.join(f'<th>{column}</th>' for column in columns)}</tr>{rows}</table>"
    )
    title = f"Check of {escape(checkup.source)}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1>{head}{body}{table}</body></html>\n"
    )


def _section(images: Images, finding: Finding) -> str:
    if finding.rows:
        said = [""] * len(finding.names)
        for k, similarity in enumerate(finding.similarity):
            said[2 * k + 1] = f"looks like the one before: similarity {similarity:.2f}"
        shown = zip(finding.rows[:SHOWN], finding.names[:SHOWN], said, strict=False)
        strip = "".join(_figure(images, row, name, words) for row, name, words in shown)
    else:
        strip = "".join(f"<p>{escape(name)}</p>" for name in finding.names)
    held = min(SHOWN, len(finding.rows)) // (2 if finding.similarity else 1)
    more = finding.count - held if finding.rows else 0
    rest = f"<p class=hint>and {more:,} more</p>" if more > 0 else ""
    hint = f"<p class=hint>{escape(finding.hint)}</p>" if finding.hint else ""
    return (
        f'<section class="{finding.severity}"><h2>{escape(finding.kind)}</h2>'
        f'<p>{escape(finding.text)}</p>{hint}<div class="strip">{strip}</div>{rest}</section>'
    )


def address(images: Images, row: int) -> str:
    """A thumbnail as a data address; empty when the image cannot be read any more."""
    picture = thumbnail(images, row)
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}" if picture else ""


def _figure(images: Images, row: int, name: str, said: str = "") -> str:
    source = address(images, row)
    image = f'<img alt="" src="{source}">' if source else ""
    where = np.flatnonzero(images.rows == row)
    label = images.classes[int(images.labels[row])] if len(where) and images.labels[row] >= 0 else ""
    words = f"<br>{escape(said)}" if said else ""
    return f"<figure>{image}<figcaption>{escape(name)}<br>{escape(label)}{words}</figcaption></figure>"


def thumbnail(images: Images, row: int) -> bytes | None:
    """A PNG of at most 96 pixels a side, or None when the image cannot be read any more."""
    from PIL import Image

    try:
        raw = images.items.raw(row)
        pixels = raw if isinstance(raw, np.ndarray) else decode(raw, at_least=(SIDE, SIDE)).pixels
    except Unreadable:
        return None
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
