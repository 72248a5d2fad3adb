"""Random small torch modules, written as people write them: for tests of what reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Choose = Callable[[Sequence[Any]], Any]
ACTIVATIONS: tuple[Callable[[], nn.Module], ...] = (
    nn.ReLU, lambda: nn.ReLU(inplace=True), nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish, nn.Hardsigmoid, nn.ELU,
    nn.LeakyReLU, nn.Mish, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.PReLU,
)  # fmt: skip


class RandomModule(nn.Module):
    """Blocks one after the other, then a head of numbers for each class.

    Args:
        blocks: of an image.
        head: from the last image on.
    """

    def __init__(self, blocks: list[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.blocks, self.head = nn.ModuleList(blocks), head

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Applied(nn.Module):
    """A function of the image and of layers on it.

    Args:
        function: takes the image, then the layers.
        layers: the layers.
    """

    def __init__(self, function: Callable[..., Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.function, self.layers = function, nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.layers)


def random_module(choose: Choose, *, depth: int = 5) -> tuple[nn.Module, tuple[int, int, int]]:
    """A random module in evaluation mode, and rows, columns, channels of the images that it takes.

    Args:
        choose: picks one of a sequence, e.g. ``random.Random(0).choice``, or
            ``lambda options: draw(st.sampled_from(options))`` in a hypothesis strategy.
        depth: how many blocks before the head.

    Example:
        >>> import random
        >>> module, (rows, columns, channels) = random_module(random.Random(3).choice)
        >>> tuple(module(torch.zeros(2, channels, rows, columns)).shape)
        (2, 3)
    """
    shape = (choose((8, 9, 12)), choose((8, 11)), choose((1, 3)))
    x = torch.zeros(1, shape[2], *shape[:2])
    blocks = []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(choose(range(100)))
        for _ in range(depth):
            block = _block(choose, x.shape[1], min(x.shape[2:])).eval()
            blocks.append(block)
            x = block(x)
        module = RandomModule(blocks, _head(choose, x)).eval()
        _settle(module)
    return module, shape


def _settle(module: nn.Module) -> None:
    """Numbers that show mistakes: no statistics of 0 and 1, no factors of 1."""
    for part in module.modules():
        for name in ("weight", "running_var"):
            tensor = getattr(part, name, None)
            if isinstance(tensor, Tensor) and tensor.dim() == 1:
                tensor.uniform_(0.5, 1.5)
        for name in ("bias", "running_mean"):
            tensor = getattr(part, name, None)
            if isinstance(tensor, Tensor):
                tensor.normal_(0, 0.3)


def _convolution(choose: Choose, channels: int, side: int, out: int | None = None) -> nn.Conv2d:
    kernel = choose([k for k in (1, 3, 5) if k <= side])
    stride = choose((1, 2)) if out is None and side > 3 else 1
    groups = choose([g for g in (1, 2, channels) if channels % g == 0 and (out or channels) % g == 0])
    padding = "same" if stride == 1 and choose((True, False)) else kernel // 2
    width = out or choose([w for w in (4, 6, channels) if w % groups == 0] or [channels])
    return nn.Conv2d(
        channels, width, kernel, stride, padding, groups=groups, bias=choose((True, False)),
        dilation=1 if padding != "same" or 2 * kernel > side else choose((1, 2)),
    )  # fmt: skip


def _norm(choose: Choose, channels: int) -> nn.Module:
    groups = choose([g for g in (1, 2, channels) if channels % g == 0])
    made: Any = choose((
        lambda: nn.BatchNorm2d(channels), lambda: nn.BatchNorm2d(channels, affine=False),
        lambda: nn.GroupNorm(groups, channels), lambda: nn.InstanceNorm2d(channels, affine=True),
    ))  # fmt: skip
    return made()  # type: ignore[no-any-return]


def _block(choose: Choose, channels: int, side: int) -> nn.Module:
    act = choose(ACTIVATIONS)()
    kinds = ["conv", "conv", "residual", "gate", "dense", "turned", "shuffled", "parts", "arithmetic"]
    kind = choose(kinds + ["pool", "pool"] * (side > 3) + ["up"] * (side < 6))
    if kind == "conv":
        first = _convolution(choose, channels, side)
        return nn.Sequential(first, _norm(choose, first.out_channels), act)
    if kind == "residual":
        inner = _convolution(choose, channels, side, channels)
        return Applied(lambda x, f, norm, act: act(x + norm(f(x))), inner, _norm(choose, channels), act)
    if kind == "gate":
        squeeze, excite = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)
        mean = choose((lambda x: x.mean((2, 3), keepdim=True), lambda x: F.adaptive_avg_pool2d(x, 1)))
        return Applied(
            lambda x, down, up: x * torch.sigmoid(up(F.relu(down(mean(x))))), squeeze, excite
        )  # fmt: skip
    if kind == "dense":
        inner = _convolution(choose, channels, side, 2 * channels)
        return Applied(lambda x, f, act: torch.cat([x, act(f(x))[:, 1:]], 1), inner, act)
    if kind == "turned":
        norm, linear = nn.LayerNorm(channels), nn.Linear(channels, channels)
        return Applied(
            lambda x, n, f: x + f(n(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2), norm, linear
        )  # fmt: skip
    if kind == "shuffled":
        groups = choose([g for g in (1, 2, 3, channels) if channels % g == 0])
        return Applied(lambda x: _shuffled(x, groups))
    if kind == "parts":
        pads = choose(((1, 0, 2, 1), (0, 1, 0, 0)))
        return Applied(lambda x: F.pad(x, pads)[:, :, 1:, : x.shape[3]].contiguous())
    if kind == "pool":
        pool = choose((nn.MaxPool2d, nn.AvgPool2d))
        return pool(choose((2, 3)), 2, choose((0, 1)), ceil_mode=choose((True, False)))  # type: ignore[no-any-return]
    if kind == "up":
        return nn.Upsample(scale_factor=2, mode=choose(("nearest", "bilinear")))
    return Applied(choose((
        lambda x: (x - x.mean((2, 3), keepdim=True)) / (x.std((2, 3), keepdim=True) + 1),
        lambda x: F.normalize(x, dim=1), lambda x: (2 - x).clamp(-1, 1) * 0.5 + x / 3,
        lambda x: x.flip(3).transpose(2, 3).transpose(2, 3).abs().sqrt(),
    )))  # fmt: skip


def _shuffled(x: Tensor, groups: int) -> Tensor:
    n, channels, rows, columns = x.size()
    x = x.view(n, groups, channels // groups, rows, columns)
    return torch.transpose(x, 1, 2).contiguous().view(n, -1, rows, columns)


def _head(choose: Choose, x: Tensor) -> nn.Module:
    channels = x.shape[1]
    return choose((  # type: ignore[no-any-return]
        lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3), nn.Softmax(1)),
        lambda: nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(x[0].numel(), 3)),
        lambda: Applied(lambda x, f: F.log_softmax(f(x.view(x.size(0), -1)), 1), nn.Linear(x[0].numel(), 3)),
        lambda: Applied(lambda x, f: f(torch.amax(x, dim=(-2, -1))), nn.Linear(channels, 3)),
    ))()  # fmt: skip
