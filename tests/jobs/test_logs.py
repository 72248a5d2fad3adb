"""The logs of other programs, read back with those programs' own readers."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from convsmith.errors import BadInput
from convsmith.jobs.options.searching import Crew
from convsmith.jobs.steps.searching.logs import logging
from convsmith.ledger.budget import Budget
from convsmith.nas.loop.store import Trial
from convsmith.nas.search import search
from convsmith.nas.spaces import space
from convsmith.nas.workers.protocol import Evaluation


@pytest.fixture(scope="module")
def made() -> list[Trial]:
    def evaluate(graph: Any, *, epochs: int, seed: int) -> Evaluation:
        if seed % 3 == 0:
            raise ValueError("unlucky seed")
        return Evaluation(1 / (1 + graph.params % 7), 0.5, loss=0.25)

    digits = space("stages", (8, 8, 1), 10)
    return search(digits, evaluate, budget=Budget(params=9_000), algorithm="random", trials=6, seed=1).trials


def written(folder: Path, trials: list[Trial], *names: str) -> None:
    job: Any = SimpleNamespace(run=SimpleNamespace(path=folder), crew=Crew(log=",".join(names)))
    with logging(job) as log:
        for trial in trials:
            log(trial)


def test_mlflow_has_a_run_for_each_trial_and_an_experiment_for_the_search(made, tmp_path):
    tracking = pytest.importorskip(
        "mlflow", reason="mlflow is not installed: pip install 'convsmith[mlflow]'"
    )
    assert {trial.status for trial in made} == {"ok", "failed"}
    written(tmp_path, made[:3], "mlflow")
    written(tmp_path, made[3:], "mlflow")  # a search that was stopped goes on in the same experiment
    client = tracking.MlflowClient(tracking_uri=(tmp_path / "mlruns").resolve().as_uri())
    (experiment,) = [one for one in client.search_experiments() if one.name != "Default"]
    assert experiment.name == tmp_path.name
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {f"trial {trial.index}" for trial in made}
    for trial in made:
        run = runs[f"trial {trial.index}"]
        assert run.info.status == {"ok": "FINISHED", "failed": "FAILED"}[trial.status]
        assert run.data.metrics["params"] == trial.params
        assert run.data.metrics.get("score") == trial.score
        assert {name: run.data.params[name] for name in trial.answers} == {
            name: str(answer) for name, answer in trial.answers.items()
        }
        assert run.data.params["arm"] == trial.arm
    assert {path.name for path in tmp_path.iterdir()} == {"mlruns"}  # nothing beside the run folder's own


def test_tensorboard_has_every_score_at_its_trial(made, tmp_path):
    module = "tensorboard.backend.event_processing.event_accumulator"
    reader = pytest.importorskip(module, reason="tensorboard is not installed").EventAccumulator
    written(tmp_path, made, "tensorboard")
    events = reader(str(tmp_path / "tensorboard"))
    events.Reload()
    for arm in {trial.arm for trial in made}:
        own = [trial for trial in made if trial.arm == arm]
        params = {event.step: event.value for event in events.Scalars(f"{arm}/params")}
        assert params == {trial.index: trial.params for trial in own}
        scored = {trial.index: trial.score for trial in own if trial.score is not None}
        if scored:
            scores = {event.step: event.value for event in events.Scalars(f"{arm}/score")}
            assert scores == pytest.approx(scored)


@pytest.mark.parametrize(
    ("name", "module"), [("mlflow", "mlflow"), ("tensorboard", "torch.utils.tensorboard")]
)
def test_a_log_that_is_not_installed_is_one_line(name, module, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BadInput, match=rf"{name} is not installed; .*pip install 'convsmith\[{name}\]'"):
        written(tmp_path, [], name)
