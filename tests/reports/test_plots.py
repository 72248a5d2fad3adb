"""Scales, fronts and verdicts against slow and obvious second opinions."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from convsmith.reports.charts import alone, attributes, confusion, reliability
from convsmith.reports.plots import curves, front, pareto
from convsmith.reports.svg import AxisScale, mark, tag
from convsmith.reports.verdict import difference, sentence

points = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), max_size=40)


@given(points)
def test_front_is_what_nobody_beats(found: list[tuple[int, int]]) -> None:
    beaten = {
        p for p in found for q in found if q != p and q[0] <= p[0] and q[1] >= p[1]
    }  # as cheap and as good, and not the same
    assert set(pareto(found)) == set(found) - beaten


@given(
    st.sampled_from(["linear", "log", "error"]),
    st.floats(0.001, 0.9),
    st.floats(0.0001, 0.099),
    st.integers(2, 9),
)
def test_scales_are_monotone_and_their_ticks_lie_on_them(
    kind: str, low: float, more: float, most: int
) -> None:
    scale = AxisScale(low, low + more, 300, 20, kind)
    places = [scale(low + more * k / 20) for k in range(21)]
    assert places == sorted(places, reverse=True)
    assert scale(low) == pytest.approx(300)
    assert scale(low + more) == pytest.approx(20)
    ticks = scale.ticks(most)
    assert ticks == sorted(set(ticks))
    assert all(low * 0.999 <= tick <= (low + more) * 1.001 for tick in ticks)
    assert len(ticks) <= most + 3


def test_ticks_are_round() -> None:
    assert AxisScale(0, 97, 0, 500).ticks(5) == [0, 20, 40, 60, 80]
    assert AxisScale(700, 21_000, 0, 500, "log").ticks(5) == [1000, 2000, 5000, 10_000, 20_000]
    assert AxisScale(0.5, 0.992, 300, 20, "error").ticks(6)[-1] == 0.99


def test_newcombe_interval_as_published() -> None:
    """R. G. Newcombe, 1998, table II, method 10: 56/70 - 48/80; 9/10 - 3/10; 10/10 - 0/20."""

    def wilson(k: int, n: int) -> tuple[float, float]:
        z, p = 1.959964, k / n
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (p + z * z / (2 * n) - half) / (1 + z * z / n), (p + z * z / (2 * n) + half) / (1 + z * z / n)

    for (k, n), (m, of), published in [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
    ]:
        apart, low, high = difference(k / n, wilson(k, n), m / of, wilson(m, of))
        assert apart == pytest.approx(k / n - m / of)
        assert (low, high) == pytest.approx(published, abs=6e-5)


def test_verdict_claims_no_more_than_is_known() -> None:
    assert sentence(0.9, (0.88, 0.92), 0.8, (0.77, 0.83), "it").startswith("It beat it by 10.0 points")
    assert sentence(0.8, (0.77, 0.83), 0.9, (0.88, 0.92), "it").startswith("It lost to it by 10.0 points")
    assert "within chance" in sentence(0.9, (0.85, 0.94), 0.88, (0.83, 0.92), "it")
    assert sentence(0.9, (0.85, 0.94), 0.9, (0.85, 0.94), "it").startswith("It equals it")


def test_front_plot_holds_every_trial_once_and_the_budget() -> None:
    trials = [
        {"index": k, "arm": "random", "score": 0.5 + k / 100, "params": 100 * (k + 1)} for k in range(30)
    ]
    plot = front(
        trials, [("search", {"test_accuracy": 0.9, "interval": [0.85, 0.93], "params": 900})], "params", 2000
    )
    assert plot is not None
    assert plot.count('class="point random"') == 30
    assert plot.count('class="final search"') == 1
    assert plot.count('class="limit"') == 2
    assert front([], [], "params", 2000) is None
    assert front([{"score": 0.5, "params": 10}, {"score": 0.5, "params": 10}], [], "params", None) is not None


@pytest.mark.parametrize("values", [[0.5, 0.5], [1.0, 1.0], [0.0, 0.0], [0.1, 0.9995, 1.0], [1e-9, 5.0]])
def test_curves_of_any_values_draw_finite_numbers(values: list[float]) -> None:
    pairs = list(enumerate(values, 1))
    for share in (True, False):
        plot = curves([("training", "shared", pairs)], "loss", share=share)
        assert plot is not None
        assert "nan" not in plot
        assert "inf" not in plot


def test_markup_is_escaped() -> None:
    assert tag("text", "<b>", label='"') == Markup('<text label="&#34;">&lt;b&gt;</text>')
    assert "<polygon" in mark("diamond", 1, 2, 3)


@given(st.integers(1, 6), st.data())
def test_a_confusion_has_a_cell_for_each_pair_that_was_met(many: int, data: st.DataObject) -> None:
    counts = data.draw(
        st.lists(st.lists(st.integers(0, 9), min_size=many, max_size=many), min_size=many, max_size=many)
    )
    names = [f"<{k}&" for k in range(many)]
    drawn = ElementTree.fromstring(alone(confusion(counts, names)))
    space = "{http://www.w3.org/2000/svg}"
    cells = [(cell.get("class"), cell[0].text) for cell in drawn.iter(f"{space}rect")]
    assert cells == [
        (f"cell {'right' if i == j else 'wrong'}", f"{counts[i][j]} of {names[i]} called {names[j]}")
        for i in range(many)
        for j in range(many)
        if counts[i][j]
    ]
    assert {text.text for text in drawn.iter(f"{space}text")} >= {f"<{k}&" for k in range(many)}


def test_charts_put_values_where_their_axes_say() -> None:
    """Zero is at the bottom, one at the top; intervals enclose their values; each value is there once."""
    row = {"n": 10, "confidence": 0.5, "accuracy": 0.25, "interval": [0.1, 0.6]}
    for picture, many in (
        (reliability({"ece": 0.1, "bins": [row]}, {"ece": 0.05, "bins": [row, row]}, 1.5), 3),
        (
            attributes(
                {"size": [row | {"low": 1, "high": 2}], "contrast": [row | {"low": 0.1, "high": 2}]}, 0.4
            ),
            2,
        ),
    ):
        drawn = ElementTree.fromstring(alone(picture))
        space = "{http://www.w3.org/2000/svg}"
        assert len(list(drawn.iter(f"{space}title"))) == many + 1
        for group in [*drawn.iter(f"{space}g")] or [drawn]:
            ticks = {text.text: float(text.get("y", 0)) for text in group if text.get("text-anchor") == "end"}
            whiskers = [each for each in group if str(each.get("class")).startswith("whisker")]
            for each in whiskers:
                share = (ticks["0%"] - 4 - float(each.get("y2", 0))) / (ticks["0%"] - ticks["100%"])
                assert share == pytest.approx(0.6, abs=0.01)
                assert float(each.get("y1", 0)) > float(each.get("y2", 0))
            assert whiskers
