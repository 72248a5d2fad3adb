"""The beginning of every job: the images are read, and its run folder is made or found again."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ...installed import need
from .before import completed
from .heartbeat import Heartbeat, tell_run
from .job import Job

if TYPE_CHECKING:
    from ...data import Images
    from ...runs import Run


def check_resumed(folder: str, given: dict[str, Any], verb: Callable[..., Any]) -> None:
    """See that no option asks for something else than the run that is gone on with.

    Args:
        folder: the run.
        given: options by name.
        verb: the function that they are options of; its defaults ask for nothing.

    Raises:
        BadInput: the first option that does.
    """
    from ...runs import Run, to_json

    run = Run.open(folder)
    if run.kind != verb.__name__:
        raise BadInput("--resume", f"{folder} is a run of '{run.kind}'", f"a run of '{verb.__name__}'")
    kept, parameters = completed(run.read_json("recipe.json"), given), inspect.signature(verb).parameters
    for name, value in json.loads(to_json(given)).items():
        if value not in (idle := parameters[name].default, kept.get(name)):
            flag = name if idle is inspect.Parameter.empty else "--" + name.replace("_", "-")
            came = f"not what {folder} was given"
            if not isinstance(value, dict):
                came = f"got {value}, and {folder} was given {kept.get(name)}"
            way = f"--more-{name} 5" if f"more_{name}" in parameters else "a run of its own, without it"
            raise BadInput(flag, came, "the same or nothing with --resume", way)


def begin(
    kind: str,
    data: str | Images | None,
    recipe: dict[str, Any],
    *,
    steps: int,
    runs: str,
    resume: str | None,
    started: float,
    quiet: bool,
) -> Job:
    """The job on a new run, or on the one that it goes on with: the same recipe and images, and unfinished.

    Args:
        kind: of job.
        data: the images, or what they are read from; the resumed run's own without it.
        recipe: the options that decide what comes out, by name.
        steps: how many the display shows.
        runs: the folder of run folders.
        resume: a run folder to go on with.
        started: `time.monotonic()` when the job began.
        quiet: no display.

    Raises:
        BadInput: no images, or other images than the resumed run has.
    """
    need(kind, "torch", "keras", "onnx", "onnxruntime", "safetensors", "sklearn")
    from ...runs import Run

    run = None if resume is None else Run.resume(resume)
    try:
        return _begun(
            kind, data, recipe, run, steps=steps, runs=runs, resume=resume, started=started, quiet=quiet
        )
    except BaseException:
        if run is not None:
            run.close()  # it stays free for whoever goes on with it
        raise


def _begun(
    kind: str,
    data: str | Images | None,
    recipe: dict[str, Any],
    run: Run | None,
    *,
    steps: int,
    runs: str,
    resume: str | None,
    started: float,
    quiet: bool,
) -> Job:
    from ...data import Images, read
    from ...data.refusal import check_there
    from ...engine.native import kernels
    from ...runs import Run, RunBusy, run_key
    from .clock import Clock
    from .progress import Display

    display, kept = Display(steps, quiet=quiet), dict[str, Any]()
    if run is not None:
        kept = run.read_json("recipe.json")
        data, recipe = data or kept["data"], completed(kept, recipe)
    elif data is None:
        raise BadInput(
            kind, "no images were given", 'a folder, an .npz file or "digits"', f"convsmith {kind} digits"
        )
    if not isinstance(data, Images):
        check_there(data)
    display.step("images")
    with display.bar("reading") as bar:
        if isinstance(data, Images):
            images = data
        else:
            group, strict, outside = (recipe.get(name) for name in ("group", "strict", "outside"))
            images = read(data, group=group, strict=bool(strict), outside=bool(outside), progress=bar.count)
    recipe = {"data": images.source, **recipe}
    # An earlier convsmith knew fewer options, and a run is what it was begun as.
    key = run_key(recipe if run is None else {**kept, "data": images.source}, images.fingerprint)
    if run is not None and run.key != key:
        raise BadInput(
            "--resume", f"the images in {images.source} are not those of {resume}", "the same images"
        )
    if run is None:
        run = Run.find(runs, key=key)
        if run is not None:
            display.say(f"resuming {run.path}")
        elif (busy := Run.busy(runs, key=key)) is not None:
            raise RunBusy(
                str(busy), "is the same job, and a process is driving it now", "one at a time",
                "wait for it or end it; or another --seed, or other --runs",
            )  # fmt: skip
    if run is None:
        run = Run.create(runs, kind=kind, recipe=recipe, key=key, command=_command(), kernels=kernels())
        display.say(f"run folder: {run.path}")
    tell_run(run.path)
    clock = Clock(run, recipe.get("minutes"), started=started)
    display.follow(Heartbeat(run, clock))
    return Job(run, recipe, images, display, clock)


def _command() -> list[str]:
    return ["convsmith", *sys.argv[1:]] if Path(sys.argv[0]).stem == "convsmith" else []
