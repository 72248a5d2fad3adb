"""An explanation: a map for each image, what it is of, what is wrong with it; and its files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a method says about a batch of images.

    Args:
        method: its name.
        maps_NHW: a number for each pixel of the network's input, float32; as the method gives it, not scaled.
        images_NCHW: what the network saw, raw pixels.
        target: the class that is explained, for each image.
        versus: the class whose output was subtracted, for each image.
        output: "logit" or "output": what of the class is explained.
        scores: that number, for each image.
        layer: the layer that was looked at, where the method looks at one.
        signed: True where numbers below zero speak against the class.
        arrays: more arrays, first axis N, e.g. ``coarse_Nhw``.
        notes: what a reader should know.
    """

    method: str
    maps_NHW: np.ndarray
    images_NCHW: np.ndarray
    target: tuple[int, ...]
    versus: tuple[int, ...] | None = None
    output: str = "logit"
    scores: tuple[float, ...] = ()
    layer: str | None = None
    signed: bool = False
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.maps_NHW)

    def __getitem__(self, rows: slice) -> Explanation:
        return replace(
            self,
            maps_NHW=self.maps_NHW[rows],
            images_NCHW=self.images_NCHW[rows],
            target=self.target[rows],
            versus=None if self.versus is None else self.versus[rows],
            scores=self.scores[rows],
            arrays={name: array[rows] for name, array in self.arrays.items()},
        )

    def take(self, rows: Sequence[int]) -> Explanation:
        """Some of the images, by their places."""
        some = list(rows)
        picked = lambda values: tuple(values[row] for row in some)  # noqa: E731
        return replace(
            self,
            maps_NHW=self.maps_NHW[some],
            images_NCHW=self.images_NCHW[some],
            target=picked(self.target),
            versus=None if self.versus is None else picked(self.versus),
            scores=picked(self.scores) if self.scores else (),
            arrays={name: array[some] for name, array in self.arrays.items()},
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """For each image why its map must not be drawn; empty where it may."""
        import numpy as np

        said = []
        for map_HW in self.maps_NHW:
            if not np.isfinite(map_HW).all():
                said.append("the map has numbers that are not finite")
            elif not map_HW.any():
                at = f" of layer {self.layer}" if self.layer else ""
                said.append(f"the map is zero everywhere: no place{at} speaks for the class")
            else:
                said.append("")
        return tuple(said)

    def of(self, index: int, classes: Sequence[str] | None = None) -> str:
        """What is explained, in words, e.g. ``logit of cat``."""
        name = lambda k: classes[k] if classes else f"class {k}"  # noqa: E731
        text = f"{self.output} of {name(self.target[index])}"
        return text if self.versus is None else f"{text} minus {name(self.versus[index])}"

    def on(self, index: int, size: tuple[int, int]) -> np.ndarray:
        """The map of one image for each pixel of the original photograph.

        Args:
            index: which image.
            size: rows and columns of the original, which was squashed into the network's input.
        """
        import numpy as np
        from PIL import Image

        made = Image.fromarray(np.ascontiguousarray(self.maps_NHW[index]))
        return np.asarray(made.resize((size[1], size[0]), Image.Resampling.BILINEAR))

    def picture(
        self,
        index: int,
        original: np.ndarray | Image.Image | None = None,
        classes: Sequence[str] | None = None,
    ) -> Image.Image:
        """The photograph, the map over it, and a scale that explains its colours.

        Args:
            index: which image.
            original: the photograph, any size; without it the network's input.
            classes: the classes' names.
        """
        from .pictures.heatmap import draw, photograph

        photo = photograph(self.images_NCHW[index] if original is None else original)
        where = f" at {self.layer}" if self.layer else ""
        return draw(
            photo,
            self.maps_NHW[index],
            signed=self.signed,
            problem=self.problems[index],
            title=f"{self.method}{where}",
            subtitle=self.of(index, classes),
        )

    def save(
        self,
        folder: str | Path,
        *,
        originals: Sequence[Any] | None = None,
        classes: Sequence[str] | None = None,
        about: Sequence[Mapping[str, Any]] | None = None,
    ) -> list[dict[str, Any]]:
        """Write a picture for each image, the arrays (explain.npz) and what they are (explain.json).

        Args:
            folder: where; made when absent.
            originals: the photographs, any size; without them the network's input is drawn.
            classes: the classes' names.
            about: more to write about each image into explain.json, e.g. ``{"index": 17, "right": False}``.

        Returns:
            The rows of explain.json: file, method, layer, target, of, score, notes, and `about`.

        Raises:
            CannotWrite: full disk or no permission.
            BadInput: not as many originals or rows as images.
        """
        import numpy as np

        from ..runs.files import to_json, write_whole

        for name, given in (("originals", originals), ("about", about)):
            if given is not None and len(given) != len(self):
                raise BadInput(f"explain {name}", f"{len(given)} for {len(self)} images", "one for each")
        path, problems, rows = Path(folder), self.problems, []
        path.mkdir(parents=True, exist_ok=True)
        for index in range(len(self)):
            file = f"{index:04d}.png"
            buffer = io.BytesIO()
            original = None if originals is None else originals[index]
            self.picture(index, original, classes).save(buffer, format="PNG", optimize=True)
            write_whole(path / file, buffer.getvalue())
            row = {
                "file": file,
                "method": self.method,
                "layer": self.layer,
                "target": self.target[index],
                "of": self.of(index, classes),
                "score": self.scores[index] if self.scores else None,
                "notes": [*self.notes, *([problems[index]] if problems[index] else [])],
            }
            rows.append(row | (dict(about[index]) if about is not None else {}))
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {"maps_NHW": self.maps_NHW, **self.arrays}
        np.savez_compressed(buffer, **arrays)
        write_whole(path / "explain.npz", buffer.getvalue())
        write_whole(path / "explain.json", to_json(rows, indent=1) + "\n")
        return rows


def joined(parts: Sequence[Explanation]) -> Explanation:
    """One explanation of several batches by the same method."""
    import numpy as np

    first = parts[0]
    put = lambda arrays: np.concatenate(list(arrays))  # noqa: E731
    versus = None if first.versus is None else tuple(k for part in parts for k in part.versus or ())
    return replace(
        first,
        maps_NHW=put(part.maps_NHW for part in parts),
        images_NCHW=put(part.images_NCHW for part in parts),
        target=tuple(k for part in parts for k in part.target),
        versus=versus,
        scores=tuple(score for part in parts for score in part.scores),
        arrays={name: put(part.arrays[name] for part in parts) for name in first.arrays},
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )
