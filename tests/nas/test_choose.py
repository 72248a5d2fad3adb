from __future__ import annotations

import itertools
import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.errors import BadInput
from convsmith.graph import notation as keras
from convsmith.nas.choose import Space, WrongAnswers, genotype_key
from convsmith.nas.space.encoding import Encoding, every, space_size
from convsmith.nas.space.options import SpaceError


def network(input_shape, widths, classes):
    x = inputs = keras.Input(input_shape)
    for width in widths:
        x = keras.layers.Conv2D(width, 1)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes)(x))


def conditional(choose, input_shape, classes):
    """Widths are asked for only when there is a layer, and the last one's options depend on the first."""
    depth = choose("depth", (0, 1, 2))
    widths = []
    if depth >= 1:
        widths.append(choose("width_0", (2, 4, 8, 16)))
    if depth >= 2:
        widths.append(choose("width_1", (widths[0], 2 * widths[0])))
    if choose("shape", ("wide", (3, 3), None, True)) == (3, 3):
        widths.append(3)
    return network(input_shape, widths, classes)


SPACE = Space(conditional, (8, 8, 1), 2)
SEEDS = st.integers(0, 2**32 - 1)


def by_hand():
    """The space's genotypes, written out."""
    for shape in ("wide", [3, 3], None, True):
        yield {"depth": 0, "shape": shape}
        for first in (2, 4, 8, 16):
            yield {"depth": 1, "width_0": first, "shape": shape}
            for second in (first, 2 * first):
                yield {"depth": 2, "width_0": first, "width_1": second, "shape": shape}


def test_every_way_is_found_once():
    found = [genotype_key(walk.answers) for walk in every(SPACE)]
    assert sorted(found) == sorted(genotype_key(answers) for answers in by_hand())
    size = space_size(SPACE, np.random.default_rng(0))
    assert (size.count, size.exact, str(size)) == (52, True, "52 networks")


def test_the_size_of_a_large_space_is_estimated_without_bias():
    def large(choose, input_shape, classes):
        depth = choose("depth", range(1, 7))
        for layer in range(depth):
            choose(f"a{layer}", range(10))
        return network(input_shape, [depth], classes)

    truth = sum(10**depth for depth in range(1, 7))
    sizes = [space_size(Space(large, (4, 4, 1), 2), np.random.default_rng(seed)) for seed in range(20)]
    assert not any(size.exact for size in sizes)
    assert np.mean([size.count for size in sizes]) == pytest.approx(truth, rel=0.15)
    assert str(sizes[0]).startswith("about ")


@settings(deadline=None)
@given(seed=SEEDS)
def test_a_sample_replays_through_json_to_the_same_network(seed):
    answers = SPACE.sample(np.random.default_rng(seed))
    read = json.loads(json.dumps(answers))
    assert read == answers
    fresh = Space(conditional, (8, 8, 1), 2)
    assert fresh.replay(read).answers == answers
    assert fresh.graph(read).fingerprint == SPACE.graph(answers).fingerprint
    assert answers in list(by_hand())


@settings(deadline=None)
@given(seed=SEEDS)
def test_mutation_and_crossover_stay_in_the_space_and_keep_what_they_can(seed):
    rng = np.random.default_rng(seed)
    first, second = SPACE.sample(rng), SPACE.sample(rng)
    child = SPACE.mutate(first, rng)
    assert child in list(by_hand())
    assert child != first
    mixed = SPACE.crossover(first, second, rng)
    assert mixed in list(by_hand())
    for name, answer in mixed.items():
        if name in first and name in second and name != "width_1":
            assert answer in (first[name], second[name])


def test_mutation_changes_one_answer_and_what_hangs_on_it():
    rng = np.random.default_rng(0)
    answers = {"depth": 1, "width_0": 4, "shape": None}
    changed = set()
    for _ in range(200):
        child = SPACE.mutate(answers, rng)
        differing = {name for name in answers if child.get(name) != answers[name]}
        assert len(differing) == 1 or differing == {"depth", "width_0"}
        changed |= differing
    assert changed == {"depth", "width_0", "shape"}


def test_sampling_is_uniform_over_the_options():
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng)["depth"] for _ in range(3000)]
    assert np.bincount(drawn) == pytest.approx([1000, 1000, 1000], abs=100)


def test_completion_takes_the_nearest_number():
    assert SPACE.complete({"depth": 2, "width_0": 5, "width_1": 100, "shape": "wide"}) == {
        "depth": 2, "width_0": 4, "width_1": 8, "shape": "wide",
    }  # fmt: skip
    assert SPACE.complete({}) == {"depth": 1, "width_0": 4, "shape": [3, 3]}


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ({"depth": 1, "shape": None}, "choice 'width_0': is not answered"),
        ({"depth": 1, "widht_0": 4, "shape": None}, "rename 'widht_0'"),
        ({"depth": 7, "shape": None}, "choice 'depth': got 7; expected one of \\(0, 1, 2\\)"),
        ({"depth": True, "shape": None}, "choice 'depth': got True"),
        (
            {"depth": 0, "width_0": 4, "shape": None},
            "answers \\['width_0'\\] to questions that were not asked",
        ),
    ],
)
def test_answers_that_do_not_belong(answers, text):
    with pytest.raises(WrongAnswers, match=text):
        SPACE.replay(answers)


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("width", [[1, 2], [3, 4]], r"option \[1, 2\] is a list"),
        ("width", [{"a": 1}, {"b": 2}], "is a dict"),
        ("width", [float("nan"), 1.0], "option nan is a float"),
        ("width", [np.int64(3)], "is a int64"),
        ("width", [object], "is a type"),
        ("width", [(1, [2])], "is a tuple"),
        ("width", [], "has no options"),
        ("width", "abc", "options are 'abc'"),
        ("width", 3, "options are 3"),
        ("width", {2, 4}, "options are a set, whose order differs from run to run"),
        ("width", dict.fromkeys("ab").keys(), "options are a set"),
        ("width", [1, 2, 1], "an option is there twice"),
        ("", [1], "the name is ''"),
        (3, [1], "the name is 3"),
    ],
)
def test_choices_that_nobody_can_keep(name, options, text):
    def bad(choose, input_shape, classes):
        choose(name, options)
        return network(input_shape, [2], classes)

    with pytest.raises(SpaceError, match=text) as caught:
        Space(bad, (8, 8, 1), 2).sample(np.random.default_rng(0))
    assert isinstance(caught.value, BadInput)
    assert "\n" not in str(caught.value)


def test_asking_twice():
    def twice(choose, input_shape, classes):
        width = choose("width", (2, 4))
        assert choose("width", (2, 4)) == width
        return network(input_shape, [width], classes)

    assert len(Space(twice, (8, 8, 1), 2).sample(np.random.default_rng(0))) == 1

    def differently(choose, input_shape, classes):
        return network(input_shape, [choose("width", (2, 4)), choose("width", (2, 8))], classes)

    with pytest.raises(SpaceError, match=r"asked again with options \(2, 8\), before \(2, 4\)"):
        Space(differently, (8, 8, 1), 2).sample(np.random.default_rng(0))


def test_spaces_that_are_not_deterministic_are_found():
    state = itertools.count()

    def asks_differently(choose, input_shape, classes):
        return network(input_shape, [choose(f"width_{next(state)}", (2, 4))], classes)

    def builds_differently(choose, input_shape, classes):
        choose("width", (2, 4))
        return network(input_shape, [random.randrange(1, 10**6)], classes)

    def keeps_count(choose, input_shape, classes):
        return network(input_shape, [choose("width", (2, 4)) + next(state)], classes)

    for function, text in [
        (asks_differently, "asks other questions the second time"),
        (builds_differently, "gives another network for the same answers"),
        (keeps_count, "gives another network for the same answers"),
    ]:
        with pytest.raises(SpaceError, match=text):
            Space(function, (8, 8, 1), 2).check(np.random.default_rng(0))
    SPACE.check(np.random.default_rng(0))


def test_a_space_that_raises_says_what_where_and_with_which_answers():
    def broken(choose, input_shape, classes):
        width = choose("width", (4,))
        raise KeyError(width)

    with pytest.raises(
        SpaceError, match=r"space 'broken': raised KeyError: 4 \(test_choose.py:\d+\).*\"width\": 4"
    ):
        Space(broken, (8, 8, 1), 2).sample(np.random.default_rng(0))

    def bad_shape(choose, input_shape, classes):
        x = inputs = keras.Input(input_shape)
        return keras.Model(inputs, keras.layers.Conv2D(4, choose("kernel", (99,)))(x))

    with pytest.raises(SpaceError, match="space 'bad_shape'"):
        Space(bad_shape, (8, 8, 1), 2).sample(np.random.default_rng(0))


def test_vectors_of_genotypes():
    encoding = Encoding(SPACE, np.random.default_rng(0))
    assert encoding.columns == [
        "depth?", "depth", "shape=wide", "shape=(3, 3)", "shape=None", "shape=True",
        "width_0?", "width_0", "width_1?", "width_1",
    ]  # fmt: skip
    vector = encoding({"depth": 1, "width_0": 4, "shape": [3, 3]})
    assert vector == pytest.approx([1, 2 / 3, 0, 1, 0, 0, 1, 0.5, 0, 0])
    vectors = {tuple(encoding(answers)) for answers in by_hand()}
    assert len(vectors) == 52
