"""Who shall train the candidates of a search: this process, several, or a Ray cluster."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import BadInput


@dataclass(frozen=True)
class Workers:
    """What was asked for; none of it decides what a trial gives, only when it is trained.

    Args:
        count: processes of this machine.
        ray: the address of a Ray cluster, "auto" or "local"; None for processes.
        cpus: processors of each trial on the cluster.
        gpus: GPUs of each trial on the cluster.

    Raises:
        BadInput: less than one process; processes and a cluster.
    """

    count: int = 1
    ray: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.count < 100_000:
            raise BadInput("--workers", f"got {self.count}", "at least 1", "--workers 2")
        for flag, value, idle in (("--cpus-per-trial", self.cpus, 1.0), ("--gpus-per-trial", self.gpus, 0.0)):
            if self.ray is None and value != idle:
                raise BadInput(flag, "given without a Ray cluster", "--ray too", "--ray local")
        if self.ray is not None and self.count > 1:
            raise BadInput("--workers and --ray", "both were given", "one of them", "--ray local")
