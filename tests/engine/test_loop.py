"""The training loop: it learns, repeats itself bit for bit, goes on after kill -9, and can be re-planned."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import torch

from convsmith.engine import loop, training
from convsmith.engine.augment.policy import POLICIES, Policy
from convsmith.engine.loop import TrainingFailed, fit
from convsmith.engine.predict import evaluate
from convsmith.engine.train.checkpoint import OtherTraining
from convsmith.engine.train.schedule import share
from convsmith.engine.training import of_views
from convsmith.engine.weights import initial
from convsmith.errors import BadInput, BadName, ConvsmithError
from convsmith.graph import notation

layers = notation.layers


def small(classes: int = 3):
    x = inputs = notation.Input((8, 8, 1))
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    for name, width, stride in (("a", 8, 1), ("b", 16, 2)):
        x = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False, name=name)(x)
        x = layers.Activation("relu")(layers.BatchNormalization(name=f"{name}_bn")(x))
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return notation.Model(inputs, layers.Dense(classes, activation="softmax", name="out")(x), name="small")


def stripes(count: int = 96, seed: int = 0):
    """Three classes: rows, columns, a chessboard, in noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    row, column = np.arange(8)[:, None] % 2, np.arange(8)[None, :] % 2
    patterns = np.stack([row + 0 * column, column + 0 * row, row ^ column])
    x = patterns[y] * 120 + rng.integers(0, 120, (count, 8, 8))
    return x.astype(np.uint8)[..., None], y


def same(one, other) -> bool:
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


def test_it_learns():
    x, y = stripes()
    held = stripes(60, seed=9)
    fitted = fit(small(), x, y, epochs=12, augment="none", validation=held)
    assert fitted.finished
    assert fitted.epochs == 12
    assert evaluate(small(), *held, weights=fitted.weights)["accuracy"] > 0.95
    assert fitted.history[-1]["val_accuracy"] == evaluate(small(), *held, weights=fitted.weights)["accuracy"]
    assert fitted.history[0]["loss"] > fitted.history[-1]["loss"]
    assert fitted.recipe["optimizer"] == "adamw"
    json.dumps([fitted.history, fitted.recipe])


@pytest.mark.parametrize("augment", ["none", "digits", {"flip": 0.5, "cutout": 0.3, "mixup": 0.5}])
def test_the_same_seed_gives_the_same_bits(augment):
    x, y = stripes()
    one, again, other = (
        fit(small(), x, y, epochs=2, augment=augment, seed=seed).weights for seed in (4, 4, 5)
    )
    assert same(one, again)
    assert not same(one, other)


@pytest.mark.parametrize("what", ["order", "augment", "weights"])
def test_another_seed_is_another_training(what, monkeypatch):
    """The order of the images, how they are varied and the first weights: each by the seed, each anew."""
    x, y = stripes(24)
    seen: dict[int, list[bytes]] = {}
    first = initial(small(), 0)
    policy = POLICIES["digits"] if what == "augment" else Policy()

    class Seen(Policy):
        def __call__(self, x_NCHW, target, *, classes, generator):
            changed = policy(x_NCHW, target, classes=classes, generator=generator)
            seen[seed].append(changed[0].numpy().tobytes())
            return changed

    given = {} if what == "weights" else {"weights": first}
    batch = 24 if what == "augment" else 4  # all images at once, sorted, come in one order
    found = {}
    for seed in (0, 1, 2):
        seen[seed] = []
        fitted = fit(small(), x, y, epochs=2, seed=seed, augment=Seen(), batch_size=batch, **given)
        found[seed] = fitted.weights
        each = len(seen[seed]) // 2
        assert what == "weights" or seen[seed][:each] != seen[seed][each:]  # and another in each epoch
    assert seen[0] != seen[1] != seen[2] != seen[0]
    starts = [initial(small(), seed)["a/kernel"].tobytes() for seed in (0, 1, 2)]
    assert len(set(starts)) == 3
    assert not same(found[0], found[1])


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "nadam", "lion", "muon", "rmsprop", "adagrad"])
def test_weight_decay_is_of_kernels_alone(optimizer):
    """Of one step with and without it: kernels differ by what decays, all else by nothing."""
    x, y = stripes(24)
    options = {
        "optimizer": optimizer, "learning_rate": 0.01, "schedule": "constant", "epochs": 1, "batch_size": 24,
        "ema": 0, "augment": "none", "seed": 0,
    }  # fmt: skip
    start = initial(small(), 0)
    start = {name: array + 0.5 for name, array in start.items()}
    without = fit(small(), x, y, weights=start, weight_decay=0.0, **options).weights
    decayed = fit(small(), x, y, weights=start, weight_decay=0.2, **options).weights
    for name in start:
        if "moving" in name:
            continue
        if name.endswith("kernel"):
            np.testing.assert_allclose(
                without[name] - decayed[name], 0.01 * 0.2 * start[name], rtol=0.02, atol=1e-6
            )
        else:
            assert (without[name] == decayed[name]).all(), name


def test_nothing_outside_is_disturbed():
    x, y = stripes()
    torch.manual_seed(3)
    np.random.seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[union-attr]
    fit(small(), x, y, epochs=1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # type: ignore[index]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "adadelta"])
def test_a_checkpoint_goes_on_bit_for_bit(tmp_path, optimizer, monkeypatch):
    monkeypatch.setattr(training, "SAVE_SHARE", 1e9)  # after each epoch
    x, y = stripes()
    told: list[dict] = []
    whole = fit(small(), x, y, epochs=5, optimizer=optimizer, validation=(x[:9], y[:9]))

    class Stop(Exception):
        pass

    def crash(record):
        told.append(record)
        if len(told) in (2, 4):
            raise Stop

    path = tmp_path / "state.safetensors"
    fitted = None
    for _ in range(3):
        try:
            fitted = fit(
                small(), x, y, epochs=5, optimizer=optimizer, validation=(x[:9], y[:9]), checkpoint=path,
                on_epoch=crash,
            )  # fmt: skip
        except Stop:
            continue
    assert fitted is not None
    assert [record["epoch"] for record in told] == [1, 2, 2, 3, 3, 4, 5], "the broken epoch is done again"
    assert same(fitted.weights, whole.weights)
    assert [{**r, "seconds": 0} for r in fitted.history] == [{**r, "seconds": 0} for r in whole.history]
    again = fit(small(), x, y, epochs=5, optimizer=optimizer, validation=(x[:9], y[:9]), checkpoint=path)
    assert same(again.weights, whole.weights), "a finished training is not done again"


CHILD = """
import sys
import numpy as np
import torch
torch.set_num_threads(1)
sys.path.insert(0, {folder!r})
from test_loop import small, stripes
from pathlib import Path
from convsmith.engine.loop import fit
from convsmith.engine.weights import save
x, y = stripes()
def told(record):
    print("epoch", record["epoch"], flush=True)
fitted = fit(small(), x, y, epochs=40, checkpoint=Path({state!r}), on_epoch=told, seed=3)
save({final!r}, fitted.weights)
print("done", flush=True)
"""


@pytest.mark.slow
def test_kill_and_the_same_call_end_with_the_same_bytes(tmp_path):
    def child(name: str):
        code = textwrap.dedent(CHILD).format(
            folder=os.path.dirname(__file__), state=str(tmp_path / f"{name}.ckpt"), final=str(tmp_path / name)
        )
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
        )

    undisturbed = child("whole")
    out, _ = undisturbed.communicate()
    assert undisturbed.returncode == 0
    assert "done" in out
    killed = 0
    for after in (2, 11):  # epochs seen before the kill, wherever the process then is
        process = child("killed")
        assert process.stdout is not None
        for count, _line in enumerate(process.stdout, 1):
            if count == after:
                time.sleep(0.003 * after)
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
        killed += process.returncode == -signal.SIGKILL
    assert killed >= 1
    process = child("killed")
    process.communicate()
    assert process.returncode == 0
    assert (tmp_path / "killed").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    x, y = stripes()
    path = tmp_path / "state.safetensors"
    fit(small(), x, y, epochs=1, checkpoint=path)
    with pytest.raises(OtherTraining, match="learning_rate"):
        fit(small(), x, y, epochs=1, checkpoint=path, learning_rate=0.5)
    with pytest.raises(OtherTraining, match="images"):
        fit(small(), 255 - x, y, epochs=1, checkpoint=path)
    with pytest.raises(OtherTraining, match="network"):
        fit(small(4), x, y, epochs=1, checkpoint=path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BadInput, match="cannot be read"):
        fit(small(), x, y, epochs=1, checkpoint=path)


def test_replanning_spreads_the_rest_of_the_schedule(tmp_path):
    x, y = stripes()
    plan = {3: 5}
    fitted = fit(
        small(), x, y, epochs=10, on_epoch=lambda record: plan.get(record["epoch"]), schedule="one_cycle",
        checkpoint=tmp_path / "c",
    )  # fmt: skip
    assert fitted.epochs == 5
    # Three of ten epochs are .3 of the way; the other two share the remaining .7 and end at 0.
    steps = 96 // fitted.recipe["batch_size"]
    ends = [0.1, 0.2, 0.3, 0.65, 1.0]
    starts = [0.0, *ends[:-1]]
    for record, start, end in zip(fitted.history, starts, ends, strict=True):
        at = start + (end - start) * (steps - 1) / steps
        expected = fitted.recipe["learning_rate"] * share("one_cycle", at, fitted.recipe["warm_up"])
        assert record["learning_rate"] == pytest.approx(expected)
    # The same call keeps the new plan; a longer one goes on.
    assert fit(small(), x, y, epochs=10, checkpoint=tmp_path / "c").epochs == 5
    assert fit(small(), x, y, epochs=7, checkpoint=tmp_path / "c").epochs == 7


def test_on_epoch_can_end_it():
    x, y = stripes()
    fitted = fit(small(), x, y, epochs=10, on_epoch=lambda record: 2 if record["epoch"] == 2 else None)
    assert fitted.epochs == 2
    assert fitted.finished


def test_the_deadline_ends_it_at_once():
    x, y = stripes()
    calls = iter(range(100))
    fitted = fit(small(), x, y, epochs=10, batch_size=16, deadline=lambda: next(calls) >= 7)
    assert not fitted.finished
    assert fitted.epochs == 1
    assert set(fitted.weights) == set(small().weights)


def test_a_memory_mapped_array_gives_the_same(tmp_path):
    x, y = stripes()
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    one = fit(small(), x, y, epochs=1)
    assert same(fit(small(), mapped, y, epochs=1).weights, one.weights)
    assert same(fit(small(), x.astype(np.float32), y, epochs=1).weights, one.weights)


def test_starting_from_weights():
    x, y = stripes()
    first = initial(small(), seed=11)
    kept = {name: array.copy() for name, array in first.items()}
    one = fit(small(), x, y, weights=first, epochs=1, learning_rate=0.0, ema=0)
    assert same({"out/kernel": one.weights["out/kernel"]}, {"out/kernel": first["out/kernel"]})
    assert same(first, kept), "what came in is left alone"


def test_a_loss_that_is_no_number_says_when_and_what_to_try():
    x, y = stripes()
    with pytest.raises(
        TrainingFailed, match=r"in epoch \d; try: a smaller learning rate than 1e\+06"
    ) as raised:
        fit(small(), x, y, epochs=3, learning_rate=1e6, optimizer="sgd", warm_up=0.0)
    assert isinstance(raised.value, ConvsmithError)


def test_bad_input_is_named():
    x, y = stripes()
    for arguments, message in (
        ({"x": x[..., 0]}, r"images of shape \(96, 8, 8\).*\(N, 8, 8, 1\)"),
        ({"x": np.repeat(x, 3, -1)}, "images of shape"),
        ({"y": y[:5]}, "labels"),
        ({"y": y + 1}, "0 to 2"),
        ({"y": y - 1}, "0 to 2"),
        ({"y": y.astype(np.float32)}, "whole number"),
        ({"x": x[:0], "y": y[:0]}, "at least one image"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"label_smoothing": 2}, "label_smoothing"),
        ({"validation": (x, y[:3])}, "labels"),
    ):
        with pytest.raises(BadInput, match=message):
            fit(**{"graph": small(), "x": x, "y": y, **arguments})  # type: ignore[arg-type]
    for arguments, near in (
        ({"optimizer": "adamww"}, "adamw"),
        ({"schedule": "cosin"}, "cosine"),
        ({"augment": "digit"}, "digits"),
    ):
        with pytest.raises(BadName, match=f"did you mean '{near}'"):
            fit(small(), x, y, **arguments)  # type: ignore[arg-type]


def test_fewer_images_than_a_batch():
    x, y = stripes(5)
    assert fit(small(), x, y, epochs=2, batch_size=64).epochs == 2


def test_statistics_are_right_after_a_few_steps():
    # With Keras's momentum of .99 the first values would still weigh .7 after 36 steps.
    x, y = stripes()
    fitted = fit(small(), x, y, epochs=6, batch_size=16, learning_rate=1e-9, ema=0, augment="none")
    kernel = fitted.weights["a/kernel"]
    out = torch.nn.functional.conv2d(
        torch.from_numpy(x / 127.5 - 1).permute(0, 3, 1, 2).float(),
        torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()),
        padding=1,
    )
    np.testing.assert_allclose(fitted.weights["a_bn/moving_mean"], out.mean(dim=(0, 2, 3)), atol=0.02)
    np.testing.assert_allclose(fitted.weights["a_bn/moving_variance"], out.var(dim=(0, 2, 3)), rtol=0.1)


def test_every_public_name_has_an_example():
    assert ">>>" in (loop.fit.__doc__ or "")


def test_an_epoch_takes_one_view_of_each_image_and_all_come_in_turn() -> None:
    images = np.random.default_rng(0).permutation(7)
    rows = [of_views(images, 4, seed=2, epoch=epoch) for epoch in range(8)]
    assert all(np.array_equal(found // 4, images) for found in rows)
    for first in (0, 4):
        assert sorted(np.concatenate(rows[first : first + 4])) == list(range(28))
    assert not np.array_equal(rows[0], rows[4])
    assert np.array_equal(of_views(images, 1, seed=2, epoch=3), images)


def test_equal_views_are_a_training_of_the_images_alone() -> None:
    graph = small(2)
    x = np.random.default_rng(0).integers(0, 255, (20, 8, 8, 1)).astype(np.uint8)
    y = np.arange(20) % 2
    alone = fit(graph, x, y, epochs=2, augment="none", seed=1)
    views = fit(graph, np.repeat(x, 3, 0), np.repeat(y, 3), views=3, epochs=2, augment="none", seed=1)
    losses = [[one["loss"] for one in fitted.history] for fitted in (alone, views)]
    assert losses[0] == losses[1]
    with pytest.raises(BadInput, match="views: got 3 for 20 rows"):
        fit(graph, x, y, views=3, epochs=1)
    with pytest.raises(BadInput, match="several class numbers"):
        fit(graph, x, y, views=2, epochs=1)
