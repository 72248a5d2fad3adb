"""A view of pixels on disk gives what a copy gives, and a training on it the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsmith.data import view
from convsmith.data.view import View, selected

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 8, 6, 3), np.uint8)
ROWS = np.random.default_rng(1).permutation(40)[:23]

which = st.one_of(
    st.integers(-23, 22),
    st.slices(23),
    st.lists(st.integers(0, 22), max_size=9).map(lambda found: np.array(found, np.int64)),
    st.tuples(st.slices(23), st.slices(8)),
    st.tuples(st.integers(0, 22), st.just(Ellipsis), st.integers(0, 2)),
)


@given(which)
def test_as_the_copy(which: Any) -> None:
    copy = PIXELS[ROWS]
    assert np.array_equal(View(PIXELS, ROWS)[which], copy[which])


def test_the_whole() -> None:
    found = View(PIXELS, ROWS)
    assert np.array_equal(np.asarray(found), PIXELS[ROWS])
    assert (len(found), found.shape, found.dtype, found.ndim) == (23, (23, 8, 6, 3), np.uint8, 4)
    assert found.nbytes == PIXELS[ROWS].nbytes


def test_a_part_that_would_fill_the_memory_stays_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(selected(PIXELS, ROWS), np.ndarray)
    monkeypatch.setattr(view, "SHARE", 0.0)
    assert isinstance(selected(PIXELS, ROWS), View)


def test_a_training_on_a_view_gives_the_same_weights() -> None:
    from convsmith.engine.loop import fit
    from convsmith.zoo import network

    graph = network("lenet5", (32, 32, 1), 3)
    x = np.random.default_rng(0).integers(0, 256, (30, 32, 32, 1), np.uint8)
    y, rows = np.arange(20) % 3, np.random.default_rng(1).permutation(30)[:20]
    fitted = [
        fit(graph, part, y, epochs=2, batch_size=5, seed=0, validation=(part, y))
        for part in (x[rows], View(x, rows))
    ]
    losses = [[(epoch["loss"], epoch["val_loss"]) for epoch in one.history] for one in fitted]
    assert losses[0] == losses[1]
    for name, array in fitted[0].weights.items():
        assert np.array_equal(array, fitted[1].weights[name])
