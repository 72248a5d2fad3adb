"""Mistakes as pictures: the confusion matrix, calibration, attributes, galleries, thumbnails on a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .heatmap import FOR, GAP, INK, PAPER, photograph

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from PIL import Image

BLUE, RED, GREY = "#2f6f9f", "#b8402a", "#888888"
SIDE, LINE, THUMB, MAP = 150, 14, 26, 900


def confusion_chart(counts: Sequence[Sequence[int]], names: Sequence[str]) -> Figure:
    """True classes down, said classes across; blue is right, red is wrong, darker is a larger share."""
    import numpy as np
    from matplotlib.figure import Figure

    table = np.array(counts)
    many = len(names)
    side = min(14.0, max(4.5, 0.42 * many + 2))
    figure = Figure((side, side), layout="constrained")
    axes = figure.add_subplot()
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    depth = np.where(share > 0, 0.15 + 0.75 * np.sqrt(share), 0)[..., None]
    ink = np.where(np.eye(many, dtype=bool)[..., None], (0.18, 0.44, 0.62), (0.72, 0.25, 0.16))
    axes.imshow(1 - depth * (1 - ink))
    size = max(4.0, min(9.0, 180 / many))
    if many <= 40:
        for i, j in np.argwhere(table):
            dark = depth[i, j, 0] > 0.55
            axes.text(j, i, table[i, j], ha="center", va="center", size=size, color="w" if dark else "k")
    axes.set_xticks(range(many), names, rotation=90, size=size)
    axes.set_yticks(range(many), names, size=size)
    axes.set_xlabel("said")
    axes.set_ylabel("is")
    return figure


def reliability_chart(before: Mapping[str, Any], after: Mapping[str, Any] | None, by: float | None) -> Figure:
    """Accuracy against confidence; on the diagonal confidence means what it says."""
    from matplotlib.figure import Figure

    figure = Figure((5, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="confidence = accuracy")
    drawn = [("as trained", before, BLUE, "o")]
    drawn += [(f"temperature {by:.2f}", after, RED, "s")] if after is not None else []
    for name, found, colour, shape in drawn:
        rows = found["bins"]
        x, y = [row["confidence"] for row in rows], [row["accuracy"] for row in rows]
        low = [max(0.0, row["accuracy"] - row["interval"][0]) for row in rows]
        high = [max(0.0, row["interval"][1] - row["accuracy"]) for row in rows]
        said = f"{name}: error {100 * found['ece']:.1f} points"
        axes.errorbar(x, y, [low, high], color=colour, marker=shape, linewidth=1, capsize=2, label=said)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share that is right, 95% interval")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def attributes_chart(by: Mapping[str, Sequence[Mapping[str, Any]]], whole: float) -> Figure:
    """Accuracy from the lowest to the highest fourth of each attribute; the line is all images'."""
    from matplotlib.figure import Figure

    figure = Figure((5.2, 2.4 * -(-len(by) // 2)), layout="constrained")
    for number, (name, rows) in enumerate(by.items()):
        axes = figure.add_subplot(-(-len(by) // 2), 2, number + 1)
        y = [row["accuracy"] for row in rows]
        low = [max(0.0, row["accuracy"] - row["interval"][0]) for row in rows]
        high = [max(0.0, row["interval"][1] - row["accuracy"]) for row in rows]
        axes.axhline(whole, color=GREY, linestyle="--", linewidth=1)
        axes.errorbar(range(len(rows)), y, [low, high], color=BLUE, marker="o", linestyle="", capsize=3)
        axes.set_xticks(range(len(rows)), [f"{row['low']:.3g} to\n{row['high']:.3g}" for row in rows], size=6)
        axes.set_xlim(-0.5, len(rows) - 0.5)
        axes.set_ylim(0, 1.03)
        axes.set_title(name, size=9)
        if number % 2 == 0:
            axes.set_ylabel("share that is right", size=8)
    return figure


def gallery(pictures: Sequence[Any], lines: Sequence[Sequence[str]], *, across: int = 6) -> Image.Image:
    """Photographs with a few lines of words below each; the second line in red."""
    from PIL import Image, ImageDraw

    tall = SIDE + LINE * max((len(some) for some in lines), default=0) + GAP
    columns = max(1, min(across, len(pictures)))
    size = (columns * (SIDE + GAP) + GAP, -(-len(pictures) // columns) * tall + GAP)
    page = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(page)
    for number, (picture, words) in enumerate(zip(pictures, lines, strict=True)):
        x, y = GAP + number % columns * (SIDE + GAP), GAP + number // columns * tall
        photo = _within(photograph(picture), SIDE)
        page.paste(photo, (x + (SIDE - photo.width) // 2, y + (SIDE - photo.height) // 2))
        for row, text in enumerate(words):
            _write(pen, (x, y + SIDE + row * LINE), text, SIDE, FOR if row == 1 else INK)
    return page


def thumbnails_on_a_map(
    places_N2: np.ndarray, pictures: Sequence[Any], right: Sequence[bool], title: str
) -> Image.Image:
    """Each image where the last hidden layer puts it; wrong ones with a red frame, drawn last."""
    from PIL import Image, ImageDraw

    page = Image.new("RGB", (MAP + THUMB + 2 * GAP, MAP + THUMB + 3 * GAP + 2 * LINE), PAPER)
    pen = ImageDraw.Draw(page)
    _write(pen, (GAP, GAP), title, MAP, INK)
    for n in sorted(range(len(pictures)), key=lambda n: not right[n]):
        photo = _within(photograph(pictures[n]), THUMB)
        x = GAP + round(places_N2[n, 0] * MAP)
        y = 2 * GAP + LINE + round((1 - places_N2[n, 1]) * MAP)
        page.paste(photo, (x, y))
        if not right[n]:
            pen.rectangle((x - 2, y - 2, x + photo.width + 1, y + photo.height + 1), outline=FOR, width=2)
    return page


def _within(photo: Image.Image, side: int) -> Image.Image:
    from PIL import Image

    times = side / max(photo.size)
    size = (max(1, round(photo.width * times)), max(1, round(photo.height * times)))
    return photo.resize(size, Image.Resampling.NEAREST if times > 2 else Image.Resampling.LANCZOS)


def _write(pen: Any, place: tuple[float, float], text: str, width: int, ink: tuple[int, int, int]) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(11)
    text = text.encode("latin-1", "replace").decode("latin-1")
    while text and pen.textlength(text, font=font) > width:
        text = text[:-1]
    pen.text(place, text, ink, font=font)
