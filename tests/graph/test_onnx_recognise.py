"""Layers that exporters write as several operators come back as one, with the same numbers."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from convsmith.engine.lower import lower
from convsmith.graph import Graph
from convsmith.graph.onnx import with_weights

node = helper.make_node


def equal(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def exported(module: nn.Module, x: Any, path: Path, opset: int) -> None:
    """By torch's older exporter, the batch left open."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (x,), str(path), dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}},
            opset_version=opset,
        )  # fmt: skip


class Written(nn.Module):
    """Hard-swish and swish as people wrote them before torch had them; gelu by hand."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Any) -> Any:
        if self.how == "hard_silu":
            return x * torch.nn.functional.relu6(x + 3) / 6
        if self.how == "hard_silu behind":
            return x * (torch.nn.functional.relu6(x + 3) * (1 / 6))
        if self.how == "silu":
            return torch.sigmoid(x) * x
        if self.how == "gelu":
            return 0.5 * x * (1 + torch.erf(x * 0.7071067811865476))
        return x


LAYERS: dict[str, tuple[Any, dict[str, int], int]] = {
    "swish": (nn.SiLU, {"Activation": 1}, 20),
    "swish by hand": (lambda: Written("silu"), {"Activation": 1}, 20),
    "hard-swish": (nn.Hardswish, {"Activation": 1}, 13),
    "hard-swish by hand": (lambda: Written("hard_silu"), {"Activation": 1}, 13),
    "hard-swish behind": (lambda: Written("hard_silu behind"), {"Activation": 1}, 13),
    "mish": (nn.Mish, {"Activation": 1}, 13),
    "gelu": (nn.GELU, {"Activation": 1}, 13),
    "gelu by hand": (lambda: Written("gelu"), {"Activation": 1}, 13),
    "layer norm": (lambda: nn.LayerNorm(5), {"LayerNormalization": 1}, 13),
    "layer norm of three": (lambda: nn.LayerNorm((4, 6, 5)), {"LayerNormalization": 1}, 13),
    "layer norm alone": (lambda: nn.LayerNorm(5, elementwise_affine=False), {"LayerNormalization": 1}, 13),
    "group norm": (lambda: nn.GroupNorm(2, 4), {"GroupNormalization": 1}, 17),
    "group norm alone": (lambda: nn.GroupNorm(2, 4, affine=False), {"GroupNormalization": 1}, 17),
}


def kinds(graph: Graph) -> dict[str, int]:
    """How many layers of each kind, but for inputs and turns."""
    found: dict[str, int] = {}
    for each in graph.nodes:
        if each.kind_name not in ("InputLayer", "Permute"):
            found[each.kind_name] = found.get(each.kind_name, 0) + 1
    return found


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_layer_comes_back(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    make, expected, opset = LAYERS[name]
    module = make().eval()
    for parameter in module.parameters():
        parameter.data = torch.rand_like(parameter) + 0.5
    x = torch.randn(2, 7, 5) if name in ("layer norm", "layer norm alone") else torch.randn(2, 4, 6, 5)
    exported(module, x, tmp_path / "net.onnx", opset)
    graph, weights = with_weights(tmp_path / "net.onnx")
    assert kinds(graph) == expected
    assert graph.params == sum(p.numel() for p in module.parameters())
    with torch.no_grad():
        equal(lower(graph, weights)(x).numpy(), module(x).numpy())


def saved(path: Path, nodes: list[Any], constants: dict[str, Any]) -> Path:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("n", 4, 6, 5))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        initializer=[numpy_helper.from_array(np.asarray(a), k) for k, a in constants.items()],
    )
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    )
    return path


def test_a_convolution_takes_the_bias_that_is_added_behind_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    constants = {
        "w": rng.normal(size=(3, 4, 3, 3)).astype("f4"),
        "b": rng.normal(size=(3, 1, 1)).astype("f4"),
    }
    nodes = [node("Conv", ["x", "w"], ["c"], "conv"), node("Add", ["c", "b"], ["y"], "add")]
    graph, weights = with_weights(saved(tmp_path / "net.onnx", nodes, constants))
    assert kinds(graph) == {"Conv2D": 1}
    assert graph.params == 3 * 4 * 9 + 3
    x = torch.randn(2, 4, 6, 5)
    expected = torch.nn.functional.conv2d(x, torch.from_numpy(constants["w"])) + torch.from_numpy(
        constants["b"]
    )
    equal(lower(graph, weights)(x).detach().numpy(), expected.numpy())


def test_what_serves_something_else_stays(tmp_path: Path) -> None:
    """A gate that is also an output, a product that is also added: no pattern."""
    nodes = [
        node("Sigmoid", ["x"], ["s"], "gate"),
        node("Mul", ["x", "s"], ["m"], "times"),
        node("Add", ["m", "s"], ["y"], "sum"),
    ]
    graph, _ = with_weights(saved(tmp_path / "net.onnx", nodes, {}))
    assert [each.kind_name for each in graph.nodes] == ["InputLayer", "Activation", "Multiply", "Add"]


def test_factors_then_offsets_are_one_scale(tmp_path: Path) -> None:
    constants = {
        "g": np.arange(4, dtype="f4").reshape(4, 1, 1) + 1,
        "b": np.arange(4, dtype="f4").reshape(4, 1, 1),
    }
    nodes = [node("Mul", ["x", "g"], ["m"], "times"), node("Add", ["m", "b"], ["y"], "plus")]
    graph, weights = with_weights(saved(tmp_path / "net.onnx", nodes, constants))
    assert kinds(graph) == {"Scale": 1}
    assert (graph.params, graph.macs) == (8, 0)
    x = torch.randn(2, 4, 6, 5)
    expected = x * torch.from_numpy(constants["g"]) + torch.from_numpy(constants["b"])
    equal(lower(graph, weights)(x).detach().numpy(), expected.numpy())
