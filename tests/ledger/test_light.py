"""Sizing stays light: little memory, no heavy imports, work that grows with the layers and no faster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from convsmith import ledger
from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.graph.keras.writer import to_keras_json
from convsmith.zoo import network


def test_sizing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from convsmith import size; text = size('lenet5').text; assert '61,706' in text; "
        "heavy = ('torch', 'keras', 'numpy', 'rich', 'typer', 'PIL', 'matplotlib'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system does not tell a process's peak"
)
def test_the_whole_process_for_resnet50_stays_below_60_mb(tmp_path: Path) -> None:
    file = tmp_path / "resnet50.json"
    file.write_text(json.dumps(to_keras_json(network("resnet50"))))
    # The process tells its own peak: what a parent sees of a child includes the parent before the exec.
    code = f"""
from convsmith.cli.main import run
code = run(['size', {str(file)!r}])
peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))
print(code, peak.split()[1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    exit_code, kibibytes = done.stdout.split()[-2:]
    assert exit_code == "0"
    assert "25,610,152 parameters" in done.stdout
    assert int(kibibytes) / 1024 < 60


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
