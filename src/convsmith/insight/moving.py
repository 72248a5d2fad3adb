"""Batches of images filtered, turned and shifted; the edges are always repeated."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


def tail(sigma: float, reach: int, angle: float) -> dict[tuple[int, int], float]:
    """Weights along a way, each shared by the four pixels around its place; their sum is 1."""
    taps: dict[tuple[int, int], float] = {}
    for step in range(2 * reach + 1):
        along = step / 2
        weight = math.exp(-((along / sigma) ** 2) / 2)
        down, across = reach + along * math.sin(angle), reach + along * math.cos(angle)
        top, left = math.floor(down), math.floor(across)
        for row, high in ((0, 1 - (down - top)), (1, down - top)):
            for column, wide in ((0, 1 - (across - left)), (1, across - left)):
                if high * wide > 0:
                    place = (top + row, left + column)
                    taps[place] = taps.get(place, 0.0) + weight * high * wide
    total = sum(taps.values())
    return {place: weight / total for place, weight in taps.items()}


def each(x: Any, change: Callable[[Any], Any]) -> Any:
    """Each image through Pillow and back."""
    import numpy as np
    import torch
    from PIL import Image

    pixels = (x * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    found = [
        np.asarray(change(Image.fromarray(one[..., 0] if one.shape[2] == 1 else one))).reshape(one.shape)
        for one in pixels
    ]
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).float() / 255


def bell(sigma: float) -> Any:
    """A Gaussian as a line, four standard deviations to each side."""
    import torch

    reach = max(1, round(4 * sigma))
    line = torch.exp(-((torch.arange(-reach, reach + 1) / sigma) ** 2) / 2)
    return line / line.sum()


def filtered(x: Any, kernel_hw: Any) -> Any:
    """Each channel filtered with a kernel of odd sides; the edges are repeated."""
    from torch.nn import functional

    n, channels = x.shape[:2]
    down, across = (side // 2 for side in kernel_hw.shape)
    padded = functional.pad(x, (across, across, down, down), mode="replicate")
    alone = padded.reshape(n * channels, 1, *padded.shape[2:])
    return functional.conv2d(alone, kernel_hw[None, None]).reshape(x.shape)


def moved(x: Any, angle_N: Any, shift_N2: Any) -> Any:
    """Turned and shifted (in half sides), with linear interpolation; the edge is repeated."""
    import numpy as np
    import torch
    from torch.nn import functional

    rows, columns = x.shape[2:]
    matrix = np.zeros((len(x), 2, 3), np.float32)
    matrix[:, 0, 0] = matrix[:, 1, 1] = np.cos(angle_N)
    matrix[:, 0, 1] = -np.sin(angle_N) * rows / columns
    matrix[:, 1, 0] = np.sin(angle_N) * columns / rows
    matrix[:, :, 2] = shift_N2
    grid = functional.affine_grid(torch.from_numpy(matrix), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
