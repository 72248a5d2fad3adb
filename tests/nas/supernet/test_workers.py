"""A lesson in a worker process: the same as here, while the other worker trains the other arms."""

from __future__ import annotations

import numpy as np

from convsmith.ledger.budget import Budget
from convsmith.nas.search import search
from convsmith.nas.spaces import space
from convsmith.nas.workers.portable import Portable
from convsmith.nas.workers.processes import Processes
from convsmith.runs import Run


def test_a_worker_learns_what_is_learnt_here(stripes, tmp_path) -> None:
    pixels = np.concatenate([stripes.x, stripes.x_validation])
    labels = np.concatenate([stripes.y, stripes.y_validation])
    train, validation = np.arange(96), np.arange(96, 144)
    portable = Portable(
        "convsmith.jobs.steps.searching.trainer:trainer", {"augment": "none", "threads": 1},
        {"pixels": pixels, "labels": labels, "train": train, "validation": validation},
    )  # fmt: skip
    options = {"epochs": 1, "batch": 32, "looks": 2}
    found = []
    for number, evaluate in enumerate((portable.build(), Processes(portable, 2, threads=1))):
        with Run.create(tmp_path / str(number), kind="search", recipe={}, key="k") as run:
            result = search(
                space("chain", (8, 8, 1), 2), evaluate, budget=Budget(params=3_000), algorithm="elastic",
                options=options, trials=2, epochs=(1, 1), top=1, run=run,
            )  # fmt: skip
            (line,) = run.lines("learnt.jsonl")
        found.append((line["ranked"], line["steps"], line["report"]["looked"]))
        assert {trial.arm for trial in result.trials} == {"elastic", "random", "largest"}
        assert not [trial.error for trial in result.trials if trial.status != "ok"]
    assert found[0] == found[1]
