"""Every space within budgets of every sort: all that it gives keeps them, and it looks at few networks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convsmith.ledger.budget import Budget, figures_of
from convsmith.nas.budget.fitting import Infeasible, ensure_feasible
from convsmith.nas.budget.repair import repair
from convsmith.nas.choose import Space
from convsmith.nas.spaces import SPACES, space
from convsmith.nas.within import Within

SHAPES = st.sampled_from([(8, 8, 1), (16, 24, 3)])
LIMITS = st.one_of(
    st.fixed_dictionaries({"params": st.integers(2_000, 200_000)}),
    st.fixed_dictionaries({"macs": st.integers(100_000, 20_000_000), "bytes": st.integers(9_000, 800_000)}),
    st.fixed_dictionaries({"memory": st.integers(8_000, 300_000), "params": st.integers(1_000, 200_000)}),
)
EXAMPLES = {"chain": 10, "stages": 10, "mobile": 6, "nasbench201": 2, "nasnet": 2}
LARGER = {"darts": 3, "enas": 4, "nasnet": 8, "nasbench201": 60}
"""Times the limits: to find that there is no network takes longest where networks are long."""


@pytest.mark.parametrize("name", list(SPACES))
def test_whatever_a_space_gives_keeps_the_budget(name):
    @settings(deadline=None, max_examples=EXAMPLES.get(name, 4), suppress_health_check=list(HealthCheck))
    @given(shape=SHAPES, seed=st.integers(0, 2**32 - 1), limits=LIMITS)
    def examine(shape, seed, limits):
        limits = {quantity: limit * LARGER.get(name, 1) for quantity, limit in limits.items()}
        images, rng, budget = space(name, shape, 5), np.random.default_rng(seed), Budget(**limits)
        try:
            within = Within(images, budget, ensure_feasible(images, budget, rng))
        except Infeasible:
            return
        first, second = within.sample(rng), within.sample(rng)
        for answers in (first, second, within.mutate(first, rng), within.crossover(first, second, rng)):
            figures = figures_of(images.graph(answers))
            assert all(figures[quantity] <= limit for quantity, limit in limits.items())
            assert images.replay(answers).answers == answers

    examine()


# Limits that about one uniform sample in a million keeps, at (32, 32, 3) and 10 classes: bench/spaces.py.
RARE = {
    "chain": {"params": 396}, "stages": {"macs": 137_968}, "mobile": {"params": 314},
    "darts": {"params": 1_054}, "enas": {"macs": 261_088}, "nasnet": {"params": 2_280},
}  # fmt: skip


class Counted(Space):
    """A space that counts how often it is walked."""

    walks = 0

    def walk(self, pick):
        self.walks += 1
        return super().walk(pick)


@pytest.mark.parametrize("name", list(RARE))
def test_rare_budgets_take_few_looks_and_give_different_networks(name):
    images, rng = Counted(SPACES[name], (32, 32, 3), 10, name=name), np.random.default_rng(0)
    budget = Budget(**RARE[name])
    within = Within(images, budget, ensure_feasible(images, budget, rng))
    images.walks = 0
    drawn = [within.sample(rng) for _ in range(15)]
    assert images.walks / 15 < 60
    graphs = [images.graph(answers) for answers in drawn]
    assert all(budget.check(graph).kept for graph in graphs)
    assert len({graph.fingerprint for graph in graphs}) > 8
    smallest = min(graph.known_params for graph in graphs)
    assert sum(graph.known_params > smallest for graph in graphs) > 8


def test_a_repair_changes_little():
    """Only the one answer that is to blame moves, and no further than it must."""
    from convsmith.graph import notation as keras

    def wide(choose, input_shape, classes):
        x = inputs = keras.Input(input_shape)
        for layer in range(8):
            x = keras.layers.Conv2D(4, choose(f"kernel_{layer}", (1, 3)), padding="same")(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        x = keras.layers.Dense(choose("units", (10, 100, 200, 300, 400, 500, 600)))(x)
        return keras.Model(inputs, keras.layers.Dense(classes)(x))

    images, rng = Space(wide, (8, 8, 1), 2), np.random.default_rng(0)
    anchor = images.walk(lambda _, options: 0).answers
    asked = {name: 3 for name in anchor if name != "units"} | {"units": 600}
    limit = images.graph({**asked, "units": 400}).params + 10
    assert repair(images, asked, Budget(params=limit), rng, anchor) == {**asked, "units": 400}


def test_an_anchor_over_the_limits_is_no_help():
    images, rng = space("stages", (8, 8, 1), 10), np.random.default_rng(0)
    answers = images.complete({})
    assert repair(images, answers, Budget(params=300), rng, answers) is None


@pytest.mark.parametrize("percentile", [15, 60])
def test_samples_are_as_good_as_uniform_draws_that_keep_the_budget(percentile):
    """A planted space whose score has nothing to do with size: the best of eight, over many searches."""
    from convsmith.graph import notation as keras

    def planted(choose, input_shape, classes):
        x = inputs = keras.Input(input_shape)
        for layer in range(5):
            x = keras.layers.Conv2D(choose(f"filters_{layer}", (2, 4, 8)), 1, padding="same")(x)
        return keras.Model(inputs, keras.layers.Dense(classes)(keras.layers.Flatten()(x)))

    images, rng = Space(planted, (4, 4, 1), 2), np.random.default_rng(percentile)
    worth = rng.normal(size=(5, 3))

    def score(answers):
        return sum(worth[layer, (2, 4, 8).index(answers[f"filters_{layer}"])] for layer in range(5))

    sizes = [images.graph(images.sample(rng)).params for _ in range(200)]
    budget = Budget(params=int(np.percentile(sizes, percentile)))
    within = Within(images, budget, ensure_feasible(images, budget, rng))

    def rejected(rng):
        while True:
            answers = images.sample(rng)
            if budget.check(images.graph(answers)).kept:
                return answers

    searches = 80
    plain, ours = (
        np.array([max(score(draw(rng)) for _ in range(8)) for _ in range(searches)])
        for draw in (rejected, within.sample)
    )
    noise = np.sqrt((plain.var() + ours.var()) / searches)
    assert ours.mean() > plain.mean() - 3 * noise
