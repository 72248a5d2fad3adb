"""Initial values against Keras's initializers; weights in and out of torch and files."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from convsmith.engine import weights
from convsmith.engine.lower import lower
from convsmith.engine.train import initializers
from convsmith.errors import BadInput, BadName
from convsmith.graph import notation as keras_notation
from convsmith.zoo import network

LAYERS = keras_notation.layers


def _graph(name: str = "g"):
    x = inputs = keras_notation.Input((8, 8, 3))
    x = LAYERS.Conv2D(6, (3, 2), name="conv", kernel_initializer="he_normal")(x)
    x = LAYERS.DepthwiseConv2D(3, depth_multiplier=2, name="dw")(x)
    x = LAYERS.SeparableConv2D(5, 3, name="sep")(x)
    x = LAYERS.BatchNormalization(name="bn")(x)
    x = LAYERS.Flatten()(x)
    x = LAYERS.Dense(4, activation="softmax", name="dense")(x)
    return keras_notation.Model(inputs, x, name=name)


def _all_initializers():
    import keras

    made = keras.initializers
    return [
        made.GlorotUniform(), made.GlorotNormal(), made.HeUniform(), made.HeNormal(), made.LecunUniform(),
        made.LecunNormal(), made.RandomNormal(0.1, 0.2), made.RandomUniform(-0.3, 0.1),
        made.TruncatedNormal(0.1, 0.3), made.VarianceScaling(0.5, "fan_out", "untruncated_normal"),
        made.VarianceScaling(2.0, "fan_avg", "uniform"), made.Constant(0.25), made.Ones(), made.Zeros(),
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(3, 3, 16, 32), (5, 5, 64, 2), (300, 40)])
def test_drawn_like_keras(shape):
    import keras

    for initializer in _all_initializers():
        config = keras.initializers.serialize(initializer)
        ours = initializers.draw(json.dumps(config), shape, 0, "a/kernel")
        theirs = np.asarray(keras.ops.convert_to_numpy(initializer(shape)))
        assert ours.dtype == np.float32
        # Thousands of numbers each: their mean, spread and quantiles agree to a few standard errors.
        spread = float(theirs.std())
        for share in (0.01, 0.1, 0.5, 0.9, 0.99):
            expected = pytest.approx(float(np.quantile(theirs, share)), abs=0.3 * spread + 1e-9)
            assert float(np.quantile(ours, share)) == expected
        assert float(ours.mean()) == pytest.approx(float(theirs.mean()), abs=0.1 * spread + 1e-6)
        assert float(ours.std()) == pytest.approx(spread, rel=0.06, abs=1e-7)


def test_truncated_normal_stays_within_two_deviations():
    drawn = initializers.draw("he_normal", (3, 3, 64, 64), 1, "k")
    deviation = np.sqrt(2 / (9 * 64)) / 0.87962566103423978
    assert np.abs(drawn).max() < 2 * deviation
    assert np.abs(drawn).max() > 1.9 * deviation
    assert drawn.std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)


def test_orthogonal_columns():
    drawn = initializers.draw("orthogonal", (4, 4, 8, 16), 3, "k").reshape(-1, 16)
    np.testing.assert_allclose(drawn.T @ drawn, np.eye(16), atol=1e-5)


def test_numbers_depend_on_seed_and_name_alone():
    first = weights.initial(_graph(), seed=5)
    assert weights.initial(_graph("other"), seed=5)["conv/kernel"].tobytes() == first["conv/kernel"].tobytes()
    assert weights.initial(_graph(), seed=6)["conv/kernel"].tobytes() != first["conv/kernel"].tobytes()
    alone = initializers.draw("he_normal", (3, 2, 3, 6), 5, "conv/kernel")
    assert alone.tobytes() == first["conv/kernel"].tobytes()


def test_unknown_initializer_has_the_nearest_name():
    with pytest.raises(BadName, match="did you mean"):
        initializers.draw("he_nromal", (3, 3), 0, "k")


def test_load_and_dump_are_inverse():
    graph = _graph()
    rng = np.random.default_rng(0)
    given = {name: rng.normal(size=w.shape).astype(np.float32) for name, w in graph.weights.items()}
    module = lower(graph, given)
    dumped = weights.dump(module)
    assert list(dumped) == list(graph.weights)
    for name in given:
        assert dumped[name].tobytes() == given[name].tobytes()
    dumped["conv/kernel"][:] = 0
    assert weights.dump(module)["conv/kernel"].any(), "a dump is a copy"
    with torch.no_grad():
        module.layers_by_name["conv"].weight.zero_()
    assert given["conv/kernel"].any(), "loading copies"


def test_a_file_of_weights(tmp_path):
    graph = network("lenet5")
    given = weights.initial(graph, seed=1)
    path = tmp_path / "w.safetensors"
    weights.save(path, given, {"who": "me"})
    found = weights.open_weights(path, graph)
    assert found.keys() == given.keys()
    assert all(np.array_equal(found[name], given[name]) for name in given)
    assert weights.open_metadata(path) == {"who": "me"}


def test_weights_that_do_not_fit(tmp_path):
    graph = network("lenet5")
    given = weights.initial(graph, seed=1)
    path = tmp_path / "w.safetensors"
    weights.save(path, given | {"fc4/bias": np.zeros(3, np.float32)})
    with pytest.raises(BadInput, match=r"fc4/bias.*\(3,\).*\(84,\)"):
        weights.open_weights(path, graph)
    with pytest.raises(BadInput, match="no 'fc4/bias'"):
        lower(graph, {name: array for name, array in given.items() if name != "fc4/bias"})
    with pytest.raises(BadName, match="fc5/bias"):
        lower(graph, given | {"fc5/bias": np.zeros(3, np.float32)})


@pytest.mark.parametrize("content", [b"", b"not a safetensors file", b"\xff" * 200])
def test_a_file_that_is_none(tmp_path, content):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="cannot be read"):
        weights.open_weights(path)
    with pytest.raises(BadInput, match="cannot be read"):
        weights.open_weights(tmp_path / "absent.safetensors")


def test_a_torn_file(tmp_path):
    path = tmp_path / "w.safetensors"
    weights.save(path, weights.initial(network("lenet5"), seed=0))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadInput, match="cannot be read"):
        weights.open_weights(path)
