"""The contenders of `training.py`, a process each; lines of JSON say what to load and how long to train."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

IMAGES = {"course_cnn": 2048, "lenet5": 8192, "resnet20": 512, "mobilenet_v2_035": 256}
"""Images in an epoch: half a second to two of training on a processor; 16 times as many on a device."""
OPTIMIZERS = {
    "course_cnn": "Adadelta 1.0",
    "lenet5": "Adam 0.001",
    "resnet20": "SGD 0.1 with momentum",
    "mobilenet_v2_035": "SGD 0.05 with momentum",
}
_RATE = {name: float(text.split()[1]) for name, text in OPTIMIZERS.items()}


def network(name: str) -> Any:
    """The Graph of that network."""
    from convsmith.zoo import network as zoo
    from convsmith.zoo.mobilenet_v2 import mobilenet_v2

    return mobilenet_v2(0.35, (96, 96, 3), 10, name=name) if name == "mobilenet_v2_035" else zoo(name)


@dataclass(frozen=True)
class Task:
    """What to train.

    Args:
        name: of the network.
        model: the network in Keras's JSON.
        batch: images in a step.
        x: images, (N, H, W, C) float32.
        y: class numbers, (N,).
        device: cpu or cuda; Keras takes what it finds.
    """

    name: str
    model: str
    batch: int
    x: np.ndarray
    y: np.ndarray
    device: str


Epoch = Callable[[], None]


def keras_model(task: Task) -> Any:
    """The network as a compiled Keras model."""
    import keras

    model = keras.models.model_from_json(task.model)
    kind = OPTIMIZERS[task.name].split()[0]
    settings = {"momentum": 0.9} if kind == "SGD" else {}
    model.compile(
        loss="categorical_crossentropy",
        optimizer=getattr(keras.optimizers, kind)(learning_rate=_RATE[task.name], **settings),
        metrics=["accuracy"],
    )
    return model


def by_keras(task: Task) -> Epoch:
    """``model.fit`` of Keras."""
    import keras

    model, target = keras_model(task), keras.utils.to_categorical(task.y, 10)
    return lambda: model.fit(task.x, target, batch_size=task.batch, epochs=1, verbose=0)


def by_fit(task: Task) -> Epoch:
    """``convsmith.fit`` on the same Keras model."""
    import keras

    import convsmith

    model, target = keras_model(task), keras.utils.to_categorical(task.y, 10)
    return lambda: convsmith.fit(model, task.x, target, batch_size=task.batch, epochs=1, verbose=0)


def by_train(task: Task, *, precision: str = "float32", cuda_graphs: bool = False) -> Epoch:
    """The loop of ``convsmith.train``."""
    import torch

    from convsmith.engine.recipe import recipe
    from convsmith.engine.training import Training

    chosen = recipe(
        task.x,
        task.y,
        epochs=10**6,
        batch_size=task.batch,
        optimizer=OPTIMIZERS[task.name].split()[0].lower(),
        learning_rate=_RATE[task.name],
        schedule="constant",
        warm_up=0.0,
        weight_decay=0.0,
        label_smoothing=0.0,
        ema=0.0,
        augment="none",
        precision=precision,
        cuda_graphs=cuda_graphs,
        seed=0,
    )
    place, net = torch.device(task.device), network(task.name)
    training = Training(net, task.x, task.y, chosen, None, None, device=place)

    def epoch() -> None:
        training.epoch(None)

    return epoch


def by_loop(task: Task, *, channels_last: bool = False, compiled: bool = False, short: bool = False) -> Epoch:
    """The loop that everybody writes: DataLoader, nn modules, torch.optim."""
    import torch

    layout = torch.channels_last if channels_last else torch.contiguous_format
    module = _plain(network(task.name)).to(memory_format=layout).to(task.device)
    rate = _RATE[task.name]
    optimizer = {
        "Adadelta": lambda p: torch.optim.Adadelta(p, lr=rate, rho=0.95, eps=1e-7),
        "Adam": lambda p: torch.optim.Adam(p, lr=rate, eps=1e-7),
        "SGD": lambda p: torch.optim.SGD(p, lr=rate, momentum=0.9),
    }[OPTIMIZERS[task.name].split()[0]](module.parameters())
    images = torch.from_numpy(task.x).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    data = torch.utils.data.TensorDataset(images, torch.from_numpy(task.y))
    loader = torch.utils.data.DataLoader(data, batch_size=task.batch, shuffle=True)
    loss = torch.nn.CrossEntropyLoss()
    call = torch.compile(module) if compiled else module

    def epoch() -> None:
        module.train()
        right = torch.zeros((), dtype=torch.int64, device=task.device)
        for rows, labels in loader:
            optimizer.zero_grad()
            image, label = rows.to(task.device).contiguous(memory_format=layout), labels.to(task.device)
            with torch.autocast(task.device, torch.bfloat16, enabled=short):
                found = loss(scores := call(image), label)
            found.backward()
            optimizer.step()
            right += (scores.argmax(1) == label).sum()
        int(right)

    return epoch


def _plain(graph: Any) -> Any:
    """The network of torch's own layers, called one after the other, without the engine around them."""
    import torch

    from convsmith.engine.lower import lower
    from convsmith.engine.weights import initial
    from convsmith.kinds._torch import BatchNorm

    lowered = lower(graph, initial(graph, seed=0))

    class Plain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.calls = []
            self.parts = torch.nn.ModuleList()
            for node in graph.nodes[1:]:
                step = lowered.steps_by_name[node.name]
                layer, then = step.layer, step.activation
                if isinstance(layer, BatchNorm):
                    layer = torch.nn.BatchNorm2d(len(layer.running_mean), layer.eps, 1 - layer.momentum)
                softmax = "Softmax" in type(then).__name__
                self.parts.append(layer)
                self.parts.append(torch.nn.Identity() if then is None or softmax else then)
                self.calls.append((node.name, node.inputs))

        def forward(self, x: Any) -> Any:
            values = {graph.inputs[0]: x}
            for at, (name, sources) in enumerate(self.calls):
                values[name] = self.parts[2 * at + 1](self.parts[2 * at](*[values[s] for s in sources]))
            return values[graph.outputs[0]]

    return Plain()


def by_product(task: Task, size: int = 2048) -> Epoch:
    """Matrix products; an image is a multiply-add."""
    import torch

    a, out = torch.rand(2, size, size, device=task.device)

    def epoch() -> None:
        torch.mm(a, a, out=out)
        _wait(task.device)

    return epoch


@dataclass(frozen=True)
class Entry:
    """A contender.

    Args:
        start: makes the function that trains an epoch.
        backend: Keras's.
        trains: whether it is more than a yardstick.
        devices: where it runs.
    """

    start: Callable[[Task], Epoch]
    backend: str = "torch"
    trains: bool = True
    devices: tuple[str, ...] = ("cpu", "cuda")


CONTENDERS = {
    "matrix product": Entry(by_product, trains=False),
    "Keras on torch": Entry(by_keras),
    "Keras on JAX": Entry(by_keras, "jax"),
    "Keras on TensorFlow": Entry(by_keras, "tensorflow"),
    "PyTorch loop": Entry(by_loop),
    "PyTorch loop, channels last": Entry(partial(by_loop, channels_last=True)),
    "torch.compile": Entry(partial(by_loop, compiled=True)),
    "PyTorch loop, bfloat16": Entry(partial(by_loop, short=True), devices=("cuda",)),
    "convsmith fit": Entry(by_fit, devices=("cpu",)),
    "convsmith train": Entry(by_train),
    "convsmith, CUDA graphs": Entry(partial(by_train, cuda_graphs=True), devices=("cuda",)),
    "convsmith, bfloat16": Entry(partial(by_train, precision="bfloat16"), devices=("cuda",)),
    "convsmith, both": Entry(partial(by_train, precision="bfloat16", cuda_graphs=True), devices=("cuda",)),
}


def _wait(device: str) -> None:
    """Until the device has done everything; a clock read before that tells nothing."""
    if device == "cuda":
        torch = importlib.import_module("torch")
        torch.cuda.synchronize()


def versions(entry: Entry) -> dict[str, str]:
    """The versions of what this contender imports; fails where it is not installed."""
    found = {"Python": sys.version.split()[0]}
    names = [entry.backend] if entry.start is not by_keras else [entry.backend, "keras"]
    for name in names:
        found[name] = importlib.import_module(name).__version__
    return found


def main() -> None:
    """Answer one line of JSON with another."""
    entry, threads, device = CONTENDERS[sys.argv[1]], int(sys.argv[2]), sys.argv[3]
    waited = device if entry.backend == "torch" else "cpu"  # epochs of others end with numbers in Python
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes to the error stream
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:threads]))
    found = versions(entry)
    if entry.backend == "torch":
        import torch

        torch.set_num_threads(threads)
    print(json.dumps(found), file=answers)
    epoch: Epoch = lambda: None  # noqa: E731
    images = 0
    for line in sys.stdin:
        asked = json.loads(line)
        if "load" in asked:
            rng = np.random.default_rng(0)
            images = IMAGES[asked["load"]] * (16 if device == "cuda" else 1)
            x = rng.uniform(0, 1, (images, *asked["shape"])).astype(np.float32)
            y, model = rng.integers(0, 10, images), Path(asked["model"]).read_text()
            task = Task(asked["load"], model, asked["batch"], x, y, device)
            images = images if entry.trains else 2048**3
            epoch = entry.start(task)
            for _ in range(2):
                epoch()
            _wait(waited)
            print("{}", file=answers)
            continue
        wall, cpu, done = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - wall < asked["seconds"]:
            epoch()
            done += images
        _wait(waited)
        answer = {"images": done, "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
