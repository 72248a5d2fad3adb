"""The elastic supernet: planted truth, sandwiches, resume, budget, refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from convsmith.engine.lower import lower
from convsmith.engine.predict import evaluate
from convsmith.engine.train.statistics import settle
from convsmith.errors import BadInput, BadName
from convsmith.ledger.budget import Budget
from convsmith.nas.algorithms import ALGORITHMS
from convsmith.nas.budget.fitting import ensure_feasible
from convsmith.nas.lesson import LessonTask, WithImages
from convsmith.nas.search import search
from convsmith.nas.settings import settings_of
from convsmith.nas.spaces import space
from convsmith.nas.supernet import course
from convsmith.nas.supernet.elastic import Elastic
from convsmith.nas.within import Within
from convsmith.nas.workers.protocol import Evaluation


def task(where, limits=None, **options):
    asked = ALGORITHMS["elastic"](where, [], np.random.default_rng(0), **settings_of("elastic", options))
    limits = limits or Budget()
    anchor = ensure_feasible(where, limits, np.random.default_rng(0))
    return LessonTask(asked, where, limits, anchor, None, seed=0)


def test_the_obvious_operation_is_found(edges, stripes) -> None:
    """Nine genotypes; those with a convolution tell stripes apart, by their slices of one store."""
    line = task(edges, epochs=12, batch=16, looks=9).learn(WithImages(lambda graph: None, stripes))
    assert "conv_3x3" in line["ranked"][0].values()
    blind = [one["score"] for one in line["report"]["looked"] if "conv_3x3" not in one["answers"].values()]
    assert line["report"]["looked"][0]["score"] > 0.8
    assert all(score < 0.75 for score in blind)


def test_a_candidate_is_judged_as_its_network_alone(stripes) -> None:
    """Same slices, statistics measured on the same images, same validation images: the same loss."""
    found, limits = space("stages", (8, 8, 1), 2), Budget(params=6_000)
    within = Within(found, limits, ensure_feasible(found, limits, np.random.default_rng(0)))
    elastic = Elastic(within, stripes, seed=0, batch=32)
    for number in range(3):
        elastic.step(number, number / 3)
    answers = within.sample(np.random.default_rng(5))
    judged = elastic.judge(answers)
    alone = lower(found.graph(answers), elastic.shared.weights(answers))
    settle(alone, stripes.x, elastic._settling)
    again = evaluate(alone, stripes.x_validation, stripes.y_validation)
    assert judged["loss"] == pytest.approx(again["loss"], rel=1e-5)
    assert judged["accuracy"] == again["accuracy"]


def test_a_sandwich_is_the_sum_of_its_gradients(edges, stripes) -> None:
    """The first learns labels, the others its answers; written out on networks of their own."""
    big, small = {"edge_0": "conv_3x3", "edge_1": "conv_3x3"}, {"edge_0": "none", "edge_1": "none"}
    elastic = Elastic(edges, stripes, seed=0, batch=16, ends=[big, small])
    rng = np.random.default_rng([0, 6, 0])
    drawn = [big, *(edges.sample(rng) for _ in range(2)), small]
    x, target = elastic.train.batch(0)
    elastic.shared.candidate(big)
    keys = [one for one in elastic.shared.arrays if "Dense" in one and one.endswith("kernel")]
    before = {one: array.clone() for one, array in elastic.shared.arrays.items()}
    total, taught = torch.zeros(()), target
    for place, answers in enumerate(drawn):
        module = lower(edges.graph(answers), elastic.shared.weights(answers)).train()
        scores = module.logits(x)
        loss = -(taught * scores.log_softmax(1)).sum(1).mean()
        loss.backward()
        dense = next(one for name, one in module.layers_by_name.items() if name.startswith("dense"))
        total = total + dense.weight.grad.T
        if place == 0:
            taught = scores.detach().softmax(1)
    elastic.step(0, 0.0)
    (head,) = keys
    moved = before[head] - elastic.shared.arrays[head]
    # The first step of Nesterov's momentum is 1.9 times the gradient, which was not clipped where they agree.
    step = total + 1e-4 * before[head]
    assert torch.allclose(moved / moved.norm(), step / step.norm(), atol=1e-3)


def test_stopped_anywhere_it_ends_with_the_same_bits(edges, stripes, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(course, "_SAVED_EACH", 0.0)
    whole = task(edges, epochs=2, batch=32, looks=4, rule="sandwich")
    train = WithImages(lambda graph: None, stripes)
    calm = whole.learn(train)
    parted, step = dataclasses.replace(whole, folder=tmp_path), Elastic.step
    for stop in (2, 5):

        def torn(self, number, progress, stop=stop):
            if number == stop:
                raise KeyboardInterrupt
            step(self, number, progress)

        monkeypatch.setattr(Elastic, "step", torn)
        with pytest.raises(KeyboardInterrupt):
            parted.learn(train)
    monkeypatch.setattr(Elastic, "step", step)
    again = parted.learn(train)
    for line in (calm, again):
        line["seconds"] = 0
        for record in line["report"]["records"]:
            record["seconds"] = 0
    assert again == calm


def test_nothing_over_the_budget_is_drawn_trained_or_proposed(stripes, monkeypatch) -> None:
    """On a space with free widths; the store itself is larger than any candidate."""
    found, limits = space("stages", (8, 8, 1), 2), Budget(params=3_000, macs=120_000)
    seen, candidate = [], Elastic.judge

    def judge(self, answers):
        seen.append(answers)
        return candidate(self, answers)

    monkeypatch.setattr(Elastic, "judge", judge)
    trained = []

    def train(graph, *, epochs, seed):
        trained.append(graph)
        return Evaluation(0.5, 0.1)

    result = search(
        found, WithImages(train, stripes), budget=limits, algorithm="elastic",
        options={"epochs": 1, "batch": 24, "looks": 4}, trials=2, baselines=False, epochs=(1, 2), top=1,
    )  # fmt: skip
    assert len(seen) == 4
    assert all(limits.check(found.graph(answers)).kept for answers in seen)
    assert all(limits.check(graph).kept for graph in (*trained, result.graph))
    assert result.plan["lesson"] == 4


def test_what_cannot_be_is_refused(edges, stripes) -> None:
    def train(graph, *, epochs, seed):
        return Evaluation(0.5, 0.1)

    for options, match in (
        ({"base": "darts"}, "which learns before it proposes"),
        ({"batch": 1}, "elastic batch: got 1"),
        ({"looks": 0}, "elastic looks: got 0"),
    ):
        with pytest.raises(BadInput, match=match):
            search(edges, WithImages(train, stripes), algorithm="elastic", options=options, trials=2)
    with pytest.raises(BadName, match="did you mean 'sandwich'"):
        search(edges, WithImages(train, stripes), algorithm="elastic", options={"rule": "sandwch"}, trials=2)
    where = space("stages", (224, 224, 3), 10)
    with pytest.raises(BadInput, match="elastic on space 'stages': takes about"):
        search(where, WithImages(train, stripes), algorithm="elastic", options={"batch": 8192}, trials=2)
