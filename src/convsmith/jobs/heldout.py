"""The images of a finished run that its network was not trained on, cut as the run cut them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from ..data import Images
    from .trained import Trained

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class HeldOut:
    """Images of one part of a run's split, at the network's size.

    Args:
        x_NHWC: raw pixels, uint8.
        y: class numbers, (N,).
        images: the same images, with their names and their own sizes.
    """

    x_NHWC: np.ndarray
    y: np.ndarray
    images: Images

    def __len__(self) -> int:
        return len(self.y)


def held_out(
    net: Trained, *, part: Part = "test", data: str | Images | None = None, most: int | None = None
) -> HeldOut:
    """The images of a part of the run's own split.

    Args:
        net: the run.
        part: which part.
        data: where the images are now, where they have moved; what the run was made from without it.
        most: how many at most, spread evenly over the part.

    Raises:
        BadInput: where the images are gone, or are not those of the run.
    """
    import numpy as np

    from ..data import Images, read
    from ..runs import Run

    run = Run.open(net.path)
    recipe: dict[str, Any] = run.read_json("recipe.json")
    source = recipe.get("data") if data is None else data
    if source is None:
        raise BadInput(str(net.path), "does not say what it was trained on", "recipe.json with data")
    if not isinstance(source, Images) and data is None and not _there(source):
        raise BadInput(
            str(net.path),
            f"its images are no longer at '{source}'",
            "the images that it was trained on",
            "--data with their new place",
        )
    images = source if isinstance(source, Images) else read(source)
    known = run.read_json("data.json").get("fingerprint")
    if known != images.fingerprint:
        raise BadInput(images.source, f"holds other images than {net.path} was made from", "the same images")
    shares = {name: recipe[name] for name in ("seed", "validation", "test") if recipe.get(name) is not None}
    rows = np.sort(getattr(images.split(**shares), part))
    if most is not None and len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
    chosen = images[rows]
    height, width, channels = (int(size or 0) for size in net.graph.input_shape)
    return HeldOut(np.array(chosen.pixels((height, width), channels)), chosen.y, chosen)


def _there(source: str) -> bool:
    """Whether a set can be read: a name without a place, such as "digits", always can."""
    return Path(source).exists() or not any(mark in source for mark in "/\\.")
