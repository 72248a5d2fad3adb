from __future__ import annotations

import random as python_random
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from convsmith.graph import notation as keras
from convsmith.nas.algorithms import ALGORITHMS, LEARNERS
from convsmith.nas.space.options import SpaceError
from convsmith.nas.spaces import SPACES
from convsmith.testing.algorithms import exam_algorithm
from convsmith.testing.spaces import exam_space

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"


@pytest.mark.parametrize("name", sorted(SPACES))
def test_every_space_passes(name):
    report = exam_space(SPACES[name], input_shapes=[(8, 8, 1), (28, 28, 1), (64, 48, 3)], samples=40)
    assert set(report) == {"8x8x1", "28x28x1", "64x48x3"}


SLOW = {"auto": 11, "bayesian": 12, "hyperband": 18, "nasrl": 12, "ppo": 12, "predictor": 13, "tpe": 14}
CHEAPER = {"screened": {"proxy": "params"}, "nasrl": {"batch": 4}, "ppo": {"batch": 4, "passes": 2}}


@pytest.mark.parametrize("name", sorted(name for name, one in ALGORITHMS.items() if one not in LEARNERS))
def test_every_algorithm_passes(name):
    trials = SLOW.get(name, 12 if name == "screened" else 28)
    algorithm = partial(ALGORITHMS[name], **CHEAPER.get(name, {}))
    scores = exam_algorithm(algorithm, trials=trials)
    assert len(scores) == trials - trials // 9


def net(input_shape, width, units):
    x = inputs = keras.Input(input_shape)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(width, 1)(x))
    return keras.Model(inputs, keras.layers.Dense(units)(x))


def test_spaces_that_fail():
    count = iter(range(10**6))

    def wrong_classes(choose, input_shape, classes):
        return net(input_shape, choose("width", (2, 4)), 3)

    def wrong_input(choose, input_shape, classes):
        return net((9, 9, 9), choose("width", (2, 4)), classes)

    def stateful(choose, input_shape, classes):
        return net(input_shape, choose("width", (2, 4)) + next(count), classes)

    def no_choice(choose, input_shape, classes):
        return net(input_shape, 4, classes)

    def raises(choose, input_shape, classes):
        return net(input_shape, choose("width", (0, 4)), classes)

    for function, error, text in [
        (wrong_classes, AssertionError, r"gives \(3,\), not \(10,\)"),
        (wrong_input, AssertionError, r"takes \(9, 9, 9\)"),
        (stateful, AssertionError, "replays to another network"),
        (no_choice, AssertionError, "asks nothing"),
        (raises, SpaceError, "space 'raises'"),
    ]:
        with pytest.raises(error, match=text):
            exam_space(function, samples=10)


def test_algorithms_that_fail():
    kept = []

    def unseeded(space, history, rng):
        return space.sample(np.random.default_rng())

    def remembers(space, history, rng):
        kept.append(len(history))
        return space.sample(np.random.default_rng(len(kept) // 3))

    def changes_history(space, history, rng):
        history[:] = history[:3]
        return space.sample(rng)

    def global_numpy(space, history, rng):
        np.random.rand()
        return space.sample(rng)

    def global_python(space, history, rng):
        python_random.random()
        return space.sample(rng)

    for algorithm, text in [
        (unseeded, "other answers with the same seed"),
        (remembers, "other answers with the same seed|remembers more than its history"),
        (changes_history, "changes its history"),
        (global_numpy, "draws from a global generator"),
        (global_python, "draws from a global generator"),
    ]:
        with pytest.raises(AssertionError, match=text):
            exam_algorithm(algorithm, trials=12)


@pytest.mark.parametrize("page", ["add-a-space.md", "add-an-algorithm.md"])
def test_the_pages_run_as_they_are_written(page, monkeypatch):
    monkeypatch.setattr(SPACES, "_things", dict(SPACES.items()))
    monkeypatch.setattr(ALGORITHMS, "_things", dict(ALGORITHMS.items()))
    text = (HOW_TO / page).read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
