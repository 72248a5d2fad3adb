"""torch modules read as Graphs: torch's own outputs, parameters and flop counter are the second opinion."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import convsmith as cs
from convsmith.engine.lower import lower
from convsmith.errors import BadInput
from convsmith.graph import read
from convsmith.graph.torch import with_weights
from convsmith.testing.random_modules import random_module

from .torch_twins import TWINS, settled


def flat(outputs: Any) -> list[Tensor]:
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def agrees(module: nn.Module, shape: tuple[int, ...], batch: int = 2, tolerance: float = 2e-5) -> Any:
    """The Graph of a module that gives the module's outputs, parameters and multiply-adds."""
    graph, weights = with_weights(module, input_shape=shape)
    x = torch.randn(batch, shape[-1], *shape[:-1], generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = flat(module.eval()(x))
        found = flat(lower(graph, weights)(x))
        # torch's counter does not know the fused attention of processors.
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            module(x[:1])
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(
            one, other, rtol=tolerance, atol=tolerance * float(other.abs().max() + 1e-3)
        )
    assert graph.macs == counter.get_total_flops() // 2
    return graph


def held(module: nn.Module) -> int:
    """Parameters and statistics."""
    statistics = [buffer for name, buffer in module.named_buffers() if "running" in name]
    return sum(item.numel() for item in (*module.parameters(), *statistics))


@pytest.mark.parametrize("name", TWINS)
def test_a_module_is_its_graph(name: str) -> None:
    make, shape = TWINS[name]
    module = settled(make)
    graph = agrees(module, shape)
    assert graph.params == held(module)
    assert graph.trainable_params == sum(item.numel() for item in module.parameters())
    if name == "resnet":  # no turn of axes, layers by their modules' names
        kinds = {node.kind_name for node in graph.nodes}
        assert kinds <= {"InputLayer", "Conv2D", "ZeroPadding2D", "BatchNormalization", "ReLU",
                         "MaxPooling2D", "Add", "GlobalAveragePooling2D", "Flatten", "Dense"}  # fmt: skip
        assert {"layer1.0.conv1", "layer1.1.downsample.0", "fc"} <= {node.name for node in graph.nodes}
    if name == "convnext":
        assert sum(node.kind_name == "LayerNormalization" for node in graph.nodes) == 1
    if name == "shuffled":
        assert len(graph.outputs) == 3
        assert graph.inputs == ("image",)


def test_a_module_is_sized_everywhere_a_network_is_taken() -> None:
    module = settled(TWINS["mobilenet"][0])
    module.train()
    module.blocks[0].eval()
    ledger = cs.size(module, input_shape=(32, 32, 3))
    assert ledger.totals.params == held(module)
    assert module.training
    assert module.stem.training  # and everything else is as it was
    assert not module.blocks[0].training
    assert "blocks.0.deep.0" in str(ledger)


class Own(nn.Module):
    """A module whose forward is given."""

    def __init__(self, forward: Any, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.run = forward

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


def numbers(self: Any, x: Tensor) -> Tensor:
    """Activations and arithmetic, one after the other."""
    x = F.elu(x, 0.7) + F.softplus(x) - F.mish(x).clamp(-1, 1.5) * torch.tanh(x)
    x = x / (1 + x.abs()) + 2**-1 * F.hardtanh(x, -0.5, 0.5)
    x = torch.maximum(x, 0.3 - x).add(x, alpha=0.5) + F.glu(torch.cat([x, -x], 1), 1)
    x = x + x.std(dim=1, keepdim=True) + x.var((2, 3), unbiased=False, keepdim=True)
    x = x + x.max(dim=3, keepdim=True)[0].expand(-1, -1, -1, x.shape[3]) + F.celu(x, 0.5)
    x = torch.roll(x, (1, -2), (2, 3)).flip(3)
    return F.max_pool2d(x, 3, 2, 1, ceil_mode=True) + F.avg_pool2d(x, 3, 2, 1, ceil_mode=True)


def test_numbers_and_places() -> None:
    graph = agrees(Own(numbers), (7, 9, 3))
    assert graph.params == 0


def test_frozen_weights_stay_frozen_and_tied_ones_count_once() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
    module[3].weight, module[3].bias = module[1].weight, module[1].bias
    module[0].requires_grad_(False)
    graph = agrees(module, (9, 9, 3))
    assert graph.params == held(module)
    assert graph.trainable_params == 4 * 4 * 9 + 4


def test_half_precision_is_read_as_the_numbers_that_it_holds() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).half()
    _, weights = with_weights(module, input_shape=(8, 8, 3))
    array = weights["0/kernel"]
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, module[0].weight.detach().float().permute(2, 3, 1, 0).numpy())


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3, stride=2), nn.Linear(4 + 5, 2)

    def forward(self, image: Tensor, facts: Tensor, scale: float = 2.0) -> Tensor:
        return self.fc(torch.cat([self.conv(image).mean((2, 3)), facts * scale], 1))


def test_several_inputs_by_their_names() -> None:
    module = Two()
    graph, weights = with_weights(module, input_shape={"image": (9, 9, 1), "facts": (5,)})
    assert graph.inputs == ("image", "facts")
    x, facts = torch.randn(3, 1, 9, 9), torch.randn(3, 5)
    with torch.no_grad():
        torch.testing.assert_close(lower(graph, weights)(x, facts), module(x, facts))
    with pytest.raises(BadInput, match="one shape for the inputs image, facts; expected a shape by"):
        read(module, input_shape=(9, 9, 1))
    with pytest.raises(BadInput, match="names 'fact'; expected an input: image, facts"):
        read(module, input_shape={"image": (9, 9, 1), "fact": (5,)})


def decided(self: Any, x: Tensor) -> Tensor:
    if x.sum() > 0:
        return x
    return -x


def two_unknown(self: Any, x: Tensor) -> Tensor:
    return torch.cumsum(x, 1) + torch.sort(x, 1)[0]


def in_parts(self: Any, x: Tensor) -> Tensor:
    y = F.relu(x)
    y[:, 0] += 1
    return y


def own_statistics(self: Any, x: Tensor) -> Tensor:
    return F.batch_norm(x, None, None, training=True)


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (decided, r"module Own, test_torch_in\.py line \d+ \(if x\.sum\(\) > 0:\): what it computes depends"),
        (two_unknown, r"no layer here is: aten\.cumsum \(test_torch_in\.py line \d+.*aten\.sort \(test"),
        (in_parts, r"module Own, test_torch_in\.py line \d+ \(.*\): changes numbers of a tensor"),
        (own_statistics, r"aten\.batch_norm \(test_torch_in\.py line \d+.*normalises by the batch's own"),
        (lambda self, x: None, "has no output"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_with_its_line(forward: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said) as error:
        read(Own(forward), input_shape=(4, 4, 3))
    assert "\n" not in str(error.value)


def test_sizes_that_do_not_fit_are_said_with_the_line_and_the_order() -> None:
    module = Own(lambda self, x: self.conv(x), conv=nn.Conv2d(3, 4, 3))
    with pytest.raises(BadInput, match=r"line \d+ .*3, 32, 32.*try: input_shape=\(32, 32, 3\)"):
        cs.size(module, input_shape=(3, 32, 32))
    with pytest.raises(BadInput, match=r"does not say the size of its images.*input_shape=\(224, 224, 3\)"):
        cs.size(module)
    with pytest.raises(BadInput, match="known sizes: rows, columns, channels"):
        cs.size(module, input_shape=(None, 32, 3))


@given(st.integers(0, 10_000))
@settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.generate])
def test_random_modules_are_their_graphs(seed: int) -> None:
    module, shape = random_module(random.Random(seed).choice)
    graph = agrees(module, shape, tolerance=2e-4)
    assert graph.params == held(module)
