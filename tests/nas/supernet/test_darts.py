"""DARTS: the papers' numbers, planted truth, gradients against slow ones, resume, budget, refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from convsmith.errors import BadInput, BadName, ConvsmithError
from convsmith.ledger.budget import Budget
from convsmith.nas import lesson as lessons
from convsmith.nas.algorithms import ALGORITHMS
from convsmith.nas.budget.fitting import ensure_feasible
from convsmith.nas.lesson import LessonTask, WithImages
from convsmith.nas.proposal import Lesson
from convsmith.nas.relaxed import relax
from convsmith.nas.search import search
from convsmith.nas.settings import settings_of
from convsmith.nas.spaces import space
from convsmith.nas.supernet import cells, course, curvature, darts, derived
from convsmith.nas.supernet.curvature import largest_eigenvalue
from convsmith.nas.supernet.darts import Darts
from convsmith.nas.supernet.derived import fitting
from convsmith.nas.supernet.room import check_room
from convsmith.nas.workers.protocol import Evaluation
from convsmith.runs import Run


def task(where, limits=None, **options):
    settings = settings_of("darts", options)
    asked = ALGORITHMS["darts"](where, [], np.random.default_rng(0), **settings)
    assert isinstance(asked, Lesson)
    limits = limits or Budget()
    anchor = ensure_feasible(where, limits, np.random.default_rng(0))
    return LessonTask(asked, where, limits, anchor, None, seed=0)


def planned(edges, stripes, **more):
    more = {"seed": 0, "classes": 2, "batch": 16, **more}
    return Darts(relax(edges), stripes, **more)


def test_the_numbers_are_those_of_the_paper_and_its_code(edges, stripes) -> None:
    """Liu et al., section 3.1 and cnn/train_search.py of quark0/darts."""
    settings = settings_of("darts", {})
    assert (settings["epochs"], settings["batch"], settings["cells"], settings["filters"]) == (50, 64, 8, 16)
    one = planned(edges, stripes)
    sgd, adam = one.sgd.param_groups[0], one.adam.param_groups[0]
    assert (sgd["lr"], sgd["momentum"], sgd["weight_decay"], sgd["nesterov"]) == (0.025, 0.9, 3e-4, False)
    assert (adam["lr"], adam["betas"], adam["weight_decay"]) == (3e-4, (0.5, 0.999), 1e-3)
    assert (darts.CLIP, darts.LOWEST_RATE, darts.BETA_MOST) == (5.0, 0.001, 50.0)
    rows = np.concatenate([one.train._rows, one.valid._rows])
    assert sorted(rows) == list(range(96))
    assert len(one.train._rows) == 48
    alphas = one._flat()
    assert float(alphas.abs().max()) < 5e-3


@pytest.mark.parametrize("options", [{}, {"cure": "beta"}, {"cure": "drnas"}, {"order": 2}], ids=str)
def test_the_obvious_operation_is_found(edges, stripes, options, monkeypatch) -> None:
    """Only the convolution tells the stripes apart; alpha gets a rate that a few steps can move it with."""
    monkeypatch.setattr(darts, "ALPHA_RATE", 0.05)
    monkeypatch.setattr(Darts, "_eigenvalue", lambda self: 0.0)  # it takes longer than the rest
    learnt = task(edges, epochs=14, batch=16, **options)
    line = learnt.learn(WithImages(lambda graph: None, stripes))
    assert "conv_3x3" in line["ranked"][0].values()
    weights = line["report"]["weights"]
    assert max(row[2] - max(row[:2]) for row in weights.values()) > 0.01
    assert line["steps"] == 14 * 3


def test_second_order_is_the_derivative_of_the_step_ahead(edges, stripes, monkeypatch) -> None:
    """Against differences of the validation loss after one step of w, alpha moved by hand, in float64."""
    monkeypatch.setattr(darts, "UNROLLED", 1e-5)
    one = planned(edges, stripes, order=2)
    for part in (one.net.module, *one.net.alphas.values()):
        part.data = part.data.double() if isinstance(part, torch.nn.Parameter) else part.double()
    train = tuple(part.double() for part in one.train.batch(0))
    valid = tuple(part.double() for part in one.valid.batch(0))
    rate = 0.05
    kept = [weight.detach().clone() for weight in one.net.weights]

    def ahead() -> float:
        weights = one.net.weights
        gradients = torch.autograd.grad(one.net.loss(*train, one._weights(0.0, fixed=True)), weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.sub_(rate * (gradient + darts.DECAY * weight))
            value = float(one.net.loss(*valid, one._weights(0.0)))
            for weight, old in zip(weights, kept, strict=True):
                weight.copy_(old)
        return value

    one._unrolled(train, valid, rate, 0.0)
    for alpha in one.net.alphas.values():
        for place in range(len(alpha)):
            values = []
            for move in (1e-4, -1e-4):
                with torch.no_grad():
                    alpha[place] += move
                values.append(ahead())
                with torch.no_grad():
                    alpha[place] -= move
            slow = (values[0] - values[1]) / 2e-4
            assert float(alpha.grad[place]) == pytest.approx(slow, abs=1e-6, rel=1e-3)
    for weight, old in zip(one.net.weights, kept, strict=True):
        assert torch.equal(weight, old)


def test_the_eigenvalue_is_that_of_the_whole_hessian(smooth, stripes) -> None:
    one = planned(smooth, stripes)
    for number in range(4):
        one.step(number, number / 4)
    x, target = one.valid.batch(0)
    names = list(one.net.alphas)

    def loss(flat):
        rows = dict(zip(names, flat.split(3), strict=True))
        return one.net.loss(x, target, {name: row.softmax(0) for name, row in rows.items()})

    hessian = torch.autograd.functional.hessian(loss, one._flat())
    values = torch.linalg.eigvalsh(hessian)
    largest = float(values[-1])

    def gradient(point):
        point = point.clone().requires_grad_()
        return torch.autograd.grad(loss(point), point)[0]

    found = largest_eigenvalue(gradient, one._flat())
    assert found == pytest.approx(largest, rel=0.05)
    assert one._eigenvalue() == found


def test_a_fresh_alpha_loss_of_each_cure(edges, stripes) -> None:
    """beta: 50 x progress x mean ln sum exp; minus: a skip more; drnas: shares that are drawn."""
    plain, beta = planned(edges, stripes), planned(edges, stripes, cure="beta")
    x, target = plain.valid.batch(0)
    spread = np.mean([np.log(np.exp(alpha.detach().numpy()).sum()) for alpha in beta.net.alphas.values()])
    more = float((beta._alpha_loss(x, target, 0.5) - plain._alpha_loss(x, target, 0.5)).detach())
    assert more == pytest.approx(25 * spread, rel=1e-4)
    minus = planned(edges, stripes, cure="minus")
    beside = minus._weights(0.25)["edge_0"] - plain._weights(0.25)["edge_0"]
    assert beside.detach().numpy() == pytest.approx([0, 0.75, 0], abs=1e-6)
    drawn = planned(edges, stripes, cure="drnas")
    torch.manual_seed(0)
    rows = torch.stack([drawn._weights(0.0)["edge_0"] for _ in range(2000)])
    assert rows.sum(1).detach().numpy() == pytest.approx(np.ones(2000), abs=1e-5)
    assert rows.mean(0).detach().numpy() == pytest.approx([1 / 3] * 3, abs=0.02)  # Dirichlet(1, 1, 1)
    assert float(rows.var(0)[0]) == pytest.approx(1 / 18, rel=0.15)


def test_stopped_anywhere_it_ends_with_the_same_bits(edges, stripes, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(course, "_SAVED_EACH", 0.0)  # a checkpoint after every step
    monkeypatch.setattr(curvature, "ROUNDS", 1)
    whole = task(edges, epochs=2, batch=16, cure="drnas", order=2)
    evaluate = WithImages(lambda graph: None, stripes)
    calm = whole.learn(evaluate)
    parted, step = dataclasses.replace(whole, folder=tmp_path), Darts.step
    for stop in (2, 4):

        def torn(self, number, progress, stop=stop):
            if number == stop:
                raise KeyboardInterrupt
            step(self, number, progress)

        monkeypatch.setattr(Darts, "step", torn)
        with pytest.raises(KeyboardInterrupt):
            parted.learn(evaluate)
        assert (tmp_path / lessons.CHECKPOINT).exists()
    monkeypatch.setattr(Darts, "step", step)
    again = parted.learn(evaluate)
    assert not (tmp_path / lessons.CHECKPOINT).exists()
    for line in (calm, again):
        line["seconds"] = 0
        for record in line["report"]["records"]:
            record["seconds"] = 0
    assert again == calm


def test_the_budget_is_kept_and_the_next_cell_that_fits_is_said(monkeypatch) -> None:
    monkeypatch.setattr(derived, "WANTED", 2)
    where = space("darts", (8, 8, 1), 3)
    relaxed = relax(where, {"cells": 1, "filters": 4})
    rng = np.random.default_rng(0)
    weights = {name: rng.dirichlet(np.ones(len(group.options))) for name, group in relaxed.groups.items()}
    first = where.complete({**relaxed.fixed, **next(relaxed.derived(weights))})
    smallest = where.graph(first).params
    roomy, notes = fitting(task(where, Budget(params=2 * smallest)), relaxed.derived(weights), relaxed.fixed)
    assert not notes
    assert all(where.graph(one).params <= 2 * smallest for one in roomy)
    assert where.graph(roomy[0]).params > 1.5 * smallest  # the size that fills the budget most
    tight = Budget(params=smallest - 1)
    found, notes = fitting(task(where, tight), relaxed.derived(weights), relaxed.fixed)
    assert "cells with larger weights are over the budget in every size" in notes[0]
    assert found
    assert all(tight.check(where.graph(one)).kept for one in found)
    none = task(where, tight)
    repaired, notes = fitting(none, relaxed.derived(weights), relaxed.fixed, looks=1)
    assert "none of 1 cells keeps the budget" in notes[0]
    assert tight.check(where.graph(repaired[0])).kept


def test_a_supernet_without_normal_cells_says_so(stripes, monkeypatch) -> None:
    """A single cell is a reduction cell: the other sort has no part in the loss, and no gradient."""
    monkeypatch.setattr(derived, "WANTED", 1)
    monkeypatch.setattr(curvature, "ROUNDS", 1)
    limits = Budget(params=9_000)
    for order in (1, 2):
        asked = task(
            space("darts", (8, 8, 1), 2), limits, epochs=1, batch=48, cells=1, filters=4, order=order
        )
        line = asked.learn(WithImages(lambda graph: None, stripes))
        assert "nothing was learned of 14 of 28 edges" in line["report"]["notes"][0]
        assert line["steps"] == 1


def train(graph, *, epochs, seed):
    return Evaluation(1 / (1 + abs(graph.params - 900) / 100), 0.5)


def test_a_search_learns_once_then_proposes(edges, stripes, tmp_path) -> None:
    """The relaxed network is over the budget and no candidate; the same run again learns nothing anew."""
    budget, trained = Budget(params=500), []

    def spy(graph, *, epochs, seed):
        trained.append(graph)
        return train(graph, epochs=epochs, seed=seed)

    events = []
    options = {"epochs": 2, "batch": 16}
    run = Run.create(tmp_path, kind="search", recipe={}, key="k")
    with run:
        found, again = (
            search(
                edges, WithImages(spy, stripes), budget=budget, algorithm="darts", options=options, trials=3,
                baselines=False, epochs=(1, 2), top=1, run=run, progress=events.append,
            )
            for _ in range(2)
        )  # fmt: skip
    assert relax(edges).graph.params > 500
    assert all(graph.params <= 500 for graph in trained)
    assert again.best == found.best
    (line,) = run.lines("learnt.jsonl")
    assert [one["event"] for one in events].count("learnt") == 1
    mine = [trial for trial in found.trials if trial.arm == "darts"]
    assert mine[0].answers == line["ranked"][0]
    assert found.plan["lesson"] == line["steps"] == 2 * 3
    assert found.training_seconds["darts"] > line["seconds"]
    planned_again = search(
        edges, WithImages(spy, stripes), budget=budget, algorithm="darts", options=options, trials=3,
        baselines=False, epochs=(1, 2), top=1, plan=found.plan,
    )  # fmt: skip
    assert [trial.answers for trial in planned_again.trials] == [trial.answers for trial in found.trials]


def test_the_clock_says_how_many_steps_there_are(edges, stripes) -> None:
    now = [0.0]

    def spy(graph, *, epochs, seed):
        now[0] += 0.2 * epochs
        return Evaluation(0.5 + graph.params / 1e5, 0.2 * epochs)

    found = search(
        edges, WithImages(spy, stripes), algorithm="darts",
        options={"epochs": 2, "batch": 16}, seconds=10, now=lambda: now[0],
    )  # fmt: skip
    assert 3 <= found.plan["lesson"] <= 6
    assert {trial.arm for trial in found.trials} >= {"darts", "random"}


def test_a_lesson_travels_as_json() -> None:
    where = space("nasbench201", (8, 8, 1), 3)
    asked = task(where, Budget(params=300_000), cure="beta")
    again = LessonTask.from_json(asked.to_json())
    assert again.to_json() == asked.to_json()
    assert again.space.graph(asked.anchor).fingerprint == where.graph(asked.anchor).fingerprint


def test_what_cannot_be_is_refused(edges, stripes) -> None:
    where = space("stages", (8, 8, 1), 3)
    with pytest.raises(BadInput, match=r"space 'stages'.*one of darts, enas, nasbench201, nasnet"):
        search(where, WithImages(train, stripes), algorithm="darts", trials=2)
    with pytest.raises(BadInput, match="an evaluation without any"):
        search(edges, train, algorithm="darts", trials=2)
    with pytest.raises(BadInput, match="darts batch: got 1"):
        search(edges, train, algorithm="darts", options={"batch": 1}, trials=2)
    with pytest.raises(BadName, match="did you mean 'beta'"):
        search(edges, train, algorithm="darts", options={"cure": "bta"}, trials=2)
    with pytest.raises(BadInput, match="which learns before it proposes"):
        search(where, train, algorithm="screened", options={"base": "darts"}, trials=2)
    few = dataclasses.replace(stripes, x=stripes.x[:3], y=stripes.y[:3])
    with pytest.raises(BadInput, match="3 training images"):
        task(edges).learn(WithImages(train, few))
    with pytest.raises(BadInput, match=r"8\.00 GB of memory; expected at most the 2.00 GB that are free"):
        check_room("a supernet", 8 * 10**9, "--option batch=16", free=2 * 10**9)
    with pytest.raises(BadInput, match=r"darts on space 'darts': takes about .* of memory"):
        darts.check(space("darts", (224, 224, 3), 10), settings_of("darts", {"batch": 4096}), Budget())


def test_a_loss_that_is_no_number_ends_the_lesson_in_one_line(edges, stripes, monkeypatch) -> None:
    monkeypatch.setattr(Darts, "look", lambda self, progress: {"loss": float("nan")})
    with pytest.raises(ConvsmithError, match=r"its lesson failed: .*loss became nan after 3 steps"):
        search(
            edges, WithImages(train, stripes), algorithm="darts", trials=2, options={"epochs": 1, "batch": 16}
        )


def test_a_command_says_at_once_what_does_not_suit(tmp_path) -> None:
    import convsmith

    for space_name, options, match in (
        ("stages", [], "space 'stages'.*one of darts, enas, nasbench201, nasnet"),
        ("darts", ["batch=1"], "darts batch: got 1"),
        ("darts", ["cure=bta"], "did you mean 'beta'"),
    ):
        with pytest.raises(BadInput, match=match):
            convsmith.search(
                space_name, "digits", max_params=20_000, algorithm="darts", option=options,
                runs=str(tmp_path), quiet=True,
            )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_alarm() -> None:
    def records(skips, values):
        return [{"skips": skips, "eigenvalue": value} for value in values]

    assert cells.alarm(records(0.2, [0.1] * 12)) == []
    assert "83% of the cell's operations are skip connections" in cells.alarm(records(5 / 6, [0.1]))[0]
    assert "eigenvalue" in cells.alarm(records(0.2, [0.1] * 5 + [0.2] * 5))[0]


def test_the_derived_cell_is_in_the_table(shared) -> None:
    """The encoding is that of NAS-Bench-201: the cell without anything but skips has its published row."""
    where = space("nasbench201", (32, 32, 3), 10)
    table = np.load(shared / "data" / "nas" / "nas_bench_201.npz", allow_pickle=False)
    relaxed = relax(where)
    names = [str(name) for name in table["op_names"]]
    skips = {name: [0.01, 0.96, 0.01, 0.01, 0.01] for name in relaxed.groups}
    cell = next(relaxed.derived(skips))
    row = [names.index(cell[str(edge)]) for edge in table["edges"]]
    (place,) = np.flatnonzero((table["ops"] == row).all(1))
    assert cells.share_of_skips(relaxed, cell) == 1.0
    # The table counts learned parameters and multiply-adds of the same network.
    graph = where.graph(cell)
    assert graph.trainable_params / 1e6 == pytest.approx(float(table["params_M"][place]), rel=1e-3)
    assert graph.macs / 1e6 == pytest.approx(float(table["macs_M"][place]), rel=1e-2)
    assert float(table["cifar10_val_acc_200ep"][place]) == pytest.approx(39.77, abs=0.01)
