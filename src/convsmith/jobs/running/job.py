"""A job while it runs: what its steps hand on to each other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..options.common import JobOptions
from ..options.forge import ForgeOptions
from ..options.searching import Crew
from ..options.target import Target
from ..options.train import TrainOptions

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


Asked = TypeVar("Asked", bound=JobOptions, covariant=True)


@dataclass(frozen=True)
class Prepared:
    """The images as a job works with them.

    Args:
        split: which are for what.
        working: the size that a network sees.
        pixels_NHWC: all images at that size, uint8.
    """

    split: Split
    working: Resolution
    pixels_NHWC: np.ndarray


@dataclass(frozen=True)
class Job(Generic[Asked]):
    """One job while it runs; what a step adds to it is a new one.

    Args:
        run: the run folder, locked.
        options: what was asked for, which decides what comes out.
        images: the images.
        display: where progress is shown.
        clock: the time worked and left.
        crew: who trains the candidates of a search, and its further logs.
        prepared: the images as they are worked with, once they are.
        source: the pretrained network that it starts from, once that is known; None for none.
    """

    run: Run
    options: Asked
    images: Images
    display: Display
    clock: Clock
    crew: Crew = field(default_factory=Crew)
    prepared: Prepared | None = None
    source: Source | None = None
    _known: dict[Any, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @property
    def recipe(self) -> dict[str, Any]:
        """What recipe.json says."""
        return {"data": self.images.source, **self.options.to_json()}

    @property
    def target(self) -> Target:
        """The budget's options; their defaults for a job that takes none."""
        return self.options if isinstance(self.options, Target) else Target()

    @property
    def budget(self) -> Budget:
        """The limits that the user gave; none for a job that takes none."""
        found = self.target.budget
        return replace(found, classes=self.images.classes) if found.precision == "int8" else found

    @property
    def split(self) -> Split:
        """Which images are for what."""
        return self._prepared.split

    @property
    def working(self) -> Resolution:
        """The size that a network sees."""
        return self._prepared.working

    @property
    def pixels_NHWC(self) -> np.ndarray:  # noqa: N802
        """All images at the working size, uint8."""
        return self._prepared.pixels_NHWC

    @property
    def _prepared(self) -> Prepared:
        assert self.prepared is not None, "the step of the images comes first"
        return self.prepared

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
        if "spared" not in self._known:
            self._known["spared"] = spared(self.images, self.split, seed=self.options.seed)
        kept = self._known["spared"]
        return kept if name == "spared" else np.setdiff1d(self.split.validation, kept)

    def pixels(self, size: tuple[int, int] | None = None) -> np.ndarray:
        """All images at a size, decoded once; at the working size without it."""
        if size is None or tuple(size) == self.working.size:
            return self.pixels_NHWC
        if size not in self._known:
            with self.display.bar("decoding") as bar:
                self._known[size] = self.images.pixels(
                    size, self.working.channels, self.cache, progress=bar.count
                )
        return self._known[size]

    @property
    def cache(self) -> Path:
        """The folder of what can be made again, which the runs beside this one use as well."""
        return self.run.path.parent / ".cache"


AnyJob = Job[JobOptions]
ForgeJob = Job[ForgeOptions]
TrainJob = Job[TrainOptions]
