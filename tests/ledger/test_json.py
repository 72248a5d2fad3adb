"""docs/ledger-json.md is what the ledger gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from convsmith import ledger

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ledger-json.md"


def test_the_example_on_the_page_is_the_real_thing() -> None:
    text = PAGE.read_text().split("```json\n")[1].split("```")[0]
    shown: dict[str, Any] = json.loads(text)
    found = json.loads(ledger.size("lenet5", input_shape=(32, 32, 1)).render("json"))
    assert shown["totals"] == found["totals"]
    assert shown["rows"][0] == found["rows"][1]
    assert {key for key in found if key != "rows"} == {key for key in shown if key != "rows"}


def test_every_key_of_a_row_is_explained() -> None:
    text = PAGE.read_text()
    for key in ledger.size("lenet5").to_json()["rows"][0]:
        assert f"`{key}`" in text, key
