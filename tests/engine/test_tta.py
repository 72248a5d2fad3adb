"""Views of test images: made by hand, averaged by hand."""

from __future__ import annotations

import numpy as np
import pytest

from convsmith.engine.predict import evaluate, predict
from convsmith.engine.tta import views
from convsmith.engine.weights import initial
from convsmith.errors import BadName
from convsmith.zoo import network

X = np.random.default_rng(0).integers(0, 255, (6, 32, 32, 1)).astype(np.uint8)


def test_views_by_hand() -> None:
    padded = np.pad(X, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    by_hand = [
        padded[:, 1 + down : 33 + down, 1 + across : 33 + across]
        for down, across in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
    ]
    assert all(map(np.array_equal, views(X, "shift"), by_hand))
    both = list(views(X, "flip_shift"))
    assert len(both) == 10
    assert sorted(view.tobytes() for view in both) == sorted(
        np.ascontiguousarray(view[:, :, ::turn]).tobytes() for view in by_hand for turn in (1, -1)
    )


@pytest.mark.parametrize("tta", ["none", "flip", "shift", "flip_shift"])
def test_the_answer_is_the_mean_over_the_views(tta: str) -> None:
    graph, weights = network("lenet5"), initial(network("lenet5"), 0)
    ours = predict(graph, X, weights=weights, tta=tta, batch_size=4)
    by_hand = np.mean([predict(graph, view, weights=weights) for view in views(X, tta)], axis=0)
    np.testing.assert_allclose(ours, by_hand, atol=1e-6)
    y = np.arange(6)
    assert evaluate(graph, X, y, weights=weights, tta=tta)["accuracy"] == (ours.argmax(1) == y).mean()


def test_a_mirrored_answer_is_the_same_for_mirrored_images() -> None:
    graph, weights = network("lenet5"), initial(network("lenet5"), 0)
    one, other = (predict(graph, x, weights=weights, tta="flip") for x in (X, X[:, :, ::-1]))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_bad_names() -> None:
    with pytest.raises(BadName, match="did you mean 'flip'"):
        predict(network("lenet5"), X, weights=initial(network("lenet5"), 0), tta="flipp")
