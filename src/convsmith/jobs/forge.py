"""The main job: images and a budget in; a finished network out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..errors import BadInput
from ..units import Bytes, Count, Size
from .running.begin import begin, check_resumed
from .running.job import BUDGET_OPTIONS, Job, checked, for_device
from .running.reopen import reopen
from .running.run_result import Done
from .running.workers import Workers
from .steps.searching.logs import check_logs

if TYPE_CHECKING:
    from ..data import Images
    from ..nas.choose import SpaceFunction

STEPS = ("images", "pretrained", "search", "train", "test", "explain", "export", "report")
"""What the display counts."""


def forge(
    data: str | Images | None = None,
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
    minutes: float | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    space: str | SpaceFunction = "stages",
    algorithm: str = "auto",
    option: list[str] | None = None,
    stop_early: bool = False,
    augment: str = "auto",
    pretrained: str = "auto",
    teacher: str = "auto",
    size: Size | None = None,
    validation: float = 0.15,
    test: float = 0.2,
    group: str | None = None,
    strict: bool = False,
    outside: bool = False,
    seed: int = 0,
    runs: str = "runs",
    resume: str | None = None,
    more_trials: int | None = None,
    more_minutes: float | None = None,
    warm_start: str | None = None,
    plan: str | None = None,
    workers: int = 1,
    ray: str | None = None,
    cpus_per_trial: float = 1.0,
    gpus_per_trial: float = 0.0,
    log: str | None = None,
    threads: int | None = None,
    quiet: bool = False,
) -> Done:
    """Images and a budget in; a finished network out.

    Reads the images, searches for the best network within the budget, trains it, tests it once on images
    that nothing has seen, explains it, exports it as ONNX and writes a report. Stopped at any moment, the
    same command goes on where it was.

    Args:
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
        minutes: how long all of it may take, from reading the images to the report; 10 without it and without
            --trials. Time in which the run was stopped does not count.
        trials: how many candidates the search trains, instead of a time.
        epochs: of the full training, with --trials; 60 without it.
        space: the kind of networks to search among; "pretrained" for members of a pretrained network, which
            begin with its weights; or a function of a file of your own, mine.py:my_space, which is run.
        algorithm: how to search; "convsmith list algorithms" shows the ways.
        option: a setting of the algorithm, such as population=20; may be given several times.
        stop_early: end a candidate's short training when its learning curve promises less than the others'.
        augment: changes to training images: "auto", "none", "digits", "photos", "light", "trivial", "rand" or
            "strong".
        pretrained: a network with weights to start from: "auto" takes the usual one where the images are
            large enough and its weights are on this machine; "none"; a name of "convsmith list pretrained",
            or NAME=PATH with a file of its weights; or a finished run's folder, a .keras file, or a
            .safetensors file with its Graph in it or beside it, of your own, for any classes.
        teacher: who teaches the networks that are trained to the end: "auto" is the whole pretrained network,
            where it is better than they are; "none"; or the folder of a finished run, a .keras or a
            .safetensors file of a network for the same classes, within the budget or not.
        size: the working size, such as 64x64; chosen from the images without it.
        validation: share of the images that the search judges by.
        test: share of the images that nothing sees before the end.
        group: regular expression on the images' names; what its parentheses match says which images belong
            together (a patient, a burst) and stay in one part.
        strict: stop when an image cannot be read, instead of leaving it out.
        outside: also read images outside the folder that was named, where a table names them or links lead.
        seed: of every random number.
        runs: the folder that run folders go to.
        resume: a run folder to go on with, of forge or search; the same command again finds it by itself.
            With another budget the trials that keep it count, and the end is done again.
        more_trials: trials to add to those of the run that --resume names, finished or not.
        more_minutes: minutes to add to those of the run that --resume names, finished or not.
        warm_start: the folder of an earlier search whose best networks are tried first; where images and
            recipe are the same, its scores count.
        plan: the folder of a finished run; what the clock decided there (how many trials, which epochs) is
            repeated.
        workers: how many processes train candidates at once.
        ray: train candidates on a Ray cluster: its address, "auto" for one that runs here, or "local".
        cpus_per_trial: processors of each trial on the cluster.
        gpus_per_trial: GPUs of each trial on the cluster.
        log: further logs of the search in the run folder: "tensorboard", "mlflow", or both with a comma.
        threads: to train with; the faster of one and all cores, as measured, without it.
        quiet: no progress on standard error.

    Returns:
        What came out, with the run folder.

    Raises:
        BadInput: images, options or a budget that cannot be used; said before anything is trained.

    Example:
        ``convsmith.forge("digits", max_params=20_000, minutes=3).test_accuracy``
    """
    from ..nas.spaces import name_of

    started = time.monotonic()
    options = locals()
    recipe = {name: options[name] for name in RECIPE} | {"space": name_of(space)}
    recipe |= for_device(recipe)
    who, logs = Workers(workers, ray, cpus_per_trial, gpus_per_trial), check_logs(log)
    if resume is None:
        if more_trials is not None or more_minutes is not None:
            raise BadInput(
                "--more-trials and --more-minutes", "given without a run", "--resume runs/0001 too"
            )
        recipe = checked(recipe)
    else:
        limits = {name: recipe[name] for name in BUDGET_OPTIONS}
        check_resumed(resume, {name: recipe[name] for name in RECIPE if name not in limits}, forge)
        reopen(resume, trials=more_trials, minutes=more_minutes, limits=limits)
    job = begin(
        "forge", data, recipe, steps=len(STEPS), runs=runs, resume=resume, started=started, quiet=quiet
    )
    job.workers, job.logs = who, logs
    with job.run as run:
        if not run.finished:
            work(job)
        return Done(run.path, run.read_json("result.json"))


RECIPE = (
    *BUDGET_OPTIONS, "memory_model", "precision", "device", "latency_batch", "latency_table",
    "minutes", "trials", "epochs", "space",
    "algorithm", "option", "stop_early", "augment", "pretrained", "teacher", "size", "validation", "test",
    "group", "strict", "outside", "seed", "threads", "plan", "warm_start",
)  # fmt: skip
"""The options that decide what comes out."""


def work(job: Job) -> None:
    """The steps, in their order; each has its results in the run folder when it ends."""
    from .steps.answer_rule import answer_rule
    from .steps.explain import explain
    from .steps.export import export, export_int8
    from .steps.images import prepare, work_at
    from .steps.judge import judge
    from .steps.pretrained.known import finals, start_from_known
    from .steps.report import report
    from .steps.search import search
    from .steps.teaching.own_teacher import own_teacher

    prepare(job)
    own = own_teacher(job)
    job.display.step(STEPS[1])
    known = start_from_known(job)
    job.display.step(STEPS[2])
    found = None if known is not None and known.arm == "pretrained" else search(job)
    job.display.step(STEPS[3])
    done = finals(job, known, found, own)
    winner = done["winner"]
    work_at(job, winner.graph)
    answer_rule(job, winner)
    job.display.step(STEPS[4])
    metrics, probabilities = judge(job, done)
    job.display.step(STEPS[5])
    explain(job, winner, probabilities)
    job.display.step(STEPS[6])
    exported = export(job, winner)
    if job.recipe.get("precision") == "int8":
        export_int8(job, winner)
    job.display.step(STEPS[7])
    report(job, done, metrics, exported)
    job.clock.save()
    job.run.finish()
