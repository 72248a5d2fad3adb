"""Where weight sharing ends on NAS-Bench-201: DARTS, its cures and ENAS on real CIFAR-10, looked up in the
table.

    python bench/weight_sharing.py DATA [--minutes 20] [--images 4000] [--seeds 3] [--only darts
    darts:cure=beta]
        [--results weight_sharing.jsonl]

DATA holds cifar10/ (sheets of 100 x 100 images as .webp, labels.npz) and nas/nas_bench_201.npz (every cell's
accuracy after 12 and 200 epochs). Each contender learns for the minutes given, from the first images of the
training set; its cell is looked up: accuracy after 200 epochs, what share of the table's cells are worse, how
many of six edges are skips.

A line of the results file is one run; what is there already is not run again. Nothing is measured yet.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from recipes import cifar

from convsmith.ledger.budget import Budget
from convsmith.nas.algorithms import ALGORITHMS
from convsmith.nas.lesson import LessonTask, Material, WithImages
from convsmith.nas.settings import parse_options, settings_of
from convsmith.nas.spaces import space
from convsmith.nas.supernet.cells import SKIPS

CONTENDERS = ("darts", "darts:cure=beta", "darts:cure=drnas", "darts:cure=minus", "enas")


class Table:
    """NAS-Bench-201, CIFAR-10.

    Args:
        file: the table as arrays.
    """

    def __init__(self, file: Path) -> None:
        found = np.load(file, allow_pickle=False)
        self.edges = [str(edge) for edge in found["edges"]]
        self.names = [str(name) for name in found["op_names"]]
        self.accuracy = found["cifar10_val_acc_200ep"].astype(float)
        self._row = {tuple(int(one) for one in row): place for place, row in enumerate(found["ops"])}

    def place(self, answers: dict[str, Any]) -> int:
        """The row of a genotype of the space."""
        return self._row[tuple(self.names.index(answers[edge]) for edge in self.edges)]

    def worse(self, place: int) -> float:
        """The share of cells with a lower accuracy."""
        return float((self.accuracy < self.accuracy[place]).mean())


def material(data: Path, images: int) -> Material:
    """The first images, a tenth of them for validation."""
    x, y, _, _ = cifar(data / "cifar10", images, 1)
    held = images // 10
    return Material(x[held:], y[held:], x[:held], y[:held], "light")


def learned(contender: str, seed: int, minutes: float, images: Material) -> dict[str, Any]:
    """One lesson."""
    name, _, options = contender.partition(":")
    where = space("nasbench201", (32, 32, 3), 10)
    settings = settings_of(name, parse_options(name, options.split(",") if options else []))
    lesson = ALGORITHMS[name](where, [], np.random.default_rng(seed), **settings)
    anchor = where.complete({})
    with tempfile.TemporaryDirectory() as folder:
        task = LessonTask(
            lesson, where, Budget(), anchor, None, seed, seconds=60 * minutes, folder=Path(folder)
        )  # fmt: skip
        return task.learn(WithImages(lambda graph: None, images))


def main() -> None:
    """Run what is not in the results file yet, and print it all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=CONTENDERS)
    parser.add_argument("--results", type=Path, default=Path("weight_sharing.jsonl"))
    asked = parser.parse_args()
    table, images = Table(asked.data / "nas" / "nas_bench_201.npz"), material(asked.data, asked.images)
    done = (
        [json.loads(line) for line in asked.results.read_text().splitlines()]
        if asked.results.exists()
        else []
    )
    for seed in range(asked.seeds):
        for contender in asked.only:
            key = {"contender": contender, "seed": seed, "minutes": asked.minutes, "images": asked.images}
            if any(key.items() <= line.items() for line in done):
                continue
            began = time.perf_counter()
            line = learned(contender, seed, asked.minutes, images)
            place = table.place(line["ranked"][0])
            done.append(
                key | {
                    "cell": line["ranked"][0], "steps": line["steps"], "accuracy": table.accuracy[place],
                    "worse": table.worse(place), "seconds": time.perf_counter() - began,
                    "skips": sum(value in SKIPS for value in line["ranked"][0].values()),
                    "alarm": line["report"].get("alarm", []),
                }
            )  # fmt: skip
            with asked.results.open("a") as file:
                file.write(json.dumps(done[-1]) + "\n")
    for line in done:
        print(
            f"{line['contender']:20} seed {line['seed']}  {line['steps']:5} steps  {line['skips']} skips  "
            f"{line['accuracy']:.2f}% after 200 epochs, better than {line['worse']:.1%}  {line['alarm']}"
        )


if __name__ == "__main__":
    main()
