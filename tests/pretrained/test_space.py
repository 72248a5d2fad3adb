"""The space of a pretrained network's members: an ordinary space, and every member knows its weights."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.predict import predict
from convsmith.engine.weights import check
from convsmith.errors import BadInput
from convsmith.ledger.budget import Budget
from convsmith.nas.budget.fitting import Infeasible, ensure_feasible
from convsmith.nas.choose import Space
from convsmith.nas.within import Within
from convsmith.pretrained import Source
from convsmith.pretrained.groups import inner
from convsmith.pretrained.inherit import inherited
from convsmith.pretrained.members import member
from convsmith.pretrained.own import own_source
from convsmith.pretrained.package import without_weights
from convsmith.pretrained.packed import packed, unpacked
from convsmith.pretrained.space import members_of, sides
from convsmith.testing.spaces import exam_space

LITE0 = without_weights("efficientnet_lite0")


def test_it_is_a_space_like_the_others() -> None:
    report = exam_space(members_of(LITE0), input_shapes=[(32, 32, 1), (96, 72, 3)], samples=6)
    assert set(report) == {"32x32x1", "96x72x3"}


def test_small_images_may_be_made_larger_others_never() -> None:
    assert sides(LITE0, (32, 28, 3))[-1] == 128
    assert sides(LITE0, (100, 80, 3))[-2:] == (96, 100)
    assert sides(LITE0, (8, 8, 1)) == (8, 16, 24, 32)
    graph = members_of(LITE0)(lambda name, options: tuple(options)[-1], (32, 28, 3), 4)
    assert graph.input_shape == (32, 28, 3)
    assert graph.shapes["resized"] == (128, 112, 3)


def test_a_network_that_uses_small_images_up_ends_earlier_for_them() -> None:
    from convsmith.engine.weights import initial
    from convsmith.zoo import network

    graph = network("lenet5", (32, 32, 1), 10)
    source = own_source(
        "mine", graph, initial(graph, 0), licence="mine", commercial=True, origin="mine", sha256=""
    )
    asked: dict[str, tuple[Any, ...]] = {}

    def smallest(name: str, options: Any) -> Any:
        asked[name] = tuple(options)
        return asked[name][0]

    assert members_of(source)(smallest, (8, 8, 1), 3).input_shape == (8, 8, 1)
    assert asked["side"] == (8, 16, 24, 32)
    assert asked["blocks"] == (1, 2)  # of four: nothing is left for the second convolution
    members_of(source)(lambda name, options: max(options), (8, 8, 1), 3)
    with pytest.raises(BadInput, match="3 channels"):
        members_of(source)(smallest, (32, 32, 3), 3)


@settings(max_examples=8, deadline=None)
@given(
    params=st.floats(np.log(20e3), np.log(10e6)), macs=st.floats(np.log(1e6), np.log(1e9)),
    memory=st.none() | st.floats(np.log(20e3), np.log(5e6)),
    shape=st.sampled_from([(32, 32, 3), (96, 96, 3), (64, 48, 1)]), seed=st.integers(0, 99),
)  # fmt: skip
def test_something_fits_or_the_usual_sentence(
    params: float, macs: float, memory: float | None, shape: tuple[int, int, int], seed: int
) -> None:
    budget = Budget(params=int(np.exp(params)), macs=int(np.exp(macs)), memory=memory and int(np.exp(memory)))
    space, rng = Space(members_of(LITE0), shape, 12, name="pretrained"), np.random.default_rng(seed)
    try:
        anchor = ensure_feasible(space, budget, rng)
    except Infeasible as error:
        said = str(error)
    else:
        said = ""
    if said:
        assert "no network keeps" in said
        assert memory is not None  # parameters and multiply-adds alone can always be kept
        return
    assert budget.check(space.graph(anchor)).kept
    within = Within(space, budget, anchor)
    one = within.sample(rng)
    for answers in (one, within.mutate(one, rng), within.crossover(one, anchor, rng)):
        assert budget.check(space.graph(answers)).kept


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), grey=st.booleans())
def test_every_member_takes_its_weights_from_the_source(lite0: Source, seed: int, grey: bool) -> None:
    space = Space(members_of(lite0), (32, 32, 1 if grey else 3), 5)
    graph = space.graph(space.sample(np.random.default_rng(seed)))
    weights = inherited(graph, lite0, seed=seed)
    check(graph, weights)
    new = {"classes", "hidden"}
    for name in set(graph.weights) - {name for name in graph.weights if name.partition("/")[0] in new}:
        theirs = lite0.weights[name]
        if theirs.shape == weights[name].shape and name.endswith("/gamma"):
            np.testing.assert_array_equal(weights[name], theirs)
        elif theirs.shape != weights[name].shape and name.endswith("/gamma"):
            assert np.isin(weights[name], theirs).all()
    again = inherited(graph, lite0, seed=seed)
    for name, array in weights.items():
        np.testing.assert_array_equal(array, again[name])


def test_all_channels_and_all_blocks_are_the_source_itself(lite0: Source) -> None:
    whole = {"side": 48, "blocks": len(lite0.cuts), "hidden": 0}
    whole |= {f"keep_{group.first}": 1.0 for group in inner(lite0.graph)}
    space = Space(members_of(lite0), (48, 48, 3), 5)
    assert space.graph(whole).fingerprint == member(lite0, lite0.cuts[-1].name, (48, 48, 3), 5).fingerprint


def test_a_source_that_travelled_is_the_same(lite0: Source) -> None:
    about, numbers = packed(lite0)
    again = unpacked(json.loads(json.dumps(about)), numbers)
    assert again.network.fingerprint == lite0.network.fingerprint
    assert (again.cuts, again.licence, again.sha256) == (lite0.cuts, lite0.licence, lite0.sha256)
    assert set(again.weights) == set(lite0.weights)
    for name, array in again.weights.items():
        np.testing.assert_array_equal(array, lite0.weights[name])
    x = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    graph = member(lite0, "block2", (32, 32, 3), 4, keep={"block2_expand": 0.5})
    one, two = (predict(graph, x, weights=inherited(graph, source)) for source in (lite0, again))
    np.testing.assert_array_equal(one, two)
