"""The main job's options and what its steps hand on to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadInput, BadName, meant, nearest_path
from ...own_code import is_in_file
from .workers import Workers

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
BUDGET_OPTIONS = {
    "max_params": "params",
    "max_macs": "macs",
    "max_bytes": "bytes",
    "max_memory": "memory",
    "max_latency_ms": "latency_ms",
}
"""Option of the command -> quantity of the budget."""


@dataclass
class Job:
    """One main job while it runs.

    Args:
        run: the run folder, locked.
        recipe: every option that decides the result, by name.
        images: the images.
        display: where progress is shown.
        clock: the time worked and left.
        workers: who trains the candidates of a search.
        logs: further logs of a search: "tensorboard", "mlflow".
        source: the pretrained network that it starts from, once that is known; None for none.
    """

    run: Run
    recipe: dict[str, Any]
    images: Images
    display: Display
    clock: Clock
    workers: Workers = field(default_factory=Workers)
    logs: tuple[str, ...] = ()
    split: Split = field(init=False)
    working: Resolution = field(init=False)
    pixels_NHWC: np.ndarray = field(init=False)
    source: Source | None = field(init=False, default=None)
    _sized: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    _spared: np.ndarray | None = None

    @property
    def budget(self) -> Budget:
        """The limits that the user gave; none for a job that takes none."""
        found = budget_of(self.recipe)
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


def budget_of(recipe: dict[str, Any]) -> Budget:
    """The limits of a recipe."""
    from ...ledger.budget import Budget

    limits: dict[str, Any] = {name: recipe.get(option) for option, name in BUDGET_OPTIONS.items()}
    precision = "int8" if recipe.get("precision") == "int8" else "float32"
    return Budget(**limits, memory_model=recipe.get("memory_model") or "liveness", precision=precision)


def for_device(recipe: dict[str, Any]) -> dict[str, Any]:
    """The options that a device's name stands for, where they are not given.

    Raises:
        BadName: for a device that is not in the table.
        BadInput: for one whose limits nobody published.
    """
    if recipe.get("device") is None:
        return {}
    from ...device.devices import device

    found = device(recipe["device"])
    limits = {"max_bytes": found.flash, "max_memory": found.ram}
    if found.target == "tflite-micro":
        given = {name: limit for name, limit in limits.items() if recipe.get(name) is None}
        return {"device": found.name, "precision": "int8", **given}
    if all(recipe.get(option) is None for option in BUDGET_OPTIONS):
        came = f"{found.name} has no limits that were published"
        raise BadInput("--device", came, "a limit beside it", "--max-latency-ms 20")
    return {"device": found.name}


def checked(recipe: dict[str, Any]) -> dict[str, Any]:
    """The options, after a look at what contradicts itself.

    Raises:
        BadInput: no budget, both a time and a number of trials, or numbers that mean nothing.
    """
    from ...nas.settings import parse_options
    from ...runs import Run

    check_names(recipe)
    check_pretrained(recipe)
    check_teacher(recipe, "auto")
    check_numbers(recipe)
    check_latency(recipe)
    check_precision(recipe)
    parse_options(recipe["algorithm"], recipe["option"] or ())
    if recipe["warm_start"] is not None:
        Run.open(recipe["warm_start"])
    if all(recipe[option] is None for option in BUDGET_OPTIONS):
        flags = ", ".join("--" + option.replace("_", "-") for option in BUDGET_OPTIONS)
        raise BadInput("budget", "no limit was given", f"at least one of {flags}", "--max-params 100k")
    budget_of(recipe)  # says a limit that means nothing before there is a run
    if recipe["minutes"] is not None and recipe["trials"] is not None:
        raise BadInput("--minutes and --trials", "both were given", "one of them", "--minutes 20")
    if recipe["minutes"] is None and recipe["trials"] is None:
        recipe["minutes"] = 10.0
    if recipe["epochs"] is not None and recipe["trials"] is None:
        raise BadInput(
            "--epochs", "was given with a time", "it goes with --trials", "--trials 30 --epochs 60"
        )
    return recipe


def check_names(recipe: dict[str, Any]) -> None:
    """Say a misspelt name before anything is read."""
    from ...engine.augment import POLICIES
    from ...ledger.budget import MEMORY_MODELS
    from ...nas.algorithms import ALGORITHMS
    from ...nas.spaces import SPACES, space_function
    from ...pretrained.space import NAME as PRETRAINED

    named = recipe.get("space")
    own = tuple(name for name in (named, recipe.get("algorithm")) if isinstance(name, str) and ":" in name)
    if named in own:
        space_function(str(named))
    if is_in_file(recipe.get("algorithm")):
        ALGORITHMS.find(recipe["algorithm"])
    for option, known in (
        ("space", (*SPACES, PRETRAINED, *own)),
        ("algorithm", (*ALGORITHMS, *own)),
        ("augment", ("auto", *POLICIES)),
        ("memory_model", MEMORY_MODELS),
    ):
        name = recipe.get(option)
        if isinstance(name, str) and name not in known:
            raise BadName(f"--{option}", name, known)


def check_pretrained(recipe: dict[str, Any], *more: str, endings: Sequence[str] = ()) -> None:
    """Say a pretrained network that does not exist before anything is read.

    Args:
        recipe: the options.
        more: further names.
        endings: of further files.
    """
    from ...pretrained.sources import SOURCES
    from ...pretrained.space import NAME

    if recipe.get("space") == NAME and recipe.get("pretrained") == "none":
        came = "given for the space of a pretrained network's members"
        raise BadInput("--pretrained none", came, "a network to take them from", f"--space {NAME} alone")

    wanted = recipe["pretrained"]
    if not (Path(wanted).is_file() and Path(wanted).suffix in endings):
        _check_network("--pretrained", wanted, ("auto", "none", *more, *SOURCES))


def check_teacher(recipe: dict[str, Any], *names: str) -> None:
    """Say a teacher that does not exist before anything is read."""
    _check_network("--teacher", recipe["teacher"], ("none", *names))


def _check_network(flag: str, wanted: str, names: Sequence[str]) -> None:
    """See that this is one of the names, perhaps with a path, a run folder or a file of a network."""
    from ..inputs.trained import KINDS, is_known

    if is_known(wanted) or wanted.partition("=")[0] in names:
        return
    if "/" in wanted or "." in wanted or Path(wanted).exists():
        is_there = Path(wanted).exists()
        came = f"'{wanted}' is no trained network" if is_there else f"no file or folder '{wanted}'"
        raise BadInput(flag, came, KINDS, meant(None if is_there else nearest_path(wanted)))
    raise BadName(flag, wanted, names)


def check_latency(recipe: dict[str, Any]) -> None:
    """Say options of latency that contradict each other before anything is read."""
    for option, idle in (("latency_batch", 1), ("latency_table", None)):
        flag = "--" + option.replace("_", "-")
        if recipe[option] != idle and recipe["max_latency_ms"] is None:
            raise BadInput(flag, "given without a limit on latency", "one", f"--max-latency-ms 2 {flag} ...")
    if recipe["latency_batch"] != 1 and recipe["latency_table"] is not None:
        came = "both were given"
        raise BadInput(
            "--latency-batch and --latency-table", came, "one of them; the table has its own batch"
        )
    if recipe["latency_table"] is not None:
        from ...formats.latency_table import read_table

        table = read_table(recipe["latency_table"])
        if not table.is_of(recipe["space"]):
            came = f"is of space {table.space}"
            raise BadInput(
                "--latency-table", came, recipe["space"], f"convsmith latency-table {recipe['space']}"
            )
    if recipe["memory_model"] != "liveness" and recipe["max_memory"] is None:
        came = "given without a limit on memory"
        raise BadInput("--memory-model", came, "one", "--max-memory 1MB --memory-model fused")


def check_precision(recipe: dict[str, Any]) -> None:
    """Say a precision that is none, and options that it leaves without a meaning, before anything is read."""
    from ...ledger.budget import PRECISIONS

    if recipe["precision"] not in PRECISIONS:
        raise BadName("--precision", recipe["precision"], PRECISIONS)
    if recipe["precision"] == "int8":
        for option, fixed in (("memory_model", "liveness"), ("max_latency_ms", None)):
            if recipe[option] != fixed:
                flag = "--" + option.replace("_", "-")
                means = "means the arena" if option == "memory_model" else "is measured in fp32"
                raise BadInput(flag, f"given with --precision int8, where it {means}", "one of them")


def check_numbers(recipe: dict[str, Any]) -> None:
    """Say a number that means nothing before anything is read."""
    least = {
        "minutes": 0.25, "trials": 2, "epochs": 1, "seed": 0, "threads": 1, "batch_size": 1,
        "latency_batch": 1,
    }  # fmt: skip
    for option, low in least.items():
        value = recipe.get(option)
        if value is not None and not low <= value < 1e9:
            flag = "--" + option.replace("_", "-")
            raise BadInput(flag, f"got {value}", f"at least {low:g}", f"{flag} {max(low, 1):g}")
