"""Sizing stays light: little memory, no heavy imports, work that grows with the layers and no faster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from convsmith import ledger
from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.graph.keras_json_out import to_keras_json
from convsmith.zoo import network


def test_sizing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from convsmith import size; text = size('lenet5').text; assert '61,706' in text; "
        "heavy = ('torch', 'keras', 'numpy', 'rich', 'typer', 'PIL', 'matplotlib'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs wait4 to measure a child's memory")
def test_the_whole_process_for_resnet50_stays_below_60_mb(tmp_path: Path) -> None:
    file = tmp_path / "resnet50.json"
    file.write_text(json.dumps(to_keras_json(network("resnet50"))))
    code = (
        f"from convsmith.cli import main; import sys; sys.argv = ['convsmith', 'size', {str(file)!r}]; main()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    text = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert status == 0
    assert "25,610,152 parameters" in text
    assert usage.ru_maxrss / 1024 < 60  # Linux counts in KiB


def chain(length: int) -> Graph:
    x = inputs = keras.Input((16, 16, 3))
    for _ in range(length // 2):
        x = keras.layers.BatchNormalization()(keras.layers.Conv2D(3, 3, padding="same")(x))
    return keras.Model(inputs, x)


def calls(graph: Graph) -> int:
    """How many Python functions sizing calls: work, whatever the machine."""
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(seen)
    try:
        ledger.size(graph)
    finally:
        sys.setprofile(None)
    return count


def test_work_grows_with_the_number_of_layers() -> None:
    small, large = calls(chain(500)), calls(chain(4000))
    assert large < 8.2 * small
