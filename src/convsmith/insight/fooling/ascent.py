"""Fooling images by gradient ascent: a grey picture is changed until the network is sure of a class.

A. Nguyen, J. Yosinski, J. Clune (2015), section 3.3: ascent with L2 regularisation, which is a decay of the
picture towards the mean after each step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import BadInput
from ..target import classes_of, only_lowered, outputs, untouched

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ...engine.lower import Lowered

STEPS, DECAY = 300, 0.01
"""The original's number of steps, and the share of the picture that decays after each."""
PROGRESS, LATE_PROGRESS = 0.03, 0.1
"""A step aims to raise the confidence by the first, and by at most this share of what is missing to 1."""


@dataclass(frozen=True)
class Ascended:
    """A picture for each wanted class.

    Args:
        images_NHWC: uint8, the surest of each ascent.
        confidence: what the network says of that very picture for its class, (N,).
        curve: the confidences of the pictures at each step, (steps, N).
    """

    images_NHWC: np.ndarray
    confidence: np.ndarray
    curve: np.ndarray


def ascend(
    net: Lowered,
    classes: Sequence[int],
    *,
    mean_HWC: np.ndarray | float = 127.5,
    steps: int = STEPS,
    decay: float = DECAY,
    seed: int = 0,
    on_share: Callable[[float], None] | None = None,
) -> Ascended:
    """Change a picture of nothing until the network is sure of a class; one picture for each class.

    The gradient is that of the logarithm of the confidence, which does not vanish where the network is sure
    of another class; a step never aims for more than one unit of it.

    Args:
        net: a network from `engine.lower` that ends in softmax or gives logits.
        classes: class numbers.
        mean_HWC: the mean image of the network's world, raw pixels; the pictures start there, with noise of
            one pixel unit, and decay to it.
        steps: how many.
        decay: the share of the distance from the mean that goes after each step.
        seed: of the noise.

    Raises:
        BadInput: for numbers that mean nothing, or a class that is not there.
    """
    import numpy as np
    import torch

    only_lowered(net)
    known = classes_of(net)
    if any(not 0 <= label < known for label in classes) or not len(classes):
        raise BadInput("classes", f"got {list(classes)}", f"numbers from 0 to {known - 1}")
    if steps < 1:
        raise BadInput("--steps", f"got {steps}", "at least 1", "--steps 300")
    if not 0 <= decay < 1:
        raise BadInput("--decay", f"got {decay:g}", "a share from 0 to less than 1", "--decay 0.01")
    shape = tuple(int(size or 0) for size in net.graph.input_shape)
    mean = torch.from_numpy(np.broadcast_to(np.asarray(mean_HWC, np.float32), shape).copy()).permute(2, 0, 1)
    noise = np.random.default_rng(seed).normal(0, 1, (len(classes), *shape)).astype(np.float32)
    x = mean + torch.from_numpy(noise).permute(0, 3, 1, 2)
    wanted, rows = torch.tensor(list(classes)), torch.arange(len(classes))
    best, surest, curve = x.clone(), torch.full((len(classes),), -1.0), []
    with untouched(net):
        for step in range(steps):
            if on_share is not None:
                on_share(step / steps)
            x = x.clamp(0, 255).requires_grad_(True)
            log_p = torch.log_softmax(outputs(net, x), 1)[rows, wanted]
            (gradient,) = torch.autograd.grad(log_p.sum(), x)
            with torch.no_grad():
                rounded = x.round()
                said = torch.softmax(outputs(net, rounded), 1)[rows, wanted]
                curve.append(said.numpy())
                better = said > surest
                best[better], surest[better] = rounded[better], said[better]
                x = mean + (x + _step(gradient, log_p.exp()) - mean) * (1 - decay)
    pictures = best.permute(0, 2, 3, 1).numpy().astype(np.uint8)
    return Ascended(np.ascontiguousarray(pictures), surest.numpy(), np.stack(curve))


def _step(gradient: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """The change along the gradient of log p that should raise p by the wanted progress."""
    wanted = (LATE_PROGRESS * (1 - p)).clamp(max=PROGRESS)
    raised = (wanted / p.clamp(min=1e-30)).clamp(max=1.0)
    size = gradient.pow(2).sum((1, 2, 3)).clamp(min=1e-30)
    return (raised / size)[:, None, None, None] * gradient
