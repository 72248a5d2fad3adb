"""Activation functions that torch has in another form than Keras, or not at all."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def channels(x: Tensor) -> int:
    """The axis of Keras's last size: of images here the second."""
    return 1 if x.dim() == 4 else -1


class SquarePlus(nn.Module):
    """(x + sqrt(x² + 4)) / 2."""

    def forward(self, x: Tensor) -> Tensor:
        return (x + torch.sqrt(x.square() + 4)) / 2


class SparsePlus(nn.Module):
    """0 up to -1, x from 1 on, (x + 1)² / 4 between."""

    def forward(self, x: Tensor) -> Tensor:
        between = (x + 1).square() / 4
        return torch.where(x <= -1, torch.zeros_like(x), torch.where(x < 1, between, x))


class SparseSigmoid(nn.Module):
    """0 up to -1, 1 from 1 on, a line between."""

    def forward(self, x: Tensor) -> Tensor:
        between = torch.where(x >= 1, torch.ones_like(x), 0.5 * (x + 1))
        return torch.where(x <= -1, torch.zeros_like(x), between)


class GLU(nn.Module):
    """The first half of the channels times the sigmoid of the second."""

    def forward(self, x: Tensor) -> Tensor:
        return F.glu(x, channels(x))
