"""A job while it runs: what its steps hand on to each other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..options.searching import Crew
from ..options.target import Target

if TYPE_CHECKING:
    import numpy as np

    from ...data import Images, Resolution, Split
    from ...ledger.budget import Budget
    from ...pretrained import Source
    from ...runs import Run
    from .clock import Clock
    from .progress import Display

AT_LAST = ("train", "rest")
"""The parts that the networks of a search learn from in the end."""


@dataclass
class Job:
    """One main job while it runs.

    Args:
        run: the run folder, locked.
        recipe: every option that decides the result, by name.
        images: the images.
        display: where progress is shown.
        clock: the time worked and left.
        crew: who trains the candidates of a search, and its further logs.
        source: the pretrained network that it starts from, once that is known; None for none.
    """

    run: Run
    recipe: dict[str, Any]
    images: Images
    display: Display
    clock: Clock
    crew: Crew = field(default_factory=Crew)
    split: Split = field(init=False)
    working: Resolution = field(init=False)
    pixels_NHWC: np.ndarray = field(init=False)
    source: Source | None = field(init=False, default=None)
    _sized: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    _spared: np.ndarray | None = None

    @property
    def budget(self) -> Budget:
        """The limits that the user gave; none for a job that takes none."""
        is_limited = "max_params" in self.recipe  # the precision of a training is none of a budget
        found = (Target.of(self.recipe) if is_limited else Target()).budget
        return replace(found, classes=self.images.classes) if found.precision == "int8" else found

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of the working images."""
        return self.working.height, self.working.width, self.working.channels

    def part(self, *names: str, size: tuple[int, int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Images (N, H, W, C) uint8 and labels (N,) of one or several parts of the split, put together.

        Pixels that would fill the memory stay on disk and are read batch by batch.

        Args:
            names: of the parts.
            size: rows and columns; the working size without it.
        """
        from ...data.view import selected

        rows = self.rows(*names)
        return selected(self.pixels(size), rows), self.images.y[rows]

    def rows(self, *names: str) -> np.ndarray:
        """Positions of the images of one or several parts of the split, in order.

        The validation images consist of "spared", which the last training of a search's networks leaves out
        (see `spared`), and the "rest".
        """
        import numpy as np

        return np.sort(np.concatenate([self._rows_of(name) for name in names]))

    def _rows_of(self, name: str) -> np.ndarray:
        import numpy as np

        from .spared import spared

        if name not in ("rest", "spared"):
            found: np.ndarray = getattr(self.split, name)
            return found
        if self._spared is None:
            self._spared = spared(self.images, self.split, seed=self.recipe["seed"])
        return self._spared if name == "spared" else np.setdiff1d(self.split.validation, self._spared)

    def pixels(self, size: tuple[int, int] | None = None) -> np.ndarray:
        """All images at a size, decoded once; at the working size without it."""
        if size is None or tuple(size) == self.working.size:
            return self.pixels_NHWC
        if size not in self._sized:
            with self.display.bar("decoding") as bar:
                self._sized[size] = self.images.pixels(
                    size, self.working.channels, self.cache, progress=bar.count
                )
        return self._sized[size]

    @property
    def cache(self) -> Path:
        """The folder of what can be made again, which the runs beside this one use as well."""
        return self.run.path.parent / ".cache"
