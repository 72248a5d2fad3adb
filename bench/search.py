"""Searches on real images: what each method finds within a hard budget in the same time.

    python bench/search.py [--minutes 4] [--seeds 3] [--long-minutes 30] [--only fashion:auto:0 ...]
                           [--results build/search.jsonl] [--table] [--data ../shared/data]

Fashion-MNIST (10,000 training images, the official test images) and caltech12 (768 photographs of 12 classes;
a fifth is for the test, split anew for each seed), each with at most 50k parameters and 1 ms for an image.
Contenders: `auto`, random search, the largest network that fits, Optuna's TPE on the same space for the same
seconds, KerasTuner's Hyperband (first seed only), and one longer run of `auto`. Every network found is then
trained by the same recipe for the same epochs on train + validation, and tested once. What is over the
budget: convsmith never proposes it; to Optuna it is a failed trial; KerasTuner is given `max_model_size` and
does what it does (its latency nobody limits; a network over the budget does not count).

Each result is a line of `--results` as it comes, so the benchmark runs in pieces (``--only
images:contender:seed``, repeatable) and goes on where it stopped; `--table` only prints what is there.

Last results (23 November 2026): one core and one thread for each search, with a search or other work on the
other core. Mean test accuracy, its 95% interval (Student's over three seeds; of a single one binomial), and
the seeds one by one; medians of trials and of proposals over the budget. What is marked * is of older code:

    Intel(R) Xeon(R) Processor, Python 3.11.7
    convsmith 0.1.0, torch 2.13.0+cpu, optuna 5.0.0, keras-tuner 1.4.8, keras 3.15.1, onnxruntime 1.32.0
    fashion    optuna_tpe  90.2% (89.7 to 90.7)  90.4 90.2 90.0  30 trials  29 over    44k params  0.17 ms
               largest     89.7% (87.9 to 91.6)  89.4 89.2 90.6   0          0         50k         0.30
               auto        89.7% (87.9 to 91.5)  89.7 90.5 89.0  22          0         41k         0.16
               random      89.5% (88.1 to 90.9)  89.8 89.8 88.9  19          0         26k         0.15
               keras_tuner*83.5% (82.7 to 84.2)                   3          3          4k         0.20
               auto, 30 minutes: 91.0% (90.4 to 91.5; seed 0)    41          0         47k         0.40
    caltech12  auto        85.3% (79.5 to 91.0)  87.2 85.9 82.7  19          0         35k         0.39
               optuna_tpe  84.2% (72.9 to 95.5)  89.1 80.1 83.3  44        127         27k         0.44
               random      83.8% (81.3 to 86.2)  84.6 82.7 84.0  20          0         31k         0.36
               keras_tuner*67.9% (60.6 to 75.3)                   2          3         17k         0.73
               largest*    61.8% (43.3 to 80.2)  66.7 65.4 53.2   0          0         50k         0.70
               auto, 30 minutes*: 86.5% (seed 0)             77          0         49k         0.40

KerasTuner gives up after three networks over the size in a row. `auto` keeps two fifths of its time for
longer trainings of the best few, where there is time to compare at least two; TPE uses all for short ones.

`auto` is ahead of random search on both and of the largest on the photographs; TPE is ahead of it on
Fashion-MNIST, behind it on the photographs. No difference between these two, nor to random search, is certain
with three seeds: on the photographs one figure of 156 images has a standard error of 3; on Fashion-MNIST a
run of the day before gave TPE 90.4 (91.0 90.3 90.0), `auto` 90.4 (90.3 90.0 90.9), the largest 89.8 and
random search 89.5. What the networks of TPE took for the 15 epochs on Fashion-MNIST was 63 to 109 s (`auto`'s
91 to 176, the largest's 115 to 319).

Before the time that compares nothing went to more networks (and before 3x3 convolutions in fewer
multiplications; with other work on the machine) `auto` was behind on the photographs: auto 78.6 (87.2 71.2
77.6), TPE 84.8 (85.3 85.9 83.3), random 84.4 (84.6 84.6 84.0). In its worst search a third of the time went
to one network alone, whose first training had been the best of twelve.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import platform
import statistics
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from search_contenders import Problem, contender

from convsmith.ledger.budget import Budget
from convsmith.nas.spaces import space as find_space
from convsmith.runs import append_line, read_lines
from convsmith.runs.environment import cpu_model, usable_cores
from convsmith.runs.files import to_json

CONTENDERS = ("auto", "random", "largest", "optuna_tpe", "keras_tuner")
IMAGES = ("fashion", "caltech12")
BUDGET = Budget(params=50_000, latency_ms=1.0)
MARGIN = 1.05  # a candidate counts as this much slower than measured
VALIDATION = {"fashion": 0.15, "caltech12": 0.2}
EPOCHS = {"fashion": 15, "caltech12": 40}  # of the training of what was found
SIZE = 64  # pixels, of the photographs
PACKAGES = ("convsmith", "torch", "optuna", "keras-tuner", "keras", "onnxruntime")

Parts = dict[str, tuple[np.ndarray, np.ndarray]]


def load(name: str, data: Path, seed: int, images: int) -> Parts:
    """Pixels (N, H, W, C) uint8 and class numbers of "train", "validation" and "test"."""
    rng = np.random.default_rng(seed)
    if name == "fashion":
        with np.load(data / "fashion_mnist.npz") as arrays:
            x, y = arrays["x_train"][..., None], arrays["y_train"].astype(np.int64)
            test = arrays["x_test"][..., None], arrays["y_test"].astype(np.int64)
        rows = np.random.default_rng(0).permutation(len(x))[:images]  # the same images for every seed
        x, y = x[rows], y[rows]
        order = rng.permutation(len(x))
        held = order[: int(VALIDATION[name] * len(x))]
        rest = order[len(held) :]
        return {"train": (x[rest], y[rest]), "validation": (x[held], y[held]), "test": test}
    import convsmith

    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(data / "caltech12.tar") as packed:
            packed.extractall(folder, filter="data")
        photos = convsmith.read(next(path for path in Path(folder).iterdir() if path.is_dir()))
        pixels, split = photos.pixels((SIZE, SIZE), 3), photos.split(seed=seed, test=0.2, validation=0.16)
        parts = {one: np.sort(getattr(split, one)) for one in ("train", "validation", "test")}
        return {one: (pixels[rows], photos.y[rows]) for one, rows in parts.items()}


def run(name: str, who: str, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """One search, the training of what it found, and its test."""
    import torch

    from convsmith.engine.loop import fit
    from convsmith.engine.predict import evaluate as judge
    from convsmith.engine.recipe import few_epochs
    from convsmith.formats.latency import latency_ms
    from convsmith.jobs.steps.searching.trainer import trainer

    torch.set_num_threads(arguments.threads)
    parts = load(name, arguments.data, seed, arguments.images)
    (x, y), (x_validation, y_validation), (x_test, y_test) = parts.values()
    classes = int(max(y.max(), y_test.max())) + 1
    both, labels = np.concatenate([x, x_validation]), np.concatenate([y, y_validation])
    train, validation = np.arange(len(x)), np.arange(len(x), len(both))
    evaluate = trainer(
        augment="auto", threads=None, pixels=both, labels=labels, train=train, validation=validation
    )
    known: dict[str, float] = {}

    def milliseconds(graph: Any) -> float:
        if graph.fingerprint not in known:
            known[graph.fingerprint] = MARGIN * latency_ms(graph, seconds=0.15).median_ms
        return known[graph.fingerprint]

    minutes = arguments.long_minutes if who.endswith("_long") else arguments.minutes
    shape = x.shape[1:]
    problem = Problem(
        find_space(arguments.space, shape, classes), BUDGET, milliseconds, evaluate,
        {"train": (x, y), "validation": (x_validation, y_validation)},
        few_epochs(len(x)), 60 * minutes, seed,
    )  # fmt: skip
    began = time.monotonic()
    chosen = contender(who)(problem)
    result: dict[str, Any] = {
        "images": name, "contender": who, "seed": seed, "minutes": minutes, "space": arguments.space,
        "search_seconds": round(time.monotonic() - began, 1), "trials": chosen.trials, "over": chosen.over,
        "note": chosen.note, **chosen.more,
    }  # fmt: skip
    if chosen.answers is None:
        return result | {"accuracy": None}
    graph = problem.space.graph(chosen.answers)
    verdict = BUDGET.check(graph, milliseconds)
    began = time.monotonic()
    fitted = fit(graph, both, labels, epochs=EPOCHS[name], seed=seed, augment="auto")
    judged = judge(graph, x_test, y_test, weights=fitted.weights)
    return result | {
        "accuracy": judged["accuracy"],
        "tested": len(y_test),
        "train_seconds": round(time.monotonic() - began, 1),
        "train_epochs": EPOCHS[name],
        "params": graph.params,
        "macs": graph.macs,
        "kept": verdict.kept,
        "latency_ms": verdict.figures["latency_ms"],
        "answers": chosen.answers,
    }  # fmt: skip


def interval(rows: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Mean accuracy and its 95% interval: Student's over seeds, or the binomial one of a single seed."""
    found = [row["accuracy"] for row in rows]
    mean = statistics.fmean(found)
    if len(found) > 1:
        from scipy.stats import t

        half = t.ppf(0.975, len(found) - 1) * statistics.stdev(found) / math.sqrt(len(found))
    else:
        half = 1.96 * math.sqrt(mean * (1 - mean) / rows[0]["tested"])
    return mean, mean - half, mean + half


def table(results: list[dict[str, Any]]) -> str:
    """Accuracy by images and contender, best first."""
    lines = [
        f"{'images':10} {'contender':12} {'seeds':>5} {'minutes':>7} {'test accuracy (95% interval)':>30} "
        f"{'trials':>7} {'over':>6} {'params':>8} {'ms':>6}"
    ]
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in results:
        groups.setdefault((row["images"], row["contender"]), []).append(row)

    def order(item: Any) -> Any:
        worked = [row["accuracy"] for row in item[1] if row["accuracy"] is not None]
        return item[0][0], -statistics.fmean(worked) if worked else 0.0

    for (name, who), rows in sorted(groups.items(), key=order):
        worked = [row for row in rows if row["accuracy"] is not None]
        said = rows[0]["note"] or "found nothing"
        if worked:
            mean, low, high = interval(worked)
            said = f"{mean:8.2%} ({low:.2%} to {min(1.0, high):.2%})"
        params, ms = (
            (statistics.median(row[one] for row in worked) if worked else math.nan)
            for one in ("params", "latency_ms")
        )
        trials, over = (statistics.median(row[one] for row in rows) for one in ("trials", "over"))
        lines.append(
            f"{name:10} {who:12} {len(rows):5} {rows[0]['minutes']:7g} {said:>30} {trials:7g} {over:6g} "
            f"{params:8.0f} {ms:6.2f}"
        )
        lines += [f"{'':10} {'':12} {row['note']}" for row in rows if row["note"] and worked]
    return "\n".join(lines)


def machine() -> str:
    """The processor and the versions."""
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return f"{cpu_model()}, {usable_cores()} cores, Python {platform.python_version()}\n{', '.join(versions)}"


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    here = Path(__file__).resolve().parents[1]
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--long-minutes", type=float, default=30.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=10_000, help="of Fashion-MNIST to train on")
    parser.add_argument("--space", default="stages")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--only", action="append", default=[], metavar="IMAGES:CONTENDER:SEED")
    parser.add_argument("--results", type=Path, default=here / "build" / "search.jsonl")
    parser.add_argument("--data", type=Path, default=here.parent / "shared" / "data")
    parser.add_argument("--table", action="store_true", help="print what is there")
    arguments = parser.parse_args()
    os.environ.setdefault("KERAS_BACKEND", "torch")
    wanted = [tuple(one.split(":")) for one in arguments.only] or [
        *((name, who, str(seed)) for seed in range(arguments.seeds) for name in IMAGES for who in CONTENDERS
          if who != "keras_tuner" or seed == 0),
        *((name, "auto_long", "0") for name in IMAGES),
    ]  # fmt: skip
    results = [json.loads(line) for line in read_lines(arguments.results)]
    for name, who, seed in [] if arguments.table else wanted:
        if any((row["images"], row["contender"], row["seed"]) == (name, who, int(seed)) for row in results):
            continue
        print(f"{name}:{who}:{seed} ...", flush=True)
        row = run(name, who, int(seed), arguments)
        append_line(arguments.results, to_json(row))
        results.append(row)
        print(f"  {to_json({key: value for key, value in row.items() if key != 'answers'})}", flush=True)
    print(machine())
    print(table(results))


if __name__ == "__main__":
    main()
