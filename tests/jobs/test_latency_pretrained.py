"""A latency table that also holds what a pretrained network is made of: forge keeps the limit by it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from convsmith.errors import BadInput
from convsmith.formats import latency, latency_table
from convsmith.formats.latency_blocks import blocks
from convsmith.formats.latency_table import LatencyTable, read_table
from convsmith.graph import Graph
from convsmith.jobs.forge import forge
from convsmith.jobs.latency_table import latency_table as measure
from convsmith.jobs.steps.pretrained.places import Place
from convsmith.pretrained import open_source
from convsmith.pretrained.members import member

from .conftest import Enough, Spy, numbered

OPTIONS: dict[str, Any] = {"space": "chain", "trials": 2, "epochs": 2, "threads": 1, "quiet": True}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "weights"))
        yield


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> str:
    x, y = numbered()
    path = tmp_path_factory.mktemp("large") / "images.npz"
    np.savez(path, x=x.repeat(4, 1).repeat(4, 2), y=y)
    return str(path)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of a machine where each block takes 10 microseconds, and a network four times its blocks."""

    def planted(graph: Graph, **given: Any) -> Any:
        return SimpleNamespace(median_ms=0.05 + 4 * 0.01 * len(list(blocks(graph))))

    found = tmp_path_factory.mktemp("table") / "table.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency_table, "block_us", lambda graph, **given: 10.0)
        patch.setattr(latency, "latency_ms", planted)
        measure("chain", input_shape=(32, 32, 1), classes=3, output=str(found), networks=4, quiet=True)
    return found


def test_the_table_holds_every_cut_at_every_size(path: Path) -> None:
    table, source = read_table(path), open_source("efficientnet_lite0")
    assert table.pretrained["name"] == "efficientnet_lite0"
    view = table.for_pretrained(source.sha256)
    assert view is not None
    for cut, sides in (("stem", (32, 32)), ("block6", (96, 96)), ("head", (64, 64)), ("block9", (128, 128))):
        graph = member(source, cut, (32, 32, 1), 3, sides=sides)
        found = list(blocks(graph))
        assert all(block.key in table.rows for block in found)
        assert view.latency_ms(graph) == pytest.approx(0.05 + 0.04 * len(found), rel=1e-6)
    assert table.for_pretrained("0" * 64) is None


@pytest.mark.parametrize("size", ["8x8", "none"])
def test_without_one_the_table_is_of_its_space_alone(
    size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency_table, "block_us", lambda graph, **given: 10.0)
    monkeypatch.setattr(latency, "latency_ms", lambda graph, **given: SimpleNamespace(median_ms=1.0))
    shape, wanted = ((8, 8, 1), "auto") if size == "8x8" else ((32, 32, 1), "none")
    output = str(tmp_path / "table.json")
    measure("chain", input_shape=shape, classes=3, output=output, networks=2, pretrained=wanted, quiet=True)
    assert read_table(output).pretrained == {}


def test_forge_keeps_the_limit_of_the_table_in_both_arms(
    path: Path, images: str, tmp_path: Path, spy: Spy
) -> None:
    with pytest.raises(Enough):
        forge(images, max_latency_ms=0.9, latency_table=str(path), runs=str(tmp_path), **OPTIONS)
    assert spy.searches
    source = open_source("efficientnet_lite0")
    view = read_table(path).for_pretrained(source.sha256)
    assert view is not None
    rows = json.loads((tmp_path / "0001" / "pretrained.json").read_text())["table"]
    fitting = [row for row in rows if row["fits"]]
    assert fitting
    for row in fitting:
        place = Place(tuple(row["size"]), tuple(row["sides"]))
        graph = member(source, row["cut"], (*place.size, 1), 3, sides=place.sides, keep=row.get("keep"))
        assert row["latency_ms"] == pytest.approx(view.at_most_ms(graph))
        assert row["latency_ms"] <= 0.9
    assert not any(row["fits"] for row in rows if row["cut"] == "head")  # some 70 blocks


def test_a_table_without_its_blocks_says_how_to_have_them(
    path: Path, images: str, tmp_path: Path, spy: Spy, capsys: pytest.CaptureFixture[str]
) -> None:
    table = read_table(path)
    table.pretrained = {}
    table.write(tmp_path / "plain.json")
    options = OPTIONS | {"latency_table": str(tmp_path / "plain.json"), "max_latency_ms": 0.9}
    with pytest.raises(
        BadInput, match=r"has no blocks of efficientnet_lite0; .*--pretrained efficientnet_lite0"
    ):
        forge(images, pretrained="efficientnet_lite0", runs=str(tmp_path / "one"), **options)
    with pytest.raises(Enough):
        forge(images, runs=str(tmp_path / "two"), **options | {"quiet": False})
    assert "no pretrained network: the latency table" in capsys.readouterr().err
    assert not (tmp_path / "two" / "0001" / "pretrained.json").exists()


def test_a_table_with_another_thing_there_is_one_line(path: Path, tmp_path: Path) -> None:
    for wrong in (["x"], {"name": "x"}, {"sha256": "0", "factor": "much"}):
        found: LatencyTable = read_table(path)
        found.pretrained = wrong  # type: ignore[assignment]
        found.write(tmp_path / "wrong.json")
        with pytest.raises(BadInput, match="is not one"):
            read_table(tmp_path / "wrong.json")
