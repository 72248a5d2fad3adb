"""The images that a run was made from, split as it split them; or any others, in the network's classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from ...data import Images
    from ...runs import Run
    from .trained import Trained

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class OwnImages:
    """Images as a run's network sees them.

    Args:
        images: the images; `y` below replaces their labels.
        pixels_NHWC: raw pixels at the network's size, uint8; may be memory-mapped.
        y: the network's number of each image's class, (N,); -1 for a class that it does not have.
        parts: train, validation and test -> positions; empty for images that are not the run's own.
        learned: the parts that the network was trained on in the end.
    """

    images: Images
    pixels_NHWC: np.ndarray
    y: np.ndarray
    parts: dict[str, np.ndarray]
    learned: tuple[str, ...] = ("train",)

    def rows(self, part: str) -> np.ndarray:
        """Positions of a part of the split; of every image where the images are not the run's own."""
        import numpy as np

        return self.parts[part] if self.parts else np.arange(len(self.images))


def own_images(net: Trained, data: str | Images | None = None, *, outside: bool = False) -> OwnImages:
    """Read a run's images again, or others for the same network.

    Args:
        net: the run's network.
        data: other images, whose classes are matched by name; the run's own without it.
        outside: also read images outside the folder of `data`; of the run's own as the run did.

    Raises:
        BadInput: the run's images are gone or changed, `outside` is given for them, or the others share no
            class with the network.
    """
    import numpy as np

    from ...data import Images, read
    from ...runs import Run

    if outside and data is None:
        raise BadInput(
            "--outside",
            "given without --data",
            "other images that it is for: a run's own are read as it read them",
        )
    run = Run.open(net.path)
    recipe, known = run.read_json("recipe.json"), run.read_json("data.json")
    given = recipe.get("data") if data is None else data
    try:
        beyond = bool(recipe.get("outside")) if data is None else outside
        images = given if isinstance(given, Images) else read(given, outside=beyond)
    except BadInput as error:
        if data is not None:
            raise
        came = f"its images cannot be read again from '{given}' ({error})"
        raise BadInput(
            str(net.path), came, "the images it was trained on", "give images with --data"
        ) from None
    same = images.fingerprint == known.get("fingerprint")
    if data is None and not same:
        raise BadInput(
            str(net.path), f"the images in {images.source} have changed since it was made",
            "the same images", f"--data {images.source} takes them as others: all of them, no split",
        )  # fmt: skip
    numbers = {name: number for number, name in enumerate(net.classes)}
    ours = np.array([numbers.get(name, -1) for name in images.classes], dtype=np.int64)
    if not (ours >= 0).any():
        raise BadInput(
            images.source, f"has none of the network's classes, but {_some(images.classes)}",
            _some(net.classes), "images with the same names of classes",
        )  # fmt: skip
    rows, columns, channels = (int(size or 0) for size in net.graph.input_shape)
    cache = None if data is not None and not same else net.path.parent / ".cache"
    pixels_NHWC = images.pixels((rows, columns), channels, cache)
    learned = ("train",) if run.kind == "train" else ("train", "validation")
    y = np.where(images.y >= 0, ours[images.y], -1)  # without a label it is of no class
    return OwnImages(images, pixels_NHWC, y, _parts(run, len(images)) if same else {}, learned)


def _parts(run: Run, count: int) -> dict[str, np.ndarray]:
    """The split as it was kept; splitting again would miss groups that only the program knew of."""
    import numpy as np

    from ...data.files.npy import members

    path = run.path / "split.npz"
    try:
        kept = members(str(path))
        parts = {name: kept[name]() for name in PARTS}
        rows = np.concatenate(list(parts.values()))
        if rows.dtype.kind not in "iu" or not np.array_equal(np.unique(rows), np.arange(count)):
            raise ValueError("not each image once")
    except (BadInput, OSError, ValueError, KeyError) as error:
        came = f"cannot be read ({error})"
        raise BadInput(str(path), came, "which image is for what", "give images with --data") from None
    return parts


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
