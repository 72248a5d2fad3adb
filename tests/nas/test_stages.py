from __future__ import annotations

import numpy as np
import pytest

from convsmith.nas.space.encoding import space_size
from convsmith.nas.spaces import SPACES, space
from convsmith.nas.spaces.stages import halvings, rounded

SHAPES = [
    (8, 8, 1),
    (9, 13, 1),
    (16, 16, 3),
    (28, 28, 1),
    (32, 32, 3),
    (64, 96, 3),
    (100, 8, 3),
    (224, 224, 3),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_samples_of_every_image_size(shape):
    stages = space("stages", shape, 12)
    rng = np.random.default_rng(0)
    stages.check(rng)
    graphs = [stages.graph(stages.sample(rng)) for _ in range(60)]
    for graph in graphs:
        assert graph.input_shape == shape
        first, last = graph.nodes[1], graph.nodes[-1]
        assert (first.kind_name, first.kind.scale, first.kind.offset) == ("Rescaling", 1 / 127.5, -1)
        assert (last.kind_name, last.kind.units, last.kind.activation) == ("Dense", 12, "softmax")
        assert graph.shapes[last.name] == (12,)
        shapes = [graph.shapes[node.name] for node in graph.nodes]
        rows = [one[0] for one in shapes if len(one) == 3 and one[:2] != (1, 1)]  # gates see one pixel
        assert rows == sorted(rows, reverse=True)
    kinds = {node.kind_name for graph in graphs for node in graph.nodes}
    assert kinds >= {
        "Conv2D",
        "DepthwiseConv2D",
        "Add",
        "BatchNormalization",
        "Dropout",
        "Dense",
        "MaxPooling2D",
        "GroupNormalization",
        "Multiply",
    }
    assert len({graph.fingerprint for graph in graphs}) == 60


def test_from_a_thousand_parameters_to_five_million():
    for shape, fewest, most in [((8, 8, 1), 1_000, 1_500_000), ((224, 224, 3), 10_000, 5_000_000)]:
        stages = space("stages", shape, 10)
        rng = np.random.default_rng(1)
        params = [stages.graph(stages.sample(rng)).params for _ in range(300)]
        assert min(params) < fewest
        assert max(params) > most


def test_multiply_adds_of_larger_images_stay_in_bounds():
    """The last grid is at most 14x14 for any square image, so most of the work is on small grids."""
    for side in (28, 32, 64, 96, 128, 160, 224):
        fewest, most = halvings(side)
        assert 2 <= side >> most <= side >> fewest <= 14
    stages = space("stages", (224, 224, 3), 10)
    rng = np.random.default_rng(0)
    macs = [stages.graph(stages.sample(rng)).macs for _ in range(100)]
    assert np.median(macs) < 1e9


def test_widths():
    assert [rounded(width) for width in (4, 5, 7, 31, 45, 130, 250)] == [4, 4, 8, 32, 44, 128, 248]


def test_size_and_registry():
    assert "stages" in SPACES
    size = space_size(space("stages", (64, 64, 3), 12), np.random.default_rng(0))
    assert not size.exact
    assert size.count > 1e9


@pytest.mark.parametrize("shape", [(8, 8, 1), (33, 47, 3)])
def test_the_same_space_in_keras_itself_has_the_same_parameters(shape, monkeypatch):
    """With Keras in the place of the notation the space gives a Keras model of equal size and shapes."""
    keras = pytest.importorskip("keras")
    from convsmith.nas.spaces import stages as module

    stages = space("stages", shape, 5)
    rng = np.random.default_rng(3)
    walks = [stages.walk(lambda _, options: int(rng.integers(len(options)))) for _ in range(6)]
    monkeypatch.setattr(module, "keras", keras)
    for walk in walks:
        answers = dict(walk.answers)
        model = module.stages(lambda name, options, answers=answers: answers[name], shape, 5)
        assert model.count_params() == walk.graph.params
        assert model.output_shape[1:] == walk.graph.output_shape
        assert [layer.output.shape[1:] for layer in model.layers] == list(walk.graph.shapes.values())
