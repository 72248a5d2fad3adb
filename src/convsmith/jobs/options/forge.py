"""What forge and search are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import BadInput
from ...options import Options, define
from .common import JobOptions
from .effort import Effort
from .networks import check_pretrained, check_teacher
from .searching import Searching
from .target import Target


@dataclass(frozen=True, kw_only=True)
class Known(Options):
    """Networks that know something already."""

    pretrained: str = define(
        "auto",
        'a network with weights to start from: "auto" takes the usual one where the images are large enough '
        'and its weights are on this machine; "none"; a name of "convsmith list pretrained", or NAME=PATH '
        "with a file of its weights; or a finished run's folder, a .keras file, or a .safetensors file with "
        "its Graph in it or beside it, of your own, for any classes.",
        before="none",
    )
    teacher: str = define(
        "auto",
        'who teaches the networks that are trained to the end: "auto" is the whole pretrained network, where '
        'it is better than they are; "none"; or the folder of a finished run, a .keras or a .safetensors '
        "file of a network for the same classes, within the budget or not.",
        before="none",
    )

    def check(self) -> None:
        """Refuse networks that do not exist."""
        check_pretrained(self.pretrained)
        check_teacher(self.teacher, "auto")


@dataclass(frozen=True, kw_only=True)
class ForgeOptions(Target, Effort, Searching, Known, JobOptions):
    """Everything that decides what a search ends with; its recipe.json."""

    def check(self) -> None:
        """Refuse what several groups together leave without a meaning."""
        from ...pretrained.space import NAME

        if self.space == NAME and self.pretrained == "none":
            came = "given for the space of a pretrained network's members"
            raise BadInput("--pretrained none", came, "a network to take them from", f"--space {NAME} alone")
        if self.latency_table is not None:
            from ...formats.latency_table import read_table

            table, space = read_table(self.latency_table), str(self.space)
            if not table.is_of(space):
                hint = f"convsmith latency-table {space}"
                raise BadInput("--latency-table", f"is of space {table.space}", space, hint)
