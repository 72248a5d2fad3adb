"""Options that many verbs have: what is read, by which random numbers, and where the work is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from ...options import Choices, Options, Words, define
from ...units import Size

if TYPE_CHECKING:
    from ...data import Images

Data = Annotated[
    "str | Images | None",
    Words(
        "a folder with a folder per class, an archive, a table of files, an .npz file, or a name such as "
        '"digits"; in Python also images that were read already.'
    ),
]


@dataclass(frozen=True, kw_only=True)
class Reading(Options):
    """How images are read."""

    group: str | None = define(
        None,
        "regular expression on the images' names; what its parentheses match says which images belong "
        "together (a patient, a burst) and stay in one part.",
    )
    strict: bool = define(False, "stop when an image cannot be read, instead of leaving it out.")
    outside: bool = define(
        False, "also read images outside the folder that was named, where a table names them or links lead."
    )


@dataclass(frozen=True, kw_only=True)
class Split(Options):
    """Which images are for what, and the size at which a network sees them."""

    size: Size | None = define(
        None, "the working size, such as 64x64; chosen from the images without it.", unit="pixels"
    )
    validation: float = define(
        0.15,
        "share of the images that the search and the curves of a training are judged by, and that "
        "--patience and --until-accuracy go by.",
        unit="share",
    )
    test: float = define(0.2, "share of the images that nothing sees before the end.", unit="share")


@dataclass(frozen=True, kw_only=True)
class Augmenting(Options):
    """How training images are varied."""

    augment: str = define(
        "auto",
        'changes to training images: "auto", "none", "digits", "photos", "light" (mirrored, moved by whole '
        'pixels), "trivial" (TrivialAugment), "rand" (RandAugment) or "strong" (also erasing, mixup and '
        "cutmix).",
        choices=Choices("convsmith.engine.augment:POLICIES", "auto"),
    )


@dataclass(frozen=True, kw_only=True)
class Computing(Options):
    """By which random numbers, and on how many threads."""

    seed: int = define(0, "of every random number.", least=0)
    threads: int | None = define(
        None, "to train with; the faster of one and all cores, as measured, without it.", least=1,
        unit="threads",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class JobOptions(Augmenting, Reading, Split, Computing):
    """What every job on images is asked for."""


@dataclass(frozen=True, kw_only=True)
class Running(Options):
    """Where a job's run is, and what is seen of it; nothing of it decides what comes out."""

    runs: str = define("runs", "the folder that run folders go to.")
    resume: str | None = define(
        None,
        "a run folder to go on with; the same command again finds it by itself. A run of forge or search "
        "also takes another budget: the trials that keep it count, and the end is done again.",
    )
    quiet: bool = define(False, "no progress on standard error.")
