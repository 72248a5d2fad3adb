"""The exam of a network passes the zoo, and fails what is wrong."""

from __future__ import annotations

import dataclasses
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.testing.networks import exam_network
from convsmith.zoo import NETWORKS, Published, published
from convsmith.zoo.network import PUBLISHED


@pytest.mark.parametrize("name", ["resnet50", "mobilenet", "enas_micro", "lenet5_1998", "nasnet_mobile"])
def test_the_zoo_passes(name: str) -> None:
    record = published(name)
    assert record is not None
    report = exam_network(NETWORKS[name], record, input_shapes=[(64, 96, 1)])
    assert set(report) == {"params", "macs"}


def build(
    input_shape: tuple[int, ...] = (8, 8, 3), classes: int = 4, *, end: str = "softmax", fixed: Any = None
) -> Graph:
    x = inputs = keras.Input(fixed or input_shape)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(10, 3)(x))
    return keras.Model(inputs, keras.layers.Dense(classes, activation=end)(x))


@pytest.mark.parametrize(
    ("wrong", "settings", "complaint"),
    [
        ({"params": 325}, {}, "params 324, published 325"),
        ({"macs": 20_000_000.0}, {}, "macs 9,760, published 20,000,000"),
        ({}, {"end": "relu"}, "ends in relu, not softmax"),
        ({}, {"fixed": (8, 8, 3)}, r"takes \(8, 8, 3\)"),
    ],
)
def test_what_is_wrong_fails(wrong: dict[str, Any], settings: dict[str, Any], complaint: str) -> None:
    record = dataclasses.replace(Published("somebody", 2026, 324, 9_760), **wrong)
    with pytest.raises(AssertionError, match=complaint):
        exam_network(partial(build, **settings), record, exact=True)


def test_a_note_excuses_a_difference() -> None:
    record = Published("somebody", 2026, 1_000, note="the paper counts an auxiliary head")
    assert exam_network(build, record) == {"params": "324, published 1,000", "macs": "9,760, not published"}


def test_the_how_to_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(NETWORKS) > 90
    monkeypatch.setattr(NETWORKS, "_things", dict(NETWORKS._things))  # the zoo of other tests stays as it is
    monkeypatch.setitem(PUBLISHED, "tiny16", Published("taken out again afterwards", 2026))
    text = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "add-a-network.md").read_text()
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.S)), {})
    assert capsys.readouterr().out.splitlines()[0] == "4899"
