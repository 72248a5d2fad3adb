"""An option that the chosen way cannot use is refused by name; what a person types is understood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import convsmith as cs
from convsmith.cli.main import run as command
from convsmith.engine.lower import lower
from convsmith.errors import BadInput, BadName
from convsmith.insight.explain import explain
from convsmith.insight.method import METHODS
from convsmith.runs import Run
from convsmith.zoo import network

LENET5 = network("lenet5")


@pytest.mark.parametrize("method", ["gradient", "integrated_gradients", "occlusion", "smooth_grad", "lrp"])
def test_a_layer_for_a_method_without_one(method: str) -> None:
    assert method in METHODS
    x_NHWC = np.zeros((1, 32, 32, 1), np.uint8)
    with pytest.raises(BadInput, match=f"--layer: got 'conv2', and {method} looks at no layer"):
        explain(lower(LENET5), x_NHWC, method=method, target=1, layer="conv2")


@pytest.mark.parametrize("method", ["gradient", "grad_cam"])
def test_a_layer_that_is_not_there(method: str) -> None:
    x_NHWC = np.zeros((1, 32, 32, 1), np.uint8)
    with pytest.raises(BadName, match="no 'nonsense'"):
        explain(lower(LENET5), x_NHWC, method=method, target=1, layer="nonsense")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fool", "r", "direct", "--epsilon", "4"], "--epsilon: given for 'direct', which does not use it"),
        (["fool", "r", "gradient", "--generations", "9"], "--generations: given for 'gradient'"),
        (["fool", "r", "adversarial", "--label", "a"], "--label: given for 'adversarial'"),
        (["units", "r", "--setting", "2"], "--setting: given with --made fourier"),
        (["list", "kinds", "--classes", "3"], "--classes: given for kinds"),
        (["list", "networks", "--input", "8x8x1"], "--input: given for networks"),
        (
            ["forge", "digits", "--max-params", "9k", "--cpus-per-trial", "2"],
            "--cpus-per-trial: given without a",
        ),
        (["train", "lenet5", "digits", "--temperature", "4"], "--temperature: given without a teacher"),
    ],
)
def test_options_of_other_ways(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert command(arguments) == 2
    assert words in capsys.readouterr().err


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with Run.create(tmp_path / "runs", kind="train", recipe={"data": "digits"}) as made:
        made.write_json("graph.json", LENET5.to_json())
    return made.path


def test_the_network_of_a_run_is_sized(run: Path) -> None:
    assert cs.size(str(run)).totals.params == cs.size("LeNet5").totals.params == 61_706
    with pytest.raises(BadInput, match="--classes: given for a network of its own classes"):
        cs.size(str(run), classes=3)


def test_runs_are_listed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run.parent / "0002").mkdir()
    (run.parent / "0002" / "run.json").write_text("{")
    assert command(["list", "runs", "--runs", str(run.parent)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[1] == "train"
    assert "unfinished" in first
    assert first.endswith("digits")
    assert "is not JSON" in second


def test_a_torch_module_is_pointed_to_onnx() -> None:
    import torch

    with pytest.raises(BadInput, match=r"module Linear: is a torch module.*rows, columns and channels"):
        cs.size(torch.nn.Linear(2, 2))
