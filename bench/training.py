"""Training speed of Keras on each backend, of ordinary PyTorch loops, and of convsmith, in one run.

    python bench/training.py [--networks course_cnn lenet5 resnet20 mobilenet_v2_035] [--seconds 2]
        [--rounds 3] [--threads 2] [--cpu] [--python "Keras on TensorFlow=/other/bin/python"]

Every contender runs in a process of its own and trains the same network on the same images in the same
batches with the same optimizer; all are loaded and warmed up first, then measured in turns, `--rounds` times
for `--seconds` each. A contender that is not installed, fails or is not ready after `--patience` seconds is
named. A backend of Keras that wants other packages can have a Python of its own (`--python`).

- images/s: the median over the rounds; least and most beside it. With `--cpu` the seconds are processor time,
  for machines that others use at the same time (then with `--threads 1`).
- ratio: to Keras on torch.
- share: multiply-adds of a step (three times the forward pass's) over the machine's best rate of a 2048 x
  2048 float32 matrix product, measured in the same turns.

Last results, on two cores shared with others, so processor time of one thread (--threads 1 --cpu; 2 to 3
rounds; Intel Xeon with AVX-512; Python 3.11.7, torch 2.13.0, keras 3.15.1, jax 0.10.2, tensorflow 2.21.0).
images/s; of JAX, torch.compile and the loop with channels last what came in time under that load:

                            course_cnn     lenet5   resnet20   mobilenet_v2_035
Keras on torch                     601      4,181        179                 76
Keras on JAX                       287      3,396          -                  -
Keras on TensorFlow              1,204      9,498        230                133
PyTorch loop                       769      6,778        229                125
PyTorch loop, channels last        927      7,703        300                160
torch.compile                      649          -          -                  -
convsmith fit                    1,325     10,233        323                185
convsmith train                  1,317     10,541        345                206
share of matrix products          0.60       0.16       0.52               0.08
to Keras on torch                  2.2        2.5        1.9                2.7
to the fastest Keras               1.1        1.1        1.5                1.5
to the PyTorch loop                1.7        1.6        1.5                1.7
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


class Contender:
    """A contender's process: takes a line of JSON, answers with one."""

    def __init__(self, name: str, python: str, threads: int) -> None:
        self.name, self.failed = name, ""
        environment = os.environ | {
            "OMP_NUM_THREADS": str(threads),
            "KERAS_BACKEND": CONTENDERS[name].backend,
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        script = Path(__file__).with_name("training_contenders.py")
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [python, str(script), name, str(threads)],
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
        running = [one for one in contenders if not one.failed]
        for one in running:
            one.tell({"load": name, "model": file.name, "batch": batch, "shape": graph.input_shape})
        late = time.perf_counter() + options.patience
        for one in running:
            one.answer(late - time.perf_counter())
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
    best = max((rate for contender, rate in middle.items() if contender.startswith("convsmith")), default=0)
    keras = max((rate for contender, rate in middle.items() if contender.startswith("Keras")), default=0)
    loop = middle.get("PyTorch loop", float("nan"))
    if best and keras:
        print(
            f"convsmith: {best / base:.2f} x Keras on torch, {best / keras:.2f} x the fastest Keras", end=""
        )
        print(f", {best / loop:.2f} x the PyTorch loop", flush=True)


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
    others = busy()
    measure = "processor" if chosen.cpu else "wall"
    print(f"{processor()}, {chosen.threads} threads, {measure} time; others used {others:.0%} of the machine")
    if others > BUSY and not chosen.cpu:
        print("the machine is not calm: take the spread seriously, or measure with --cpu --threads 1")
    names = ["matrix product", *(name for name in chosen.contenders if name != "matrix product")]
    running = [Contender(name, pythons.get(name, sys.executable), chosen.threads) for name in names]
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


def processor() -> str:
    """The processor's name."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
