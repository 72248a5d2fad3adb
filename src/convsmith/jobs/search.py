"""Search a space for the best network within a budget: the main job, by the name of its heart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadInput
from ..units import Bytes, Count, Size
from .forge import forge
from .running.run_result import Done

if TYPE_CHECKING:
    from ..data import Images
    from ..nas.choose import SpaceFunction


def search(
    space: str | SpaceFunction,
    data: str | Images,
    *,
    max_params: Count | None = None,
    max_macs: Count | None = None,
    max_bytes: Bytes | None = None,
    max_memory: Bytes | None = None,
    max_latency_ms: float | None = None,
    memory_model: str = "liveness",
    precision: str = "float32",
    device: str | None = None,
    latency_batch: int = 1,
    latency_table: str | None = None,
    hours: float | None = None,
    minutes: float | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    algorithm: str = "auto",
    option: list[str] | None = None,
    stop_early: bool = False,
    augment: str = "auto",
    pretrained: str = "auto",
    teacher: str = "auto",
    size: Size | None = None,
    group: str | None = None,
    strict: bool = False,
    outside: bool = False,
    seed: int = 0,
    warm_start: str | None = None,
    workers: int = 1,
    ray: str | None = None,
    cpus_per_trial: float = 1.0,
    gpus_per_trial: float = 0.0,
    log: str | None = None,
    threads: int | None = None,
    runs: str = "runs",
    quiet: bool = False,
) -> Done:
    """Search a space for the best network within a budget; what forge does, for a space that is named first.

    Its run is one of forge: "convsmith forge --resume runs/0007 --more-minutes 30" goes on with it.

    Args:
        space: the kind of networks to search among; "convsmith list spaces" shows them; or a function of a
            file of your own, mine.py:my_space, which is run.
        data: a folder with a folder per class, an archive, a table of files, an .npz file, or a name such as
            "digits"; in Python also images that were read already.
        max_params: most parameters, such as 50k.
        max_macs: most multiply-adds for one image, such as 10M.
        max_bytes: most bytes of weights in fp32, such as 200kB.
        max_memory: most bytes of activations (fp32, one image), such as 1MB.
        max_latency_ms: most milliseconds for one image, exported, on one thread of this machine.
        memory_model: how memory is counted: "every" layer its own buffer, "liveness", "fused" or "in-place".
        precision: what limits on bytes and memory count: "float32", the weights and activations in fp32; or
            "int8", the .tflite file and its arena in TensorFlow Lite Micro, and the run ends with that file.
        device: a name of "convsmith list devices": its flash and RAM are the limits that are not given.
        latency_batch: images at once; the limit on latency is then for all of them.
        latency_table: a file that "convsmith latency-table" wrote on another machine; the limit on latency is
            then kept for that machine.
        hours: how long all of it may take.
        minutes: how long all of it may take, from reading the images to the report, added to the hours; 10
            without any limit.
        trials: how many candidates the search trains, instead of a time.
        epochs: of the full training, with --trials; 60 without it.
        algorithm: how to search; "convsmith list algorithms" shows the ways.
        option: a setting of the algorithm, such as population=20; may be given several times.
        stop_early: end a candidate's short training when its learning curve promises less than the others'.
        augment: changes to training images: "auto", "none", "digits", "photos", "light", "trivial", "rand" or
            "strong".
        pretrained: as of forge: "auto", "none", a name of the table, a run folder, a .keras or
            .safetensors file.
        teacher: as of forge: "auto", "none", or a network of your own for the same classes.
        size: the working size, such as 64x64; chosen from the images without it.
        group: regular expression on the images' names; what its parentheses match says which images belong
            together (a patient, a burst) and stay in one part.
        strict: stop when an image cannot be read, instead of leaving it out.
        outside: also read images outside the folder that was named, where a table names them or links lead.
        seed: of every random number.
        warm_start: the folder of an earlier search whose best networks are tried first; where images and
            recipe are the same, its scores count.
        workers: how many processes train candidates at once.
        ray: train candidates on a Ray cluster: its address, "auto" for one that runs here, or "local".
        cpus_per_trial: processors of each trial on the cluster.
        gpus_per_trial: GPUs of each trial on the cluster.
        log: further logs of the search in the run folder: "tensorboard", "mlflow", or both with a comma.
        threads: to train with; the faster of one and all cores, as measured, without it.
        runs: the folder that run folders go to.
        quiet: no progress on standard error.

    Returns:
        ``.best`` is the network found, ``.trials`` every trial.

    Raises:
        BadInput: as `forge`.
    """
    if hours is not None:
        if not 0 < hours < 1e6:
            raise BadInput("--hours", f"got {hours}", "more than 0", "--hours 2")
        minutes = 60 * hours + (minutes or 0)
    return forge(
        data,
        max_params=max_params,
        max_macs=max_macs,
        max_bytes=max_bytes,
        max_memory=max_memory,
        max_latency_ms=max_latency_ms,
        memory_model=memory_model,
        precision=precision,
        device=device,
        latency_batch=latency_batch,
        latency_table=latency_table,
        minutes=minutes,
        trials=trials,
        epochs=epochs,
        space=space,
        algorithm=algorithm,
        option=option,
        stop_early=stop_early,
        augment=augment,
        pretrained=pretrained,
        teacher=teacher,
        size=size,
        group=group,
        strict=strict,
        outside=outside,
        seed=seed,
        warm_start=warm_start,
        workers=workers,
        ray=ray,
        cpus_per_trial=cpus_per_trial,
        gpus_per_trial=gpus_per_trial,
        log=log,
        threads=threads,
        runs=runs,
        quiet=quiet,
    )
