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
torch.compile was not ready in 60 s. Two runs of the same day, before convolutions of few channels were
compiled (and with a `fit` that left out the dropout of the course's CNN): `train` 3.39 and 3.48, 3.06 and
2.89, 2.47 and 2.50, 3.14 and 3.22 times as fast as Keras on torch; 1.99 and 2.51, 2.15 and 2.27, 1.96 and
2.30, 2.43 and 2.31 times as fast as the fastest Keras:

    Intel(R) Xeon(R) Processor, 2 threads, wall time; others used 4% of the machine
    Python 3.11.7, torch 2.13.0+cpu, keras 3.15.1, jax 0.10.2, tensorflow 2.21.0

    course_cnn, 28x28x1, batch 128, Adadelta 1.0
    matrix product: 180 G multiply-adds/s
                                    images/s   least    most   ratio   share
    Keras on torch                     1,316   1,286   1,398    1.00    0.26
    Keras on JAX                         413     361     433    0.31    0.08
    Keras on TensorFlow                1,962   1,825   2,243    1.49    0.39
    PyTorch loop                       1,426   1,349   1,433    1.08    0.29
    PyTorch loop, channels last        1,633   1,593   1,678    1.24    0.33
    torch.compile                      1,206   1,204   1,215    0.92    0.24
    convsmith fit                      3,823   3,762   3,842    2.91    0.76
    convsmith train                    4,388   4,298   4,421    3.34    0.88
    convsmith fit: 2.91 x Keras on torch, 1.95 x the fastest Keras, 2.68 x the PyTorch loop,
        2.34 x the PyTorch loop, channels last
    convsmith train: 3.34 x Keras on torch, 2.24 x the fastest Keras, 3.08 x the PyTorch loop,
        2.69 x the PyTorch loop, channels last

    lenet5, 32x32x1, batch 128, Adam 0.001
    matrix product: 175 G multiply-adds/s
                                    images/s   least    most   ratio   share
    Keras on torch                     9,614   9,518   9,653    1.00    0.07
    Keras on JAX                       5,907   5,813   6,054    0.61    0.04
    Keras on TensorFlow               13,195  12,960  13,579    1.37    0.09
    PyTorch loop                      15,638  15,169  15,873    1.63    0.11
    PyTorch loop, channels last       18,476  18,235  18,684    1.92    0.13
    torch.compile                      9,045   8,914   9,173    0.94    0.06
    convsmith fit                     35,209  33,846  35,537    3.66    0.25
    convsmith train                   36,775  36,191  38,109    3.83    0.26
    convsmith fit: 3.66 x Keras on torch, 2.67 x the fastest Keras, 2.25 x the PyTorch loop,
        1.91 x the PyTorch loop, channels last
    convsmith train: 3.83 x Keras on torch, 2.79 x the fastest Keras, 2.35 x the PyTorch loop,
        1.99 x the PyTorch loop, channels last

    resnet20, 32x32x3, batch 128, SGD 0.1 with momentum
    matrix product: 170 G multiply-adds/s
                                    images/s   least    most   ratio   share
    Keras on torch                       366     355     375    1.00    0.26
    Keras on JAX                         190     184     205    0.52    0.14
    Keras on TensorFlow                  423     392     424    1.16    0.30
    PyTorch loop                         557     536     565    1.52    0.40
    PyTorch loop, channels last          673     653     677    1.84    0.48
    torch.compile                        649     644     675    1.77    0.46
    convsmith fit                        845     807     856    2.31    0.60
    convsmith train                      934     927     944    2.55    0.67
    convsmith fit: 2.31 x Keras on torch, 2.00 x the fastest Keras, 1.52 x the PyTorch loop,
        1.26 x the PyTorch loop, channels last
    convsmith train: 2.55 x Keras on torch, 2.21 x the fastest Keras, 1.68 x the PyTorch loop,
        1.39 x the PyTorch loop, channels last

    mobilenet_v2_035, 96x96x3, batch 32, SGD 0.05 with momentum
    matrix product: 186 G multiply-adds/s
                                    images/s   least    most   ratio   share
    Keras on torch                       134     133     134    1.00    0.02
    Keras on JAX                          45      44      45    0.34    0.01
    Keras on TensorFlow                  197     132     204    1.48    0.03
    PyTorch loop                         267     264     269    1.99    0.05
    PyTorch loop, channels last          317     317     334    2.37    0.05
    convsmith fit                        391     348     392    2.92    0.07
    convsmith train                      456     436     461    3.41    0.08
    torch.compile                   not ready in time
    convsmith fit: 2.92 x Keras on torch, 1.98 x the fastest Keras, 1.46 x the PyTorch loop,
        1.23 x the PyTorch loop, channels last
    convsmith train: 3.41 x Keras on torch, 2.31 x the fastest Keras, 1.71 x the PyTorch loop,
        1.44 x the PyTorch loop, channels last
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

    from convsmith.graph.keras.writer import to_keras_json

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
