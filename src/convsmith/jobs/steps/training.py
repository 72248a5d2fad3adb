"""The steps of train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..running.job import TrainJob
from ..running.runner import Step
from .answer_rule import answer_rule, judge_rule
from .explain import FILES as EXPLAINED
from .explain import explain
from .export import export, exported
from .full import Final
from .images import prepare
from .judge import judge, judge_views
from .report import report
from .single import train_one

if TYPE_CHECKING:
    import numpy as np

    from ...insight.answer_rule import AnswerRule


@dataclass(frozen=True)
class Training:
    """What the steps have made.

    Args:
        job: the job.
        final: the trained network.
        rule: by which it answers.
        metrics: the figures of the test.
        probabilities: its on the test images, (N, classes).
        exported: what export.json says.
    """

    job: TrainJob
    final: Final | None = None
    rule: AnswerRule | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    probabilities: np.ndarray | None = None
    exported: Mapping[str, Any] = field(default_factory=dict)

    @property
    def winner(self) -> Final:
        """The trained network."""
        assert self.final is not None, "the training comes first"
        return self.final


def _images(made: Training) -> Training:
    return replace(made, job=prepare(made.job))


def _train(made: Training) -> Training:
    final = train_one(made.job)
    return replace(made, final=final, rule=answer_rule(made.job, final))


def _test(made: Training) -> Training:
    metrics, probabilities = judge(made.job, {"winner": made.winner})
    assert made.rule is not None, "the training comes first"
    ruled = judge_rule(made.job, made.winner, made.rule)
    views = judge_views(made.job, made.winner)
    return replace(made, metrics=metrics | ruled | views, probabilities=probabilities)


def _explain(made: Training) -> Training:
    assert made.probabilities is not None, "the test comes first"
    explain(made.job, made.winner, made.probabilities)
    return made


def _export(made: Training) -> Training:
    return replace(made, exported=export(made.job, made.winner))


def _report(made: Training) -> Training:
    report(made.job, {"winner": made.winner}, made.metrics, made.exported)
    return made


STEPS: tuple[Step[Training], ...] = (
    Step("images", _images, ("split.npz", "data.json")),
    Step(
        "train", _train,
        ("graph.json", "training.json", "history.jsonl", "weights.safetensors", "answer_rule.json"),
    ),
    Step("test", _test),
    Step("explain", _explain, EXPLAINED, read=lambda made: made),
    Step(
        "export", _export, ("model.onnx", "export.json"),
        read=lambda made: replace(made, exported=exported(made.job)),
    ),
    Step("report", _report, ("metrics.json", "result.json", "README.md", "report.html")),
)  # fmt: skip
"""In their order."""
