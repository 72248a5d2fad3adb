"""Training speed on this machine's CPU: Keras on torch, an ordinary PyTorch loop, and convsmith.

    python bench/training.py [--threads 2] [--rounds 5] [--network course_cnn] [--cpu]

Every contender trains the same network on the same images in batches of 128, with the same optimizer
(Adadelta, learning rate 1) and the same number of threads; what is compared is the median over the rounds.
convsmith comes last, because its settings of the allocator hold for the whole process. `share` is the rate
of multiply-adds (three times the forward pass's) over the best rate of a 2048 x 2048 float32 matrix product
measured between the rounds: 1.0 would be a training step made of nothing but matrix products. With `--cpu`
the seconds are the process's own processor time, for machines that others use at the same time.

Last result (two shared cores under others' load, so processor time of one thread; --batches 6 --rounds 3):

    course_cnn, batch 128, 1 threads, processor time, Intel Xeon (AVX-512); convsmith 0.1.0, keras 3.15.1,
    torch 2.13.0+cpu, Python 3.11.7; matrix product: 82 G multiply-adds/s
                                    images/s   least    most   ratio   share
    Keras on torch                       480     472     536    1.00    0.21
    PyTorch loop                         735     732     742    1.53    0.32
    PyTorch loop, channels last        1,003     955   1,020    2.09    0.44
    convsmith                          1,197   1,189   1,227    2.49    0.53
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np

BATCH = 128


def batches(shape: tuple[int, ...], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random images and labels for that many batches."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (count * BATCH, *shape)).astype(np.float32)
    return x, rng.integers(0, 10, count * BATCH)


def keras_model(graph: Any) -> Any:
    """The same network as a compiled Keras model."""
    import keras

    from convsmith.graph.keras_json_out import to_keras_json

    model = keras.models.model_from_json(json.dumps(to_keras_json(graph)))
    model.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.Adadelta(learning_rate=1.0),
        metrics=["accuracy"],
    )
    return model


def by_keras(graph: Any, x: np.ndarray, y: np.ndarray) -> Callable[[], None]:
    """``model.fit`` of Keras."""
    import keras

    model, target = keras_model(graph), keras.utils.to_categorical(y, 10)
    return lambda: model.fit(x, target, batch_size=BATCH, epochs=1, verbose=0)


def by_convsmith(graph: Any, x: np.ndarray, y: np.ndarray) -> Callable[[], None]:
    """``convsmith.fit`` on the same Keras model."""
    import keras

    import convsmith

    model, target = keras_model(graph), keras.utils.to_categorical(y, 10)
    return lambda: convsmith.fit(model, x, target, batch_size=BATCH, epochs=1, verbose=0)


def by_loop(graph: Any, x: np.ndarray, y: np.ndarray, *, channels_last: bool) -> Callable[[], None]:
    """The loop that everybody writes: DataLoader, nn modules, torch.optim."""
    import torch

    from convsmith.engine.lower import lower
    from convsmith.engine.weights import initial

    layout = torch.channels_last if channels_last else torch.contiguous_format
    module = _Plain(lower(graph, initial(graph, seed=0)), layout)
    module.to(memory_format=layout)
    optimizer = torch.optim.Adadelta(module.parameters(), lr=1.0, rho=0.95, eps=1e-7)
    images = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    data = torch.utils.data.TensorDataset(images, torch.from_numpy(y))
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True)
    loss = torch.nn.CrossEntropyLoss()

    def epoch() -> None:
        module.train()
        right = 0
        for image, label in loader:
            optimizer.zero_grad()
            scores = module(image.contiguous(memory_format=layout))
            loss(scores, label).backward()
            optimizer.step()
            right += int((scores.argmax(1) == label).sum())

    return epoch


def _Plain(module: Any, layout: Any) -> Any:  # noqa: N802
    """The lowered network's own layers one after the other, without the engine around them."""
    import torch

    parts: list[Any] = []
    for step in module.steps:
        parts.append(step.layer)
        if step.activation is not None and "Softmax" not in type(step.activation).__name__:
            parts.append(step.activation)
    return torch.nn.Sequential(*parts)


def gemm_rate(clock: Callable[[], float], size: int = 2048) -> float:
    """Multiply-adds per second of a float32 matrix product."""
    import torch

    a, out = torch.rand(size, size), torch.empty(size, size)
    torch.mm(a, a, out=out)
    began = clock()
    torch.mm(a, a, out=out)
    return size**3 / (clock() - began)


def main() -> None:
    """Run the rounds and print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--batches", type=int, default=8)
    options.add_argument("--network", default="course_cnn")
    options.add_argument("--cpu", action="store_true")
    chosen = options.parse_args()
    clock = time.process_time if chosen.cpu else time.perf_counter

    import keras
    import torch

    import convsmith
    from convsmith.zoo import network

    torch.set_num_threads(chosen.threads)
    graph = network(chosen.network)
    assert graph.macs is not None
    x, y = batches(graph.input_shape, chosen.batches)
    contenders = {
        "Keras on torch": by_keras(graph, x, y),
        "PyTorch loop": by_loop(graph, x, y, channels_last=False),
        "PyTorch loop, channels last": by_loop(graph, x, y, channels_last=True),
        "convsmith": by_convsmith(graph, x, y),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    gemm = []
    for name, epoch in contenders.items():
        for turn in range(chosen.rounds + 1):
            gemm.append(gemm_rate(clock))
            began = clock()
            epoch()
            if turn:
                rates[name].append(len(x) / (clock() - began))
    measured = "processor" if chosen.cpu else "wall"
    print(
        f"{chosen.network}, batch {BATCH}, {chosen.threads} threads, {measured} time, {processor()}; "
        f"convsmith {convsmith.__version__}, keras {keras.__version__}, torch {torch.__version__}, "
        f"Python {platform.python_version()}"
    )
    base = statistics.median(rates["Keras on torch"])
    product = max(gemm)
    print(f"matrix product: {product / 1e9:.0f} G multiply-adds/s")
    print(f"{'':30}{'images/s':>10}{'least':>8}{'most':>8}{'ratio':>8}{'share':>8}")
    for name, found in rates.items():
        middle = statistics.median(found)
        share = middle * 3 * graph.macs / product
        print(f"{name:30}{middle:10,.0f}{min(found):8,.0f}{max(found):8,.0f}{middle / base:8.2f}{share:8.2f}")


def processor() -> str:
    """The processor's name."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
