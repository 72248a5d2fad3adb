"""Networks as torchvision, timm and people write them, in our own words and small."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Basic(nn.Module):
    """ResNet's basic block; one ReLU in place serves twice."""

    def __init__(self, c: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = (
            nn.Sequential(nn.Conv2d(c, out, 1, stride, bias=False), nn.BatchNorm2d(out))
            if stride != 1 or c != out
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class Bottleneck(nn.Module):
    """ResNet's bottleneck, with groups as in ResNeXt."""

    def __init__(self, c: int, width: int, out: int, groups: int = 2) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        return F.relu(self.bn3(self.conv3(out)) + x)


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Basic(8, 8), Basic(8, 16, 2))
        self.layer2 = nn.Sequential(Bottleneck(16, 8, 16))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.avgpool(self.layer2(self.layer1(x)))
        return self.fc(torch.flatten(x, 1))


class Inverted(nn.Module):
    """MobileNet's inverted residual with squeeze-and-excite, as in MobileNetV3 and timm."""

    def __init__(self, c: int, act: nn.Module) -> None:
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(c, 3 * c, 1, bias=False), nn.BatchNorm2d(3 * c), act)
        self.deep = nn.Sequential(
            nn.Conv2d(3 * c, 3 * c, 3, 1, 1, groups=3 * c, bias=False), nn.BatchNorm2d(3 * c), act
        )
        self.squeeze, self.excite = nn.Conv2d(3 * c, 4, 1), nn.Conv2d(4, 3 * c, 1)
        self.project = nn.Sequential(nn.Conv2d(3 * c, c, 1, bias=False), nn.BatchNorm2d(c))

    def forward(self, x: Tensor) -> Tensor:
        y = self.deep(self.expand(x))
        gate = y.mean((2, 3), keepdim=True)
        gate = F.hardsigmoid(self.excite(F.silu(self.squeeze(gate))))
        return x + self.project(y * gate)


class MobileNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish(inplace=True)
        )
        self.blocks = nn.ModuleList([Inverted(8, nn.ReLU6(inplace=True)), Inverted(8, nn.Hardswish())])
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        x = F.adaptive_avg_pool2d(x, 1)
        return F.log_softmax(self.classifier(self.dropout(x.view(x.size(0), -1))), dim=1)


class DenseNet(nn.Module):
    """Dense blocks, a transition, and rows of an image that a Linear takes in torch's order."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(6 + 4 * k) for k in range(3)])
        self.convs = nn.ModuleList([nn.Conv2d(6 + 4 * k, 4, 3, padding=1) for k in range(3)])
        self.stem = nn.Conv2d(3, 6, 3, padding="same", dilation=2)
        self.pool = nn.AvgPool2d(2)
        self.fc = nn.Sequential(
            nn.Flatten(), nn.Linear(18 * 5 * 6, 7), nn.PReLU(), nn.BatchNorm1d(7), nn.Linear(7, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        features = [self.stem(x)]
        for norm, conv in zip(self.norms, self.convs, strict=True):
            features.append(conv(F.leaky_relu(norm(torch.cat(features, 1)), 0.1)))
        return self.fc(self.pool(torch.cat(features, dim=1)))


class LayerNorm2d(nn.Module):
    """ConvNeXt's normalisation of channels, by arithmetic."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.rand(c) + 0.5), nn.Parameter(torch.rand(c))

    def forward(self, x: Tensor) -> Tensor:
        u = x.mean(1, keepdim=True)
        s = (x - u).pow(2).mean(1, keepdim=True)
        x = (x - u) / torch.sqrt(s + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class ConvNeXt(nn.Module):
    """A block that permutes to channels last, with a learned factor for each channel."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.stem, self.norm0 = nn.Conv2d(3, c, 4, 4), LayerNorm2d(c)
        self.dwconv = nn.Conv2d(c, c, 7, padding=3, groups=c)
        self.norm = nn.LayerNorm(c, eps=1e-6)
        self.pwconv1, self.act, self.pwconv2 = nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c)
        self.gamma = nn.Parameter(torch.rand(c))
        self.temperature = nn.Parameter(torch.tensor(1.5))
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))
        self.head = nn.Linear(c, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm0(self.stem((x - self.mean) / 0.25))
        y = self.dwconv(x).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(self.act(self.pwconv1(self.norm(y))))
        x = x + y.permute(0, 3, 1, 2)
        return self.head(x.mean([-2, -1])) * self.temperature


class Shuffled(nn.Module):
    """Channel shuffle, chunk, a shared convolution, pixel shuffle, upsampling, several outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.shared = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.up = nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1)
        self.inst = nn.InstanceNorm2d(4)

    def forward(self, image: Tensor) -> dict[str, Any]:
        x = self.norm(self.stem(image))
        b, c, h, w = x.shape
        x = x.view(b, 2, c // 2, h, w).transpose(1, 2).contiguous().view(b, c, h, w)
        one, other = x.chunk(2, dim=1)
        x = torch.cat([self.shared(self.shared(one)), other], dim=1)
        x = F.pad(x, (1, 0, 0, 1))[:, :, :h, 1:]
        big = F.interpolate(x, scale_factor=2, mode="nearest") + self.up(x).repeat(1, 2, 1, 1)
        small = F.pixel_shuffle(x, 2)
        norm = F.normalize(small.amax(dim=(2, 3)), dim=1)
        return {"big": self.inst(big[:, :4]), "norm": norm, "best": torch.softmax(norm * 3, -1)}


class Attention(nn.Module):
    """Attention over an image's places, by torch's own function and by hand."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, c, 4, 4)
        self.norm, self.attn = nn.LayerNorm(c), nn.Linear(c, 3 * c)
        self.qkv, self.out = nn.Linear(c, 3 * c), nn.Linear(c, c)
        self.place = nn.Parameter(torch.rand(1, 6, c))
        self.head = nn.Linear(c, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).flatten(2).transpose(1, 2) + self.place
        y = self.norm(x)
        b, n, c = x.shape
        q, k, v = (part.view(b, n, 2, c // 2).transpose(1, 2) for part in self.attn(y).chunk(3, dim=-1))
        x = x + F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, c)
        q, k, v = self.qkv(x).reshape(b, n, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
        weights = ((q @ k.transpose(-2, -1)) * (c // 2) ** -0.5).softmax(dim=-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(b, n, c))
        return self.head(x.mean(dim=1))


TWINS: dict[str, tuple[type[nn.Module], tuple[int, int, int]]] = {
    "resnet": (ResNet, (33, 30, 3)), "mobilenet": (MobileNet, (16, 18, 3)),
    "densenet": (DenseNet, (11, 12, 3)),
    "convnext": (ConvNeXt, (12, 16, 3)), "shuffled": (Shuffled, (6, 8, 3)),
    "attention": (Attention, (8, 12, 3)),
}  # fmt: skip


def settled(make: type[nn.Module], seed: int = 0) -> nn.Module:
    """The module with statistics and factors that show mistakes."""
    torch.manual_seed(seed)
    module = make()
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d | nn.BatchNorm1d | nn.GroupNorm | nn.LayerNorm):
                for tensor in (part.weight, part.bias):
                    tensor.uniform_(0.5, 1.5)
            if isinstance(part, nn.BatchNorm2d | nn.BatchNorm1d):
                part.running_mean.normal_()  # type: ignore[union-attr, operator]
                part.running_var.uniform_(0.5, 2)  # type: ignore[union-attr, operator]
    return module.eval()
