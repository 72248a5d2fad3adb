"""Attributes of photographs that were made so, and the last hidden layer against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from sklearn.decomposition import PCA

from convsmith.engine.lower import lower
from convsmith.engine.weights import initial
from convsmith.errors import BadInput
from convsmith.insight.attributes import accuracy_by, attributes
from convsmith.insight.embedding import features, flattened, hidden_layer
from convsmith.insight.mistakes import wilson
from convsmith.testing.planted import planted
from convsmith.zoo import network


def test_brighter_flatter_and_blurred_images_are_told():
    rng = np.random.default_rng(0)
    image = rng.integers(60, 160, (24, 24, 3)).astype(np.uint8)
    soft = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(2)))
    flat = (100 + (image.astype(float) - 100) / 2).astype(np.uint8)
    found = attributes(np.stack([image, image + 50, flat, soft]))
    assert found["brightness"][1] == pytest.approx(found["brightness"][0] + 50)
    assert found["contrast"][2] == pytest.approx(found["contrast"][0] / 2, rel=0.02)
    assert found["sharpness"][3] < 0.5 * found["sharpness"][0]
    assert found["sharpness"][2] == pytest.approx(found["sharpness"][0], rel=0.05)


def test_accuracy_in_parts_by_counting():
    rng = np.random.default_rng(1)
    values, right = rng.integers(0, 9, 200).astype(float), rng.random(200) < 0.7
    rows = accuracy_by(values, right, parts=3)
    assert sum(row["n"] for row in rows) == 200
    for number, row in enumerate(rows):
        last = number == len(rows) - 1
        inside = (values >= row["low"]) & ((values <= row["high"]) if last else (values < row["high"]))
        assert row["n"] == inside.sum()
        assert row["accuracy"] == pytest.approx(right[inside].mean())
        assert row["interval"] == list(wilson(int(right[inside].sum()), int(inside.sum())))
    assert accuracy_by(np.ones(5), np.ones(5, bool)) == []


def test_the_embedding_is_scikit_learn_s_of_the_pooled_features(trained):
    graph, weights = trained
    net, data = lower(graph, weights), planted(30, seed=2)
    assert hidden_layer(net) == "mean"
    seen = {}
    handle = net.steps_by_name["mean"].register_forward_hook(lambda m, i, o: seen.setdefault("out", o))
    with torch.no_grad():
        net(torch.from_numpy(data.x_NHWC).permute(0, 3, 1, 2).float())
    handle.remove()
    found = features(net, data.x_NHWC, batch_size=7)
    np.testing.assert_allclose(found, seen["out"].numpy(), rtol=1e-4, atol=1e-5)
    places, theirs = flattened(found), PCA(2).fit_transform(found)
    for axis in range(2):
        assert abs(np.corrcoef(places[:, axis], theirs[:, axis])[0, 1]) == pytest.approx(1, abs=1e-3)
    tsne = flattened(found, "tsne")
    assert tsne.shape == (30, 2)
    assert (tsne.min(), tsne.max()) == (0, 1)
    with pytest.raises(BadInput, match="2 images; expected at least 3"):
        flattened(found[:2])


def test_dropout_is_no_hidden_layer():
    graph = network("course_cnn", (28, 28, 1))
    assert hidden_layer(lower(graph, initial(graph, 0))) == "dense1"
