"""The model card: the essentials, as Markdown that hostile names cannot bend."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from convsmith.reports import card
from convsmith.runs.run import NotARun

RunFolder = Callable[..., Path]


def test_card_says_what_came_out(run_folder: RunFolder) -> None:
    folder = run_folder()
    text = card(folder).read_text()
    metrics = json.loads((folder / "metrics.json").read_text())
    assert text.startswith("# A network for digits\n")
    assert f"**{metrics['test_accuracy'] * 100:.1f}%** of 360 test images" in text
    assert "| parameters | 10,098 | 20,000 | 50% |" in text
    assert "Classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9." in text
    assert "\n\nBudget kept.\n\n|" in text
    for part in (
        "## Use",
        "## Trained on",
        "## Found by",
        "## Where it is weakest",
        "## Limits",
        "## Repeat it",
    ):
        assert part in text
    assert "convsmith forge digits --max-params 20k --minutes 3" in text


def test_card_says_what_the_answers_are_worth(run_folder: RunFolder) -> None:
    folder = run_folder()
    text = card(folder).read_text()
    assert "An image whose energy is below 2.5 is called none of the classes." in text
    assert "3.1 points off on average as the network gives it, 1.2 points by the rule" in text
    assert "turns away 6.1% of them (95% interval 4.0 to 9.0%), and 97.5% of 400 made-up pictures" in text
    assert "| 10% | 324 | 99.0% | 90.0 to 99.0% |" in text
    (folder / "answer_rule.json").write_text(
        json.dumps(
            json.loads((folder / "answer_rule.json").read_text()) | {"fitted_on": "", "note": "so few"}
        )
    )
    text = card(folder).read_text()
    assert "## What its answers are worth" not in text
    assert "- Its confidences are not calibrated probabilities: so few." in text


def test_tables_keep_their_columns_whatever_the_classes_are_called(run_folder: RunFolder) -> None:
    text = card(run_folder(classes=["a|b", "<img src=x>", "```\n# x", "*bold*"])).read_text()
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert tables
    for line in tables:
        assert line.replace("\\|", "").count("|") in (5, 7, 8)
    assert "<img" not in text
    assert "\n# x" not in text


def test_card_of_a_partial_and_of_no_run(run_folder: RunFolder, tmp_path: Path) -> None:
    folder = run_folder()
    for name in ("metrics", "search", "export", "data", "graph"):
        (folder / f"{name}.json").unlink()
    assert "## Repeat it" in card(folder).read_text()
    with pytest.raises(NotARun):
        card(tmp_path / "absent")


@pytest.mark.parametrize(
    ("chosen", "starts"),
    [
        ({"winner": "tuned-1"}, True),
        ({"winner": "search"}, False),
        ({"winner": "search", "inherits": True}, True),
    ],
)
def test_what_the_source_had_seen_is_a_limit_of_what_starts_from_it(
    run_folder: RunFolder, chosen: dict[str, object], starts: bool
) -> None:
    folder = run_folder()
    about = {"validation": {"fits": 0.8}, "teacher": None} | chosen
    (folder / "chosen.json").write_text(json.dumps(about))
    text = card(folder).read_text()
    assert ("had learned from other images before" in text) is starts
    assert ("does not start from" in text) is not starts
