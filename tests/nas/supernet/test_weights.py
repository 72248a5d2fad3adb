"""The store: slices are the network alone, steps are torch's, and what is not used does not change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.graph.places import noted
from convsmith.nas.spaces import SPACES, space
from convsmith.nas.supernet.weights import SharedWeights, largest_shapes, placed, region

SMALL = {"cells": 2, "filters": 4, "halvings": 1, "width": 8, "stem": 4, "depth_0": 1}


def stepped(shared, answers, x, **more):
    """A step of training for one genotype, without decay."""
    module = shared.candidate(answers)
    module.logits(x).square().mean().backward()
    shared.descend(
        [shared.gradients(answers)], **{"rate": 0.1, "momentum": 0.9, "decay": 0.0, "clip": 1e9, **more}
    )


@pytest.mark.parametrize("name", sorted(SPACES))
def test_a_slice_is_the_network_alone(name: str) -> None:
    """After some steps of several genotypes, one's slices give the same output in its own network."""
    found = space(name, (12, 12, 1), 3)
    rng, shared = np.random.default_rng(0), SharedWeights(found, seed=1)
    x = torch.randn(4, 1, 12, 12) * 40 + 128
    drawn = [found.complete({**found.sample(rng), **SMALL}) for _ in range(2)]
    for answers in drawn:
        stepped(shared, answers, x)
    for answers in drawn:
        alone = lower(found.graph(answers), shared.weights(answers)).train()
        torch.manual_seed(3)  # of dropout
        mine = shared.candidate(answers).logits(x)
        torch.manual_seed(3)
        assert torch.allclose(mine, alone.logits(x), atol=1e-5)
        assert len(set(placed(found, answers).keys.values())) == len(found.graph(answers).weights)
    assert noted() is None


def test_a_step_is_that_of_torch(edges) -> None:
    answers = {"edge_0": "conv_3x3", "edge_1": "skip_connect"}
    shared = SharedWeights(edges, seed=0)
    x = torch.randn(6, 1, 8, 8) * 40 + 128
    module = lower(edges.graph(answers), shared.weights(answers)).train()
    sgd = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9, weight_decay=1e-2, nesterov=True)
    for _ in range(3):
        stepped(shared, answers, x, decay=1e-2, clip=0.5)
        sgd.zero_grad()
        module.logits(x).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 0.5)
        sgd.step()
    mine = shared.candidate(answers)
    for (name, own), other in zip(mine.named_parameters(), module.parameters(), strict=True):
        assert torch.allclose(own, other, atol=1e-5), name


def test_only_what_is_used_changes() -> None:
    """Widths share their first channels, kernels their middle; an operation that was not chosen stays."""
    found = space("stages", (8, 8, 1), 3)
    wide = found.complete({"halvings": 0, "depth_0": 1, "block_0": "plain", "width": 16, "first_kernel": 5})
    narrow = found.complete({**wide, "width": 8, "first_kernel": 3})
    shared, x = SharedWeights(found, seed=0), torch.randn(4, 1, 8, 8) * 40 + 128
    shared.candidate(wide)
    before = {key: array.clone() for key, array in shared.arrays.items()}
    stepped(shared, narrow, x)
    assert shared.arrays.keys() == before.keys()
    kernel = shared.arrays["stem:Conv2D:1/kernel"]
    assert kernel.shape == (5, 5, 1, 16)
    changed = kernel != before["stem:Conv2D:1/kernel"]
    assert changed[1:4, 1:4, :, :8].all()
    assert changed.sum() == 3 * 3 * 8
    cells = space("nasbench201", (8, 8, 1), 3)
    one = dict.fromkeys(("e01", "e02", "e12", "e03", "e13", "e23"), "nor_conv_1x1")
    shared = SharedWeights(cells, seed=0)
    shared.candidate({**one, "e01": "nor_conv_3x3"})
    key = "cell_0_0/e01/nor_conv_3x3:Conv2D:1/kernel"
    kept = shared.arrays[key].clone()
    stepped(shared, one, x)
    assert torch.equal(shared.arrays[key], kept)
    assert "cell_0_0/e01/nor_conv_1x1:Conv2D:1/kernel" in shared.arrays


def test_a_space_that_names_no_places_shares_by_questions() -> None:
    from convsmith.graph import notation as keras
    from convsmith.nas.choose import Space

    def own(choose, input_shape, classes):
        x = inputs = keras.Input(input_shape)
        for number in range(choose("depth", (1, 2))):
            x = keras.layers.Conv2D(choose(f"width{number}", (4, 8)), 3)(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))

    found = Space(own, (8, 8, 1), 3)
    keys = placed(found, {"depth": 2, "width0": 4, "width1": 8}).keys
    assert keys["conv2d/kernel"] == "after width0:Conv2D:1/kernel"
    assert keys["conv2d_1/kernel"] == "after width1:Conv2D:1/kernel"
    assert placed(found, {"depth": 1, "width0": 8}).keys["conv2d/kernel"] == keys["conv2d/kernel"]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 7), st.integers(0, 6)), min_size=1, max_size=5))
def test_a_region_has_the_shape_and_lies_inside(sizes) -> None:
    shape = tuple(small for small, _ in sizes)
    within = tuple(small + more for small, more in sizes)
    array = np.arange(np.prod(within)).reshape(within)
    part = array[region(shape, within)]
    assert part.shape == shape
    if len(shape) >= 3:
        first, more = sizes[0]
        where = region(shape, within)[0]
        assert where.start == more // 2
        assert where.stop - where.start == first
    assert region(shape, within)[-1].start == 0  # channels


def test_the_store_is_as_large_as_was_said() -> None:
    found = space("mobile", (8, 8, 1), 3)
    shapes = largest_shapes(found, np.random.default_rng(0), walks=6)
    shared = SharedWeights(found, seed=0)
    rng = np.random.default_rng(0)
    for number in range(6):
        shared.weights(found.complete({}, place=float(number % 2)) if number < 2 else found.sample(rng))
    assert shared.size == sum(int(np.prod(shape)) for shape in shapes.values())
