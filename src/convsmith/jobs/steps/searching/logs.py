"""Logs that other programs show, written into the run folder while a search goes on; nothing leaves it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....installed import not_installed

if TYPE_CHECKING:
    from ....nas.loop.store import Trial
    from ...running.job import AnyJob

Log = Callable[["Trial"], None]
_FIGURES = ("score", "loss", "params", "macs", "bytes", "memory", "latency_ms", "seconds", "epochs")


@contextmanager
def logging(job: AnyJob) -> Iterator[Log]:
    """What writes each finished trial to the logs that were asked for."""
    with ExitStack() as stack:
        opened = {"tensorboard": _tensorboard, "mlflow": _mlflow}
        logs = [stack.enter_context(opened[name](job.run.path)) for name in job.crew.logs]

        def log(trial: Trial) -> None:
            for one in logs:
                one(trial)

        yield log


@contextmanager
def _tensorboard(folder: Path) -> Iterator[Log]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise not_installed("--log", "tensorboard") from None
    writer = SummaryWriter(str(folder / "tensorboard"))  # type: ignore[no-untyped-call]

    def log(trial: Trial) -> None:
        for name in _FIGURES:
            value = getattr(trial, name)
            if value is not None:
                writer.add_scalar(f"{trial.arm}/{name}", value, trial.index)  # type: ignore[no-untyped-call]
        writer.flush()  # type: ignore[no-untyped-call]

    try:
        yield log
    finally:
        writer.close()  # type: ignore[no-untyped-call]


@contextmanager
def _mlflow(folder: Path) -> Iterator[Log]:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param
    except ImportError:
        raise not_installed("--log", "mlflow") from None
    client = MlflowClient(tracking_uri=(folder / "mlruns").resolve().as_uri())
    known = client.get_experiment_by_name(folder.name)
    experiment = known.experiment_id if known else client.create_experiment(folder.name)

    def log(trial: Trial) -> None:
        run = client.create_run(experiment, run_name=f"trial {trial.index}").info.run_id
        figures = {name: getattr(trial, name) for name in _FIGURES}
        metrics = [Metric(name, float(value), 0, 0) for name, value in figures.items() if value is not None]
        metrics += [Metric("validation", value, 0, epoch) for epoch, value in enumerate(trial.curve, 1)]
        given: dict[str, Any] = {"arm": trial.arm, "rung": trial.rung, "status": trial.status}
        params = [Param(name, str(value)) for name, value in {**given, **trial.answers}.items()]
        client.log_batch(run, metrics=metrics, params=params)
        client.set_terminated(run, "FINISHED" if trial.status == "ok" else "FAILED")

    yield log
