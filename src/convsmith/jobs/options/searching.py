"""How a space of networks is searched, and who trains its candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import BadInput, BadName
from ...options import Options, define
from ...own_code import is_in_file

if TYPE_CHECKING:
    from ...nas.choose import SpaceFunction

LOGS = ("tensorboard", "mlflow")


@dataclass(frozen=True, kw_only=True)
class Searching(Options):
    """Where and how a search looks."""

    space: str | SpaceFunction = define(
        "stages",
        'the kind of networks to search among, such as those of "convsmith list spaces"; "pretrained" for '
        "members of a pretrained network, which begin with its weights; or a function of a file of your own, "
        "mine.py:my_space, which is run.",
    )
    algorithm: str = define("auto", 'how to search; "convsmith list algorithms" shows the ways.')
    option: list[str] | None = define(
        None, "a setting of the algorithm, such as population=20; may be given several times."
    )
    stop_early: bool = define(
        False, "end a candidate's short training when its learning curve promises less than the others'."
    )
    warm_start: str | None = define(
        None,
        "the folder of an earlier search whose best networks are tried first; where images and recipe are "
        "the same, its scores count.",
    )
    plan: str | None = define(
        None,
        "the folder of a finished run; what the clock decided there (how many trials, which epochs) is "
        "repeated.",
    )

    def check(self) -> None:
        """Refuse names that there are not, and settings and spaces that do not go with the algorithm."""
        from ...nas.algorithms import ALGORITHMS
        from ...nas.lesson import check_suits
        from ...nas.settings import lesson_of, parse_options, settings_of
        from ...nas.spaces import SPACES, space_function
        from ...nas.spaces import space as space_of
        from ...pretrained.space import NAME
        from ...runs import Run

        space = str(self.space)
        if ":" in space:
            space_function(space)
        elif space not in (*SPACES, NAME):
            raise BadName("--space", space, (*SPACES, NAME))
        if is_in_file(self.algorithm):
            ALGORITHMS.find(self.algorithm)
        elif ":" not in self.algorithm and self.algorithm not in ALGORITHMS:
            raise BadName("--algorithm", self.algorithm, ALGORITHMS)
        options = parse_options(self.algorithm, self.option or ())
        lesson = lesson_of(self.algorithm, settings_of(self.algorithm, options))
        if lesson is not None and space in SPACES:
            check_suits(lesson, space_of(space, (8, 8, 1), 2))
        if self.warm_start is not None:
            Run.open(self.warm_start)


@dataclass(frozen=True, kw_only=True)
class Crew(Options):
    """Who trains the candidates, and what is logged of it; none of it decides what a trial gives."""

    workers: int = define(1, "how many processes train candidates at once.", unit="processes")
    ray: str | None = define(
        None,
        'train candidates on a Ray cluster: its address, "auto" for one that runs here, or "local".',
    )
    cpus_per_trial: float = define(1.0, "processors of each trial on the cluster.", unit="processors")
    gpus_per_trial: float = define(0.0, "GPUs of each trial on the cluster.", unit="GPUs")
    log: str | None = define(
        None, 'further logs of the search in the run folder: "tensorboard", "mlflow", or both with a comma.'
    )

    @property
    def logs(self) -> tuple[str, ...]:
        """The names of the logs.

        Example:
            >>> Crew(log="tensorboard, mlflow").logs, Crew().logs
            (('tensorboard', 'mlflow'), ())
        """
        return tuple(name.strip() for name in (self.log or "").split(",") if name.strip())

    def check(self) -> None:
        """Refuse less than one process, processes beside a cluster, and logs that there are not."""
        if not 1 <= self.workers < 100_000:
            raise BadInput("--workers", f"got {self.workers}", "at least 1", "--workers 2")
        for flag, value, idle in (
            ("--cpus-per-trial", self.cpus_per_trial, 1.0),
            ("--gpus-per-trial", self.gpus_per_trial, 0.0),
        ):
            if self.ray is None and value != idle:
                raise BadInput(flag, "given without a Ray cluster", "--ray too", "--ray local")
        if self.ray is not None and self.workers > 1:
            raise BadInput("--workers and --ray", "both were given", "one of them", "--ray local")
        for name in self.logs:
            if name not in LOGS:
                raise BadName("--log", name, LOGS)
