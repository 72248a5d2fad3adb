"""The main job: images and a budget in; a finished network out."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..units import Bytes, Count, Size
from .job import BUDGET_OPTIONS, Job, checked

if TYPE_CHECKING:
    from ..data import Images
    from ..runs import Run

STEPS = ("images", "search", "train", "test", "explain", "export", "report")


def forge(
    data: str | Images | None = None,
    *,
    max_params: Count | None = None,
    max_macs: Count | None = None,
    max_bytes: Bytes | None = None,
    max_memory: Bytes | None = None,
    max_latency_ms: float | None = None,
    minutes: float | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    space: str = "stages",
    algorithm: str = "evolution",
    augment: str = "auto",
    size: Size | None = None,
    validation: float = 0.15,
    test: float = 0.2,
    seed: int = 0,
    runs: str = "runs",
    resume: str | None = None,
    plan: str | None = None,
    quiet: bool = False,
) -> Forged:
    """Images and a budget in; a finished network out.

    Reads the images, searches for the best network within the budget, trains it, tests it once on images
    that nothing has seen, explains it, exports it as ONNX and writes a report. Stopped at any moment, the
    same command goes on where it was.

    Args:
        data: a folder with a folder per class, an .npz file with x and y, or "digits"; in Python also images
            that were read already.
        max_params: most parameters, such as 50k.
        max_macs: most multiply-adds for one image, such as 10M.
        max_bytes: most bytes of weights in fp32, such as 200kB.
        max_memory: most bytes of activations alive at once (fp32, one image), such as 1MB.
        max_latency_ms: most milliseconds for one image, exported, on one thread of this machine.
        minutes: how long it may take; 10 without it and without --trials.
        trials: how many candidates the search trains, instead of a time.
        epochs: of the full training, with --trials; 60 without it.
        space: the kind of networks to search among.
        algorithm: how to search: "evolution" or "random".
        augment: changes to training images: "auto", "none", "digits" or "photos".
        size: the working size, such as 64x64; chosen from the images without it.
        validation: share of the images that the search judges by.
        test: share of the images that nothing sees before the end.
        seed: of every random number.
        runs: the folder that run folders go to.
        resume: a run folder to go on with; the same command again finds it by itself.
        plan: the folder of a finished run whose decisions to repeat (number of trials, epochs).
        quiet: no progress on standard error.

    Returns:
        What came out, with the run folder.

    Raises:
        BadInput: images, options or a budget that cannot be used; said before anything is trained.

    Example:
        ``convsmith.forge("digits", max_params=20_000, minutes=3).test_accuracy``
    """
    started = time.monotonic()
    options = {name: value for name, value in locals().items() if name in RECIPE}
    job, finished = _begin(data, options, Path(runs), resume, started, quiet)
    with job.run:
        if not finished:
            _work(job)
        return Forged(Path(job.run.path), job.run.read_json("result.json"))


RECIPE = (
    *BUDGET_OPTIONS, "minutes", "trials", "epochs", "space", "algorithm", "augment", "size", "validation",
    "test", "seed", "plan",
)  # fmt: skip
"""The options that decide what comes out."""


def _begin(
    data: str | Images | None,
    options: dict[str, Any],
    runs: Path,
    resume: str | None,
    started: float,
    quiet: bool,
) -> tuple[Job, bool]:
    """The job on a new run, or on the one that it goes on with; and whether that has come to its end."""
    from ..data import Images, read
    from ..runs import Run, run_key
    from .clock import Clock
    from .progress import Display

    display = Display(len(STEPS), quiet=quiet)
    run: Run | None = None
    if resume is not None:
        run = Run.resume(resume)
        if run.kind != "forge":
            raise BadInput("--resume", f"{resume} is a run of '{run.kind}'", "a run of 'forge'")
        recipe = run.read_json("recipe.json")
        data = data or recipe["data"]
    elif data is None:
        raise BadInput(
            "forge", "no images were given", 'a folder, an .npz file or "digits"', "convsmith forge digits"
        )
    else:
        recipe = checked(options)
        _check_names(recipe)
    display.step(STEPS[0])
    with display.bar("reading") as bar:
        found = (
            data
            if isinstance(data, Images)
            else read(
                data,
                progress=lambda what, done, total: bar.update(
                    done / max(1, total), f"{what} {done:,} of {total:,}"
                ),
            )
        )
    recipe = {"data": found.source, **{name: recipe[name] for name in RECIPE}}
    key = run_key(recipe, found.fingerprint)
    if run is not None and run.key != key:
        run.close()
        raise BadInput(
            "--resume", f"the images in {found.source} are not those of {resume}", "the same images"
        )
    if run is None:
        run = Run.find(runs, key=key)
        if run is not None:
            display.say(f"going on with {run.path}")
    if run is None:
        run = Run.create(runs, kind="forge", recipe=recipe, key=key, command=_command())
        display.say(f"run folder: {run.path}")
    return Job(run, recipe, found, display, Clock(run, recipe["minutes"], started=started)), run.finished


def _check_names(recipe: dict[str, Any]) -> None:
    """A misspelt name is said before anything is read."""
    from ..engine.augment import POLICIES
    from ..errors import BadName
    from ..nas.algorithms import ALGORITHMS
    from ..nas.spaces import SPACES

    for option, known in (("space", SPACES), ("algorithm", ALGORITHMS), ("augment", ("auto", *POLICIES))):
        if recipe[option] not in known:
            raise BadName(f"--{option}", recipe[option], known)


def _command() -> list[str]:
    return ["convsmith", *sys.argv[1:]] if Path(sys.argv[0]).stem == "convsmith" else []


def _work(job: Job) -> None:
    """The steps, in their order; each has its results in the run folder when it ends."""
    from .steps.explain import explain
    from .steps.export import export
    from .steps.images import prepare
    from .steps.judge import judge
    from .steps.report import report
    from .steps.search import search
    from .steps.train import train

    prepare(job)
    job.display.step(STEPS[1])
    found = search(job)
    job.display.step(STEPS[2])
    finals = train(job, found)
    job.display.step(STEPS[3])
    metrics, probabilities = judge(job, finals)
    job.display.step(STEPS[4])
    explain(job, finals["winner"], probabilities)
    job.display.step(STEPS[5])
    exported = export(job, finals["winner"])
    job.display.step(STEPS[6])
    report(job, finals, metrics, exported)
    job.run.finish()
    job.clock.save()


@dataclass(frozen=True)
class Forged:
    """What the main job made.

    Args:
        path: the run folder; in it report.html, model.onnx, weights.safetensors and all the rest.
        result: the figures, as ``--json`` prints them.
    """

    path: Path
    result: dict[str, Any]

    @property
    def test_accuracy(self) -> float:
        """Share of the test images that the network gets right."""
        return float(self.result["test_accuracy"])

    def render(self, wanted: str) -> str:
        """The result as text or as one JSON object."""
        if wanted == "json":
            return json.dumps(self.result)
        low, high = self.result["interval"]
        baselines = ", ".join(
            f"{name} {value:.2%}" for name, value in self.result["baselines"].items() if value is not None
        )
        lines = [
            f"test accuracy  {self.test_accuracy:.2%}  (95% interval {low:.2%} to {high:.2%})",
            f"at equal cost  {baselines or 'no baselines'}",
            f"network        {self.result['params']:,} parameters, {self.result['macs']:,} MACs, "
            f"{self.result['weight_bytes']:,} bytes of weights, {self.result['latency_ms']:.3g} ms",
            f"budget         {'kept' if self.result['budget_kept'] else 'NOT KEPT'}",
            f"time           {self.result['seconds']:.0f} s",
            f"report         {self.path / 'report.html'}",
        ]
        return "\n".join(lines)
