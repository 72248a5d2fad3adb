"""Heatmaps as pictures: the photograph, the map over its grey form, and a scale that explains its colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

SIDE, GAP, LINE, INK, PAPER = 224, 8, 15, (30, 30, 30), (255, 255, 255)
# Nine colours of the inferno table (S. van der Walt, N. Smith, CC0): brighter is always more, in grey too.
WARM = (
    (0, 0, 4), (34, 12, 74), (87, 16, 110), (138, 34, 106), (187, 55, 84), (227, 89, 51), (249, 140, 10),
    (249, 201, 50), (252, 255, 164),
)  # fmt: skip
AGAINST, FOR = (33, 102, 172), (214, 60, 40)


def photograph(given: Any) -> Image.Image:
    """Any image as an RGB picture: a PIL image, uint8 (H, W) or (H, W, C), or raw pixels (C, H, W)."""
    import numpy as np
    from PIL import Image

    if isinstance(given, Image.Image):
        return given.convert("RGB")
    array = np.asarray(given)
    if array.ndim == 3 and array.dtype != np.uint8:
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return Image.fromarray(np.clip(np.rint(array), 0, 255).astype(np.uint8)).convert("RGB")


def draw(
    photo: Image.Image, map_HW: np.ndarray, *, signed: bool, problem: str, title: str, subtitle: str
) -> Image.Image:
    """The picture of one map.

    Args:
        photo: the photograph, RGB, any size.
        map_HW: the map, any size; stretched over the photograph.
        signed: whether numbers below zero mean something.
        problem: why the map must not be drawn; then only the words are.
        title: the first line below.
        subtitle: the second line below.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    photo = _fitted(photo)
    width, height = photo.size
    page = Image.new("RGB", (2 * width + 3 * GAP, height + GAP + 2 * LINE + 10), PAPER)
    page.paste(photo, (GAP, GAP))
    pen = ImageDraw.Draw(page)
    left, below = 2 * GAP + width, GAP + height + 4
    _write(pen, (GAP, below), title, width)
    _write(pen, (GAP, below + LINE), subtitle, width)
    if problem:
        words = f"not drawn: {problem}".split()
        lines = [""]
        for word in words:
            fits = pen.textlength(f"{lines[-1]} {word}", font=_font()) < width - 8
            lines[-1:] = [f"{lines[-1]} {word}".strip()] if fits else [lines[-1], word]
        for number, text in enumerate(lines):
            _write(pen, (left + 4, GAP + number * LINE), text, width)
        return page
    stretched = Image.fromarray(np.asarray(map_HW, dtype=np.float32)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    top, more = _top(map_HW)
    grey = np.asarray(photo.convert("L"), dtype=np.float32)[..., None].repeat(3, 2)
    page.paste(Image.fromarray(_blend(grey, np.asarray(stretched) / top, signed)), (left, GAP))
    steps = np.linspace(-1 if signed else 0, 1, width, dtype=np.float32)[None].repeat(10, 0)
    bar = _blend(np.full((10, width, 3), 128, dtype=np.float32), steps, signed)
    page.paste(Image.fromarray(bar), (left, below + 2))
    ends = (
        (f"against: -{top:.2g}{more}", f"for: {top:.2g}{more}")
        if signed
        else ("none: 0", f"most: {top:.2g}{more}")
    )
    _write(pen, (left, below + LINE), ends[0], width)
    pen.text((left + width, below + LINE), ends[1], INK, font=_font(), anchor="ra")
    return page


def _top(map_HW: np.ndarray) -> tuple[float, str]:
    """The number with the full colour, and what the scale says of it.

    It is the largest; where a few pixels stand far above all others, as gradients have them, it is the one
    that 1 pixel in 200 exceeds: else nothing but these few would be seen.
    """
    import numpy as np

    size = np.abs(map_HW)
    most, high = float(size.max()), float(np.quantile(size, 0.995))
    return (high, " or more") if high > 0 and most > 2 * high else (most, "")


def _blend(base_HWC: np.ndarray, strength_HW: np.ndarray, signed: bool) -> np.ndarray:
    """Colour over grey: the stronger, the less of the photograph shines through."""
    import numpy as np

    size = np.clip(np.abs(strength_HW), 0, 1)[..., None]
    if signed:
        colour = np.where(strength_HW[..., None] < 0, np.array(AGAINST), np.array(FOR))
        cover = 0.85 * size
    else:
        table = np.array(WARM, dtype=np.float32)
        place = size[..., 0] * (len(table) - 1)
        colour = np.stack([np.interp(place, range(len(table)), table[:, c]) for c in range(3)], -1)
        cover = 0.25 + 0.55 * size
    return np.rint(base_HWC * (1 - cover) + colour * cover).astype(np.uint8)


def _fitted(photo: Image.Image) -> Image.Image:
    """The photograph at a size that can be looked at; small ones enlarged with their pixels kept."""
    from PIL import Image

    longest = max(photo.size)
    if longest * 2 <= SIDE:
        times = SIDE // longest
        return photo.resize((photo.width * times, photo.height * times), Image.Resampling.NEAREST)
    size = tuple(max(1, round(side * SIDE / longest)) for side in photo.size)
    return photo.resize(size, Image.Resampling.LANCZOS)  # type: ignore[arg-type]


def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(11)


def _write(pen: Any, place: tuple[float, float], text: str, width: int) -> None:
    """A line of text, cut where it would leave its column; other scripts than Latin are not in the font."""
    text = text.encode("latin-1", "replace").decode("latin-1")
    while text and pen.textlength(text, font=_font()) > width:
        text = text[:-1]
    pen.text(place, text, INK, font=_font())
