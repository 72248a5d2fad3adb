"""Pictures whose truth is known: copies of a photo, and objects on plain grounds that are not copies."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

CHANGES = ("crop", "encoding", "size", "brightness", "several")


def encoded(image: Image.Image, quality: int) -> Image.Image:
    """The image after a JPEG of that quality."""
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(BytesIO(file.getvalue())).convert("RGB")


def cropped(image: Image.Image, rng: np.random.Generator, least: float = 0.8) -> Image.Image:
    """A crop that leaves at least so much of either side."""
    wide, high = image.size
    across, down = rng.uniform(least, 1, 2)
    left, top = rng.uniform(0, 1 - across), rng.uniform(0, 1 - down)
    box = (left * wide, top * high, (left + across) * wide, (top + down) * high)
    return image.crop(tuple(int(v) for v in box))


def resized(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Half to twice the size, but never under 70 pixels a side."""
    factor = max(2 ** rng.uniform(-1, 1), 70 / min(image.size))
    return image.resize((round(image.width * factor), round(image.height * factor)))


def changed(image: Image.Image, change: str, rng: np.random.Generator) -> Image.Image:
    """The photo as somebody may have saved it again."""
    if change == "crop":
        return encoded(cropped(image, rng), 85)
    if change == "encoding":
        return encoded(image, int(rng.integers(30, 80)))
    if change == "size":
        return encoded(resized(image, rng), 85)
    brightness = rng.choice([0.65, 0.8, 1.2, 1.35])
    if change == "brightness":
        return encoded(ImageEnhance.Brightness(image).enhance(brightness), 85)
    mild = ImageEnhance.Brightness(resized(cropped(image, rng, 0.85), rng)).enhance(rng.choice([0.8, 1.2]))
    return encoded(mild, 70)


def ground(rng: np.random.Generator, size: int = 160) -> Image.Image:
    """A plain ground: one colour, light from one side, a little noise."""
    down, across = np.mgrid[0:size, 0:size, 0:1][:2] / size
    light = across * rng.uniform(-40, 40) + down * rng.uniform(-40, 40)
    noise = rng.normal(0, rng.uniform(0, 4), (size, size, 1))
    pixels = rng.integers(90, 240, 3) + light + noise
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def cardboard(rng: np.random.Generator, size: int = 160) -> Image.Image:
    """A sheet of brown or grey cardboard that fills the picture: corrugated by less than its noise."""
    base = np.array([168, 134, 96] if rng.random() < 0.5 else [150, 150, 148]) + rng.normal(0, 8, 3)
    down, across = np.mgrid[0:size, 0:size, 0:1][:2] / size
    light = across * rng.uniform(-30, 30) + down * rng.uniform(-30, 30)
    pixels = base + light + rng.normal(0, 3, (size, size, 1))
    return encoded(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), 85)


def _colour(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(v) for v in rng.integers(20, 240, 3))


def bottle(rng: np.random.Generator, size: int = 160) -> Image.Image:
    """A bottle of its own shape and colour, with a label or not, on a plain ground."""
    image = ground(rng, size)
    draw = ImageDraw.Draw(image)
    wide, high = size * rng.uniform(0.15, 0.3), size * rng.uniform(0.45, 0.75)
    x, y = size * rng.uniform(0.35, 0.65, 2)
    colour, neck = _colour(rng), wide * rng.uniform(0.25, 0.45)
    body = (x - wide / 2, y - high / 4, x + wide / 2, y + high / 2)
    draw.rounded_rectangle(body, size / 25, fill=colour)
    draw.rectangle((x - neck / 2, y - high / 2, x + neck / 2, y - high / 4), fill=colour)
    if rng.random() < 0.6:
        draw.rectangle((body[0], y, body[2], y + high * rng.uniform(0.1, 0.3)), fill=_colour(rng))
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.5)))


def box(rng: np.random.Generator, size: int = 160) -> Image.Image:
    """A box of its own size and place, taped or not, on a plain ground."""
    image = ground(rng, size)
    draw = ImageDraw.Draw(image)
    wide, high = size * rng.uniform(0.3, 0.7, 2)
    x, y = size * rng.uniform(0.4, 0.6, 2)
    draw.rectangle((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2), fill=_colour(rng))
    if rng.random() < 0.5:
        draw.line((x - wide / 2, y, x + wide / 2, y), fill=(80, 70, 60), width=int(rng.integers(1, 5)))
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.5)))


def photo(rng: np.random.Generator, size: int = 160) -> Image.Image:
    """Something as rich as a photo: colours at every scale, and shapes in front."""
    pixels = np.full((size, size, 3), 128.0)
    for side, strength in ((4, 40), (9, 30), (20, 22), (45, 14)):
        coarse = rng.normal(0, strength, (side, side, 3)) + rng.normal(0, strength, (side, side, 1))
        coarse = np.clip(coarse + 128, 0, 255).astype(np.uint8)
        pixels += np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)) - 128.0
    image = Image.fromarray(np.clip(pixels, 5, 250).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(5):
        x, y, wide, high = (float(v) * size for v in (*rng.random(2), *rng.uniform(0.1, 0.4, 2)))
        draw.ellipse((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2), fill=_colour(rng))
    return image
