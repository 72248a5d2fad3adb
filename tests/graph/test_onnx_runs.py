"""ONNX files run by the engine as onnxruntime, torch and the files' own outputs say."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from onnx.backend.test.runner import Runner
from torch import nn
from torch.nn import functional as F

from convsmith.engine.lower import lower
from convsmith.errors import ConvsmithError
from convsmith.graph import Graph, read
from convsmith.graph.onnx import with_weights

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"


def session(model: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def engine(graph: Graph, weights: dict[str, Any], feeds: list[Any]) -> list[Any]:
    """The engine's outputs; images come and go as NCHW, volumes with their channels last."""
    volumes = [np.moveaxis(x, 1, -1) if x.ndim == 5 else x for x in feeds]
    with torch.no_grad():
        found = lower(graph, weights)(*[torch.from_numpy(np.array(x)) for x in volumes])
    return [item.numpy() for item in (found if isinstance(found, tuple) else (found,))]


def equal(found: Any, expected: Any, tolerance: float = 1e-4) -> None:
    if found.ndim == 4 and found.shape != expected.shape:
        found = found.transpose(0, 2, 3, 1)  # the file has its channels last
    found = np.moveaxis(found, -1, 1) if found.ndim == 5 else found
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.nanmax(np.abs(expected)))


def with_noise(model: Any, seed: int = 0) -> Any:
    """The network with random numbers where the package has constants that it makes itself."""
    rng = np.random.default_rng(seed)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        size = shapes[node.input[0]].tolist()
        scale = 1 / np.sqrt(max(np.prod(size[1:]), 1)) if len(size) > 1 else 1
        array = (rng.normal(0, 1.4 * scale, size) if len(size) > 1 else rng.uniform(0.5, 1.5, size)).astype(
            "f4"
        )
        model.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


NINE = {
    "bvlc_alexnet": (60_965_224, 654_560_384),
    "densenet121": (8_146_152, 2_834_161_664),
    "inception_v1": (6_998_552, 1_431_556_352),
    "inception_v2": (11_234_792, 2_018_851_840),
    "resnet50": (25_610_152, 4_089_184_256),
    "shufflenet": (1_420_152, 124_664_528),
    "squeezenet": (1_235_496, 349_151_936),
    "vgg19": (143_667_240, 19_632_062_464),
    "zfnet512": (87_250_536, 1_481_727_008),
}


def by_hand(path: Path) -> tuple[int, int]:
    """Parameters as the file's own constants add up, and MACs as the shapes of Conv and Gemm give them.

    The shapes of the tensors are those of onnx's own inference.
    """
    model = onnx.load(path)
    made = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    taken = {name for node in model.graph.node for name in node.input}
    sizes = {
        name: list(array.shape) for name, array in made.items() if array.dtype.kind == "f" and name in taken
    }
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape":
            sizes[node.output[0]] = made[node.input[0]].tolist()
    inferred = onnx.shape_inference.infer_shapes(model).graph
    shapes = {
        item.name: [size.dim_value for size in item.type.tensor_type.shape.dim]
        for item in (*inferred.value_info, *inferred.output)
    }
    macs = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            macs += int(np.prod(shapes[node.output[0]]) * np.prod(sizes[node.input[1]][1:]))
        elif node.op_type == "Gemm":
            macs += int(np.prod(sizes.get(node.input[1]) or shapes[node.input[1]]))
    return sum(int(np.prod(size)) for size in sizes.values()), macs


@pytest.mark.parametrize("name", sorted(NINE))
def test_nine_real_networks_have_their_figures(name: str) -> None:
    path = DATA / "light" / f"light_{name}.onnx"
    graph = read(path)
    assert (graph.params, graph.macs) == NINE[name] == by_hand(path)
    assert not graph.unknown


@pytest.mark.parametrize("name", ["squeezenet", "shufflenet", "inception_v1"])
def test_real_networks_give_the_outputs_beside_them(name: str) -> None:
    path = DATA / "light" / f"light_{name}.onnx"
    tensor = TensorProto()
    tensor.ParseFromString(path.with_name(f"light_{name}_output_0.pb").read_bytes())
    graph, weights = with_weights(path)
    constant = {tensor.name for tensor in onnx.load(path).graph.initializer}
    (item,) = [item for item in onnx.load(path).graph.input if item.name not in constant]
    (found,) = engine(graph, weights, [Runner.generate_dummy_data(item)])
    equal(found, numpy_helper.to_array(tensor))


@pytest.mark.parametrize("name", ["squeezenet", "shufflenet"])
def test_real_networks_run_with_random_weights(name: str, tmp_path: Path) -> None:
    """Numbers all different: the order of weights, channels and features shows."""
    model = with_noise(onnx.load(DATA / "light" / f"light_{name}.onnx"))
    model.graph.node[-1].op_type = "Identity"  # a softmax of random logits hides everything but one
    del model.graph.node[-1].attribute[:]
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    x = np.random.default_rng(1).normal(size=(1, 3, 224, 224)).astype(np.float32)
    graph, weights = with_weights(path)
    run = session(model)
    inputs = [item.name for item in run.get_inputs()]
    (expected,) = run.run(None, {inputs[0]: x})
    (found,) = engine(graph, weights, [x])
    assert np.ptp(expected) > 1e-3
    equal(found, expected)


UNKNOWN = {"test_gradient_of_add", "test_gradient_of_add_and_mul"}
"""Those of another domain than ONNX's own."""
ONLY_SIZED = "is sized here but not run"


def single() -> list[Path]:
    return sorted(DATA.glob("*/*/model.onnx"))


def own_outputs(folder: Path) -> tuple[list[Any], list[Any]] | None:
    """The package's inputs and outputs for one of its models, where they are tensors of numbers."""
    found: list[list[Any]] = [[], []]
    for at, name in enumerate(("input", "output")):
        for place in range(len(list((folder / "test_data_set_0").glob(f"{name}_*.pb")))):
            tensor = TensorProto()
            try:
                tensor.ParseFromString((folder / "test_data_set_0" / f"{name}_{place}.pb").read_bytes())
                found[at].append(numpy_helper.to_array(tensor))
            except Exception:
                return None
    return (found[0], found[1]) if found[0] and found[1] else None


def test_every_model_of_one_operator_is_read_and_those_that_run_are_right() -> None:
    """All of the package's own: read; and where every layer has a torch form, the package's own outputs."""
    ran, reasons, unknown = [], {}, set()
    for path in single():
        name = path.parent.name
        graph = read(path)
        if graph.unknown or graph.macs is None:
            unknown.add(name)
            continue
        data = own_outputs(path.parent)
        try:
            graph, weights = with_weights(path)
            lower(graph, weights)
        except ConvsmithError as error:
            reasons[name] = str(error)
            continue
        model = onnx.load(path)
        constant = {tensor.name for tensor in model.graph.initializer}
        if data is None:
            continue
        inputs = [x for x, item in zip(data[0], model.graph.input, strict=False) if item.name not in constant]
        for one, other in zip(engine(graph, weights, inputs), data[1], strict=False):
            equal(one, other)
        ran.append(name)
    assert len(single()) >= 140
    assert unknown == UNKNOWN
    assert len(ran) >= 70, (len(ran), reasons)
    for name in ("test_Conv1d", "test_Conv3d", "test_Embedding", "test_MaxPool3d"):
        assert name in reasons
    assert all(ONLY_SIZED in reason for reason in reasons.values()), reasons


# networks as people write them in torch, by its older exporter (the newer needs a package that is not here)


def block(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """ResNet's basic block."""

    def __init__(self, taken: int, given: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(taken, given, 3, stride, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(given), nn.BatchNorm2d(given)
        self.conv2 = nn.Conv2d(given, given, 3, 1, 1, bias=False)
        self.down = nn.Conv2d(taken, given, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Any) -> Any:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.down(x))


class ViewHead(nn.Module):
    """Features and ``x.view(x.size(0), -1)``."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.features = block(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.head = block(nn.Linear(6 * 4 * 3, 10), nn.ReLU(), nn.Dropout(), nn.Linear(10, 5))

    def forward(self, x: Any) -> Any:
        x = self.features(x)
        if self.how == "size":
            x = x.view(x.size(0), -1)
        elif self.how == "shape":
            x = x.reshape(x.shape[0], 6 * 4 * 3)
        elif self.how == "minus":
            x = x.view(-1, 6 * 4 * 3)
        elif self.how == "flatten":
            x = torch.flatten(x, 1)
        else:
            x = x.permute(0, 2, 3, 1).contiguous().view(x.size(0), -1)
        x = self.head(x)
        return F.log_softmax(x, 1) if self.how == "size" else x


class SqueezeExcite(nn.Module):
    """A gate by what the whole image holds, around a hard-swish network."""

    def __init__(self, linear: bool) -> None:
        super().__init__()
        self.stem = block(nn.Conv2d(3, 8, 3, 2, 1), nn.Hardswish(), nn.Conv2d(8, 8, 5, 1, 2, groups=8))
        self.linear = linear
        self.squeeze = nn.Linear(8, 4) if linear else nn.Conv2d(8, 4, 1)
        self.excite = nn.Linear(4, 8) if linear else nn.Conv2d(4, 8, 1)
        self.end = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        x = F.silu(self.stem(x))
        gate = x.mean((2, 3)) if self.linear else F.adaptive_avg_pool2d(x, 1)
        gate = F.hardsigmoid(self.excite(F.relu(self.squeeze(gate))))
        x = x * (gate[:, :, None, None] if self.linear else gate)
        return self.end(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Shuffle(nn.Module):
    """ShuffleNetV2: channels split, one half convolved, joined and shuffled."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, 2, 1)
        self.branch = block(nn.Conv2d(6, 6, 1), nn.ReLU(), nn.Conv2d(6, 6, 3, 1, 1, groups=6))
        self.end = nn.Linear(12, 4)

    def forward(self, x: Any) -> Any:
        x = self.stem(x)
        for _ in range(2):
            one, other = x.chunk(2, dim=1)
            x = torch.cat((one, self.branch(other)), dim=1)
            n, c, h, w = x.shape
            x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)
        return self.end(x.mean([2, 3]))


class ChannelsLastNorm(nn.Module):
    """ConvNeXt's block: depthwise, LayerNorm over channels, Linear, GELU, a scale, a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.depth = nn.Conv2d(8, 8, 7, padding=3, groups=8)
        self.norm = nn.LayerNorm(8, eps=1e-6)
        self.one, self.two = nn.Linear(8, 16), nn.Linear(16, 8)
        self.gamma = nn.Parameter(torch.rand(8))
        self.end = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        x = self.stem(x)
        y = self.norm(self.depth(x).permute(0, 2, 3, 1))
        y = self.gamma * self.two(F.gelu(self.one(y)))
        x = x + y.permute(0, 3, 1, 2)
        return self.end(x.mean((-2, -1)))


class Attention(nn.Module):
    """Patches, a position for each, one transformer block, the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.place = nn.Parameter(torch.randn(1, 12, 8))
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.one, self.two, self.end = nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.place
        y = self.norm1(x)
        n, t, d = y.shape
        q, k, v = self.qkv(y).reshape(n, t, 3, 2, d // 2).permute(2, 0, 3, 1, 4).unbind(0)
        y = ((q @ k.transpose(-2, -1)) * (d // 2) ** -0.5).softmax(-1) @ v
        x = x + self.out(y.transpose(1, 2).reshape(n, t, d))
        x = x + self.two(F.gelu(self.one(self.norm2(x))))
        return self.end(x.mean(1))


class Unet(nn.Module):
    """Down, up again by each way, joined."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.down = nn.Conv2d(3, 4, 3, 2, 1)
        self.middle = nn.Conv2d(4, 8, 3, padding="same")
        self.up = nn.ConvTranspose2d(8, 8, 2, 2) if how == "transposed" else nn.Identity()
        self.end = nn.Conv2d(11 if how != "shuffle" else 5, 2, 1)

    def forward(self, x: Any) -> Any:
        y = F.leaky_relu(self.middle(F.elu(self.down(x))), 0.1)
        if self.how == "transposed":
            y = self.up(y)
        elif self.how == "shuffle":
            y = F.pixel_shuffle(y, 2)
        else:
            y = F.interpolate(y, scale_factor=2, mode=self.how)
        return torch.sigmoid(self.end(torch.cat([x, y], 1)))


class Inception(nn.Module):
    """Branches beside each other, one of them a mean over 3x3 as torch takes it."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 4, 1)
        self.two = block(nn.Conv2d(3, 4, (1, 7), padding=(0, 3)), nn.Conv2d(4, 4, (3, 1), padding=(1, 0)))
        self.three = nn.Conv2d(3, 2, 1)

    def forward(self, x: Any) -> Any:
        pooled = F.avg_pool2d(x, 3, 1, 1)
        edge = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        x = torch.cat([self.one(x), self.two(x), self.three(pooled), self.three(edge)], 1)
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = F.avg_pool2d(x, 2, 2, ceil_mode=True)
        return F.max_pool2d(x - 3, 3, 2, 1).flatten(1)


class TwoIn(nn.Module):
    """Two pictures in, two answers out; the weights shared."""

    def __init__(self) -> None:
        super().__init__()
        self.body = block(
            nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True), nn.PReLU(4)
        )
        self.end = nn.Linear(4, 2)

    def forward(self, x: Any, y: Any) -> Any:
        x, y = (self.body(item).amax((2, 3)) for item in (x, y))
        return self.end(x - y), F.softmax(self.end(x * y + x / (y.abs() + 1)), -1)


def listed(*layers: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """A network of layers in a row, made anew at each call."""
    return lambda: nn.Sequential(*(make() for make in layers))


def made(kind: Any, *settings: Any, **more: Any) -> Callable[[], nn.Module]:
    return lambda: kind(*settings, **more)  # type: ignore[no-any-return]


VIEWS = ("size", "shape", "minus", "flatten", "last")
RUN: dict[str, Callable[[], nn.Module]] = {
    **{f"view_{how}": made(ViewHead, how) for how in VIEWS},
    **{f"unet_{how}": made(Unet, how) for how in ("transposed", "nearest", "bilinear", "shuffle")},
    "resnet": listed(
        made(nn.Conv2d, 3, 8, 7, 2, 3), made(nn.BatchNorm2d, 8), nn.ReLU, made(nn.MaxPool2d, 3, 2, 1),
        made(Residual, 8, 8, 1), made(Residual, 8, 12, 2), made(nn.AdaptiveAvgPool2d, 1), nn.Flatten,
        made(nn.Linear, 12, 5),
    ),
    "squeeze_excite": made(SqueezeExcite, False),
    "squeeze_excite_linear": made(SqueezeExcite, True),
    "shuffle": Shuffle,
    "convnext": ChannelsLastNorm,
    "attention": Attention,
    "inception": Inception,
    "log_softmax": listed(
        made(nn.Conv2d, 3, 8, 5, 2, 2), nn.ReLU, made(nn.MaxPool2d, 2), nn.Tanh, nn.Flatten,
        made(nn.Linear, 96, 7), nn.Softplus, made(nn.Linear, 7, 2), made(nn.LogSoftmax, 1),
    ),
    "vgg_bn": listed(
        made(nn.Conv2d, 3, 4, 3, 1, 1), made(nn.BatchNorm2d, 4), nn.ReLU6, made(nn.MaxPool2d, 2, 2),
        made(nn.AdaptiveAvgPool2d, (4, 3)), nn.Flatten, made(nn.BatchNorm1d, 96 // 2), made(nn.Linear, 48, 4),
        made(nn.Softmax, -1),
    ),
    "activations": listed(
        made(nn.Conv2d, 3, 4, 1), nn.SELU, made(nn.ELU, 0.5), nn.Softsign, nn.Mish,
        made(nn.Hardtanh, -0.5, 2.0), made(nn.GELU, "tanh"), nn.Hardsigmoid,
        made(nn.Conv2d, 4, 4, 3, 2, 1, 2),
    ),
    "padding": listed(
        made(nn.ConstantPad2d, (1, 0, 2, 1), 0.5), made(nn.Conv2d, 3, 4, 3, (2, 1), (0, 2)), nn.Flatten
    ),
}  # fmt: skip
SIZED: dict[str, Callable[[], nn.Module]] = {
    "conv1d": listed(
        made(nn.Flatten, 2), made(nn.Conv1d, 3, 4, 3, 2, 1), made(nn.BatchNorm1d, 4), nn.ReLU
    ),
    "conv3d": listed(
        made(nn.Unflatten, 1, (1, 3)), made(nn.Conv3d, 1, 4, (3, 3, 3), padding=1), nn.Flatten
    ),
    "lrn": listed(made(nn.Conv2d, 3, 8, 3), made(nn.LocalResponseNorm, 5, 0.1, 0.75, 2.0)),
    "cut": listed(made(nn.ZeroPad2d, (0, 1, -1, 0)), made(nn.ReflectionPad2d, 1), made(nn.Conv2d, 3, 4, 3)),
}  # fmt: skip
TWINS = RUN | SIZED
"""Networks of which every layer has a torch form here, and those that are only sized."""


def exported(module: nn.Module, inputs: tuple[Any, ...], path: Path, *, free: bool, opset: int = 17) -> None:
    names = [f"x{place}" for place in range(len(inputs))]
    axes = {"dynamic_axes": {name: {0: "n"} for name in (*names, "y")}} if free else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, inputs, str(path), dynamo=False, input_names=names, output_names=["y"],
            opset_version=opset, **axes,
        )  # fmt: skip


def settled(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with statistics that are not 0 and 1, ready to answer."""
    rng = torch.Generator().manual_seed(seed)
    for part in module.modules():
        for name in ("running_mean", "running_var", "weight", "bias"):
            tensor = getattr(part, name, None)
            if tensor is not None and "Norm" in type(part).__name__:
                tensor.data = torch.rand(tensor.shape, generator=rng) + 0.5
    return module.eval()


def macs_of(module: nn.Module, inputs: tuple[Any, ...]) -> int:
    """Multiply-adds by torch's own counter, of one image."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*[x[:1] for x in inputs])
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("free", [True, False], ids=["free", "fixed"])
@pytest.mark.parametrize("name", sorted(TWINS))
def test_networks_that_torch_exports(name: str, free: bool, tmp_path: Path) -> None:
    """Parameters, MACs by torch's counter, and outputs, with the batch left open and fixed."""
    torch.manual_seed(0)
    module = settled(TWINS[name]())
    x = torch.randn(2, 3, 16, 12)
    path = tmp_path / "net.onnx"
    exported(module, (x,), path, free=free)
    graph = read(path)
    assert not graph.unknown
    assert graph.macs == macs_of(module, (x,))
    if name in SIZED:
        return
    graph, weights = with_weights(path)
    with torch.no_grad():
        expected = module(x).numpy()
    (found,) = engine(graph, weights, [x.numpy()])
    equal(found, expected, 2e-4)


def test_two_inputs_two_outputs_and_shared_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = settled(TwoIn())
    inputs = torch.randn(3, 3, 9, 8), torch.randn(3, 3, 9, 8)
    path = tmp_path / "net.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, inputs, str(path), dynamo=False, input_names=["a", "b"], opset_version=17)
    graph, weights = with_weights(path)
    assert graph.params == sum(p.numel() for p in module.parameters())
    with torch.no_grad():
        expected = module(*inputs)
    for one, other in zip(engine(graph, weights, [x.numpy() for x in inputs]), expected, strict=True):
        equal(one, other.numpy())


@pytest.mark.parametrize("opset", [9, 11, 13, 20])
def test_every_opset(opset: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 16, 12)
    for name in ("view_size", "squeeze_excite_linear", "shuffle", "inception"):
        module = settled(TWINS[name]())
        path = tmp_path / f"{name}.onnx"
        exported(module, (x,), path, free=True, opset=opset)
        graph, weights = with_weights(path)
        with torch.no_grad():
            expected = module(x).numpy()
        equal(engine(graph, weights, [x.numpy()])[0], expected, 2e-4)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("both", [False, True])
def test_recurrent_layers_are_counted(kind: str, both: bool, tmp_path: Path) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = getattr(nn, kind)(5, 7, batch_first=True, bidirectional=both)
            self.end = nn.Linear(14 if both else 7, 3)

        def forward(self, x: Any) -> Any:
            return self.end(self.layer(x)[0][:, -1])

    path, ways = tmp_path / "net.onnx", 1 + both
    module = Net().eval()
    exported(module, (torch.randn(2, 11, 5),), path, free=True)
    graph = read(path)
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    assert graph.params == sum(p.numel() for p in module.parameters())
    assert graph.macs == 11 * ways * gates * 7 * (5 + 7) + 3 * 7 * ways
    assert graph.output_shape == (3,)
