"""The rule of answering: against a literal version, planted temperatures, and whatever a file may hold."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convsmith.errors import BadInput
from convsmith.insight.answer_rule import CHOICES, FEWEST, AnswerRule, fit
from convsmith.insight.selective import judged
from convsmith.runs.files import to_json

RULE = AnswerRule(1.7, "energy", 2.5, 0.04, "100 validation images", "")


def drawn(seed: int, n: int = 400, classes: int = 4, sure: float = 1.0):
    """Labels drawn from a softmax, its logits times how much too sure the network is; and those of noise."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (n, classes)) + 4 * np.eye(classes)[rng.integers(0, classes, n)]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = (p.cumsum(1) > rng.random((n, 1))).argmax(1)
    return y, (logits * sure).astype(np.float32), (rng.normal(0, 1, (n, classes)) * sure).astype(np.float32)


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 10**6), t=st.floats(0.05, 20), score=st.sampled_from(CHOICES),
    threshold=st.floats(-20, 20), n=st.integers(0, 5),
)  # fmt: skip
def test_it_is_applied_as_the_definition_says(seed, t, score, threshold, n):
    logits = np.random.default_rng(seed).normal(0, 8, (n, 3)).astype(np.float32)
    p, rejected = AnswerRule(t, score, threshold, 0.05).apply(logits)
    assert p.dtype == np.float32
    assert p.shape == (n, 3)
    assert rejected.dtype == bool
    assert rejected.shape == (n,)
    for row, said, away in zip(logits.astype(float).tolist(), p, rejected, strict=True):
        top = max(row)
        parts = [math.exp((value - top) / t) for value in row]
        np.testing.assert_allclose(said, [part / sum(parts) for part in parts], atol=1e-6)
        value = top if score == "max_logit" else top + math.log(sum(math.exp(one - top) for one in row))
        assert away == (value < threshold)


def test_without_arguments_it_is_the_softmax_and_answers_all():
    logits = np.array([[1.0, 2.0], [-900.0, 900.0]])
    p, rejected = AnswerRule().apply(logits)
    np.testing.assert_allclose(p, [[0.268941, 0.731059], [0, 1]], atol=1e-6)
    assert not rejected.any()


def test_what_is_not_a_number_is_turned_away():
    assert RULE.apply(np.array([[np.nan, 1.0]]))[1].tolist() == [True]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), sure=st.sampled_from([0.5, 1.0, 3.0]), n=st.integers(FEWEST, 300))
def test_fitting(seed, sure, n):
    """At most the stated share of members falls below, and the score that separates better is taken."""
    from sklearn.metrics import roc_auc_score

    y, known, others = drawn(seed, n=n, sure=sure)
    rule = fit(y, known, {"noise": others})
    assert rule == fit(y, known, {"noise": others})
    _, rejected = rule.apply(known)
    assert rejected.mean() == pytest.approx(rule.false_rejection)
    assert n * 0.05 - 1 < rejected.sum() <= n * 0.05
    assert rule.apply(others)[1].mean() > 0.3
    each = {"max_logit": lambda z: z.max(1), "energy": lambda z: np.log(np.exp(z.astype(float)).sum(1))}
    area = {
        name: roc_auc_score([1] * n + [0] * n, np.concatenate([score(known), score(others)]))
        for name, score in each.items()
    }
    assert area[rule.score] == pytest.approx(max(area.values()), abs=1e-9)
    assert f"{n} validation images" in rule.told()


def test_the_planted_temperature_is_found():
    y, known, others = drawn(1, n=4000, sure=3.0)
    assert fit(y, known, {"noise": others}).temperature == pytest.approx(3.0, rel=0.1)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 60), score=st.sampled_from(CHOICES))
def test_who_is_turned_away_on_other_images(seed, n, score):
    """Counted image by image."""
    y, known, others = drawn(seed, n=n)
    rule = AnswerRule(1.5, score, 3.0, 0.05)
    found = judged(rule, y, known, {"noise": others, "again": others[:1]})
    away = [bool(rule.apply(row[None])[1][0]) for row in known]
    assert found["rejected"] == pytest.approx(np.mean(away))
    kept = [k for k in range(n) if not away[k]]
    right = [bool(known[k].argmax() == y[k]) for k in range(n)]
    assert found["answered_accuracy"] == (pytest.approx(np.mean([right[k] for k in kept])) if kept else None)
    assert found["no_class"]["n"] == n + 1
    assert found["no_class"]["kinds"]["noise"] == pytest.approx(rule.apply(others)[1].mean())
    values = {"max_logit": known.max(1), "energy": np.log(np.exp(known.astype(float)).sum(1))}[score]
    for row, share in zip(found["at"], (0, 0.05, 0.1), strict=True):
        left = sorted(range(n), key=lambda k: values[k])[int(share * n) :]
        assert (row["rejected"], row["n"]) == (share, len(left))
        assert row["accuracy"] == pytest.approx(np.mean([right[k] for k in left]))
        assert row["interval"][0] <= row["accuracy"] <= row["interval"][1]
    plain = judged(AnswerRule(), y, known, {"noise": others})
    assert "rejected" not in plain
    assert plain["score"] == "probability"
    assert plain["ece"] == pytest.approx(plain["calibrated_ece"], abs=1e-6)


def test_too_few_images_and_pictures_that_look_alike_are_said():
    y, known, others = drawn(2, n=FEWEST - 1)
    rule = fit(y, known, {"noise": others})
    assert rule == AnswerRule(note="19 validation images to fit it on, and at least 20 are needed")
    assert fit(y[:0], known[:0], {}, images="images").note.startswith("no images to fit")
    assert rule.told() == f"not calibrated: {rule.note}"
    y, known, _ = drawn(2)
    alike = fit(y, known, {"noise": known + 100})
    assert alike.score is None
    assert "no score tells" in alike.told()
    assert fit(y, known, {}).note == "no pictures of no class were made"


@pytest.mark.parametrize("rule", [RULE, AnswerRule(), AnswerRule(note="no images")])
def test_it_comes_back_from_json(rule):
    assert AnswerRule.from_text(to_json(rule.to_json())) == rule


BAD = {
    "temperature": [0, -1, 1e9, None, True, "1", float("nan"), float("inf"), 10**400],
    "score": ["probability", 3, ["energy"], None],
    "threshold": ["2", float("inf"), None, [1]],
    "false_rejection": [1.5, -0.1, None],
    "fitted_on": [None, 3],
    "note": [["why"]],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, bad in BAD.items() for value in bad],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_a_damaged_rule_is_one_line(name, value):
    text = json.dumps(RULE.to_json() | {name: value})
    with pytest.raises(BadInput, match=r"^net\.onnx: ") as error:
        AnswerRule.from_text(text, "net.onnx")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", "{", b"\xff", "[" * 10**5, '{"temperature": 1}'])
def test_what_is_no_rule_is_one_line(text):
    with pytest.raises(BadInput, match=r"^answer_rule\.json: .*expected an answer rule"):
        AnswerRule.from_text(text)


def test_a_rule_of_ones_own_is_checked_too():
    with pytest.raises(BadInput, match="answer rule: has the score 'energy' and the threshold None"):
        AnswerRule(score="energy", false_rejection=0.1)
