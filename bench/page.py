"""Milliseconds for a picture in a page's JavaScript, in Node and in Chromium, beside ONNX Runtime.

    python bench/page.py [--seconds 2] [--only mobilenet_v2]

Networks of about 1, 10 and 60 million multiply-adds, with random weights: of separable convolutions, of
plain ones, and MobileNetV2. A run is the network alone, from pixels to the numbers before the softmax; the
median of as many as the seconds allow, after a tenth of them to warm up. Chromium where it is on the PATH and
playwright is installed.

Last results: none on a quiet machine yet.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "torch")

from convsmith.device.page import page
from convsmith.engine.weights import initial
from convsmith.formats.onnx import export_onnx
from convsmith.graph import Graph
from convsmith.graph import notation as keras
from convsmith.units import show_bytes, show_count
from convsmith.zoo import network

L = keras.layers
TIMED = """
(seconds) => {
  const setup = JSON.parse(text("setup")), letters = atob(text("weights"));
  const weights = Uint8Array.from(letters, (c) => c.charCodeAt(0)).buffer;
  const network = new ConvsmithNetwork.Network(setup.program, weights), times = [];
  const length = setup.size[0] * setup.size[1] * setup.channels;
  const pixels = Uint8Array.from({ length }, (_, n) => (n * 7) % 256);
  const begun = performance.now();
  while (performance.now() - begun < 100 * seconds) network.run(pixels);
  while (performance.now() - begun < 1100 * seconds || times.length < 5) {
    const before = performance.now();
    network.run(pixels);
    times.push(performance.now() - before);
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}
"""


def separable(size: int, width: int) -> Graph:
    """A strided convolution and six separable ones."""
    x = inputs = keras.Input((size, size, 3))
    x = L.Conv2D(width, 3, strides=2, padding="same", activation="relu")(L.Rescaling(1 / 127.5, -1)(x))
    for strides, times in ((1, 2), (2, 4), (1, 4), (2, 8), (1, 8), (1, 8)):
        x = L.DepthwiseConv2D(3, strides=strides, padding="same", activation="relu")(x)
        x = L.Conv2D(times * width, 1, activation="relu")(x)
    x = L.Dense(10, activation="softmax")(L.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x, name=f"separable_{size}_{width}")


NETWORKS = {
    "separable 48": lambda: separable(48, 8),
    "separable 96": lambda: separable(96, 14),
    "course_cnn": lambda: network("course_cnn", input_shape=(28, 28, 1)),
    "resnet20": lambda: network("resnet20", input_shape=(32, 32, 3)),
    "mobilenet_v2": lambda: network("mobilenet_v2", input_shape=(96, 96, 3)),
}


def in_node(content: str, seconds: float) -> float | None:
    """Milliseconds in Node; None where there is none."""
    if shutil.which("node") is None:
        return None
    parts = re.findall(r'<script id="(\w+)"[^>]*>(.*?)</script>', content, re.S)
    scripts = "".join(text for name, text in parts if name in ("operators", "network"))
    texts = json.dumps({name: text for name, text in parts if name in ("setup", "weights")})
    program = f"{scripts};const texts = {texts}, text = (id) => texts[id]; console.log(({TIMED})({seconds}));"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "timed.js")
        file.write_text(program)
        return float(subprocess.run(["node", file], capture_output=True, text=True, check=True).stdout)


def in_chromium(contents: dict[str, str], seconds: float) -> dict[str, float]:
    """Milliseconds in Chromium for each page; empty where it or playwright is absent."""
    found = shutil.which("chromium")
    if found is None or find_spec("playwright") is None:
        return {}
    from playwright.sync_api import sync_playwright

    times = {}
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=found, args=flags)
        for name, content in contents.items():
            file = Path(folder, "page.html")
            file.write_text(content)
            tab = browser.new_page()
            tab.goto(file.as_uri())
            tab.wait_for_selector("html[data-ready]")
            asked = TIMED.replace("text(", "((id) => document.getElementById(id).textContent)(")
            times[name] = tab.evaluate(asked, seconds)
            tab.close()
        browser.close()
    return times


def in_onnx_runtime(graph: Graph, weights: dict[str, np.ndarray], seconds: float) -> float:
    """Milliseconds in ONNX Runtime on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        export_onnx(graph, weights, Path(folder, "net.onnx"))
        session = onnxruntime.InferenceSession(str(Path(folder, "net.onnx")), options)
    given = {session.get_inputs()[0].name: np.full((1, *graph.input_shape), 7, "float32")}
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        begun = time.perf_counter()
        session.run(None, given)
        times.append(1000 * (time.perf_counter() - begun))
    return float(np.median(times))


def main() -> None:
    """Measure and print a row for each network."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--only", choices=NETWORKS)
    asked = parser.parse_args()
    graphs = {name: made() for name, made in NETWORKS.items() if asked.only in (None, name)}
    weights = {name: initial(graph, seed=0) for name, graph in graphs.items()}
    pages = {
        name: page(graph, weights[name], classes=[str(n) for n in range(graph.output_shape[0] or 0)])
        for name, graph in graphs.items()
    }
    contents = {name: made.content.decode() for name, made in pages.items()}
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'network':16}{'MACs':>9}{'page':>10}{'Node':>10}{'Chromium':>10}{'ONNX':>10}   milliseconds")
    browser = in_chromium(contents, asked.seconds)
    for name, graph in graphs.items():
        figures = (
            in_node(contents[name], asked.seconds), browser.get(name),
            in_onnx_runtime(graph, weights[name], asked.seconds),
        )  # fmt: skip
        shown = "".join(f"{'–' if value is None else f'{value:.2f}':>10}" for value in figures)
        print(
            f"{name:16}{show_count(graph.macs or 0):>9}{show_bytes(len(pages[name].content)):>10}{shown}",
            flush=True,
        )


if __name__ == "__main__":
    main()
