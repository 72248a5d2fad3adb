from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.errors import BadInput
from convsmith.graph import notation as keras
from convsmith.ledger.budget import QUANTITIES, Budget, figures_of
from convsmith.nas.budget.fitting import Infeasible, ensure_feasible, fit_to_budget, largest_that_fits
from convsmith.nas.choose import Space
from convsmith.nas.space.encoding import every
from convsmith.nas.spaces import space
from convsmith.nas.within import Within


def course(input_shape=(28, 28, 1)):
    """The course's CNN, whose figures can be worked out by hand."""
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(32, 3, activation="relu")(x)
    x = keras.layers.Conv2D(64, 3, activation="relu")(x)
    x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(128, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))


PARAMS = (9 + 1) * 32 + (9 * 32 + 1) * 64 + (12 * 12 * 64 + 1) * 128 + (128 + 1) * 10
MACS = 26 * 26 * 32 * 9 + 24 * 24 * 64 * 9 * 32 + 12 * 12 * 64 * 128 + 128 * 10
MEMORY = 4 * (26 * 26 * 32 + 24 * 24 * 64)  # both convolutions' outputs are alive at once


def test_figures_by_hand():
    assert figures_of(course()) == {
        "params": PARAMS, "macs": MACS, "bytes": 4 * PARAMS, "memory": MEMORY, "latency_ms": None,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "figure"), [("params", PARAMS), ("macs", MACS), ("memory", MEMORY)])
def test_a_limit_is_kept_exactly(name, figure):
    assert Budget(**{name: figure}).check(course()).kept
    over = Budget(**{name: figure - 1}).check(course())
    assert (over.kept, over.over) == (False, (name,))
    assert over.excess == pytest.approx(math.log(figure / (figure - 1)))


def test_latency_is_asked_last_and_only_when_the_rest_is_kept():
    asked = []

    def latency_ms(graph):
        asked.append(graph)
        return 3.0

    budget = Budget(params=PARAMS, latency_ms=2.0)
    verdict = budget.check(course(), latency_ms)
    assert (verdict.over, verdict.figures["latency_ms"], len(asked)) == (("latency_ms",), 3.0, 1)
    assert str(verdict) == "params 1.20M of 1.20M; latency_ms 3 ms of 2 ms: over"
    tight = Budget(params=10, latency_ms=2.0).check(course(), latency_ms)
    assert (tight.over, tight.figures["latency_ms"], len(asked)) == (("params",), None, 1)
    assert Budget(latency_ms=3.0).check(course(), latency_ms).kept
    assert Budget().check(course(), latency_ms).figures["latency_ms"] is None
    assert str(Budget().check(course())) == "no limits"
    with pytest.raises(BadInput, match="--max-latency-ms: nothing here measures latency"):
        budget.check(course())


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "50k", True])
@pytest.mark.parametrize("name", QUANTITIES)
def test_limits_that_are_none(name, value):
    with pytest.raises(BadInput, match=f"--max-{name.replace('_', '-')}: got"):
        Budget(**{name: value})


def small(choose, input_shape, classes):
    """A space small enough to look at all of it."""
    x = inputs = keras.Input(input_shape)
    for layer in range(choose("depth", (1, 2, 3))):
        width = choose(f"width_{layer}", (2, 4, 8, 16))
        kernel = choose(f"kernel_{layer}", (1, 3))
        x = keras.layers.Conv2D(width, kernel, strides=choose("stride", (1, 2)), padding="same")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes)(x))


SMALL = Space(small, (8, 8, 3), 4)
ALL = [walk.graph for walk in every(SMALL)]


@pytest.mark.parametrize("name", ["params", "macs", "bytes", "memory"])
def test_the_smallest_figures_are_those_of_the_whole_space(name):
    least = min(figures_of(graph)[name] for graph in ALL)
    rng = np.random.default_rng(0)
    answers = ensure_feasible(SMALL, Budget(**{name: least}), rng)
    assert figures_of(SMALL.graph(answers))[name] == least
    if least > 1:
        with pytest.raises(Infeasible, match="the smallest found in the space"):
            ensure_feasible(SMALL, Budget(**{name: least - 1}), rng)


def test_an_infeasible_budget_is_told_in_one_line():
    with pytest.raises(Infeasible) as caught:
        ensure_feasible(SMALL, Budget(params=5, macs=100), np.random.default_rng(0))
    params, macs = (min(figures_of(graph)[name] for graph in ALL) for name in ("params", "macs"))
    assert str(caught.value) == (
        "budget for space 'small' at input 8x8x3: no network keeps params 5, macs 100; "
        f"expected at least params {params}, macs {macs} (each alone; not all together), "
        "the smallest found in the space; try: a larger limit, a smaller input size, or another space"
    )


def test_each_alone_but_not_together():
    """The fewest parameters and the fewest multiply-adds can be had, but not in one network."""

    def either(choose, input_shape, classes):
        x = inputs = keras.Input(input_shape)
        if choose("which", ("few params", "few macs")) == "few params":
            x = keras.layers.Conv2D(1, 1)(x)
            for _ in range(3):
                x = keras.layers.Conv2D(1, 5, padding="same")(x)
        else:
            x = keras.layers.MaxPooling2D(8)(x)
            x = keras.layers.Conv2D(40, 1)(x)
        return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))

    both = Space(either, (8, 8, 3), 2)
    first, second = ([g.params, g.macs] for g in (walk.graph for walk in every(both)))
    assert first[0] < second[0]
    assert first[1] > second[1]
    with pytest.raises(Infeasible, match="not all together"):
        ensure_feasible(both, Budget(params=first[0], macs=second[1]), np.random.default_rng(0))


def test_infeasible_latency_tells_the_smallest_measured():
    with pytest.raises(
        Infeasible, match=r"no network keeps latency_ms 0.1 ms; expected at least latency_ms 0.5 ms"
    ):
        ensure_feasible(SMALL, Budget(latency_ms=0.1), np.random.default_rng(0), lambda graph: 0.5)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    params=st.floats(400, 3e5),
    macs=st.one_of(st.none(), st.floats(60_000, 1e7)),
    memory=st.one_of(st.none(), st.integers(4_000, 100_000)),
)
def test_repair_always_ends_within_the_budget(seed, params, macs, memory):
    digits = space("stages", (8, 8, 1), 10)
    rng = np.random.default_rng(seed)
    budget = Budget(params=int(params), macs=macs and int(macs), memory=memory)
    try:
        anchor = ensure_feasible(digits, budget, rng)
    except Infeasible:
        return
    drawn = digits.sample(rng)
    fitted = fit_to_budget(digits, drawn, budget, rng, anchor=anchor)
    assert budget.check(digits.graph(fitted)).kept
    if budget.check(digits.graph(drawn)).kept:
        assert fitted == drawn
    within = Within(digits, budget, anchor)
    for answers in (within.sample(rng), within.mutate(fitted, rng), within.crossover(fitted, anchor, rng)):
        assert budget.check(digits.graph(answers)).kept


def test_repair_is_the_same_for_the_same_seed():
    photos = space("stages", (64, 64, 3), 12)
    budget = Budget(params=20_000, macs=2_000_000)
    first, second = (
        fit_to_budget(photos, photos.sample(np.random.default_rng(7)), budget, np.random.default_rng(8))
        for _ in range(2)
    )
    assert first == second


def test_a_budget_that_samples_hardly_ever_meet_still_gives_many_different_networks():
    photos = space("stages", (64, 64, 3), 12)
    budget, rng = Budget(params=1_500, macs=600_000), np.random.default_rng(0)
    drawn = [photos.graph(photos.sample(rng)) for _ in range(200)]
    assert not any(budget.check(graph).kept for graph in drawn)
    within = Within(photos, budget, ensure_feasible(photos, budget, rng))
    graphs = [within.graph(within.sample(rng)) for _ in range(60)]
    assert all(budget.check(graph).kept for graph in graphs)
    assert len({graph.fingerprint for graph in graphs}) > 40


def test_samples_come_near_their_limits_but_not_all():
    photos = space("stages", (64, 64, 3), 12)
    budget, rng = Budget(params=100_000), np.random.default_rng(0)
    within = Within(photos, budget, ensure_feasible(photos, budget, rng))
    used = [within.graph(within.sample(rng)).params / 100_000 for _ in range(60)]
    assert np.median(used) > 0.5
    assert min(used) < 0.5


@pytest.mark.parametrize("limit", [60, 300, 1000, 3000])
def test_the_largest_that_fits_is_near_the_best_of_the_whole_space(limit):
    truth = max(graph.params for graph in ALL if graph.params <= limit)
    found = SMALL.graph(largest_that_fits(SMALL, Budget(params=limit), np.random.default_rng(0)))
    assert 0.97 * truth <= found.params <= limit


@pytest.mark.parametrize(
    ("shape", "budget"),
    [
        ((8, 8, 1), Budget(params=20_000)),
        ((64, 64, 3), Budget(params=100_000)),
        ((64, 64, 3), Budget(params=5_000)),
    ],
)
def test_the_largest_that_fits_fills_the_budget(shape, budget):
    images = space("stages", shape, 10)
    first, second = (largest_that_fits(images, budget, np.random.default_rng(0)) for _ in range(2))
    assert first == second
    assert 0.97 * budget.params <= images.graph(first).params <= budget.params


def test_the_largest_that_fits_a_latency():
    photos = space("stages", (64, 64, 3), 12)
    calls = []

    def latency_ms(graph):
        calls.append(graph)
        return 0.01 * len(graph) + graph.macs / 2e7

    budget = Budget(params=200_000, latency_ms=0.8)
    graph = photos.graph(largest_that_fits(photos, budget, np.random.default_rng(0), latency_ms=latency_ms))
    assert budget.check(graph, latency_ms).kept
    assert latency_ms(graph) > 0.5
    assert len(calls) < 60


def test_a_cap_only_tightens():
    assert [Budget(macs=100).capped(most).macs for most in (50, 500)] == [50, 100]
    assert Budget().capped(70).macs == 70
