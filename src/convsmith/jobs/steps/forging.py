"""The steps of forge and search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..running.job import ForgeJob
from ..running.runner import Step
from .answer_rule import answer_rule, judge_rule
from .explain import FILES as EXPLAINED
from .explain import explain
from .export import export, export_int8, exported, exported_int8
from .full import Final
from .images import prepare, work_at
from .judge import judge
from .pretrained.known import Known, finals, start_from_known
from .report import report
from .search import search
from .teaching.own_teacher import OwnTeacher, own_teacher

if TYPE_CHECKING:
    import numpy as np

    from ...insight.answer_rule import AnswerRule
    from ...nas.search import Found


@dataclass(frozen=True)
class Forging:
    """What the steps have made.

    Args:
        job: the job.
        own: a network of the user's own that teaches.
        known: the pretrained network, where one is used.
        found: what the search found, where there was one.
        finals: the finished networks, "winner" and the baselines.
        rule: by which the winner answers.
        metrics: the figures of the test.
        probabilities: the winner's on the test images, (N, classes).
        exported: what export.json says.
    """

    job: ForgeJob
    own: OwnTeacher | None = None
    known: Known | None = None
    found: Found | None = None
    finals: Mapping[str, Final] = field(default_factory=dict)
    rule: AnswerRule | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    probabilities: np.ndarray | None = None
    exported: Mapping[str, Any] = field(default_factory=dict)

    @property
    def winner(self) -> Final:
        """The finished network."""
        return self.finals["winner"]


def _images(made: Forging) -> Forging:
    job = prepare(made.job)
    return replace(made, job=job, own=own_teacher(job))


def _pretrained(made: Forging) -> Forging:
    job, known = start_from_known(made.job)
    return replace(made, job=job, known=known)


def _search(made: Forging) -> Forging:
    has_its_part = made.known is None or made.known.arm != "pretrained"
    return replace(made, found=search(made.job)) if has_its_part else made


def _train(made: Forging) -> Forging:
    done = finals(made.job, made.known, made.found, made.own)
    job = work_at(made.job, done["winner"].graph)
    return replace(made, job=job, finals=done, rule=answer_rule(job, done["winner"]))


def _test(made: Forging) -> Forging:
    assert made.rule is not None, "the training comes first"
    metrics, probabilities = judge(made.job, made.finals)
    ruled = judge_rule(made.job, made.winner, made.rule)
    return replace(made, metrics=metrics | ruled, probabilities=probabilities)


def _explain(made: Forging) -> Forging:
    assert made.probabilities is not None, "the test comes first"
    explain(made.job, made.winner, made.probabilities)
    return made


def _export(made: Forging) -> Forging:
    about = export(made.job, made.winner)
    if made.job.options.precision == "int8":
        export_int8(made.job, made.winner)
    return replace(made, exported=about)


def _exported(made: Forging) -> Forging | None:
    is_whole = made.job.options.precision != "int8" or exported_int8(made.job)
    return replace(made, exported=exported(made.job)) if is_whole else None


def _report(made: Forging) -> Forging:
    report(made.job, made.finals, made.metrics, made.exported)
    return made


STEPS: tuple[Step[Forging], ...] = (
    Step("images", _images, ("split.npz", "data.json")),
    Step("pretrained", _pretrained, decides=("pretrained.json", "arms.json")),
    Step("search", _search, decides=("search.json",)),
    Step(
        "train", _train, ("graph.json", "history.jsonl", "weights.safetensors", "answer_rule.json"),
        ("finals.json", "teacher.json", "tuned.json", "chosen.json", "answer_rule.json"),
    ),
    Step("test", _test),
    Step("explain", _explain, EXPLAINED, EXPLAINED, read=lambda made: made),
    Step("export", _export, ("model.onnx", "export.json"), ("export.json",), read=_exported),
    Step(
        "report", _report, ("metrics.json", "result.json", "README.md", "report.html"),
        ("metrics.json", "result.json"),
    ),
)  # fmt: skip
"""In their order."""
