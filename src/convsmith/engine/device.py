"""Where a training runs: the processor, or a CUDA device with the images resident on it.

On a device nothing waits for it within an epoch: images and labels are picked there, losses are summed there.
The CUDA path has not been measured yet; on a processor nothing of it is used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor

from ..errors import BadInput, BadName
from .predict import to_NCHW

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("float32", "bfloat16")
ROOM = 0.5
"""Share of a device's free memory that the images may take; more are brought batch by batch."""


def device(name: str = "auto") -> torch.device:
    """The device of that name; ``"auto"`` is a CUDA device where there is one.

    Raises:
        BadName: for an unknown name.
        BadInput: for ``"cuda"`` where there is none.

    Example:
        >>> device("cpu")
        device(type='cpu')
    """
    if name not in DEVICES:
        raise BadName("device", name, DEVICES)
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise BadInput("device cuda", "is not there", "a CUDA device and torch for it", 'device="cpu"')
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def check_graphs(place: torch.device, wanted: bool) -> None:
    """Raise BadInput where CUDA graphs are wanted and there is no CUDA device to record them on."""
    if wanted and place.type != "cuda":
        raise BadInput(
            "cuda_graphs", f"given for a training on the {place.type}", "a CUDA device", "cuda_graphs=False"
        )


def calculating(place: torch.device, precision: str) -> AbstractContextManager[object]:
    """Within it the network's products are computed in this precision; weights and losses stay float32."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(place.type, torch.bfloat16)


class Source(ABC):
    """Batches of images and labels on a device."""

    @abstractmethod
    def order(self, places: np.ndarray) -> None:
        """The order of the epoch's images."""

    @abstractmethod
    def batch(self, start: int, size: int) -> tuple[Tensor, Tensor, np.ndarray]:
        """A batch of that order.

        Returns:
            Pixels, float32 NCHW; class numbers, (N,); the images' places among all.
        """


class Streamed(Source):
    """Images read as they are needed; they may be memory-mapped.

    Args:
        x: (N, H, W, C), uint8 or float.
        y: class numbers, (N,).
        place: where the batches go.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, place: torch.device) -> None:
        self.x, self.y, self.place = x, y, place
        self.places = np.arange(len(x))

    def order(self, places: np.ndarray) -> None:
        self.places = places

    def batch(self, start: int, size: int) -> tuple[Tensor, Tensor, np.ndarray]:
        rows = np.sort(self.places[start : start + size])
        return to_NCHW(self.x[rows]).to(self.place), torch.from_numpy(self.y[rows]).to(self.place), rows


class Resident(Source):
    """All images on the device as they came, mostly one byte a number; batches are picked there.

    Args:
        x: (N, H, W, C), uint8 or float.
        y: class numbers, (N,).
        place: the device.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, place: torch.device) -> None:
        self.x = torch.from_numpy(np.array(x)).to(place)
        self.y = torch.from_numpy(y).to(place)
        self.order(np.arange(len(x)))

    def order(self, places: np.ndarray) -> None:
        self.places = places
        self.index = torch.from_numpy(places).to(self.x.device)  # once an epoch

    def batch(self, start: int, size: int) -> tuple[Tensor, Tensor, np.ndarray]:
        rows = self.index[start : start + size]
        x = self.x.index_select(0, rows).to(torch.float32)
        x = x.permute(0, 3, 1, 2) if x.dim() == 4 else x
        return x, self.y.index_select(0, rows), self.places[start : start + size]


def source(x: np.ndarray, y: np.ndarray, place: torch.device) -> Source:
    """The images for a training on this device: resident where there is room."""
    if place.type == "cuda" and x.nbytes < ROOM * torch.cuda.mem_get_info(place)[0]:
        return Resident(x, y, place)
    return Streamed(x, y, place)
