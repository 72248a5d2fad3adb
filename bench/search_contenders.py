"""The contenders of bench/search.py: each is given a space, a budget and seconds, and returns a genotype."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convsmith.ledger.budget import Budget
from convsmith.nas.budget.fitting import ensure_feasible, largest_that_fits
from convsmith.nas.budget.forecast import forecast
from convsmith.nas.choose import Answers, Space
from convsmith.nas.loop.pace import first_rung
from convsmith.nas.loop.probe import measure
from convsmith.nas.search import search
from convsmith.nas.workers.protocol import Evaluate


@dataclass(frozen=True)
class Problem:
    """What every contender is given.

    Args:
        space: of networks.
        budget: hard limits.
        latency_ms: measures a network.
        evaluate: trains a network on the training images and judges it on the validation images.
        parts: pixels and labels by part: "train", "validation".
        fewest_epochs: of a short training.
        seconds: for the search.
        seed: of everything.
    """

    space: Space
    budget: Budget
    latency_ms: Callable[[Any], float]
    evaluate: Evaluate
    parts: dict[str, tuple[np.ndarray, np.ndarray]]
    fewest_epochs: int
    seconds: float
    seed: int


@dataclass
class Chosen:
    """What a contender found.

    Args:
        answers: the genotype; None where it found none.
        trials: networks trained.
        over: proposals over the budget.
        note: anything else.
    """

    answers: Answers | None
    trials: int = 0
    over: int = 0
    note: str = ""
    more: dict[str, Any] = field(default_factory=dict)


def by_algorithm(problem: Problem, algorithm: str) -> Chosen:
    """A search of convsmith's own, without its baselines: they are contenders of their own here."""
    found = search(
        problem.space, problem.evaluate, budget=problem.budget, algorithm=algorithm, baselines=False,
        seconds=problem.seconds, fewest_epochs=problem.fewest_epochs, seed=problem.seed,
        latency_ms=problem.latency_ms,
    )  # fmt: skip
    over = sum(trial.status == "over_budget" for trial in found.trials)
    more = {"epochs": found.plan["first"]["epochs"], "final": found.plan["final"]}
    return Chosen(found.best.answers, len(found.trials), over, more=more)


def largest(problem: Problem) -> Chosen:
    """The largest network that fits; it needs no search."""
    rng = np.random.default_rng(problem.seed)
    return Chosen(largest_that_fits(problem.space, problem.budget, rng, latency_ms=problem.latency_ms))


def optuna_tpe(problem: Problem) -> Chosen:
    """Optuna's TPE by ask and tell, as its users write it: what is over the budget is a failed trial.

    The short trainings are as long as convsmith's own would be, and all seconds go to them.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    began, rng = time.monotonic(), np.random.default_rng(problem.seed)
    anchor = ensure_feasible(problem.space, problem.budget, rng, problem.latency_ms)
    expected = forecast(problem.space, problem.budget, rng, anchor=anchor, latency_ms=problem.latency_ms)
    cost = measure(
        problem.space, problem.budget, problem.evaluate, rng, anchor=anchor, seconds=problem.seconds,
        seed=problem.seed, latency_ms=problem.latency_ms, expected_ms=expected,
    )  # fmt: skip
    left = problem.seconds - (time.monotonic() - began)
    epochs = first_rung(left, cost, problem.fewest_epochs)["epochs"]
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=problem.seed, multivariate=True, group=True),
    )
    best: tuple[float, Answers | None] = (-math.inf, None)
    trained = over = 0
    while time.monotonic() - began < problem.seconds:
        trial = study.ask()

        def pick(name: str, options: Any, trial: Any = trial) -> int:
            return int(trial.suggest_categorical(asked(name, options), range(len(options))))

        walk = problem.space.walk(pick)
        if not problem.budget.check(walk.graph, problem.latency_ms).kept:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            over += 1
            continue
        score = problem.evaluate(walk.graph, epochs=epochs, seed=problem.seed + trained).score
        study.tell(trial, score)
        trained += 1
        best = max(best, (score, walk.answers), key=lambda one: one[0])
    return Chosen(best[1], trained, over, more={"epochs": epochs})


def asked(name: str, options: Any) -> str:
    """A question with its options: other libraries want the same options at every asking."""
    return f"{name} of {options!r}"


class _Over(BaseException):
    """The time is over; no Exception, for those KerasTuner takes for failed trials."""


def keras_tuner_hyperband(problem: Problem) -> Chosen:
    """KerasTuner's Hyperband on Keras models of the same space, trained by Keras, with its own size limit."""
    import os
    import tempfile

    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras
    import keras_tuner

    from convsmith.formats.keras import to_keras

    until = time.monotonic() + problem.seconds

    def build(choices: Any) -> Any:
        def pick(name: str, options: Any) -> int:
            return int(choices.Choice(asked(name, options), list(range(len(options)))))

        model = to_keras(problem.space.walk(pick).graph)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    class Deadline(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if time.monotonic() > until:
                raise _Over

    keras.utils.set_random_seed(problem.seed)
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.Hyperband(
            build, objective="val_accuracy", max_epochs=30, factor=3, seed=problem.seed, directory=folder,
            max_model_size=problem.budget.params,
        )  # fmt: skip
        note = "all rounds done"
        try:
            tuner.search(
                *problem.parts["train"], validation_data=problem.parts["validation"], callbacks=[Deadline()],
                verbose=0, batch_size=64,
            )  # fmt: skip
        except _Over:
            note = "time over"
        except RuntimeError as error:
            note = "gave up: " + str(error).strip().splitlines()[0]
        trials = list(tuner.oracle.trials.values())
        scored = [one for one in trials if one.score is not None]
        failed = sum(one.status in ("FAILED", "INVALID") for one in trials)
    for one in sorted(scored, key=lambda one: -one.score):
        values = one.hyperparameters.values
        walk = problem.space.walk(lambda name, options, values=values: int(values[asked(name, options)]))
        if problem.budget.check(walk.graph, problem.latency_ms).kept:
            return Chosen(walk.answers, len(scored), failed, note)
        note += "; a better one is over the budget"
    return Chosen(None, len(scored), failed, note)


def contender(name: str) -> Callable[[Problem], Chosen]:
    """The contender of a name: one of these, or any algorithm of convsmith."""
    own = {"largest": largest, "optuna_tpe": optuna_tpe, "keras_tuner": keras_tuner_hyperband}
    if name in own:
        return own[name]
    algorithm = name.removesuffix("_long")
    return lambda problem: by_algorithm(problem, algorithm)
