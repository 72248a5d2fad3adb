"""What the recipes reach: the automatic one beside plain SGD, MNIST to 99% on one core, CIFAR-10 for a start.

    python bench/recipes.py --data FOLDER [--part auto] [--part mnist] [--part cifar] [--seeds 5]

FOLDER holds mnist.npz and fashion_mnist.npz (x_train, y_train, x_test, y_test), cifar10/ (sheets of 100 x 100
tiles and labels.npz) and caltech12/ (a folder of photos per class). All on one thread; seconds are processor
time of the training alone.

`auto`: the recipe "auto" and the recipe "plain" (Keras's defaults: SGD 0.01, batches of 32, no augmentation)
train the same network for the same epochs on the same images; mean test accuracy over the seeds.
`mnist`: `convsmith train mnist_fast mnist --recipe fast --epochs 1`: all 60,000 images once, tested on the
10,000.
`cifar`: speednet with the recipe "fast", on a part of CIFAR-10 and few epochs: that it learns. The 94% of its
paper need a GPU, all images and the author's first values; they have NOT been measured here.

Last result (x86_64 with AVX-512 under others' load, one thread, torch 2.13.0; mean, standard deviation and
seconds; 3 seeds, of the photos 2, which were trained for 10 and 30 epochs):

    Fashion-MNIST, 4,000 images      5 epochs  plain 77.5% (±1.1%, 2.2 s)   auto 83.7% (±0.1%, 1.8 s)
    Fashion-MNIST, 4,000 images     20 epochs  plain 81.8% (±0.6%, 9.3 s)   auto 86.2% (±0.4%, 8.4 s)
    CIFAR-10, 4,000 images           5 epochs  plain 41.7% (±0.7%, 3.5 s)   auto 51.8% (±1.1%, 3.1 s)
    CIFAR-10, 4,000 images          20 epochs  plain 46.4% (±0.5%, 12.6 s)   auto 61.4% (±0.3%, 12.3 s)
    photos of 12 classes, 48 x 48   10 epochs  plain 52.6% (±0.0%, 2.0 s)   auto 65.4% (±3.7%, 2.8 s)
    photos of 12 classes, 48 x 48   30 epochs  plain 55.7% (±1.3%, 6.0 s)   auto 79.6% (±1.0%, 9.9 s)
    mnist_fast, recipe fast, 1 epoch: 99.15% of 10,000 test images (99.09% to 99.23%, 5 seeds), 937 steps,
        5.3 s of one core (23 November 2026; the others are earlier, before few steps took small batches)
    speednet, recipe fast, 2,000 images of CIFAR-10, 6 epochs: 49.1% of 2,000 others, 186 steps, 66 s of
        one core
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Set = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def arrays(path: Path, train: int, test: int) -> Set:
    """The first images of an .npz file in four arrays."""
    found = np.load(path)
    x, y, xt, yt = (found[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    return x[:train, ..., None], y[:train].astype(int), xt[:test, ..., None], yt[:test].astype(int)


def cifar(folder: Path, train: int, test: int) -> Set:
    """The first images of the sheets."""
    from PIL import Image

    labels = np.load(folder / "labels.npz")

    def part(name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
        sheet = np.asarray(Image.open(folder / f"{name}.webp").convert("RGB"))
        tiles = sheet.reshape(100, 32, 100, 32, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 32, 32, 3)
        return tiles[:count], labels[name][:count].astype(int)

    return *part("train_1", train), *part("test", test)


def photos(folder: Path, side: int) -> Set:
    """A folder per class, 70% to train on."""
    import convsmith as cs

    images = cs.read(str(folder))
    split = images.split(seed=0, validation=0.0, test=0.3)
    x = images.pixels((side, side), 3)
    return x[split.train], images.y[split.train], x[split.test], images.y[split.test]


def trained(name: str, data: Set, seed: int, recipe: str, epochs: int) -> tuple[float, float, int]:
    """Test accuracy, processor seconds and steps of one training."""
    from convsmith.engine.loop import fit
    from convsmith.engine.predict import evaluate
    from convsmith.zoo import network

    x, y, xt, yt = data
    graph = network(name, x.shape[1:], int(y.max()) + 1)
    began = time.process_time()
    fitted = fit(graph, x, y, recipe=recipe, epochs=epochs, seed=seed)
    seconds = time.process_time() - began
    steps = fitted.epochs * (len(x) // fitted.recipe["batch_size"])
    return evaluate(graph, xt, yt, weights=fitted.weights)["accuracy"], seconds, steps


def auto(data: Path, seeds: int) -> None:
    """The automatic recipe beside plain SGD."""
    sets: dict[str, Callable[[], Set]] = {
        "Fashion-MNIST, 4,000 images": lambda: arrays(data / "fashion_mnist.npz", 4000, 5000),
        "CIFAR-10, 4,000 images": lambda: cifar(data / "cifar10", 4000, 5000),
        "photos of 12 classes, 48 x 48": lambda: photos(data / "caltech12", 48),
    }
    for title, read in sets.items():
        images = read()
        for epochs in (5, 20):
            told = []
            for recipe in ("plain", "auto"):
                found = [trained("mnist_fast", images, seed, recipe, epochs) for seed in range(seeds)]
                accuracy = [each[0] for each in found]
                spread = np.std(accuracy, ddof=1) if seeds > 1 else 0.0
                seconds = np.mean([each[1] for each in found])
                told.append(f"{recipe} {np.mean(accuracy):.1%} (±{spread:.1%}, {seconds:.1f} s)")
            print(f"    {title:30} {epochs:3} epochs  " + "   ".join(told), flush=True)


def mnist(data: Path, seeds: int) -> None:
    """All of MNIST once."""
    images = arrays(data / "mnist.npz", 60_000, 10_000)
    found = [trained("mnist_fast", images, seed, "fast", 1) for seed in range(seeds)]
    accuracy = np.array([each[0] for each in found])
    print(
        f"    mnist_fast, recipe fast, 1 epoch: {accuracy.mean():.2%} of 10,000 test images "
        f"({accuracy.min():.2%} to {accuracy.max():.2%}, {seeds} seeds), {found[0][2]} steps, "
        f"{np.mean([each[1] for each in found]):.1f} s of one core",
        flush=True,
    )


def speed(data: Path, seeds: int) -> None:
    """A part of CIFAR-10."""
    images = cifar(data / "cifar10", 2000, 2000)
    accuracy, seconds, steps = trained("speednet", images, 0, "fast", 6)
    print(
        f"    speednet, recipe fast, 2,000 images of CIFAR-10, 6 epochs: {accuracy:.1%} of 2,000 others, "
        f"{steps} steps, {seconds:.0f} s of one core",
        flush=True,
    )


PARTS = {"auto": auto, "mnist": mnist, "cifar": speed}


def main() -> None:
    """Run the parts asked for."""
    import torch

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--part", action="append", choices=list(PARTS))
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"    {platform.machine()}, one thread, torch {torch.__version__}, {given.seeds} seeds")
    for part in given.part or PARTS:
        PARTS[part](given.data, given.seeds)


if __name__ == "__main__":
    main()
