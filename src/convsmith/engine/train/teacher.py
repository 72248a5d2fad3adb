"""A larger network's opinion as a second target: knowledge distillation.

G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", 2015, section 2. The teacher
sees the very images that the student sees, varied in the same way (L. Beyer et al., "Knowledge Distillation:
A Good Teacher Is Patient and Consistent", CVPR 2022, section 3).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...errors import BadInput
from ...graph import Graph
from .. import weights as numbers
from ..lower import Lowered


@dataclass(frozen=True, eq=False)
class Teacher:
    """Who teaches, and how much that counts.

    Args:
        source: a lowered network, which sees each batch as the student does; or its logits for each training
            image as it is, (N, classes): right where images are not varied, and followed through mixup and
            cutmix.
        temperature: the logits of both are divided by it: higher shows more of how wrong answers compare.
        weight: the share of the loss that is the teacher's; the rest is the labels'.
    """

    source: Lowered | np.ndarray
    temperature: float = 2.0
    weight: float = 0.5

    def checked(self, graph: Graph, images: int) -> Teacher:
        """This teacher, if it fits the student and the number of images.

        Raises:
            BadInput: other classes or images, or a setting out of its range.
        """
        classes = graph.output_shape[-1]
        if isinstance(self.source, Lowered):
            said: object = self.source.graph.output_shape
            fits = self.source.graph.output_shape == (classes,)
            expected = f"({classes},), as the student"
        else:
            said, fits = np.shape(self.source), np.shape(self.source) == (images, classes)
            expected = f"({images}, {classes}), a row for each training image"
        if not fits:
            raise BadInput("teacher", f"gives {said}", expected)
        if not 0 < self.temperature <= 100:
            raise BadInput("temperature", f"got {self.temperature!r}", "above 0, to 100", "2")
        if not 0 <= self.weight <= 1:
            raise BadInput("weight of the teacher", f"got {self.weight!r}", "0 to 1", "0.5")
        return self

    @property
    def fingerprint(self) -> str:
        """Stands for all that a training depends on."""
        digest = hashlib.sha256(repr((self.temperature, self.weight)).encode())
        if isinstance(self.source, Lowered):
            digest.update(self.source.graph.fingerprint.encode())
            for name, array in numbers.dump(self.source).items():
                digest.update(name.encode() + array.tobytes())
        else:
            digest.update(np.ascontiguousarray(self.source, np.float32).tobytes())
        return digest.hexdigest()

    def shares(self, x_NCHW: Tensor) -> Tensor:
        """The softened probabilities of a network's opinion on these images, (N, classes)."""
        assert isinstance(self.source, Lowered)
        self.source.eval()
        with torch.no_grad():
            module = self.source.to(x_NCHW.device)
            return self.softened(scores(module, resized(x_NCHW, module.graph)))

    def softened(self, logits: Tensor) -> Tensor:
        """Probabilities at the temperature."""
        return torch.softmax(logits / self.temperature, 1)

    def loss(self, logits: Tensor, shares: Tensor) -> Tensor:
        """How far the student's softened answer is from the teacher's, in nats, times temperature squared.

        Args:
            logits: the student's, (N, classes).
            shares: the teacher's softened probabilities, (N, classes).

        Returns:
            The mean Kullback-Leibler divergence; the factor keeps its gradient as large as the labels'.
        """
        said = F.log_softmax(logits / self.temperature, 1)
        return F.kl_div(said, shares, reduction="batchmean") * self.temperature**2


def scores(module: Lowered, x_NCHW: Tensor) -> Tensor:
    """Logits; the logarithm of the output where the network does not end in a softmax."""
    if module.ends_in_softmax:
        return module.logits(x_NCHW)
    return module(x_NCHW).clamp_min(1e-7).log()  # type: ignore[no-any-return]


def resized(x_NCHW: Tensor, graph: Graph) -> Tensor:
    """The images at the size and with the channels that a network takes."""
    rows, columns, channels = graph.input_shape
    if x_NCHW.shape[1] != channels:
        grey = x_NCHW.mean(1, keepdim=True)
        x_NCHW = grey if channels == 1 else grey.repeat(1, channels or 1, 1, 1)
    if None in (rows, columns) or tuple(x_NCHW.shape[2:]) == (rows, columns):
        return x_NCHW
    return F.interpolate(x_NCHW, (rows, columns), mode="bilinear", antialias=True)  # type: ignore[arg-type]
