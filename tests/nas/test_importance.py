from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom

from convsmith.nas.space.importance import _chance, importance


def planted(count: int, noise: float, seed: int = 0):
    """Only width and, less, kind decide the score; colour does not; depth is asked only at kind "deep"."""
    rng = np.random.default_rng(seed)
    trials = []
    for index in range(count):
        answers = {"width": int(rng.choice([8, 16, 32])), "kind": str(rng.choice(["deep", "flat"]))}
        answers["colour"] = str(rng.choice(["red", "blue"]))
        if answers["kind"] == "deep":
            answers["depth"] = int(rng.integers(1, 4))
        score = 0.5 + 0.01 * answers["width"] + 0.05 * (answers["kind"] == "flat") + rng.normal(0, noise)
        trials.append({
            "index": index, "status": "ok", "rung": 0, "epochs": 3, "score": score, "answers": answers,
            "fingerprint": str(index),
        })  # fmt: skip
    return trials


def test_what_was_planted_is_found_in_its_order():
    found = importance(planted(80, 0.01))
    names = list(found.falls)
    assert names[0] == "width"
    assert found.falls["width"] > 0.5
    assert found.falls["width"] > 3 * found.falls["kind"] > 0
    assert abs(found.falls["colour"]) < 0.05
    assert found.explained > 0.8
    assert (found.common[0].question, found.common[0].answer) == ("width", 32)
    assert found.common[0].best == 1.0
    assert not any(one.question == "colour" for one in found.common)


def test_noise_alone_says_nothing():
    trials = planted(60, 0.0)
    rng = np.random.default_rng(1)
    found = importance([{**trial, "score": float(rng.random())} for trial in trials])
    assert found.explained < 0.1
    assert found.falls == {} or found.explained >= 0.05
    assert found.common == ()


def test_only_trials_that_were_trained_alike_are_compared():
    trials = planted(30, 0.01)
    others = [
        {**trial, "epochs": 9, "score": 0.0, "fingerprint": f"x{trial['index']}"} for trial in trials[:8]
    ]
    failed = [{**trials[0], "status": "failed", "score": None}]
    assert importance(trials + others + failed).trials == 30
    assert importance(trials[:11]) is None
    assert importance([{**trial, "score": 0.5} for trial in trials]) is None


@pytest.mark.parametrize(
    ("total", "marked", "drawn", "least"), [(40, 10, 10, 6), (12, 5, 3, 0), (9, 9, 2, 2)]
)
def test_chances_are_scipys(total, marked, drawn, least):
    assert _chance(total, marked, drawn, least) == pytest.approx(
        hypergeom.sf(least - 1, total, marked, drawn)
    )
