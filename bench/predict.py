"""New photographs through a finished network: images a second of the whole process, start and end included.

    python bench/predict.py [--network mobilenet_v2] [--size 96] [--images 2000] [--repeats 5]
                            [--data ../shared/data]

The images are the 768 photographs of caltech12.tar, copied until there are enough. Contenders, one after the
other in each repeat, each a process of its own that writes a CSV file of classes and probabilities:

    engine   ``convsmith predict net.safetensors photos/ --out ...``: the network in the engine
    onnx     ``convsmith predict net.onnx photos/ --out ...``: the exported file in ONNX Runtime
    loop     the program that a run's model card prints, in a loop over the same files: Pillow and ONNX
             Runtime, with as many threads as that takes by itself

All three must give the same probabilities to 1e-4 but for JPEG files that Pillow decodes otherwise than
libjpeg-turbo's own interface; how many classes differ is printed. The weights are random: what they say does
not matter here. Printed are medians, with the least and the most.

Last results: not measured yet on a quiet machine.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from convsmith.data import program
from convsmith.engine.weights import initial
from convsmith.formats.onnx import export_onnx
from convsmith.formats.weights_file import write_weights_file
from convsmith.runs.environment import cpu_model, usable_cores
from convsmith.zoo import network

CLASSES = tuple(f"class {k}" for k in range(12))
PACKAGES = ("convsmith", "torch", "onnxruntime", "pillow", "simplejpeg")

LOOP = """
import csv, sys
from pathlib import Path

classes = json.loads(network.get_modelmeta().custom_metadata_map["classes"])
with open(sys.argv[2], "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["image", "answer", "class_1", "probability_1"])
    for path in sorted(Path(sys.argv[1]).rglob("*.jpg")):
        p = network.run(None, {"image": pixels(path)[None]})[0][0]
        rows.writerow([path, classes[p.argmax()], classes[p.argmax()], p.max()])
"""


def photographs(data: Path, folder: Path, count: int) -> Path:
    """A folder of so many files."""
    with tarfile.open(data / "caltech12.tar") as packed:
        packed.extractall(folder / "own", filter="data")
    own = sorted((folder / "own").rglob("*.jpg"))
    photos = folder / "photos"
    photos.mkdir()
    for k in range(count):
        os.link(own[k % len(own)], photos / f"{k:06}.jpg")
    return photos


def answers(path: Path) -> dict[str, str]:
    """Class of each photograph, by its name."""
    with open(path, newline="") as file:
        return {Path(row["image"]).name: row["answer"] for row in csv.DictReader(file)}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--network", default="mobilenet_v2")
    options.add_argument("--size", type=int, default=96)
    options.add_argument("--images", type=int, default=2000)
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        photos = photographs(given.data, folder, given.images)
        graph = network(given.network, input_shape=(given.size, given.size, 3), classes=len(CLASSES))
        weights = initial(graph, 0)
        write_weights_file(folder / "net.safetensors", graph, weights, classes=CLASSES)
        export_onnx(graph, weights, folder / "net.onnx", classes=CLASSES)
        text = program((given.size, given.size), 3, forms=(), network=str(folder / "net.onnx"))
        (folder / "loop.py").write_text(text[: text.index("p = network.run")] + LOOP)
        commands = {
            name: [sys.executable, "-m", "convsmith", "predict", str(folder / f"net{ending}"), str(photos),
                   "--quiet", "--out", str(folder / f"{name}.csv")]
            for name, ending in (("engine", ".safetensors"), ("onnx", ".onnx"))
        }  # fmt: skip
        commands["loop"] = [sys.executable, str(folder / "loop.py"), str(photos), str(folder / "loop.csv")]
        rates: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(given.repeats):
            for name, command in commands.items():
                began = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                rates[name].append(given.images / (time.perf_counter() - began))
        found = {name: answers(folder / f"{name}.csv") for name in commands}
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    print(f"{cpu_model()}, {usable_cores()} cores, Python {platform.python_version()}\n{versions}")
    print(f"{given.network} at {given.size} pixels, {given.images:,} photographs, {given.repeats} repeats")
    print("contender   images/s   least    most   of the loop   other classes than the loop")
    base = statistics.median(rates["loop"])
    for name, each in rates.items():
        middle = statistics.median(each)
        other = sum(found[name][key] != found["loop"][key] for key in found["loop"])
        print(f"{name:10} {middle:9.0f} {min(each):7.0f} {max(each):7.0f} {middle / base:13.2f} {other:15,}")


if __name__ == "__main__":
    main()
