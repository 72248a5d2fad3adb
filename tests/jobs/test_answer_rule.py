"""A run's rule of answering: fitted on images that its weights did not learn from, and read back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from convsmith.errors import BadInput
from convsmith.insight.answer_rule import AnswerRule
from convsmith.insight.calibration import reliability, softmax
from convsmith.jobs.inputs.run_images import own_images
from convsmith.jobs.inputs.trained import trained
from convsmith.jobs.load import load
from convsmith.jobs.mistakes import mistakes


def test_a_training_fits_it_on_its_validation_images(run_of_digits: Path) -> None:
    asked = load(run_of_digits)
    rule, own = asked.net.rule, own_images(asked.net)
    rows = own.parts["validation"]
    y, logits = own.y[rows], asked.logits(own.pixels_NHWC[rows]).astype(float)
    assert rule.fitted_on == f"{len(rows)} validation images and 400 synthesised pictures of no class"
    rejected = rule.apply(logits)[1]
    assert rejected.mean() == pytest.approx(rule.false_rejection)
    assert len(rows) * 0.05 - 1 < rejected.sum() <= len(rows) * 0.05

    second = logits.argsort(1)[:, -2]

    def loss(t: float) -> float:  # as if one image more were of the class that comes second
        p, rows = softmax(logits / t), np.arange(len(y))
        return float(-np.log(p[rows, y]).sum() - np.log(p[rows, second]).mean())

    assert loss(rule.temperature) < min(loss(rule.temperature * 1.1), loss(rule.temperature / 1.1), loss(1.0))
    assert rule.apply(asked.logits(np.zeros((1, 32, 32, 1), np.uint8)))[1].all()


def test_report_card_and_mistakes_say_what_the_rule_does_on_test_images(
    run_of_digits: Path, tmp_path: Path
) -> None:
    asked = load(run_of_digits)
    own = own_images(asked.net)
    rows = own.parts["test"]
    y, said = own.y[rows], asked.logits(own.pixels_NHWC[rows])
    metrics = json.loads((run_of_digits / "metrics.json").read_text())
    found, (p, away) = metrics["answers"], asked.net.rule.apply(said)
    assert found["rejected"] == pytest.approx(away.mean())
    assert found["at"][0]["accuracy"] == pytest.approx(metrics["test_accuracy"])
    assert found["at"][2]["n"] == len(y) - len(y) // 10
    assert found["calibrated_ece"] == pytest.approx(reliability(y, p)["ece"])
    assert found["calibrated_ece"] < found["ece"]
    assert found["no_class"]["rejected"] > 0.8
    for name in ("report.html", "README.md"):
        assert f"divided by {asked.net.rule.temperature:.3g}" in (run_of_digits / name).read_text()
    run = tmp_path / "runs" / "0001"
    shutil.copytree(run_of_digits, run)
    wrong = mistakes(str(run), method="gradient", quiet=True).found
    assert wrong["temperature"] == asked.net.rule.temperature
    assert wrong["tempered"]["ece"] == pytest.approx(found["calibrated_ece"], abs=1e-6)


def test_a_run_without_a_rule_says_so_and_a_damaged_one_is_one_line(
    run_of_digits: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(run_of_digits, run)
    found = json.loads((run / "answer_rule.json").read_text())
    (run / "answer_rule.json").write_text(json.dumps(found | {"temperature": 0}))
    with pytest.raises(BadInput, match=r"answer_rule\.json: has the temperature 0; expected a number"):
        trained(run)
    (run / "answer_rule.json").unlink()
    assert trained(run).rule == AnswerRule(note=trained(run).rule.note)
    assert "was made without one" in trained(run).rule.told()
