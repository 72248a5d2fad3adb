from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from convsmith.ledger.budget import Budget
from convsmith.nas.loop.curves import extrapolate, should_stop
from convsmith.nas.search import search
from convsmith.nas.spaces import space
from convsmith.nas.trial import Evaluation
from convsmith.nas.workers.protocol import Task, perform


def law(epochs, level, drop, power):
    return level - drop * np.arange(1, epochs + 1) ** -power


def finished(curve):
    return {"status": "ok", "score": curve[-1], "epochs": len(curve), "curve": list(curve)}


def test_the_forecast_agrees_with_a_free_fit():
    """Where the power is among those tried, scipy's free fit of the three numbers ends at the same place."""
    curve = law(8, 0.85, 0.5, 0.75)
    (level, drop, power), _ = curve_fit(
        lambda t, a, b, c: a - b * t**-c, np.arange(1.0, 9), curve, (0.8, 0.4, 1)
    )
    assert extrapolate(curve, 40).mean == pytest.approx(level - drop * 40.0**-power, abs=1e-3)


def test_the_truth_is_nearly_always_within_three_deviations():
    """Of 300 noisy curves; where the noise looks like a law of its own, a forecast may be too sure."""
    rng, within = np.random.default_rng(0), []
    for _ in range(300):
        level, drop, power = rng.uniform(0.5, 0.95), rng.uniform(0.1, 0.5), rng.uniform(0.3, 1.8)
        forecast = extrapolate(law(10, level, drop, power) + rng.normal(0, 0.01, 10), 30)
        off = abs(forecast.mean - law(30, level, drop, power)[-1])
        within.append(off < 3 * forecast.sd + 0.02)
        assert off < 0.15
    assert np.mean(within) > 0.97


def test_a_planted_bad_one_is_stopped_and_a_late_bloomer_is_not():
    history = [finished(law(20, 0.8 + 0.01 * number, 0.5, 1.0)) for number in range(9)]
    bad, slow = (
        law(20, 0.4, 0.2, 1.0),
        law(20, 1.32, 1.0, 0.25),
    )  # .68 against .76 after six, .85 against .82 at the end
    assert any(should_stop(bad[:done], 20, history) for done in range(1, 12))
    assert not any(should_stop(slow[:done], 20, history) for done in range(1, 20))


def test_noise_alone_stops_almost_none_of_the_better_half():
    rng = np.random.default_rng(0)
    levels = rng.normal(0.8, 0.05, 60)
    curves = [law(12, level, 0.4, 0.8) + rng.normal(0, 0.015, 12) for level in levels]
    stopped = []
    for place in range(20, 60):
        history = [finished(one) for one in curves[:place]]
        stopped.append(any(should_stop(curves[place][:done], 12, history) for done in range(1, 12)))
    better = levels[20:] > np.median(levels)
    assert np.mean(np.array(stopped)[better]) < 0.06
    assert np.mean(np.array(stopped)[levels[20:] < 0.76]) > 0.4


def test_little_to_compare_with_stops_nothing():
    good = finished(law(10, 0.9, 0.2, 1.0))
    assert not should_stop([0.1] * 5, 10, [good] * 4)
    assert not should_stop([0.1] * 2, 10, [good] * 9)
    assert not should_stop([0.1] * 10, 10, [good] * 9)  # it is over anyway
    failed = {**good, "score": None}
    assert not should_stop([0.1] * 5, 10, [failed] * 9)
    assert not should_stop([0.1] * 5, 10, [{**good, "curve": None}] * 9)


@pytest.mark.parametrize("algorithm", ["asha", "hyperband", "successive_halving"])
def test_a_training_that_a_curve_ended_stays_on_its_rung(algorithm):
    """It would otherwise be promoted to the same rung again and again."""
    digits = space("chain", (8, 8, 1), 10)

    def evaluate(graph, *, epochs, seed, on_epoch=None):
        curve = [0.9 - 1 / (2 + (graph.params % 7) + epoch) for epoch in range(epochs)]
        for done, score in enumerate(curve, 1):
            if on_epoch is not None and on_epoch(score):
                return Evaluation(score, float(done))
        return Evaluation(curve[-1], float(epochs))

    def always(curve, epochs, history):
        return epochs > 2 and len(curve) >= epochs // 2

    found = search(
        digits, evaluate, budget=Budget(params=20_000), algorithm=algorithm, trials=40, seed=1,
        baselines=False, stop=always,
    )  # fmt: skip
    short = [trial for trial in found.trials if trial.rung == 0]
    rungs = [(trial.fingerprint, trial.more.get("epochs_asked", trial.epochs)) for trial in short]
    assert any("epochs_asked" in trial.more for trial in short)
    assert len(rungs) == len(set(rungs))


def test_a_curve_that_falls_is_not_expected_to_fall_on():
    """A power law rises or stays: of falling scores it says their mean."""
    assert extrapolate([0.9, 0.8, 0.7, 0.6], 20).mean == pytest.approx(0.75)


def test_nobody_asks_after_the_last_epoch():
    asked = []

    def evaluate(graph, *, epochs, seed, on_epoch):
        for epoch in range(epochs):
            on_epoch(0.1 * epoch)
        return Evaluation(0.5, 1.0)

    def stop(curve, epochs, history):
        asked.append(len(curve))
        return False

    graph = space("stages", (8, 8, 1), 10)
    task = Task(0, graph.graph(graph.complete({})), 3, 0, stop)
    assert perform(evaluate, task).curve == (0.0, 0.1, 0.2)
    assert asked == [1, 2]
