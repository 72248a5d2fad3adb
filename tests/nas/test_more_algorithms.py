from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.errors import BadInput, BadName
from convsmith.graph import notation as keras
from convsmith.nas.algorithms import ALGORITHMS, LEARNERS
from convsmith.nas.algorithms.grid import grid
from convsmith.nas.algorithms.hyperband import brackets
from convsmith.nas.algorithms.local import neighbours
from convsmith.nas.algorithms.nsga2 import crowding, fronts
from convsmith.nas.choose import Space, genotype_key
from convsmith.nas.proposal import Proposal


def letters(choose, input_shape, classes):
    """Six questions of four words each; a seventh only after one of them."""
    words = [choose(f"edge_{edge}", ("a", "b", "c", "d")) for edge in range(6)]
    width = 1 + sum(map("abcd".index, words))
    if words[0] == "d":
        width += choose("more", (0, 1, 2))
    x = inputs = keras.Input((2, 2, 1))
    return keras.Model(inputs, keras.layers.Dense(width)(keras.layers.Flatten()(x)))


SPACE = Space(letters, (2, 2, 1), 2)
CLIMBERS = ("auto", "local", "predictor")


def worth(answers):
    return sum(answers[f"edge_{edge}"] == "bcdacb"[edge] for edge in range(6)) / 6


def trial(answers, score, **more):
    status = "ok" if score is not None else more.pop("status", "failed")
    return {"answers": answers, "score": score, "status": status, "epochs": 1, **more}


def search(name, seed, trials, *, noise=0.0, **options):
    """The answers proposed; the score is the planted worth, and noise."""
    rng, history = np.random.default_rng([seed, 99]), []
    for place in range(trials):
        made = ALGORITHMS[name](SPACE, history, np.random.default_rng([seed, place]), **options)
        answers = Proposal.of(made).answers
        history.append(trial(answers, worth(answers) + noise * rng.normal()))
    return history


@pytest.mark.parametrize("name", CLIMBERS)
def test_climbers_find_what_is_planted_sooner_than_random_search(name):
    best = {
        who: np.mean([max(one["score"] for one in search(who, seed, 32)) for seed in range(3)])
        for who in (name, "random")
    }
    assert best[name] > best["random"] + 0.1


def test_auto_is_not_fooled_by_one_lucky_training():
    """With noise as large as a right answer, what it proposes last is truly better than random search's."""
    ends = {}
    for who in ("auto", "random"):
        last = [one for seed in range(6) for one in search(who, seed, 30, noise=0.17)[-5:]]
        ends[who] = np.mean([worth(one["answers"]) for one in last])
    assert ends["auto"] > ends["random"] + 0.1


@pytest.mark.parametrize(
    "name", sorted(name for name, one in ALGORITHMS.items() if name != "screened" and one not in LEARNERS)
)
def test_failed_and_running_trials_are_no_obstacle(name):
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng) for _ in range(20)]
    history = [trial(answers, None if place % 3 else worth(answers)) for place, answers in enumerate(drawn)]
    history += [trial(SPACE.sample(rng), None, status="running") for _ in range(3)]
    proposed = Proposal.of(ALGORITHMS[name](SPACE, history, rng))
    SPACE.replay(proposed.answers)
    only_failed = [one for one in history if one["score"] is None]
    SPACE.replay(Proposal.of(ALGORITHMS[name](SPACE, only_failed, rng)).answers)


@pytest.mark.parametrize("name", ["auto", "local", "predictor"])
def test_what_another_worker_trains_is_not_proposed_again(name):
    rng = np.random.default_rng(3)
    history = [trial(answers, worth(answers)) for answers in (SPACE.sample(rng) for _ in range(12))]
    keys = set()
    for place in range(12):
        answers = ALGORITHMS[name](SPACE, history, np.random.default_rng(place))
        assert genotype_key(answers) not in keys
        keys.add(genotype_key(answers))
        history.append(trial(answers, None, status="running"))


def test_neighbours_are_all_changes_of_one_answer():
    answers = {f"edge_{edge}": "a" for edge in range(6)}
    found = list(neighbours(SPACE, answers, np.random.default_rng(0)))
    assert len({genotype_key(one) for one in found}) == 6 * 3
    assert all(sum(one[name] != answers[name] for name in answers) == 1 for one in found)


def test_the_grid_tries_every_option_equally_often():
    history, counts = [], np.zeros((6, 4))
    for _ in range(200):
        answers = grid(SPACE, history, np.random.default_rng(0))
        counts += np.array([[answers[f"edge_{edge}"] == word for word in "abcd"] for edge in range(6)])
        history.append({})
    assert counts.min() >= 47
    assert counts.max() <= 53


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=25))
def test_fronts_by_definition(points):
    """Deb's definition taken literally: remove what nothing beats, again and again."""

    def beats(first, second):
        return all(a <= b for a, b in zip(first, second, strict=True)) and first != second

    left, expected = list(range(len(points))), []
    while left:
        free = [one for one in left if not any(beats(points[other], points[one]) for other in left)]
        expected.append(free)
        left = [one for one in left if one not in free]
    assert fronts(points) == expected


def test_crowding_of_debs_figure():
    assert crowding([(0.0, 1.0), (0.5, 0.4), (0.6, 0.3), (1.0, 0.0)])[1] == pytest.approx(0.6 + 0.7)
    rooms = crowding([(0, 4), (1, 2), (4, 0), (2, 1)])
    assert [room == math.inf for room in rooms] == [True, False, True, False]
    assert crowding([(0, 1), (1, 0), (2, 2)])[2] == math.inf  # last by each, first by none


def test_nsga2_spreads_over_the_front():
    """Score rises with the number of right answers, params with the letters: the front has both ends."""
    history = []
    for place in range(120):
        answers = ALGORITHMS["nsga2"](SPACE, history, np.random.default_rng(place), goals="params")
        history.append(trial(answers, worth(answers), params=SPACE.graph(answers).params))
    assert max(one["score"] for one in history) >= 5 / 6
    assert min(one["params"] for one in history) <= 15
    with pytest.raises(BadName, match="did you mean 'params'"):
        ALGORITHMS["nsga2"](SPACE, [], np.random.default_rng(0), goals="parms")


def test_nsga2_breeds_from_the_less_crowded_of_a_front():
    """Three trials crowd at one place of the front, one is alone between its ends: who lives, who breeds."""
    names = ["aaaaaa", "bbbbbb", "cccccc", "dddddd", "aabbcc", "ccddaa"]
    points = [(0.1, 1), (0.50, 500), (0.501, 501), (0.502, 502), (0.75, 750), (0.99, 1000)]  # one front
    genotypes = [{f"edge_{edge}": word for edge, word in enumerate(name)} for name in names]
    history = [
        trial(answers | ({"more": 0} if answers["edge_0"] == "d" else {}), score, params=params)
        for answers, (score, params) in zip(genotypes, points, strict=True)
    ]
    bred = Counter()
    for seed in range(200):
        child = ALGORITHMS["nsga2"](
            SPACE, history, np.random.default_rng(seed), goals="params", population=4, crossover=0.0
        )
        near = min(
            range(len(names)),
            key=lambda place: sum(child[f"edge_{edge}"] != names[place][edge] for edge in range(6)),
        )
        bred[near] += 1
    assert set(bred) <= {0, 1, 3, 4, 5}  # the one in the middle of the crowd is not among the four
    assert bred[2] == 0
    assert bred[0] + bred[5] > bred[4] + bred[1] + bred[3]  # ends first, in every tournament


def test_hyperband_has_the_brackets_of_the_paper():
    """Li et al. 2018, table 1: R = 81, factor 3."""
    assert brackets(5, 3) == [(81, 0), (34, 1), (15, 2), (8, 3), (5, 4)]


def rungs_of(name, trials, **options):
    """(epochs, score) of each trial; the score does not depend on the epochs."""
    history = []
    for place in range(trials):
        made = ALGORITHMS[name](SPACE, history, np.random.default_rng(place), base="random", **options)
        spelt = "".join(str(word) for word in made.answers.values())
        score = worth(made.answers) + int.from_bytes(spelt.encode(), "big") % 9973 / 1e6  # no two alike
        history.append(trial(made.answers, score) | {"epochs": made.epochs, "size": made.size})
    return history


def test_successive_halving_trains_nine_then_three_then_one():
    history = rungs_of("successive_halving", 26, entrants=9, least=2, most=18)
    assert [one["epochs"] for one in history] == ([2] * 9 + [6] * 3 + [18]) * 2
    firsts = sorted(history[:9], key=lambda one: -one["score"])
    assert [one["answers"] for one in history[9:12]] == [one["answers"] for one in firsts[:3]]
    assert history[12]["answers"] == firsts[0]["answers"]


def test_hyperband_goes_round_its_brackets():
    history = rungs_of("hyperband", 22, least=1, most=9)
    assert [one["epochs"] for one in history] == [1] * 9 + [3] * 3 + [9] + [3] * 5 + [9] + [9] * 3


def test_hyperband_of_four_rungs_keeps_one_in_three_from_rung_to_rung():
    """Li et al. 2018, table 1, with R = 27: each bracket's numbers on its rungs."""
    assert brackets(4, 3) == [(27, 0), (12, 1), (6, 2), (4, 3)]
    history = rungs_of("hyperband", 65, least=1, most=27)
    assert [one["epochs"] for one in history] == (
        [1] * 27 + [3] * 9 + [9] * 3 + [27] + [3] * 12 + [9] * 4 + [27] + [9] * 6 + [27] * 2
    )


def test_asha_never_waits_and_promotes_only_from_the_best_third():
    history = rungs_of("asha", 60, least=1, most=9)
    climbs = 0
    for place, one in enumerate(history):
        below = [other for other in history[:place] if other["epochs"] == one["epochs"] // 3]
        if below:
            climbs += 1
            best = sorted(below, key=lambda other: -other["score"])[: len(below) // 3]
            assert one["answers"] in [other["answers"] for other in best]
    assert climbs >= 15
    waiting = [{**one, "score": None, "status": "running"} for one in history[:9]]
    asked = ALGORITHMS["asha"](SPACE, waiting, np.random.default_rng(0), least=1, most=9)
    assert asked.epochs == 1
    halving = ALGORITHMS["successive_halving"](SPACE, waiting, np.random.default_rng(0), least=1, most=9)
    assert halving.epochs == 1  # the next round begins while the last one's first rung still trains


def test_small_images_on_the_first_rung():
    big = Space(letters, (32, 32, 3), 2)
    made = ALGORITHMS["asha"](big, [], np.random.default_rng(0), smallest=0.5)
    assert made.size == (16, 16)


@pytest.mark.parametrize("name", ["reinforce", "nasrl", "ppo"])
def test_controllers_learn_what_is_rewarded(name):
    """After many trials in which one answer was always better, it is drawn most often."""
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng) for _ in range(60 if name == "reinforce" else 24)]
    history = [trial(answers, float(answers["edge_2"] == "c")) for answers in drawn]
    faster = {
        "reinforce": {"learning_rate": 0.1},
        "nasrl": {"learning_rate": 0.05, "batch": 4},
        "ppo": {"learning_rate": 0.05, "batch": 8, "width": 35},
    }[name]
    after = [ALGORITHMS[name](SPACE, history, np.random.default_rng(seed), **faster) for seed in range(12)]
    assert np.mean([answers["edge_2"] == "c" for answers in after]) > 0.5


@pytest.mark.parametrize("name", ["nasrl", "ppo"])
def test_a_controller_that_is_remembered_proposes_what_a_new_one_does(name):
    """As the history grows, when earlier scores turn out different, and with several settings in turns."""
    from convsmith.nas.algorithms import _controller

    rng = np.random.default_rng(0)
    history = [trial(answers := SPACE.sample(rng), worth(answers)) for _ in range(24)]
    other = [trial(one["answers"], 1 - one["score"]) for one in history]
    asked = [(part[:count], batch) for part in (history, other) for count in (9, 16, 24) for batch in (4, 8)]

    def propose(part, batch):
        return ALGORITHMS[name](
            SPACE, part, np.random.default_rng(1), batch=batch, width=8, learning_rate=0.05, baseline=0.5
        )

    _controller._STUDENTS.clear()
    together = [propose(*one) for one in asked]
    alone = []
    for one in asked:
        _controller._STUDENTS.clear()
        alone.append(propose(*one))
    assert together == alone
    assert len({genotype_key(answers) for answers in alone}) > 1  # what was learnt decides


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("auto", {"population": 0}, "auto population: got 0"),
        ("local", {"population": 0}, "local population: got 0"),
        ("asha", {"factor": 1}, "rungs factor: got 1"),
        ("asha", {"least": 9, "most": 3}, "rungs most: got 3"),
        ("hyperband", {"smallest": 1.5}, "rungs smallest: got 1.5"),
        ("asha", {"base": "hyperband"}, "base algorithm: got 'hyperband'"),
        ("screened", {"base": "screened"}, "screened base"),
    ],
)
def test_wrong_settings(name, options, says):
    with pytest.raises(BadInput, match=says):
        ALGORITHMS[name](SPACE, [], np.random.default_rng(0), **options)


def test_screening_rejects_what_cannot_see():
    """Of networks half of which are dead, none is trained at first."""

    def half_dead(choose, input_shape, classes):
        x = inputs = keras.Input((4, 4, 1))
        x = keras.layers.Rescaling(choose("scale", (0.0, 0.01)))(x)
        x = keras.layers.Conv2D(choose("width", (8, 12, 16)), 3, activation="relu")(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))

    space = Space(half_dead, (4, 4, 1), 2)
    screened = ALGORITHMS["screened"]
    drawn = [screened(space, [], np.random.default_rng(s), draws=8, proxy="synflow") for s in range(6)]
    assert all(answers["scale"] for answers in drawn)
