"""How long it takes to know what ResNet-50 costs: convsmith beside Keras and the counters for PyTorch.

    python -m pip install --target build/peers --no-deps torchinfo fvcore iopath yacs portalocker termcolor \
        tabulate calflops ptflops transformers huggingface_hub tokenizers regex requests idna urllib3 \
        certifi charset_normalizer tqdm pyyaml accelerate psutil httpx2 httpcore2 h11 anyio \
        sniffio truststore
    python bench/ledger.py [--peers build/peers] [--rounds 5]

Each contender is a whole process, from start to the printed table or total: wall time and processor time
in seconds (median, and half the distance between the quartiles), and the largest resident memory. convsmith
reads a .keras file; Keras loads the same file and prints `summary()`; the others count an ordinary PyTorch
ResNet-50 (v1.5) with one image of 224 pixels. The contenders take turns, so that a busy machine is busy for
all of them; processor time hardly depends on that. Below: in one process, reading, sizing an edited Graph,
and chains of layers.

Last result (22 November 2026; other work ran on the same two cores, so trust the processor seconds and read
the wall seconds against each other):

    x86_64, 2 cores, Python 3.11.7
    keras 3.15.1, torch 2.13.0+cpu, torchinfo 1.8.0, fvcore 0.1.5.post20221221, calflops 0.3.2,
    ptflops 0.7.5, transformers 5.23.0
    {"file_MB": 103.2, "config_kB": 176}
    whole process                     wall s       processor s  peak MB
    convsmith size               0.72 ± 0.08       0.29 ± 0.00       35
    convsmith size --json        0.76 ± 0.08       0.30 ± 0.01       35
    keras summary()             15.88 ± 1.56       6.59 ± 0.21      724
    torchinfo                    8.24 ± 1.20       3.95 ± 0.22      357
    fvcore                       8.67 ± 1.71       4.16 ± 0.24      440
    calflops                    11.65 ± 3.30       5.12 ± 0.53      465
    ptflops                      8.04 ± 1.58       2.90 ± 0.51      431

    in one process (177 layers), processor time
      read the .keras file                    4.55 ms (least 4.32)
      new Graph, parameters, MACs             0.77 ms (least 0.74)
      new Graph against a whole budget        1.22 ms (least 1.13)
      a setting changed, sized again          2.47 ms (least 2.31)
      liveness                                0.25 ms (least 0.24)
      a chain of 1,000 layers, sized         17.03 ms (least 16.92)
      a chain of 10,000 layers, sized       200.43 ms (least 188.54)
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

RESNET = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, taken, width, stride):
        super().__init__()
        out = 4 * width
        self.body = nn.Sequential(
            nn.Conv2d(taken, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True),
            nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))
        self.short = nn.Identity() if taken == out else nn.Sequential(
            nn.Conv2d(taken, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        self.end = nn.ReLU(True)

    def forward(self, x):
        return self.end(self.body(x) + self.short(x))

def resnet50():
    parts = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)]
    taken = 64
    for stage, repeats in enumerate((3, 4, 6, 3)):
        for repeat in range(repeats):
            parts.append(Block(taken, 64 << stage, 2 if stage and not repeat else 1))
            taken = 256 << stage
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(taken, 1000)).eval()
"""
COMMAND = "from convsmith.cli import main; import sys; sys.argv = ['convsmith', 'size', FILE{}]; main()"
CONTENDERS = {
    "convsmith size": COMMAND.format(""),
    "convsmith size --json": COMMAND.format(", '--json'"),
    "keras summary()": (
        "import os; os.environ['KERAS_BACKEND'] = 'torch'\n"
        "import keras; keras.saving.load_model(FILE, compile=False).summary()"
    ),
    "torchinfo": RESNET + "import torchinfo; torchinfo.summary(resnet50(), (1, 3, 224, 224))",
    "fvcore": RESNET
    + (
        "from fvcore.nn import FlopCountAnalysis, flop_count_table\n"
        "print(flop_count_table(FlopCountAnalysis(resnet50(), torch.zeros(1, 3, 224, 224))))"
    ),
    "calflops": RESNET
    + (
        "from calflops import calculate_flops\n"
        "print(calculate_flops(resnet50(), input_shape=(1, 3, 224, 224), print_results=False))"
    ),
    "ptflops": RESNET
    + (
        "from ptflops import get_model_complexity_info\n"
        "print(get_model_complexity_info(resnet50(), (3, 224, 224), print_per_layer_stat=False))"
    ),
}
PACKAGES = ("keras", "torch", "torchinfo", "fvcore", "calflops", "ptflops", "transformers")


def run(code: str, file: Path, peers: str) -> tuple[float, float, float, str]:
    """One process: wall seconds, processor seconds, resident MB, and the last line of what went wrong."""
    environment = {**os.environ, "PYTHONPATH": peers}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", f"FILE = {str(file)!r}\n{code}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    said = process.stderr.read().decode() if process.stderr else ""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    wrong = said.strip().splitlines()[-1][:70] if status and said.strip() else ""
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, wrong


def middle(values: list[float]) -> str:
    """The median, and half the distance between the quartiles."""
    if len(values) < 3:
        return f"{statistics.median(values):6.2f} ± ?   "
    first, second, third = statistics.quantiles(values, n=4)
    return f"{second:6.2f} ± {(third - first) / 2:4.2f}"


def whole_processes(file: Path, rounds: int, peers: str) -> None:
    """Every contender's process, in turns."""
    found: dict[str, list[tuple[float, float, float, str]]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, code in CONTENDERS.items():
            if not any(result[3] for result in found[name]):
                found[name].append(run(code, file, peers))
    print(f"{'whole process':24}{'wall s':>16}{'processor s':>18}{'peak MB':>9}")
    for name, results in found.items():
        wrong = next((result[3] for result in results if result[3]), "")
        if wrong:
            print(f"{name:24}did not run: {wrong}")
            continue
        walls, processors = [result[0] for result in results], [result[1] for result in results]
        print(
            f"{name:24}{middle(walls):>16}{middle(processors):>18}{max(result[2] for result in results):9.0f}"
        )


def milliseconds(call: Callable[[], object], rounds: int = 30) -> str:
    """The median and least time of a call, processor time of this process."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        taken.append(1e3 * (time.process_time() - start))
    return f"{statistics.median(taken):8.2f} ms (least {min(taken):.2f})"


def in_one_process(file: Path) -> None:
    """Reading, sizing what changed, and how the cost grows."""
    from convsmith import ledger
    from convsmith.graph import Graph, read
    from convsmith.graph import notation as keras
    from convsmith.ledger.memory import liveness

    graph = read(file)
    fresh = lambda: Graph(graph.name, graph.nodes, graph.outputs, graph.inputs)  # noqa: E731
    limits = ledger.Budget(10**9, 10**12, 10**12, 10**12)
    change = f"{next(node.name for node in graph.nodes if node.kind_name == 'Conv2D')}.activation=relu"
    timed: dict[str, Callable[[], object]] = {
        "read the .keras file": lambda: read(file),
        "new Graph, parameters, MACs": lambda: ((made := fresh()).params, made.macs),
        "new Graph against a whole budget": lambda: limits.over(fresh()),
        "a setting changed, sized again": lambda: ledger.size(ledger.changed(graph, change)),
        "liveness": lambda: liveness(graph),
    }
    print(f"\nin one process ({len(graph.nodes)} layers), processor time")
    for name, call in timed.items():
        print(f"  {name:36}{milliseconds(call)}")
    for layers in (1_000, 10_000):
        x = inputs = keras.Input((32, 32, 3))
        for _ in range(layers):
            x = keras.layers.Conv2D(3, 3, padding="same")(x)
        chain = keras.Model(inputs, x)
        name = f"a chain of {layers:,} layers, sized"
        print(f"  {name:36}{milliseconds(lambda chain=chain: ledger.size(chain), 3)}")  # type: ignore[misc]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--peers", default="build/peers", help="folder that the other counters are installed in"
    )
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    versions = []
    sys.path.append(given.peers)
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} absent")
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(", ".join(versions))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "resnet50.keras"
        make = (
            "import os; os.environ['KERAS_BACKEND'] = 'torch'\n"
            "import keras; keras.applications.ResNet50(weights=None).save(FILE)"
        )
        wrong = run(make, file, "")[3]
        if wrong:
            raise SystemExit(f"Keras could not write the file: {wrong}")
        with zipfile.ZipFile(file) as archive:
            size = len(archive.read("config.json"))
        print(json.dumps({"file_MB": round(file.stat().st_size / 1e6, 1), "config_kB": round(size / 1e3)}))
        whole_processes(file, given.rounds, given.peers)
        in_one_process(file)


if __name__ == "__main__":
    main()
