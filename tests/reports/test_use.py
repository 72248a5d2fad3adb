"""The program that uses the exported file, run as a stranger would run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.reports.facts import Facts
from convsmith.reports.sections.export import use


def brightest_channel(channels: int) -> tuple[Graph, dict[str, np.ndarray]]:
    """A network whose answer is the channel with the largest mean; of one channel: dark or bright."""
    x = inputs = keras.Input((8, 6, channels))
    x = keras.layers.GlobalAveragePooling2D()(x)
    graph = keras.Model(inputs, keras.layers.Dense(max(2, channels), activation="softmax", name="out")(x))
    kernel = np.eye(channels, max(2, channels)) if channels > 1 else np.array([[0.0, 1.0]])
    bias = np.zeros(max(2, channels)) if channels > 1 else np.array([128.0, 0.0])
    return graph, {"out/kernel": kernel.astype("float32"), "out/bias": bias.astype("float32")}


@pytest.mark.parametrize(
    ("channels", "colour", "answer"), [(3, (9, 250, 3), 'gr"een'), (1, (9, 9, 9), "dark")]
)
def test_a_program_that_runs(tmp_path: Path, channels: int, colour: tuple[int, ...], answer: str) -> None:
    from convsmith.formats.onnx import export_onnx

    graph, weights = brightest_channel(channels)
    classes = ["red", 'gr"een', "blue"] if channels == 3 else ["dark", "bright"]
    export_onnx(graph, weights, tmp_path / "model.onnx", classes=classes)
    Image.new("RGB", (31, 40), colour).save(tmp_path / "photo.jpg")
    lines = use(Facts(tmp_path, graph=graph), "model.onnx")
    assert lines is not None
    assert "convsmith" not in lines
    done = subprocess.run(
        [sys.executable, "-c", lines], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    name, confidence = done.stdout.strip().rsplit(" ", 1)
    assert name == answer
    assert float(confidence) > 0.99
