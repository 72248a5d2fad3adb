"""What measuring batch-norm statistics anew does to short trainings, and to the order of networks after them.

    python bench/norm_statistics.py FASHION_MNIST.npz RESULTS.jsonl [--networks 40] [--long 10] [--minutes 12]

Networks with batch norm are drawn from the space `stages` and trained by the automatic recipe on 2,000 images
for one epoch, for two, and for a long training; each is judged on 2,000 other images with the statistics as
the training left them and with others: measured anew on 256, 1,024 or all training images, or on varied ones.
RESULTS keeps a line for each network and is gone on with. All on one thread.

Last result: docs/decisions/0057-statistics-measured-before-judging.md.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

MOST_MACS = 1_200_000
IMAGES = 2000


def judged(graph: Any, data: tuple[np.ndarray, ...], epochs: int) -> dict[str, Any]:
    """Accuracy and loss after a training, by how the statistics were found."""
    from convsmith.engine.predict import evaluate
    from convsmith.engine.recipe import recipe
    from convsmith.engine.train.statistics import settle
    from convsmith.engine.training import Training

    x, y, x_test, y_test = data
    began = time.process_time()
    training = Training(graph, x, y, recipe(x, y, epochs=epochs, seed=0), None, None)
    while not training.done:
        training.history.append(training.epoch(None) or {})
    found: dict[str, Any] = {
        "seconds": time.process_time() - began,
        "train_loss": training.history[-1]["loss"],
    }
    module = training.judged()
    rows = np.random.default_rng(0).permutation(len(x))
    varied = vary(training, x)
    kinds = {"as left": None} | {
        name: (images, np.array_split(rows[:count], max(1, count // 128)))
        for name, images, count in (
            ("256", x, 256), ("1024", x, 1024), ("all", x, len(x)), ("1024 varied", varied, 1024),
        )
    }  # fmt: skip
    for name, kind in kinds.items():
        began = time.process_time()
        if kind is not None:
            settle(module, *kind)
        spent = time.process_time() - began
        score = evaluate(module, x_test, y_test)
        found[name] = {"accuracy": score["accuracy"], "loss": score["loss"], "seconds": spent}
    return found


def vary(training: Any, x: np.ndarray) -> np.ndarray:
    """The images as the end of the training saw them."""
    import torch

    from convsmith.engine.predict import to_NCHW

    dice = torch.Generator().manual_seed(0)
    seen, _ = training.policy(to_NCHW(x), torch.from_numpy(training.y), classes=10, generator=dice)
    return np.ascontiguousarray(seen.permute(0, 2, 3, 1).numpy())


def drawn(count: int) -> Any:
    """Networks of the space with batch norm, small enough for many trainings."""
    from convsmith.nas.spaces import space

    stages, rng = space("stages", (28, 28, 1), 10), np.random.default_rng(57)
    while count:
        graph = stages.graph(stages.sample(rng))
        normed = any(node.kind_name == "BatchNormalization" for node in graph.nodes)
        if normed and graph.macs is not None and graph.macs <= MOST_MACS:
            count -= 1
            yield graph


def tell(lines: list[dict[str, Any]], lengths: list[int]) -> None:
    """Means, and rank correlations of each short training with the long one's end."""
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    long = str(lengths[-1])
    print(f"{len(lines)} networks")

    def column(length: str, name: str, what: str) -> np.ndarray:
        return np.array([line[length][name][what] for line in lines])

    names = [name for name, one in lines[0][long].items() if isinstance(one, dict)]
    for length in map(str, lengths):
        seconds = np.array([line[length]["seconds"] for line in lines])
        for name in names:
            accuracy, loss = column(length, name, "accuracy"), column(length, name, "loss")
            end = column(long, "all", "accuracy")
            rank = spearmanr(accuracy, end)[0]
            by_loss = spearmanr(-loss, end)[0]
            cost = (column(length, name, "seconds") / seconds).mean()
            print(
                f"{length:>3} epochs, {name:12} accuracy {accuracy.mean():.4f} (worst {accuracy.min():.3f}) "
                f"loss {loss.mean():.3f} rank {rank:.3f} by loss {by_loss:.3f} cost {cost:.1%}"
            )
        pairs = [rng.integers(len(lines), size=len(lines)) for _ in range(2000)]
        old, new = column(length, "as left", "accuracy"), column(length, "1024", "accuracy")
        gained = [spearmanr(new[p], end[p])[0] - spearmanr(old[p], end[p])[0] for p in pairs]
        print(f"    rank gained by 1024: 95% between {np.quantile(gained, 0.025):.3f} and "
              f"{np.quantile(gained, 0.975):.3f}")  # fmt: skip


def main() -> None:
    """Train what is not in the results yet, then tell."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("data", type=Path)
    options.add_argument("results", type=Path)
    options.add_argument("--networks", type=int, default=40)
    options.add_argument("--long", type=int, default=10)
    options.add_argument("--minutes", type=float, default=12)
    chosen = options.parse_args()
    import torch

    torch.set_num_threads(1)
    arrays = np.load(chosen.data)
    x, y = arrays["x_train"][..., None], arrays["y_train"].astype(np.int64)
    data = x[:IMAGES], y[:IMAGES], x[-IMAGES:], y[-IMAGES:]
    lengths = [1, 2, chosen.long]
    lines = (
        [json.loads(line) for line in chosen.results.read_text().splitlines()]
        if chosen.results.exists()
        else []
    )
    end = time.process_time() + 60 * chosen.minutes
    for graph in list(drawn(chosen.networks))[len(lines) :]:
        if time.process_time() > end:
            break
        line = {"macs": graph.macs, **{str(epochs): judged(graph, data, epochs) for epochs in lengths}}
        lines.append(line)
        with chosen.results.open("a") as file:
            file.write(json.dumps(line) + "\n")
    tell(lines, lengths)


if __name__ == "__main__":
    main()
