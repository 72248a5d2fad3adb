"""Recorded steps train as steps do; on a processor by a stand-in with a CUDA graph's rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from convsmith.cli.main import run as command
from convsmith.engine import training as trainings
from convsmith.engine.device import Resident
from convsmith.engine.loop import fit
from convsmith.engine.lowered.cuda_graphs import WARM_UP, Recorded
from convsmith.engine.optimizers import OPTIMIZERS, optimizer
from convsmith.engine.recipe import recipe
from convsmith.engine.weights import dump
from convsmith.errors import BadInput
from convsmith.graph import Graph, notation

pytestmark = pytest.mark.usefixtures("torch_alone")  # they are not on a device either
layers = notation.layers
EPOCHS = 6


class _Log(TorchDispatchMode):
    """Keeps each operation that runs, with what it was given and what came out."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, list[torch.Tensor | None]]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(part in str(function) for part in ("_local_scalar_dense", "nonzero", "masked_select")):
            raise RuntimeError(f"{function} waits for the device: not allowed while recording")
        kwargs = kwargs or {}
        known = {storage(one) for one in tensors((args, kwargs))}
        found = function(*args, **kwargs)
        fresh = [None if storage(one) in known else one for one in tensors(found)]
        self.calls.append((function, args, kwargs, fresh))
        return found


def tensors(tree: Any) -> list[torch.Tensor]:
    return [one for one in pytree.tree_leaves(tree) if isinstance(one, torch.Tensor)]


def storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


class StandIn:
    """As a CUDA graph: Python runs once; a replay does the same operations on the same memory, with the same
    numbers from Python. Recording here also does the work, so the first replay, which would, is left out.
    """

    def __init__(self) -> None:
        self.replays = 0

    def warm(self, work: Any) -> Any:
        return work()

    def record(self, work: Any, generator: torch.Generator) -> Any:
        with _Log() as log:
            found = work()
        self.calls = log.calls
        return found

    @torch.no_grad()
    def replay(self) -> None:
        self.replays += 1
        if self.replays == 1:
            return
        for function, args, kwargs, fresh in self.calls:
            again = tensors(function(*args, **kwargs))
            for place, one in zip(fresh, again, strict=True):
                if place is not None:
                    place.detach().copy_(one)


class Never(StandIn):
    """A recorder that is never asked, since the first steps do not end."""


def images(count: int = 48) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(count) % 3
    x = rng.integers(0, 120, (count, 8, 8, 1)).astype(np.uint8)
    x[:, :, :4] += (y * 60).astype(np.uint8)[:, None, None, None]
    return x, y.astype(np.int64)


def small(dropout: float = 0.1) -> Graph:
    x = inputs = notation.Input((8, 8, 1))
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(8, 3, use_bias=False)(x)
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.7)(x))
    x = layers.Flatten()(layers.MaxPooling2D()(layers.Conv2D(6, 3, activation="relu")(x)))
    x = layers.Dropout(dropout)(x)
    return notation.Model(inputs, layers.Dense(3, activation="softmax")(x))


def trained(recorder: StandIn, monkeypatch: pytest.MonkeyPatch, **asked: Any) -> tuple[list[float], Any]:
    """Losses and all weights after some epochs of 8 steps."""
    x, y = images()
    usual = {"epochs": EPOCHS, "batch_size": 6, "seed": 2, "augment": "none", "ema": 1.0}
    chosen = recipe(x, y, **{**usual, **asked})
    training = trainings.Training(small(), x, y, chosen, None, None)
    training.recorded = training._recorded(recorder)
    with monkeypatch.context() as patched:
        patched.setattr(trainings, "SETTLED", 10**9 if isinstance(recorder, Never) else 10)
        records = []
        for _ in range(EPOCHS):
            record = training.epoch(None)
            assert record is not None
            training.history.append(record)
            records.append(record)
    live = np.concatenate([array.ravel() for array in dump(training.module).values()])
    mean = np.concatenate([array.ravel() for array in dump(training.average).values()])
    return [record["loss"] for record in records] + [r["accuracy"] for r in records], [live, mean]


@pytest.mark.parametrize(
    "asked",
    [
        *({"optimizer": name} for name in sorted(OPTIMIZERS)),
        {"optimizer": "adamw", "layer_decay": 0.7, "schedule": "cosine"},
        {"optimizer": "sgd", "augment": "strong"},
        {"optimizer": "adam", "balance": "weights", "loss": "categorical_focal_crossentropy"},
        {"optimizer": "adamw", "precision": "bfloat16", "augment": "photos"},
    ],
    ids=lambda asked: "-".join(map(str, asked.values())),
)
def test_replayed_steps_train_as_steps_do(monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]) -> None:
    replayed, plain = StandIn(), Never()
    losses, weights = trained(replayed, monkeypatch, **asked)
    expected, numbers = trained(plain, monkeypatch, **asked)
    assert (replayed.replays, plain.replays) == (EPOCHS * 8 - 9, 0)
    close = 2e-2 if "precision" in asked else 1e-3
    np.testing.assert_allclose(losses, expected, rtol=close)
    assert losses[EPOCHS - 1] != losses[EPOCHS - 2]
    for one, other in zip(weights, numbers, strict=True):
        assert np.linalg.norm(one - other) <= close * np.linalg.norm(other)


CLIPS: list[dict[str, float]] = [{"clipnorm": 0.05}, {"global_clipnorm": 0.05}, {"clipvalue": 0.01}]


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: next(iter(clip)))
def test_clipped_gradients_and_decay_are_replayed(name: str, clip: dict[str, float]) -> None:
    batches = torch.randn(20, 5, 4, generator=torch.Generator().manual_seed(0))
    ends = []
    for recorder in (StandIn(), None):
        weights = [torch.full((4, 3), 0.1, requires_grad=True), torch.full((3,), 0.3, requires_grad=True)]
        used = optimizer(name, weights, weight_decay=0.01, **clip)

        def step(
            x: Any, target: Any, labels: Any, numbers: Any, weights: Any = weights, used: Any = used
        ) -> Any:
            loss = ((x @ weights[0] + weights[1]).tanh() - target).square().mean()
            loss.backward()
            used.apply(numbers)
            return loss.detach(), labels

        call = Recorded(step, recorder, torch.Generator()) if recorder else None
        losses = []
        for at, x in enumerate(batches):
            numbers = used.numbers(0.1 * 0.9**at)
            used.iterations += 1
            given = (x, x[:, :3] * 2 + 1, torch.zeros(5, dtype=torch.int64))
            found = call(*given, numbers, settled=True) if call else step(*given, numbers)
            losses.append(float(found[0]))
        assert recorder is None or recorder.replays == 20 - WARM_UP
        ends.append((losses, [one.detach().clone() for one in weights]))
    np.testing.assert_allclose(ends[0][0], ends[1][0], rtol=1e-4)
    torch.testing.assert_close(ends[0][1], ends[1][1], rtol=1e-3, atol=1e-5)


def test_the_stand_in_would_notice_a_number_that_python_keeps() -> None:
    place = torch.zeros(3)

    def step(x: Any, target: Any, labels: Any, numbers: Any) -> Any:
        place.add_(x.sum() * kept[0])
        return place, labels

    kept = [1.0]
    call = Recorded(step, StandIn(), torch.Generator())
    for at in range(6):
        kept[0] = float(at)
        found, _ = call(torch.ones(1), torch.zeros(1), torch.zeros(1), (1.0,), settled=True)
    assert found.tolist() == [0.0 + 1 + 2 + 3 + 3 + 3] * 3  # not 4 and 5

    def waits(x: Any, target: Any, labels: Any, numbers: Any) -> Any:
        return place * float(numbers[0]), labels

    call = Recorded(waits, StandIn(), torch.Generator())
    given = (torch.ones(1), torch.zeros(1), torch.zeros(1), (1.0,))
    for _ in range(WARM_UP):
        call(*given, settled=True)
    with pytest.raises(RuntimeError, match="waits"):
        call(*given, settled=True)


def test_random_numbers_of_a_replayed_step_are_new_ones() -> None:
    generator = torch.Generator().manual_seed(0)

    def step(x: Any, target: Any, labels: Any, numbers: Any) -> Any:
        return torch.empty(2).uniform_(generator=generator), labels

    call = Recorded(step, StandIn(), generator)
    nothing = torch.zeros(1)
    drawn = [call(nothing, nothing, nothing, (), settled=True)[0].tolist() for _ in range(8)]
    assert drawn == torch.rand(8, 2, generator=torch.Generator().manual_seed(0)).tolist()


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
def test_without_a_device_the_option_is_refused(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    x, y = images()
    with pytest.raises(BadInput, match=r"cuda_graphs.*a CUDA device"):
        fit(small(), x, y, epochs=1, cuda_graphs=True)
    asked = ["train", "mnist_fast", "digits", "--cuda-graphs", "--runs", str(tmp_path / "runs"), "--quiet"]
    assert command(asked) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "CUDA device" in said
    assert not (tmp_path / "runs").exists()


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@needs_cuda
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_cuda_graphs_give_the_same_losses(name: str, precision: str) -> None:
    x, y = images()
    asked: dict[str, Any] = {"epochs": 12, "batch_size": 6, "optimizer": name, "precision": precision}
    runs = [
        fit(small(), x, y, device="cuda", augment="none", cuda_graphs=graphs, **asked)
        for graphs in (False, True)
    ]
    losses = [[record["loss"] for record in one.history] for one in runs]
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.05 if precision == "bfloat16" else 0.01)


@needs_cuda
@pytest.mark.parametrize("precision", ["high", "highest"])
def test_tf32_trains_as_far(precision: str) -> None:
    before = torch.get_float32_matmul_precision()
    x, y = images()
    try:
        torch.set_float32_matmul_precision(precision)
        asked: dict[str, Any] = {"epochs": 12, "batch_size": 6, "augment": "none"}
        runs = [
            fit(small(), x, y, device=where, cuda_graphs=where == "cuda", **asked)
            for where in ("cpu", "cuda")
        ]
    finally:
        torch.set_float32_matmul_precision(before)
    assert runs[1].history[-1]["loss"] == pytest.approx(runs[0].history[-1]["loss"], rel=0.1)


@needs_cuda
@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("augment", ["none", "photos", "strong"])
def test_no_step_waits_for_the_device(graphs: bool, augment: str) -> None:
    class Watched(trainings.Training):
        def _step(self, *args: Any) -> Any:
            watched = self.steps > trainings.SETTLED + WARM_UP
            torch.cuda.set_sync_debug_mode("error" if watched else "default")
            try:
                return super()._step(*args)
            finally:
                torch.cuda.set_sync_debug_mode("default")

    x, y = images()
    chosen = recipe(x, y, epochs=60, batch_size=6, augment=augment, cuda_graphs=graphs)
    training = Watched(small(), x, y, chosen,
                       None, None, None, torch.device("cuda"))  # fmt: skip
    assert isinstance(training.source, Resident)
    for _ in range(12):
        training.history.append(training.epoch(None) or {})
    assert training.steps == 96
    assert (training.recorded is not None) == graphs
