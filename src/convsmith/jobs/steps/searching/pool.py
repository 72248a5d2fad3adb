"""Those who train the candidates of a search: this process, several, or a Ray cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ....units import counted
from ...running.job import ForgeJob
from .own_space import has_members, source_of
from .searched import searched

if TYPE_CHECKING:
    from ....nas.workers.protocol import Pool


def pool(job: ForgeJob) -> Pool:
    """Those who train this job's candidates, and a line that says who they are."""
    import numpy as np

    from ....nas.workers.portable import Portable
    from ....nas.workers.protocol import Here
    from ....pretrained.packed import packed
    from ....runs.own_code import SPACE

    file = job.run.path / SPACE
    own = {str(file): file.read_text(encoding="utf-8")} if file.is_file() else {}
    asked, crew = job.options.threads, job.crew
    arrays = {
        "pixels": job.pixels_NHWC, "labels": np.asarray(job.images.y),
        "train": searched(job), "validation": np.sort(job.split.validation),
    }  # fmt: skip
    more: dict[str, Any] = {}
    if has_members(job):
        more["source"], arrays["numbers"] = packed(source_of(job))

    def portable(threads: int | None, **here: Any) -> Portable:
        settings = {"augment": job.options.augment, "threads": threads, **more, **here}
        return Portable("convsmith.jobs.steps.searching.trainer:trainer", settings, arrays, own)

    if crew.ray is not None:
        from ....nas.workers.ray_workers import RayWorkers

        job.display.say(f"joining the Ray cluster at {crew.ray}")
        cluster = RayWorkers(
            portable(asked or max(1, int(crew.cpus_per_trial))), crew.ray,
            cpus=crew.cpus_per_trial, gpus=crew.gpus_per_trial, warn=job.display.say,
        )  # fmt: skip
        job.display.say(f"it has room for {counted(cluster.slots, 'trial')} at once")
        return cluster
    if crew.workers == 1:
        return Here(portable(None, told=job.display.within).build())
    from ....nas.workers.processes import Processes
    from ....runs.environment import usable_cores

    cores, gpus = usable_cores(), visible_gpus()
    threads = asked or max(1, cores // crew.workers)
    share = counted(len(gpus), "GPU") if gpus else counted(cores, "core")
    crowded = crew.workers > (len(gpus) or cores)
    job.display.say(
        f"{crew.workers} workers with {counted(threads, 'thread')} each on {share}"
        + (": more than there are, so they share them and each is slower" if crowded else "")
    )
    folder = job.run.path / ".workers"
    return Processes(portable(threads), crew.workers, threads=threads, folder=folder, gpus=gpus)


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    count = torch.cuda.device_count()
    return tuple(named[:count] if named else map(str, range(count)))
