"""Which pretrained network a job may start from: the one asked for, or the usual one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ....errors import BadInput
from ....reports.words import listed
from ....units import counted
from ...inputs.trained import is_known, licence_of, opened
from ...running.job import AnyJob, ForgeJob
from ..searching.latency import table_of
from ..searching.own_space import has_members

if TYPE_CHECKING:
    from ....pretrained import Source

AUTO, NONE = "auto", "none"
OWN = "your own"
DEFAULT = "efficientnet_lite0"
SMALLEST = 24
"""Pixels of the longer side below which networks trained on photographs have little to say."""


def source_for(job: ForgeJob) -> Source | None:
    """The source, or None; what decides is said in a line.

    Raises:
        BadName: for a source that does not exist.
        BadInput: for one that was asked for and whose weights are not here, or that cannot be used with the
            other options.
    """
    from ....data.resolution import resolution
    from ....pretrained import open_source

    wanted = job.options.pretrained
    if wanted == NONE:
        return None
    asked, plan = wanted != AUTO or has_members(job), job.options.plan
    if plan is not None and not (Path(plan) / "pretrained.json").exists():
        if asked:
            came = f"{plan} did not start from a pretrained network"
            raise BadInput("--plan", came, "the plan of a run that did", "--pretrained none")
        job.display.say(f"no pretrained network: {plan}, whose plan is repeated, had none")
        return None
    own = job.working.size if job.options.size else resolution(job.images, most=512).size
    if not asked and max(own) < SMALLEST:
        job.display.say(f"no pretrained network: images of {own[1]}x{own[0]} pixels are too small for one")
        return None
    try:
        if is_known(wanted):
            source = own_network(job, wanted)
        else:
            source = open_source(DEFAULT if wanted == AUTO else wanted)
    except BadInput as error:
        if asked:
            raise
        job.display.say(f"no pretrained network: {error.came}; to have one: {error.hint}")
        return None
    if (path := job.options.latency_table) is not None and table_of(job, source.sha256) is None:
        came = f"{path} has no blocks of {source.name}"
        hint = f"convsmith latency-table {job.options.space} --pretrained {source.name} on that machine"
        if asked:
            raise BadInput("--latency-table", came, "a table that has", hint)
        job.display.say(f"no pretrained network: the latency table {came}; to have one: {hint}")
        return None
    check_same(job, "pretrained.json", source.name, source.sha256)
    free = "" if source.commercial else "; NOT FOR COMMERCIAL USE"
    job.display.say(f"weights to start from: {source.name}, licence {source.licence}{free}")
    return source


def own_network(job: AnyJob, path: str) -> Source:
    """A network of one's own as a source: a finished run, a .keras or a .safetensors file.

    Its head is new, which is said where classes differ. What a run itself started from binds what it became:
    origin and licence go on; a .safetensors file may have "licence" and "origin" in its header.

    Raises:
        BadInput: where it cannot be read, or learned from images that this run tests on.
    """
    from ....data.files.download import checksum
    from ....pretrained.own import own_source

    if Path(path).name == "weights.safetensors" and is_known(str(Path(path).parent)):
        path = str(Path(path).parent)  # the weights of a run are the run
    check_unseen(job, path, "--pretrained")
    graph, weights, classes = opened(path)
    is_file = Path(path).is_file()
    kept = licence_of(path)
    if classes and classes != job.images.classes:
        job.display.say(
            f"{path} tells {listed(classes)} apart: its head is new, for "
            f"{counted(len(job.images.classes), 'class', 'classes')}"
        )
    return own_source(
        path, graph, weights, licence=kept.get("licence", OWN), commercial=kept.get("commercial", True),
        origin=f"{OWN}, from {kept['origin']}" if "origin" in kept else OWN,
        sha256=checksum(Path(path) if is_file else Path(path) / "weights.safetensors"), classes=classes,
    )  # fmt: skip


def check_unseen(job: AnyJob, path: str, flag: str) -> None:
    """See that a run that something is taken from did not learn from images that this one tests on.

    Raises:
        BadInput: where it did.
    """
    import numpy as np

    from ....runs import Run

    if Path(path).is_file():
        return
    run = Run.open(path)
    if run.read_json("data.json")["fingerprint"] != job.images.fingerprint or not run.has("split.npz"):
        return
    with np.load(run.path / "split.npz", allow_pickle=False) as theirs:
        learned = np.concatenate([theirs["train"], theirs["validation"]])
    many = len(np.intersect1d(learned, job.split.test))
    if many:
        recipe = run.read_json("recipe.json")
        same = " ".join(
            f"--{name} {recipe[name]}"
            for name in ("seed", "test", "validation")
            if recipe.get(name) is not None
        )
        came = f"{path} learned from {counted(many, 'image')} that would be tested on here"
        raise BadInput(flag, came, "the split of that run", same)


def check_same(job: AnyJob, file: str, name: str, sha256: str) -> None:
    """A run goes on with the weights that it began with, as this file of it says.

    Raises:
        BadInput: where they are others.
    """
    if not job.run.has(file):
        return
    began = job.run.read_json(file)["source"]["sha256"]
    if began != sha256:
        raise BadInput(
            f"--pretrained {name}", "is another file now than the run began with",
            f"weights with SHA-256 {began[:16]}…", "a run of its own: another --seed, or other --runs",
        )  # fmt: skip
