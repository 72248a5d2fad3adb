"""Where a layer's numbers lie: against plain resizing, and against planted points."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.engine.lower import lower
from convsmith.graph import notation as keras
from convsmith.insight.place import field_of, stretched
from convsmith.zoo import network


@settings(deadline=None)
@given(h=st.integers(1, 7), w=st.integers(1, 7), rows=st.integers(7, 30), columns=st.integers(7, 30))
def test_without_a_field_it_is_torch_s_bilinear_resizing(h, w, rows, columns):
    coarse = np.random.default_rng(h * w).normal(size=(2, h, w)).astype(np.float32)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(coarse)[None], size=(rows, columns), mode="bilinear", align_corners=False
    )[0]
    np.testing.assert_allclose(stretched(coarse, (rows, columns)), theirs.numpy(), atol=1e-5)


def test_a_point_behind_unpadded_layers_comes_back_to_its_place():
    """A bright pixel lights the position whose field is centred on it; the map must peak at the pixel."""
    graph = network("lenet5")
    weights = {name: np.zeros(w.shape, np.float32) for name, w in graph.weights.items()}
    weights["conv1/kernel"][2, 2], weights["conv2/kernel"][2, 2] = 1, 1
    net = lower(graph, weights)
    kept = []
    net.steps_by_name["conv2"].register_forward_hook(lambda m, i, o: kept.append(o))
    for row, column in ((8, 9), (15, 20), (22, 23)):
        x_NCHW = torch.zeros(1, 1, 32, 32)
        x_NCHW[0, 0, row, column] = 255
        net(x_NCHW)
        coarse = kept.pop()[:, 0].detach().numpy()
        peak = np.unravel_index(stretched(coarse, (32, 32), field_of(graph, "conv2")).argmax(), (32, 32))
        plain = np.unravel_index(stretched(coarse, (32, 32)).argmax(), (32, 32))
        assert max(abs(peak[0] - row), abs(peak[1] - column)) <= 1
        if row != 15:
            assert max(abs(plain[0] - row), abs(plain[1] - column)) >= 3


def test_no_local_field_behind_global_pooling():
    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="mean")(x)
    assert field_of(keras.Model(inputs, x), "mean") is None
