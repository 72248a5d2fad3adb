"""A space from somebody's own file, and what may be wrong with it."""

from __future__ import annotations

import pytest

from convsmith.errors import BadInput
from convsmith.graph import notation as keras
from convsmith.ledger.budget import MEMORY_MODELS, Budget
from convsmith.nas.choose import Space
from convsmith.nas.space.options import SpaceError
from convsmith.nas.spaces import name_of, space, space_function
from convsmith.nas.spaces.chain import chain
from convsmith.zoo import network

MINE = """
from convsmith.graph import notation as keras

def mine(choose, input_shape, classes):
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Conv2D(choose("width", (4, 8)), 3)(x)
    return keras.Model(inputs, keras.layers.Dense(classes)(keras.layers.GlobalAveragePooling2D()(x)))

number = 3
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_a_function_of_a_file(mine):
    own = space(f"{mine}:mine", (8, 8, 1), 3)
    assert own.graph({"width": 4}).params == 10 * 4 + 5 * 3
    assert own.name == f"{mine}:mine"
    assert name_of(space_function(own.name)) == own.name
    assert name_of(chain) == "chain"


def test_wrong_files_and_names(mine, tmp_path):
    for name, said in (
        (f"{tmp_path}/none.py:mine", "there is no file"),
        (f"{mine}:min", "no 'min'; did you mean 'mine'"),
        (f"{mine}:number", "no 'number'"),
        ("chian", "did you mean 'chain'"),
    ):
        with pytest.raises(BadInput, match=said):
            space(name, (8, 8, 1), 3)
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(BadInput, match=r"broken.py raised ModuleNotFoundError"):
        space(f"{tmp_path}/broken.py:mine", (8, 8, 1), 3)


def test_functions_that_cannot_be_found_again():
    def inside(choose, input_shape, classes):
        raise AssertionError

    for function in (inside, lambda choose, input_shape, classes: None):
        with pytest.raises(BadInput, match="is not a function of a file"):
            name_of(function)


def test_choices_that_nobody_can_write_down():
    for options in ([[1, 2]], [{1}], [{"a": 1}], [float("nan")], [1, 1.0], ["a", "a"]):

        def odd(choose, input_shape, classes, options=options):
            choose("odd", options)
            raise AssertionError

        with pytest.raises(SpaceError, match="choice 'odd'"):
            Space(odd, (8, 8, 1), 3).complete({})


def test_memory_models_by_their_short_names():
    """The figures of the ledger's own models; each counts no more than the one before."""
    from convsmith.ledger.memory import peaks

    graph = network("mobilenet_v2")
    ledger = peaks(graph)
    seen = [Budget(memory=1, memory_model=name).figures(graph)["memory"] for name in MEMORY_MODELS]
    assert seen == [ledger[MEMORY_MODELS[name]] for name in MEMORY_MODELS]
    assert seen == sorted(seen, reverse=True)
    kept = [Budget(memory=seen[2], memory_model=name).check(graph).kept for name in MEMORY_MODELS]
    assert kept == [False, False, True, True]
    with pytest.raises(BadInput, match="--memory-model: no 'inplace'; did you mean 'in-place'"):
        Budget(memory=1, memory_model="inplace")
    assert "memory_model" not in Budget(memory=1).to_json()
    assert Budget(**Budget(memory=1, memory_model="fused").to_json()).memory_model == "fused"


def test_a_space_that_raises_for_a_few_combinations_is_searched_all_the_same():
    from convsmith.ledger.budget import Budget
    from convsmith.nas.choose import Space
    from convsmith.nas.search import search
    from convsmith.nas.trial import Evaluation

    def fragile(choose, input_shape, classes):
        width, kernel = choose("width", tuple(range(2, 22))), choose("kernel", (1, 3, 5, 7))
        if trained and width % 5 == 0 and kernel in (1, 7):  # one in ten, but not at the first look
            raise KeyError(width)
        x = inputs = keras.Input(input_shape)
        x = keras.layers.Conv2D(width, kernel, padding="same")(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        x = keras.layers.Dense(choose("units", tuple(range(10, 60))))(x)
        return keras.Model(inputs, keras.layers.Dense(classes)(x))

    trained = []

    def evaluate(graph, *, epochs, seed):
        trained.append(graph)
        return Evaluation(min(0.9, graph.params / 1e4), 1.0)

    images = Space(fragile, (8, 8, 1), 10, name="fragile")
    trained.clear()
    found = search(images, evaluate, budget=Budget(params=3_000), trials=30, seed=0)
    counts = [
        sum(t.arm in ("shared", arm) and t.rung == 0 for t in found.trials) for arm in ("auto", "random")
    ]
    assert counts == [30, 30]
    trained.clear()
    again = search(images, evaluate, budget=Budget(params=3_000), trials=30, seed=0)
    assert [one.answers for one in again.trials] == [one.answers for one in found.trials]
