"""Training speed of Keras on each backend, of ordinary PyTorch loops, and of convsmith, in one run.

    python bench/training.py [--networks course_cnn lenet5 resnet20 mobilenet_v2_035] [--seconds 2]
        [--rounds 3] [--threads 2] [--cpu] [--device cuda] [--python "Keras on TensorFlow=/other/bin/python"]

Every contender runs in a process of its own and trains the same network on the same images in the same
batches with the same optimizer; all are loaded and warmed up first, one by one, then measured in turns,
`--rounds` times for `--seconds` each. A contender that is not installed, fails or is not ready after
`--patience` seconds is named. A backend of Keras that wants other packages can have a Python of its own
(`--python`).

- images/s: the median over the rounds; least and most beside it. With `--cpu` the seconds are processor time,
  for machines that others use at the same time (then with `--threads 1`).
- ratio: to Keras on torch.
- With `--device cuda` all run on the GPU, and the clock is read when it has done everything; convsmith and
  the plain loop then also run in bfloat16, convsmith also with CUDA graphs. This has not been measured yet.
- share: multiply-adds of a step (three times the forward pass's) over the machine's best rate of a 2048 x
  2048 float32 matrix product, measured in the same turns.

Last results (2026-11-23, `--patience 60`, TensorFlow in a Python of its own). On the last network
torch.compile was not ready in 60 s:

    Intel(R) Xeon(R) Processor, 2 threads, wall time; others used 2% of the machine
    Python 3.11.7, torch 2.13.0+cpu, keras 3.15.1, jax 0.10.2, tensorflow 2.21.0

    course_cnn, 28x28x1, batch 128, Adadelta 1.0
    matrix product: 166 G multiply-adds/s
                                    images/s   least    most   ratio   share
    Keras on torch                     1,075     851   1,080    1.00    0.23
    Keras on JAX                         356     353     390    0.33    0.08
    Keras on TensorFlow                1,794   1,784   2,128    1.67    0.39
    PyTorch loop                       1,354   1,226   1,360    1.26    0.29
    PyTorch loop, channels last        1,586   1,584   1,694    1.47    0.34
    torch.compile                      1,089   1,052   1,126    1.01    0.24
    convsmith fit                      2,543   2,487   2,586    2.37    0.55
    convsmith train                    2,802   2,785   2,825    2.61    0.61
    convsmith fit: 2.37 x Keras on torch, 1.42 x the fastest Keras, 1.88 x the PyTorch loop,
        1.60 x the PyTorch loop, channels last
    convsmith train: 2.61 x Keras on torch, 1.56 x the fastest Keras, 2.07 x the PyTorch loop,
        1.77 x the PyTorch loop, channels last

    lenet5, 32x32x1, batch 128, Adam 0.001
    matrix product: 162 G multiply-adds/s
                                    images/s   least    most   ratio   share
    Keras on torch                     8,867   8,687   8,937    1.00    0.07
    Keras on JAX                       5,459   5,389   5,537    0.62    0.04
    Keras on TensorFlow               12,981  12,775  13,131    1.46    0.10
    PyTorch loop                      13,925  13,341  14,214    1.57    0.11
    PyTorch loop, channels last       17,217  16,295  17,467    1.94    0.13
    torch.compile                      7,896   7,892   8,040    0.89    0.06
    convsmith fit                     22,922  22,245  23,198    2.58    0.18
    convsmith train                   24,376  23,786  25,038    2.75    0.19
    convsmith fit: 2.58 x Keras on torch, 1.77 x the fastest Keras, 1.65 x the PyTorch loop,
        1.33 x the PyTorch loop, channels last
    convsmith train: 2.75 x Keras on torch, 1.88 x the fastest Keras, 1.75 x the PyTorch loop,
        1.42 x the PyTorch loop, channels last

    resnet20, 32x32x3, batch 128, SGD 0.1 with momentum
    matrix product: 163 G multiply-adds/s
                                    images/s   least    most   ratio   share
    Keras on torch                       335     297     337    1.00    0.25
    Keras on JAX                         167     159     174    0.50    0.12
    Keras on TensorFlow                  403     391     408    1.20    0.30
    PyTorch loop                         509     507     514    1.52    0.38
    PyTorch loop, channels last          639     637     653    1.91    0.48
    torch.compile                        614     610     617    1.83    0.46
    convsmith fit                        698     654     708    2.08    0.52
    convsmith train                      766     758     772    2.29    0.57
    convsmith fit: 2.08 x Keras on torch, 1.73 x the fastest Keras, 1.37 x the PyTorch loop,
        1.09 x the PyTorch loop, channels last
    convsmith train: 2.29 x Keras on torch, 1.90 x the fastest Keras, 1.50 x the PyTorch loop,
        1.20 x the PyTorch loop, channels last

    mobilenet_v2_035, 96x96x3, batch 32, SGD 0.05 with momentum
    matrix product: 165 G multiply-adds/s
                                    images/s   least    most   ratio   share
    Keras on torch                       124     120     126    1.00    0.02
    Keras on JAX                          40      40      41    0.32    0.01
    Keras on TensorFlow                  183     159     183    1.47    0.04
    PyTorch loop                         241     238     242    1.94    0.05
    PyTorch loop, channels last          304     285     308    2.44    0.06
    convsmith fit                        354     349     362    2.85    0.07
    convsmith train                      397     395     400    3.19    0.08
    torch.compile                   not ready in time
    convsmith fit: 2.85 x Keras on torch, 1.94 x the fastest Keras, 1.47 x the PyTorch loop,
        1.17 x the PyTorch loop, channels last
    convsmith train: 3.19 x Keras on torch, 2.17 x the fastest Keras, 1.65 x the PyTorch loop,
        1.31 x the PyTorch loop, channels last
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from training_contenders import CONTENDERS, OPTIMIZERS

BATCH = {"mobilenet_v2_035": 32}
"""Images in a batch where it is not 128."""
BUSY = 0.1
"""Share of the machine that others may use before the result is marked."""
NETWORKS = tuple(OPTIMIZERS)
LOOPS = ("PyTorch loop", "PyTorch loop, channels last")


class Contender:
    """A contender's process: takes a line of JSON, answers with one."""

    def __init__(self, name: str, python: str, threads: int, device: str) -> None:
        self.name, self.failed = name, ""
        environment = os.environ | {
            "OMP_NUM_THREADS": str(threads),
            "KERAS_BACKEND": CONTENDERS[name].backend,
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        script = Path(__file__).with_name("training_contenders.py")
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [python, str(script), name, str(threads), device],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, env=environment,
        )  # fmt: skip

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message."""
        try:
            assert self._process.stdin
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except OSError:
            self.fail("")

    def answer(self, patience: float) -> Any:
        """The answer, or None where it does not come."""
        import select

        assert self._process.stdout
        ready, _, _ = select.select([self._process.stdout], [], [], max(patience, 0))
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self.fail("" if ready else "not ready in time")
            return None
        return json.loads(line)

    def fail(self, why: str) -> None:
        """Give it up, with its last words as the reason where there is no other."""
        self.end()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        self.failed = self.failed or why or (lines[-1][:90] if lines else "ended without a word")

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


def measured(name: str, contenders: list[Contender], options: argparse.Namespace) -> None:
    """Load a network everywhere, run the rounds, print its table."""
    from training_contenders import network

    from convsmith.graph.keras_json_out import to_keras_json

    graph = network(name)
    batch = BATCH.get(name, 128)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(to_keras_json(graph), file)
        file.flush()
        for one in contenders:
            # One at a time: threads that wait by spinning make two at once many times slower.
            if not one.failed:
                one.tell({"load": name, "model": file.name, "batch": batch, "shape": graph.input_shape})
                one.answer(options.patience)
    rates: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for one in contenders:
            if one.failed:
                continue
            one.tell({"seconds": options.seconds if CONTENDERS[one.name].trains else 0.3})
            if found := one.answer(60 + 20 * options.seconds):
                seconds = found["cpu" if options.cpu else "wall"]
                rates.setdefault(one.name, []).append(found["images"] / seconds)
    product = max(rates.pop("matrix product", [float("nan")]))
    assert graph.macs is not None
    print(f"\n{name}, {'x'.join(map(str, graph.input_shape))}, batch {batch}, {OPTIMIZERS[name]}")
    print(f"matrix product: {product / 1e9:.0f} G multiply-adds/s")
    print(f"{'':30}{'images/s':>10}{'least':>8}{'most':>8}{'ratio':>8}{'share':>8}")
    middle = {contender: statistics.median(found) for contender, found in rates.items()}
    base = middle.get("Keras on torch", float("nan"))
    for contender, rate in middle.items():
        least, most = min(rates[contender]), max(rates[contender])
        share = rate * 3 * graph.macs / product
        print(f"{contender:30}{rate:10,.0f}{least:8,.0f}{most:8,.0f}{rate / base:8.2f}{share:8.2f}")
    for one in contenders:
        if one.failed:
            print(f"{one.name:30}  {one.failed}")
    others = {"Keras on torch": base, "the fastest Keras": max(
        (rate for contender, rate in middle.items() if contender.startswith("Keras")), default=float("nan")
    )} | {f"the {name}": middle[name] for name in LOOPS if name in middle}  # fmt: skip
    for contender in middle:
        if contender.startswith("convsmith"):
            said = ", ".join(f"{middle[contender] / rate:.2f} x {other}" for other, rate in others.items())
            print(f"{contender}: {said}", flush=True)


def busy(seconds: float = 1.0) -> float:
    """Share of the machine's processors that others are using."""
    try:
        before = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
        time.sleep(seconds)
        after = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    except OSError:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    spent = [int(b) - int(a) for a, b in zip(before, after, strict=True)]
    return 1 - (spent[3] + spent[4]) / max(sum(spent), 1)


def main() -> None:
    """Start the contenders, measure every network."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    options.add_argument("--contenders", nargs="+", default=list(CONTENDERS), choices=list(CONTENDERS))
    options.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--patience", type=float, default=50.0)
    options.add_argument("--cpu", action="store_true")
    options.add_argument("--python", action="append", default=[], metavar="CONTENDER=PYTHON")
    chosen = options.parse_args()
    pythons = dict(item.split("=", 1) for item in chosen.python)
    if unknown := set(pythons) - set(CONTENDERS):
        options.error(f"--python: {', '.join(unknown)}: not among {', '.join(CONTENDERS)}")
    if chosen.device == "cuda" and not (graphics := graphics_card()):
        options.error("--device cuda: torch finds no CUDA device")
    others = busy()
    measure = "processor" if chosen.cpu else "wall"
    print(f"{processor()}, {chosen.threads} threads, {measure} time; others used {others:.0%} of the machine")
    if chosen.device == "cuda":
        print(graphics)
    if others > BUSY and not chosen.cpu:
        print("the machine is not calm: take the spread seriously, or measure with --cpu --threads 1")
    names = ["matrix product", *(name for name in chosen.contenders if name != "matrix product")]
    running = [
        Contender(name, pythons.get(name, sys.executable), chosen.threads, chosen.device)
        for name in names
        if chosen.device in CONTENDERS[name].devices
    ]
    versions: dict[str, str] = {}
    try:
        for one in running:
            versions |= one.answer(120) or {}
        print(", ".join(f"{name} {version}" for name, version in versions.items()))
        for name in chosen.networks:
            measured(name, running, chosen)
    finally:
        for one in running:
            one.end()


def graphics_card() -> str:
    """The CUDA device's name; nothing where torch finds none."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def processor() -> str:
    """The processor's name."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
