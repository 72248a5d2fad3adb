"""Channels left out until a network fits: the budget is kept, and what carries most for its cost stays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from convsmith.engine.weights import check
from convsmith.graph import Graph
from convsmith.ledger.budget import Budget
from convsmith.pretrained import Source
from convsmith.pretrained.groups import inner
from convsmith.pretrained.inherit import importance, inherited, ranking
from convsmith.pretrained.members import kept, member
from convsmith.pretrained.thinned import LEAST, thinned


def building(source: Source, cut: str, side: int):  # type: ignore[no-untyped-def]
    def build(keep: Mapping[str, float]) -> Graph:
        return member(source, cut, (side, side, 3), 10, keep=keep)

    return build


def channels(graph: Graph) -> dict[str, int]:
    return {name: graph[name].kind.filters for name in ("stem", "block3_expand", "block7_expand")}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "limits",
    [{"params": 100_000}, {"params": 120_000, "macs": 5_000_000}, {"bytes": 350_000, "memory": 400_000}],
)
def test_it_fits_and_could_hardly_be_larger(lite0: Source, limits: dict[str, int]) -> None:
    build, budget = building(lite0, "block7", 64), Budget(**limits)
    found = thinned(lite0, build, budget)
    assert found is not None
    keep, carried = found
    graph = build(keep)
    assert not budget.over(graph)
    figures = budget.figures(graph)
    assert max(figures[name] / limit for name, limit in limits.items()) > 0.9
    assert 0.5 < carried < 1
    assert all(LEAST <= share < 1 for share in keep.values())
    check(graph, inherited(graph, lite0))


def test_parameters_cost_deep_channels_and_multiply_adds_early_ones(lite0: Source) -> None:
    build = building(lite0, "block7", 64)
    whole = channels(build({}))
    left = []
    for budget in (Budget(params=100_000), Budget(macs=7_000_000)):
        found = thinned(lite0, build, budget)
        assert found is not None
        few = channels(build(found[0]))
        left.append({name: few[name] / count for name, count in whole.items()})
    assert left[0]["block7_expand"] < left[1]["block7_expand"]
    assert left[0]["block3_expand"] > left[1]["block3_expand"]


def test_all_stays_where_it_fits_and_nothing_comes_of_what_cannot(lite0: Source) -> None:
    build = building(lite0, "block4", 48)
    assert thinned(lite0, build, Budget(params=1_000_000)) == ({}, 1.0)
    assert thinned(lite0, build, Budget(params=1_000)) is None


def test_what_is_carried_is_that_of_the_channels_that_stay(lite0: Source) -> None:
    keep, carried = thinned(lite0, building(lite0, "block5", 64), Budget(params=30_000)) or ({}, 0.0)
    graph = building(lite0, "block5", 64)(keep)
    shares = []
    for group in inner(lite0.graph):
        if group.first in graph:
            each = importance(group, lite0.graph, lite0.weights) ** 2
            count = kept(group, keep.get(group.first, 1.0))
            shares.append(each[ranking(group, lite0.graph, lite0.weights)[:count]].sum() / each.sum())
    assert carried == pytest.approx(np.mean(shares), abs=0.02)  # layers have channels in fours
