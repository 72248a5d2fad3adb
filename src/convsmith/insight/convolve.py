"""One filter on a photograph, with padding and stride shown step by step."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from ..endings import ending_of
from ..errors import BadInput
from ..kinds.window import Pads, length, pads
from .convolved import Convolved, Position
from .filters import hand_made

if TYPE_CHECKING:
    import numpy as np


def convolve(
    photo: str,
    *,
    filter: str = "vertical-edge",
    padding: str = "same",
    stride: int = 1,
    size: int | None = None,
    output: str | None = None,
) -> Convolved:
    """Slide a hand-made filter over a photograph, and show how it comes about.

    Args:
        photo: the image file; taken in grey.
        filter: vertical-edge, horizontal-edge, sobel-vertical, sobel-horizontal, scharr-vertical,
            scharr-horizontal or laplacian.
        padding: "same", "valid" (none), or pixels of zeros on every side.
        stride: pixels from one position to the next.
        size: the longer side to which the photograph is reduced first, in pixels.
        output: the picture's file (PNG); without it the photo's name with the filter's behind it, here.

    Raises:
        BadInput: for a file that is no image, a name that is not known, or a filter that does not fit.
        CannotWrite: the picture cannot be written.

    Example:
        >>> from PIL import Image
        >>> Image.linear_gradient("L").save("photo.png")
        >>> found = convolve("photo.png", filter="horizontal-edge", stride=2)
        >>> found.output_HW.shape, str(found.picture)
        ((128, 128), 'photo-horizontal-edge.png')
    """
    from ..data import photo as read_photo
    from ..runs.files import write_whole
    from .pictures.convolution import draw

    if output is not None:
        ending_of(output, (".png",))
    found = convolved(_reduced(_grey(read_photo(photo)), size), filter, padding=padding, stride=stride)
    target = Path(output) if output else Path(f"{Path(photo).stem}-{filter}.png")
    buffer = io.BytesIO()
    draw(found).save(buffer, format="PNG", optimize=True)
    write_whole(target, buffer.getvalue())
    return Convolved(**{**found.__dict__, "picture": target})


def convolved(
    photo_HW: np.ndarray,
    filter: str = "vertical-edge",
    *,
    padding: str = "same",
    stride: int = 1,
    shown: int = 3,
) -> Convolved:
    """The filter at every position, as a convolutional layer computes it (no flipping).

    Args:
        photo_HW: grey, 0 to 255.
        filter: a name; see `FILTERS`.
        padding: "same", "valid", or pixels of zeros on every side.
        stride: pixels from one position to the next.
        shown: how many of the first positions to show; the strongest is added.

    Example:
        >>> import numpy as np
        >>> photo = np.repeat([[10.0] * 3 + [0.0] * 3], 6, axis=0)
        >>> convolved(photo, "vertical-edge", padding="valid").output_HW.tolist()[0]
        [0.0, 30.0, 30.0, 0.0]
    """
    import numpy as np

    weights = hand_made(filter)
    if stride < 1:
        raise BadInput("--stride", f"got {stride}", "at least 1", "--stride 2")
    rows, columns = photo_HW.shape
    fh, fw = weights.shape
    sides = _sides(padding, (rows, columns), (fh, fw), stride)
    top, bottom, left, right = sides
    padded = np.pad(photo_HW.astype(np.float64), ((top, bottom), (left, right)))
    length(padded.shape[0], fh, stride, "valid")
    length(padded.shape[1], fw, stride, "valid")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (fh, fw))[::stride, ::stride]
    output = np.einsum("ijhw,hw->ij", windows, weights)
    places = [divmod(k, output.shape[1]) for k in range(min(shown, output.size))]
    places.append(_strongest(output, sides, stride, (rows, columns), (fh, fw)))
    steps = tuple(
        Position((i, j), i * stride - top, j * stride - left, windows[i, j].copy(), float(output[i, j]))
        for i, j in dict.fromkeys(places)
    )
    formulas = (_formula(rows, sides[:2], fh, stride), _formula(columns, sides[2:], fw, stride))
    return Convolved(photo_HW, weights, output.astype(np.float32), sides, stride, steps, formulas, filter)


def _sides(padding: str, photo: tuple[int, int], seen: tuple[int, int], stride: int) -> Pads:
    if padding in ("same", "valid"):
        return pads(*photo, seen, (stride, stride), padding)
    if padding.isdigit() and int(padding) <= 100:
        return (int(padding),) * 4  # type: ignore[return-value]
    raise BadInput("--padding", f"got {padding!r}", "same, valid, or 0 to 100 pixels", "--padding same")


def _strongest(
    output: np.ndarray, sides: Pads, stride: int, photo: tuple[int, int], seen: tuple[int, int]
) -> tuple[int, int]:
    """Where the answer is strongest among the windows without padding; among all where each has some."""
    import numpy as np

    starts = [
        np.arange(n) * stride - start for n, start in zip(output.shape, (sides[0], sides[2]), strict=True)
    ]
    inside = [(at >= 0) & (at + f <= n) for at, f, n in zip(starts, seen, photo, strict=True)]
    counted = np.outer(*inside) if inside[0].any() and inside[1].any() else np.ones(output.shape)
    return divmod(int((np.abs(output) * counted).argmax()), output.shape[1])


def _formula(n: int, padded: tuple[int, ...], seen: int, stride: int) -> str:
    total = n + sum(padded)
    return f"⌊({n} + {sum(padded)} − {seen})/{stride}⌋ + 1 = {(total - seen) // stride + 1}"


def _grey(pixels_HWC: np.ndarray) -> np.ndarray:
    """Luma, as Pillow's mode "L" has it (ITU-R 601)."""
    import numpy as np
    from PIL import Image

    if pixels_HWC.shape[2] == 1:
        return pixels_HWC[:, :, 0]
    return np.asarray(Image.fromarray(pixels_HWC).convert("L"))


def _reduced(photo_HW: np.ndarray, size: int | None) -> np.ndarray:
    import numpy as np
    from PIL import Image

    longest = max(photo_HW.shape)
    if size is None or size >= longest:
        return photo_HW
    if size < 3:
        raise BadInput("--size", f"got {size}", "at least 3 pixels", "--size 256")
    rows, columns = (max(1, round(side * size / longest)) for side in photo_HW.shape)
    return np.asarray(Image.fromarray(photo_HW).resize((columns, rows), Image.Resampling.BILINEAR))
