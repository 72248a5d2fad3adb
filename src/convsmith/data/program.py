"""A few lines that classify an image with an exported network, for people without convsmith."""

from __future__ import annotations

from collections.abc import Collection

ENOUGH = 4
"""A JPEG is decoded at 1/2, 1/4 or 1/8 where that leaves so many times the longer working side, both ways.

Measured on 768 photos: within 1.6 grey levels of the full decoding, on average over each image (at 2 times
4.4, at 3 times 2.6).
"""

_FLOATS = """
    if image.mode in ("I", "F"):
        x = numpy.nan_to_num(numpy.asarray(image, "float64"), posinf=0, neginf=0)
        low, high = x.min(), x.max()
        if low < 0 or high > 65535:
            x = (x - low) * (255 / ((high - low) or 1))
        else:
            x = x * (1 / 257 if high > 255 else 255 if high <= 1 else 1)
        image = Image.fromarray(numpy.rint(x).astype("uint8"))"""

_PROGRAM = """\
import json, numpy, onnxruntime
from PIL import Image, ImageOps

def pixels(file):
    image = Image.open(file)
    image.draft(None, ({enough}, {enough}))  # large JPEGs: decoded at 1/2, 1/4 or 1/8
    image = ImageOps.exif_transpose(image)  # upright
    if image.mode.startswith("I;16"):  # 16 bits to 8
        image = Image.fromarray(((numpy.asarray(image).astype("uint32") + 128) // 257).astype("uint8"))\
{floats}
    white = Image.new("RGBA", image.size, "white")  # under what is transparent
    image = Image.alpha_composite(white, image.convert("RGBA")).convert({mode!r})
    return numpy.asarray(image.resize(({width}, {height}), Image.BILINEAR), "float32"){lift}

network = onnxruntime.InferenceSession({network!r})
p = network.run(None, {{"image": pixels({photo!r})[None]}})[0][0]
print(json.loads(network.get_modelmeta().custom_metadata_map["classes"])[p.argmax()], p.max())
"""


def program(
    size: tuple[int, int], channels: int, *, forms: Collection[str] | None = None,
    network: str = "model.onnx", photo: str = "photo.jpg",
) -> str:  # fmt: skip
    """A program that classifies one image file with an exported network, as `pixels_in` would have it.

    Args:
        size: (height, width) that the network works at, in pixels.
        channels: 1 or 3.
        forms: keys of `decode.NOTES` that were met in the images (``forms`` in data.json); floating-point
            images are treated only where they were. None where it is not known: for every form.
        network: the exported file.
        photo: the image.

    Returns:
        Python that needs numpy, Pillow and ONNX Runtime.

    Example:
        >>> print(program((64, 64), 3, forms=()).splitlines()[4])
            image = Image.open(file)
    """
    return _PROGRAM.format(
        enough=ENOUGH * max(size), height=size[0], width=size[1], mode="RGB" if channels == 3 else "L",
        lift="" if channels == 3 else "[..., None]", network=network, photo=photo,
        floats=_FLOATS if forms is None or "float" in forms else "",
    )  # fmt: skip
