"""The compiled functions give torch's numbers, with any number of threads, or leave it to torch."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from convsmith.engine import native
from convsmith.engine.lower import lower
from convsmith.engine.lowered import compiled_layers, passes
from convsmith.engine.lowered.dropout import Dropout, is_compiled
from convsmith.engine.native import convolutions
from convsmith.engine.optimizers import optimizer
from convsmith.errors import ConvsmithWarning
from convsmith.graph import notation
from convsmith.kinds._torch import BatchNorm, MaxPool2d
from convsmith.testing.random_networks import random_weights
from convsmith.zoo import network

from .conftest import checked, compiled, image

layers = notation.layers


@compiled
@checked
@given(
    count=st.integers(1, 3), channels=st.sampled_from([1, 2, 3, 4, 5, 6, 8, 11, 16, 17, 24, 40]),
    rows=st.integers(1, 4), columns=st.integers(1, 4), window=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    more=st.tuples(st.integers(0, 3), st.integers(0, 3)), relu=st.booleans(), ties=st.booleans(),
)  # fmt: skip
def test_pooling_is_torchs(threads, count, channels, rows, columns, window, more, relu, ties):
    size = rows * window[0] + more[0] % window[0], columns * window[1] + more[1] % window[1]
    x = image(count, channels, *size)
    x = x.round() if ties else x
    plain = x.clone().requires_grad_()
    wanted = F.max_pool2d(plain, window)
    wanted = wanted.relu() if relu else wanted
    out, places = native.pool(x, window, relu=relu)
    grad = torch.randn_like(wanted).contiguous(memory_format=torch.channels_last)
    wanted.backward(grad)
    assert torch.equal(out, wanted)
    assert torch.equal(native.pool_back(grad, places, window, x.shape), plain.grad)


@compiled
def test_pooling_hands_on_what_is_no_number():
    x = image(1, 18, 4, 4)
    x[0, 17, 1, 2] = torch.nan
    out, _ = native.pool(x, (2, 2), relu=True)
    assert out[0, 17, 0, 1].isnan()
    assert int(out.isnan().sum()) == 1


@compiled
@checked
@given(
    count=st.integers(1, 3), channels=st.sampled_from([1, 2, 3, 4, 5, 6, 8, 11, 16, 17, 24, 40, 300]),
    size=st.tuples(st.integers(1, 9), st.integers(2, 9)),
    activation=st.sampled_from(["none", "relu", "relu6"]),
    added=st.booleans(), gamma=st.booleans(), beta=st.booleans(), far=st.sampled_from([0.0, 50.0]),
)  # fmt: skip
def test_batch_norm_is_torchs(threads, count, channels, size, activation, added, gamma, beta, far):
    x, other = image(count, channels, *size, far=far), image(count, channels, *size, seed=1)
    scale = torch.linspace(0.5, 4, channels) if gamma else None
    shift = torch.linspace(-1, 1, channels) if beta else None
    given_ = [x, other if added else None, scale, shift]
    plain = [None if one is None else one.double().requires_grad_() for one in given_]
    wanted = F.batch_norm(plain[0], None, None, plain[2], plain[3], True, 0.0, 1e-3)
    wanted = wanted if plain[1] is None else wanted + plain[1]
    before = wanted
    wanted = {"none": lambda v: v, "relu": F.relu, "relu6": F.relu6}[activation](wanted)
    out, mean, var, inv = native.norm(*given_, 1e-3, activation)
    # Where an activation bends, rounding decides which side counts.
    sure = ((before.abs() > 1e-3) & ((before - 6).abs() > 1e-3)).float()
    grad = (image(*x.shape, seed=2) * sure).contiguous(memory_format=torch.channels_last)
    wanted.backward(grad.double())
    found = native.norm_back(grad, x, out if added else None, scale, shift, mean, inv, activation)
    near = {"rtol": 2e-4, "atol": 2e-4}
    torch.testing.assert_close(out, wanted.float(), **near)
    torch.testing.assert_close(mean, x.double().mean((0, 2, 3)).float())
    torch.testing.assert_close(var, x.double().var((0, 2, 3), unbiased=False).float(), rtol=1e-5, atol=1e-6)
    order = [plain[0], plain[1], plain[2], plain[3]]
    for one, source in zip(found, order, strict=True):
        if source is not None:
            assert one is not None
            torch.testing.assert_close(one, source.grad.float(), **near)


@compiled
@checked
@given(
    channels=st.sampled_from([1, 3, 4, 7, 16, 19, 64]), rows=st.integers(1, 40),
    activation=st.sampled_from(["none", "relu", "relu6"]),
)  # fmt: skip
def test_bias_and_activation_backward_are_torchs(threads, channels, rows, activation):
    out, grad = 8 * image(2, channels, rows, 1), image(2, channels, rows, 1, seed=1)
    out = {"none": lambda v: v, "relu": F.relu, "relu6": F.relu6}[activation](out)
    wanted = grad
    if activation != "none":
        wanted = grad * (out > 0) * ((out < 6) if activation == "relu6" else 1)
    before, to_bias = native.bias_back(grad, out, activation)
    torch.testing.assert_close(before, wanted, rtol=0, atol=0)
    torch.testing.assert_close(to_bias, wanted.sum((0, 2, 3)), rtol=1e-5, atol=1e-5)


@compiled
@checked
@given(
    channels=st.sampled_from([2, 3, 4, 7, 8, 12, 16, 19, 40]), size=st.sampled_from([5, 7]),
    stride=st.integers(1, 3), padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    rows=st.integers(7, 12), columns=st.integers(7, 12), count=st.integers(1, 3),
)  # fmt: skip
def test_depthwise_backward_is_torchs(threads, channels, size, stride, padding, rows, columns, count):
    x = image(count, channels, rows, columns)
    kernel = torch.zeros(channels, 1, size, size, requires_grad=True)
    out = F.conv2d(x, kernel, None, stride, padding, 1, channels)
    grad = image(*out.shape, seed=1)
    out.backward(grad)
    found = convolutions.depthwise_weights(grad, x, size, stride, padding)
    torch.testing.assert_close(found, kernel.grad, rtol=1e-4, atol=1e-4)


@compiled
@checked
@given(
    channels=st.integers(1, 9), filters=st.sampled_from([1, 3, 6, 8, 16, 20, 40]), count=st.integers(1, 3),
    size=st.tuples(st.integers(1, 5), st.integers(1, 7)), rows=st.integers(1, 12), columns=st.integers(1, 12),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)  # fmt: skip
def test_backward_to_few_channels_is_torchs(threads, channels, filters, count, size, rows, columns, padding):
    high = rows + max(0, size[0] - 1 - 2 * padding[0])
    wide = columns + max(0, size[1] - 1 - 2 * padding[1])
    x = image(count, channels, high, wide).requires_grad_()
    weight = image(filters, channels, *size, seed=1)
    out = F.conv2d(x, weight, None, 1, padding)
    grad = image(*out.shape, seed=2)
    out.backward(grad)
    found = convolutions.narrow_image(grad, weight, x.shape, padding)
    torch.testing.assert_close(found, x.grad, rtol=1e-4, atol=1e-4)


@compiled
def test_lenets_second_layer_hands_its_gradient_back_in_whole_vectors(calls):
    module = lower(network("lenet5"), passes=passes.TRAINING).train()
    module.logits(image(2, 1, 32, 32)).sum().backward()
    assert calls.count("narrow") == 1  # nobody asks for the gradient of the image itself


@compiled
def test_adadelta_is_the_one_of_torchs_operations(threads, torch_alone, monkeypatch):
    results = []
    for alone in (True, False):
        if not alone:
            monkeypatch.undo()
        numbers = [torch.randn(n, generator=torch.Generator().manual_seed(n)) for n in (5, 40_000, 300)]
        weights = [one.clone().requires_grad_() for one in numbers]
        made = optimizer("adadelta", weights)
        for step in range(4):
            for one, start in zip(weights, numbers, strict=True):
                one.grad = start * (step + 1) + one.detach() ** 2
            made.step(1.0)
        results.append([*(one.detach() for one in weights), *made.state["accumulated_delta_var"]])
        assert native.available() is not alone
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


@compiled
def test_dropped_places_follow_the_key_alone():
    x = image(4, 20, 30, 30)
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(native.dropout(x, 0.3, 2**63 + 12345))
    torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    kept = found[0] != 0
    assert float(kept.float().mean()) == pytest.approx(0.7, abs=0.01)
    torch.testing.assert_close(found[0][kept], x[kept] / 0.7)
    other = native.dropout(x, 0.3, 2**63 + 12346) != 0
    # Masks of neighbouring keys, and each mask with itself moved by one, agree as often as chance has it.
    for one in (other, kept.flatten().roll(1).view_as(kept)):
        assert float((one == kept).float().mean()) == pytest.approx(0.7**2 + 0.3**2, abs=0.01)


@compiled
def test_dropout_keeps_a_key_instead_of_a_mask():
    layer = Dropout(0.5).train()
    x = image(3, 4, 6, 6).requires_grad_()
    assert is_compiled(x)
    out = layer(x)
    out.backward(torch.ones_like(out).contiguous())  # channels first: brought in order
    assert torch.equal(x.grad != 0, out != 0)


@compiled
@pytest.mark.parametrize("name", ["lenet5", "resnet20", "course_cnn", "mobilenet_v2", "densenet121"])
def test_networks_train_as_by_torch_alone(name, monkeypatch):
    """As near to the numbers of float64 as torch's own float32 comes, or within a thousandth."""
    shape = {"lenet5": (32, 32, 1), "course_cnn": (28, 28, 1)}.get(name, (64, 64, 3))
    graph = network(name, input_shape=shape, classes=10)
    weights = random_weights(graph, np.random.default_rng(0))
    x = torch.rand(8, shape[-1], *shape[:2], generator=torch.Generator().manual_seed(0))

    def trained(precision):
        module = lower(graph, weights, passes=passes.TRAINING).train().to(precision)
        for part in module.modules():
            if "Drop" in type(part).__name__:
                part.eval()
        out = module.logits(x.to(precision))
        out.square().mean().backward()
        grads = [p.grad for p in module.parameters() if p.grad is not None]
        moved = [b for name, b in module.named_buffers() if "running" in name]
        return module, [one.detach().double() for one in (out, *grads, *moved)]

    module, found = trained(torch.float32)
    _, truth = trained(torch.float64)
    monkeypatch.setattr(native, "_library", lambda: None)
    _, alone = trained(torch.float32)
    assert len(found) == len(truth) == len(alone)
    largest = max(float(one.norm()) for one in truth)
    for one, other, wanted in zip(found, alone, truth, strict=True):
        allowed = 5 * float((other - wanted).norm()) + 1e-3 * float(wanted.norm()) + 1e-6 * largest
        assert float((one - wanted).norm()) <= allowed
    kinds = {type(step.layer) for step in module.steps_by_name.values()}
    assert kinds & {compiled_layers.Norm, compiled_layers.CompiledPool, compiled_layers.ConvolutionPool}


def test_sums_and_activations_join_the_norm_in_front():
    x = inputs = notation.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization(name="left")(layers.Conv2D(4, 3, padding="same")(x))
    z = layers.BatchNormalization(name="right")(layers.Conv2D(4, 1)(x))
    x = layers.Activation("relu", name="on")(layers.Add(name="sum")([y, z]))
    x = layers.BatchNormalization(name="alone")(x)
    x = layers.Add(name="twice")([x, x])
    x = layers.Activation("tanh", name="other")(layers.BatchNormalization(name="last")(x))
    x = layers.GlobalAveragePooling2D()(x)
    graph = notation.Model(inputs, layers.Dense(3, activation="softmax")(x))
    steps = lower(graph, passes=(passes.norm_at_once,)).steps_by_name
    names = {name: step.layer for name, step in steps.items() if isinstance(step.layer, compiled_layers.Norm)}
    assert {name: (layer.name, layer.place) for name, layer in names.items()} == {
        "sum": ("relu", 0),
        "right": ("none", 0),
        "alone": ("none", 0),
        "last": ("none", 0),
    }
    assert isinstance(steps["left"].layer, torch.nn.Identity)


def test_what_the_functions_do_not_take_goes_to_the_layers():
    pool = MaxPool2d((2, 2), (2, 2), (0, 0, 0, 0))
    norm = BatchNorm(3, 0.9, 1e-3, True, True)
    for x in (image(2, 3, 8, 8).double(), torch.randn(2, 3, 8, 8)):
        assert not native.takes(x)
        assert torch.equal(compiled_layers.CompiledPool(pool, torch.nn.ReLU())(x), pool(x).relu())
        other = compiled_layers.Norm(norm.to(x.dtype).train(), torch.nn.ReLU())
        wanted = F.batch_norm(x, None, None, norm.weight, norm.bias, True, 0.0, 1e-3).relu()
        torch.testing.assert_close(other(x), wanted)
    with torch.autocast("cpu", torch.bfloat16):
        assert not native.takes(image(2, 3, 8, 8))
    for layer in (
        MaxPool2d((3, 3), (2, 2), (0, 0, 0, 0)), MaxPool2d((2, 2), (2, 2), (0, 1, 0, 1)),
        MaxPool2d((16, 16), (16, 16), (0, 0, 0, 0)), MaxPool2d((1, 1), (2, 2), (0, 0, 0, 0)),
    ):  # fmt: skip
        assert not compiled_layers.CompiledPool.suits(layer)


@compiled
@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() != "AVX512", reason="this is the one that runs")
def test_the_other_instruction_set_does_the_same():
    """Nearly the whole of these files once more, on a processor that claims to have AVX2 alone."""
    files = __file__, str(Path(__file__).with_name("test_winograd.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files]
    wanted = "pooling or norm_is or backward or adadelta or places or winograd"
    done = subprocess.run(
        [*command, "-k", wanted], env={**os.environ, "ATEN_CPU_CAPABILITY": "avx2"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


def test_a_setting_turns_them_off():
    code = "from convsmith.engine import native; print(native.available())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"CONVSMITH_NATIVE": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_what_is_not_compiled_is_said_once_and_recorded(monkeypatch):
    """Where no library was built: one warning, and torch's operations do the work."""
    monkeypatch.delenv("CONVSMITH_NATIVE", raising=False)
    monkeypatch.setattr(native, "_VARIANTS", {torch.backends.cpu.get_cpu_capability(): ("nowhere",)})
    native._library.cache_clear()
    try:
        with pytest.warns(ConvsmithWarning, match=r"compiled kernels are not here.*C\+\+ compiler") as said:
            native.available()
        assert not native.available()
        assert len(said) == 1
        assert native.kernels() == {"compiled": None, "why": "none for this processor"}
    finally:
        native._library.cache_clear()


def test_what_was_turned_off_is_no_surprise(monkeypatch, recwarn):
    monkeypatch.setenv("CONVSMITH_NATIVE", "0")
    native._library.cache_clear()
    try:
        assert native.kernels() == {"compiled": None, "why": "CONVSMITH_NATIVE=0"}
    finally:
        native._library.cache_clear()
    assert not recwarn.list


@compiled
def test_a_run_names_the_library_by_its_content():
    found = native.kernels()
    folder = Path(native.__file__).parent
    content = (folder / f"kernels.so.{found['compiled']}").read_bytes()
    assert hashlib.sha256(content).hexdigest().startswith(found["build"])
    assert len(found["build"]) == 12
