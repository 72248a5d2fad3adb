"""ENAS: the authors' numbers, planted truth, resume, budget, refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from convsmith.errors import BadInput
from convsmith.ledger.budget import Budget
from convsmith.nas import lesson as lessons
from convsmith.nas.algorithms import ALGORITHMS
from convsmith.nas.budget.fitting import ensure_feasible
from convsmith.nas.lesson import LessonTask, WithImages
from convsmith.nas.search import search
from convsmith.nas.settings import settings_of
from convsmith.nas.spaces import space
from convsmith.nas.supernet import course, enas
from convsmith.nas.supernet.enas import Enas
from convsmith.nas.workers.protocol import Evaluation


def task(where, limits=None, **options):
    asked = ALGORITHMS["enas"](where, [], np.random.default_rng(0), **settings_of("enas", options))
    limits = limits or Budget()
    anchor = ensure_feasible(where, limits, np.random.default_rng(0))
    return LessonTask(asked, where, limits, anchor, None, seed=0)


def made(edges, stripes, **more):
    return Enas(edges, stripes, **{"seed": 0, "batch": 16, "sizes": {}, **more})


def test_the_numbers_are_those_of_the_authors_code(edges, stripes) -> None:
    """melodyguan/enas, scripts/cifar10_micro_search.sh and src/cifar10/main.py."""
    settings = settings_of("enas", {})
    assert (settings["epochs"], settings["batch"], settings["cells"], settings["filters"]) == (
        150,
        160,
        6,
        20,
    )
    assert (enas.TANH, enas.OPERATIONS_LESS, enas.ENTROPY, enas.KEEPS) == (1.10, 2.5, 1e-4, 0.99)
    assert (enas.STEPS, enas.NETWORKS) == (30, 10)
    assert (enas.HIGHEST_RATE, enas.LOWEST_RATE, enas.DECAY, enas.CLIP) == (0.05, 0.0005, 1e-4, 5.0)
    one = made(edges, stripes)
    assert one.adam.param_groups[0]["lr"] == 3.5e-3
    assert (one.controller.lstm.hidden_size, one.controller.lstm.num_layers) == (64, 1)
    logits = torch.tensor([100.0, -100.0, 0.3])
    assert enas.squash(logits, (0, 1, 2)).numpy() == pytest.approx([1.1, -1.1, 1.1 * np.tanh(0.3)])
    assert enas.squash(logits, ("a", "b", "c")).numpy() == pytest.approx([0.44, -0.44, 0.44 * np.tanh(0.3)])
    one.step(0, 0.0)
    assert one.networks == 300 // 6  # of an epoch of six steps: 30 steps of 10 networks


def test_the_obvious_operation_is_found(edges, stripes, monkeypatch) -> None:
    monkeypatch.setattr(enas, "STEPS", 6)
    line = task(edges, epochs=10, batch=32).learn(WithImages(lambda graph: None, stripes))
    assert "conv_3x3" in line["ranked"][0].values()
    scores = {str(one["answers"]): one["score"] for one in line["report"]["drawn"]}
    blind = [score for text, score in scores.items() if "conv" not in text]
    assert max(scores.values()) > 0.8
    assert all(score < 0.75 for score in blind)


def test_stopped_anywhere_it_ends_with_the_same_bits(edges, stripes, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(course, "_SAVED_EACH", 0.0)
    monkeypatch.setattr(enas, "STEPS", 1)
    monkeypatch.setattr(enas, "DRAWN", 4)
    whole = task(edges, epochs=2, batch=32)
    evaluate = WithImages(lambda graph: None, stripes)
    calm = whole.learn(evaluate)
    parted, step = dataclasses.replace(whole, folder=tmp_path), Enas.step
    for stop in (1, 4):

        def torn(self, number, progress, stop=stop):
            if number == stop:
                raise KeyboardInterrupt
            step(self, number, progress)

        monkeypatch.setattr(Enas, "step", torn)
        with pytest.raises(KeyboardInterrupt):
            parted.learn(evaluate)
    assert (tmp_path / lessons.CHECKPOINT).exists()
    monkeypatch.setattr(Enas, "step", step)
    again = parted.learn(evaluate)
    for line in (calm, again):
        line["seconds"] = 0
        for record in line["report"]["records"]:
            record["seconds"] = 0
    assert again == calm


def test_sizes_are_not_the_controllers_and_the_budget_is_kept(stripes, monkeypatch) -> None:
    """Networks of one cell share weights; what is proposed has the size that fills the budget."""
    monkeypatch.setattr(enas, "STEPS", 1)
    monkeypatch.setattr(enas, "NETWORKS", 2)
    monkeypatch.setattr(enas, "DRAWN", 3)
    where, limits = space("darts", (8, 8, 1), 2), Budget(params=9_000)
    line = task(where, limits, epochs=1, batch=48, cells=1, filters=4).learn(
        WithImages(lambda graph: None, stripes)
    )
    assert {one["answers"]["cells"] for one in line["report"]["drawn"]} == {1}
    assert all(limits.check(where.graph(one)).kept for one in line["ranked"])
    assert max(where.graph(one).params for one in line["ranked"]) > 6_000


def test_a_search_proposes_what_was_learnt(edges, stripes, monkeypatch) -> None:
    monkeypatch.setattr(enas, "STEPS", 1)

    def train(graph, *, epochs, seed):
        return Evaluation(0.5, 0.1)

    found = search(
        edges, WithImages(train, stripes), algorithm="enas", options={"epochs": 1, "batch": 32}, trials=2,
        baselines=False, epochs=(1, 2), top=1,
    )  # fmt: skip
    assert found.plan["lesson"] == 3
    with pytest.raises(BadInput, match="space 'stages': has no cell"):
        search(space("stages", (8, 8, 1), 2), WithImages(train, stripes), algorithm="enas", trials=2)
    with pytest.raises(BadInput, match="enas batch: got 1"):
        search(edges, WithImages(train, stripes), algorithm="enas", options={"batch": 1}, trials=2)
