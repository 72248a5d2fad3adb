"""Of very many images a search trains its candidates on a part, the same whoever asks and whenever."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.jobs.forge import forge
from convsmith.jobs.options.forge import ForgeOptions
from convsmith.jobs.steps.searching import searched


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    share=st.floats(0.05, 1),
    seed=st.integers(0, 99),
)
def test_each_class_has_its_share(sizes, share, seed):
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    count = max(1, round(share * len(classes)))
    rows = searched.part(classes, count, seed)
    assert len(rows) == count
    assert (np.diff(rows) > 0).all()
    found = np.bincount(classes[rows], minlength=len(sizes))
    for one, size in zip(found, sizes, strict=True):
        # The first of each class comes somewhere within its first step: each is one off at most, and the end
        # of the line moves by as much for all together.
        assert abs(one - size * count / len(classes)) <= 1 + len(sizes) * size / len(classes)
    assert (rows == searched.part(classes, count, seed)).all()


def test_a_search_with_a_clock_takes_a_part_and_a_repetition_the_same(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(searched, "FEWEST", 200)
    monkeypatch.setattr(searched, "EACH_MINUTE", 2_500)
    monkeypatch.setattr(ForgeOptions, "checked", lambda options: options)  # it asks for a quarter of a minute
    options = {"max_params": 2_000, "threads": 1, "quiet": True, "runs": str(tmp_path), "size": (8, 8, 1)}
    done = forge("digits", minutes=0.12, **options)
    found = json.loads((done.path / "search.json").read_text())
    assert found["images"] == 300  # so many for each minute
    assert "on 300 images" in (done.path / "report.html").read_text()
    monkeypatch.setattr(searched, "FEWEST", 400)
    again = forge("digits", minutes=0.12, plan=str(done.path), **options)
    assert json.loads((again.path / "searched.json").read_text()) == {"images": 300}
    scores = [[one["score"] for one in run.trials] for run in (done, again)]
    assert scores[0] == scores[1]


def test_without_a_clock_a_search_takes_all(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(searched, "FEWEST", 200)
    done = forge(
        "digits", trials=2, epochs=2, max_params=2_000, threads=1, quiet=True, runs=str(tmp_path)
    )  # fmt: skip
    assert json.loads((done.path / "search.json").read_text())["images"] > 1_000
