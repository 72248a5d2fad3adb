"""Every fused or native operation over what needs a gradient, which weights it has, and how memory lies.

Some of torch's own kernels end the process for a few of these (a group norm of channels-last images without a
gradient, torch 2.13), so all run in a process of their own, which says each before it does it.
"""

from __future__ import annotations

import copy
import itertools
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

ROWS = 8
ABSENT = (".bias", "Norm.weight")
"""Weights that a layer may be without."""


def modules() -> dict[str, Any]:
    """One of each operation, for images of 8 x 8."""
    from torch import nn

    from convsmith.engine.lowered.compiled_layers import CompiledPool, ConvolutionPool, Norm
    from convsmith.engine.lowered.fused import Convolution, ReLU6InPlace, SumInPlace, Widened
    from convsmith.kinds import _torch as own
    from convsmith.kinds import _torch_more as more

    def conv(channels: int, filters: int, size: int = 3, groups: int = 1, stride: int = 1) -> Any:
        side = size // 2
        return own.Conv2d(channels, filters, size, stride, groups=groups, sides=(side,) * 4)

    def norm(channels: int) -> Any:
        return own.BatchNorm(channels, 0.9, 1e-3, True, True)

    pool = own.MaxPool2d((2, 2), (2, 2), (0, 0, 0, 0))
    return {
        "conv": (4, conv(4, 6)),
        "conv, uneven": (4, own.Conv2d(4, 6, 3, 2, sides=(0, 1, 0, 1))),
        "conv, skipping": (4, conv(4, 6, 1, stride=2)),
        "depthwise conv": (6, conv(6, 6, groups=6)),
        "fused onednn": (16, Convolution(conv(16, 40, stride=2), nn.ReLU())),
        "fused winograd": (16, Convolution(conv(16, 16), nn.ReLU())),
        "fused direct": (3, Convolution(conv(3, 8), nn.ReLU6())),
        "fused narrow": (4, Convolution(conv(4, 40, 5), None)),
        "fused depthwise 3": (8, Convolution(conv(8, 8, 3, 8), nn.ReLU6())),
        "fused depthwise 5": (8, Convolution(conv(8, 8, 5, 8), None)),
        "fused depthwise 5, stride": (8, Convolution(conv(8, 8, 5, 8, 2), nn.ReLU())),
        "widened": (4, Widened(conv(4, 12, 1), norm(12), nn.ReLU())),
        "pool": (6, CompiledPool(copy.copy(pool), nn.ReLU())),
        "winograd pool": (
            16,
            ConvolutionPool(Convolution(conv(16, 16), None), CompiledPool(pool, nn.ReLU())),
        ),
        "direct pool": (3, ConvolutionPool(Convolution(conv(3, 8), None), CompiledPool(pool, None))),
        "norm": (6, Norm(norm(6), nn.ReLU())),
        "norm and sum": (6, Norm(norm(6), nn.ReLU6())),
        "batch norm": (6, norm(6)),
        "group norm": (6, more.GroupNorm(2, 6, 1e-3, True, True)),
        "instance norm": (6, more.GroupNorm(6, 6, 1e-3, True, True)),
        "layer norm": (6, more.LayerNorm((6,), 1e-3, True, True)),
        "unit norm": (6, more.UnitNorm((1,))),
        "prelu": (6, more.PReLU((8, 8, 6))),
        "scale": (6, more.LayerScale(6, 0.5, True)),
        "dense": (6, own.Dense(6, 5)),
        "max pool": (6, own.MaxPool2d((3, 3), (2, 2), (0, 1, 0, 1))),
        "average pool": (6, own.AvgPool2d((3, 3), (2, 2), (0, 1, 0, 1))),
        "global pool": (6, own.GlobalPool("mean", False)),
        "global max": (6, own.GlobalPool("max", True)),
        "upsampling": (6, more.Upsample((2, 2), "bilinear")),
        "resizing": (6, more.Resize((5, 5), "nearest")),
        "relu6": (6, ReLU6InPlace()),
        "sum": (6, SumInPlace()),
    }


def layouts(count: int, channels: int) -> dict[str, Any]:
    """The same images, otherwise in memory."""
    import torch

    x = torch.randn(count, channels, ROWS, ROWS, generator=torch.Generator().manual_seed(1))
    wide = torch.empty(count, channels + 3, ROWS, ROWS).contiguous(memory_format=torch.channels_last)
    wide[:, 1:-2] = x
    return {
        "channels last": x.contiguous(memory_format=torch.channels_last),
        "channels first": x,
        "a part of more": wide[:, 1:-2],
        "turned": x.transpose(2, 3).contiguous().transpose(2, 3),
    }


def weights(module: Any) -> dict[str, list[tuple[Any, str]]]:
    """The learned weights by kind of name, each with its owner."""
    found: dict[str, list[tuple[Any, str]]] = {}
    for part in module.modules():
        for name in part._parameters:
            found.setdefault(f"{type(part).__name__}.{name}", []).append((part, name))
    return found


def cases() -> Iterator[tuple[str, bool, dict[str, str], str]]:
    """Operation, whether the input needs a gradient, what becomes of each weight, layout."""
    for name, (channels, module) in modules().items():
        kinds = weights(module)
        free = [
            ("trained", "frozen", "absent") if kind.endswith(ABSENT) else ("trained", "frozen")
            for kind in kinds
        ]
        for fates in itertools.product(*free):
            for needs, layout in itertools.product((True, False), layouts(1, channels)):
                yield name, needs, dict(zip(kinds, fates, strict=True)), layout


def worst(name: str, needs: bool, fates: dict[str, str], layout: str) -> float:
    """How far output and gradients are from the same module's in double precision, channels first."""
    import torch

    channels, module = modules()[name]
    dice = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=dice) * 0.3)
    for kind, places in weights(module).items():
        for part, weight in places:
            if fates[kind] == "absent":
                setattr(part, weight, None)
            elif fates[kind] == "frozen":
                getattr(part, weight).requires_grad_(False)
    module.to(memory_format=torch.channels_last).train()
    slow = copy.deepcopy(module).double().to(memory_format=torch.contiguous_format)
    x = layouts(2, channels)[layout]
    found, wanted = (run(name, part, image, needs) for part, image in ((module, x), (slow, x.double())))
    far = 0.0
    for one, other in zip(found, wanted, strict=True):
        if other is None:
            assert one is None
            continue
        # A bias in front of a batch norm has a gradient of 0: none at all is the same to every optimizer.
        one = torch.zeros_like(other) if one is None else one.double()
        far = max(far, float((one - other).abs().max()) / (1 + float(other.abs().max())))
    return far


def run(name: str, module: Any, x: Any, needs: bool) -> list[Any]:
    """The output, the gradient of the input and those of the weights."""
    import torch

    start = x.clone(memory_format=torch.preserve_format).requires_grad_(needs)
    # What overwrites its input is never given a leaf.
    inputs = [start * 1.0 if name in ("relu6", "sum") else start]
    if name in ("norm and sum", "sum"):
        inputs.append(start * 0.5)
    out = module(*inputs)
    if out.requires_grad:
        (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)).sum().backward()
    return [out.detach(), start.grad, *(parameter.grad for parameter in module.parameters())]


def test_no_combination_ends_the_process_or_differs():
    done = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, timeout=300, check=False
    )
    last = done.stdout.splitlines()[-1] if done.stdout else done.stderr
    assert done.returncode == 0, f"ended by {done.returncode} in {last}\n{done.stderr[-2000:]}"
    count, far = last.split(" cases, worst ")
    assert int(count) > 900
    assert float(far) < 2e-4


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    every, far = list(cases()), 0.0
    for case in every:
        print(case, flush=True)
        off = worst(*case)
        assert off < 2e-4, off
        far = max(far, off)
    print(f"{len(every)} cases, worst {far:.2e}", flush=True)
