"""The beginning of every job: the images are read, and its run folder is made or found again."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import BadInput
from ...installed import need
from ...options import options_in
from ..options.common import JobOptions, Running
from ..options.searching import Crew
from .heartbeat import Heartbeat, tell_run
from .job import Job

if TYPE_CHECKING:
    from ...data import Images
    from ...runs import Run


Asked = TypeVar("Asked", bound=JobOptions)


def check_resumed(folder: str, kind: str, given: JobOptions, *, more: Sequence[str] = ()) -> None:
    """See that no option asks for something else than the run that is gone on with.

    Args:
        folder: the run.
        kind: of job.
        given: what is asked for; a default asks for nothing.
        more: options that are added to by "--more-...".

    Raises:
        BadInput: the first option that does.
    """
    from ...runs import Run, to_json

    run = Run.open(folder)
    if run.kind != kind:
        raise BadInput("--resume", f"{folder} is a run of '{run.kind}'", f"a run of '{kind}'")
    kept = type(given).of(run.read_json("recipe.json")).to_json()
    values = json.loads(to_json(given.to_json()))
    for one in options_in(type(given)):
        value = values[one.name]
        if value not in (one.default, kept[one.name]):
            came = f"not what {folder} was given"
            if not isinstance(value, dict):
                came = f"got {value}, and {folder} was given {kept[one.name]}"
            way = f"--more-{one.name} 5" if one.name in more else "a run of its own, without it"
            flag = "network" if one.name == "network" else one.flag
            raise BadInput(flag, came, "the same or nothing with --resume", way)


def begin(
    kind: str,
    data: str | Images | None,
    options: Asked,
    running: Running,
    *,
    steps: int,
    started: float,
    crew: Crew | None = None,
) -> Job[Asked]:
    """The job on a new run, or on the one that it goes on with: the same recipe and images, and unfinished.

    Args:
        kind: of job.
        data: the images, or what they are read from; the resumed run's own without it.
        options: what decides what comes out; the resumed run's own instead.
        running: where the run is, and what is seen of it.
        steps: how many the display shows.
        started: `time.monotonic()` when the job began.
        crew: who trains the candidates of a search.

    Raises:
        BadInput: no images, or other images than the resumed run has.
    """
    need(kind, "torch", "keras", "onnx", "onnxruntime", "safetensors", "sklearn")
    from ...runs import Run

    run = None if running.resume is None else Run.resume(running.resume)
    try:
        return _begun(kind, data, options, run, running, steps=steps, started=started, crew=crew or Crew())
    except BaseException:
        if run is not None:
            run.close()  # it stays free for whoever goes on with it
        raise


def _begun(
    kind: str,
    data: str | Images | None,
    options: Asked,
    run: Run | None,
    running: Running,
    *,
    steps: int,
    started: float,
    crew: Crew,
) -> Job[Asked]:
    from ...data import Images, read
    from ...data.refusal import check_there
    from ...engine.native import kernels
    from ...runs import Run, RunBusy, run_key
    from .clock import Clock
    from .progress import Display

    display, kept = Display(steps, quiet=running.quiet), dict[str, Any]()
    if run is not None:
        kept = run.read_json("recipe.json")
        data, options = data or kept["data"], type(options).of(kept)
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
            images = read(
                data, group=options.group, strict=options.strict, outside=options.outside, progress=bar.count
            )
    recipe = {"data": images.source, **options.to_json()}
    # An earlier convsmith knew fewer options, and a run is what it was begun as.
    key = run_key(recipe if run is None else {**kept, "data": images.source}, images.fingerprint)
    if run is not None and run.key != key:
        raise BadInput(
            "--resume", f"the images in {images.source} are not those of {running.resume}", "the same images"
        )
    if run is None:
        run = Run.find(running.runs, key=key)
        if run is not None:
            display.say(f"resuming {run.path}")
        elif (busy := Run.busy(running.runs, key=key)) is not None:
            raise RunBusy(
                str(busy), "is the same job, and a process is driving it now", "one at a time",
                "wait for it or end it; or another --seed, or other --runs",
            )  # fmt: skip
    if run is None:
        run = Run.create(
            running.runs, kind=kind, recipe=recipe, key=key, command=_command(), kernels=kernels()
        )
        display.say(f"run folder: {run.path}")
    tell_run(run.path)
    clock = Clock(run, getattr(options, "minutes", None), started=started)
    display.follow(Heartbeat(run, clock))
    return Job(run, options, images, display, clock, crew)


def _command() -> list[str]:
    program = Path(sys.argv[0])
    is_ours = program.stem == "convsmith" or (program.parent.name, program.stem) == ("convsmith", "__main__")
    return ["convsmith", *sys.argv[1:]] if is_ours else []
