"""Adversarial examples: images changed so little that a person sees the same, and the network does not.

FGSM: I. Goodfellow, J. Shlens, C. Szegedy, "Explaining and Harnessing Adversarial Examples", 2015.
PGD: A. Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", 2018.
All sizes of changes are in pixel units, 0 to 255; the papers' 0.3 on MNIST is 76.5 here, 8/255 is 8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BadInput
from .mistakes import wilson
from .target import only_lowered, outputs, untouched

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ..engine.lower import Lowered

Norm = Literal["linf", "l2"]
STEPS = 20
LINF = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
L2 = (0.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0)


def fgsm(net: Lowered, x_NCHW: torch.Tensor, y: torch.Tensor, *, epsilon: float) -> torch.Tensor:
    """One step: every pixel by epsilon, in the direction that raises the loss.

    Args:
        net: a network from `engine.lower`.
        x_NCHW: raw pixels, float32.
        y: true class numbers, int64 (N,).
        epsilon: the largest change of a pixel, 0..255.

    Returns:
        The changed images, within 0 and 255.
    """
    import torch

    _check(net, epsilon)
    with untouched(net):
        return (x_NCHW + epsilon * torch.sign(_gradient(net, x_NCHW, y))).clamp(0, 255)


def pgd(
    net: Lowered,
    x_NCHW: torch.Tensor,
    y: torch.Tensor,
    *,
    epsilon: float,
    norm: Norm = "linf",
    steps: int = STEPS,
    seed: int = 0,
) -> torch.Tensor:
    """Many small steps that raise the loss, each followed by a projection back into the ball of epsilon.

    It starts at a random point of the ball; a step is 2.5 epsilon / steps long; an image that the network
    already gets wrong is left where it is.

    Args:
        net: a network from `engine.lower`.
        x_NCHW: raw pixels, float32.
        y: true class numbers, int64 (N,).
        epsilon: the ball's radius in pixel units: the largest change of a pixel (linf), or the root of the
            sum of all squared changes (l2).
        norm: linf or l2.
        steps: how many.
        seed: of the start.

    Returns:
        The changed images, within the ball and within 0 and 255.
    """
    import torch

    _check(net, epsilon)
    if norm not in ("linf", "l2"):
        raise BadInput("norm", f"got '{norm}'", "linf or l2")
    if steps < 1:
        raise BadInput("--steps", f"got {steps}", "at least 1", "--steps 20")
    noise = torch.randn(x_NCHW.shape, generator=torch.Generator().manual_seed(seed))
    if norm == "linf":
        noise = noise.clamp(-1, 1) * epsilon
    with untouched(net):
        open_ = _right(net, x_NCHW, y)
        now = torch.where(open_[:, None, None, None], _inside(x_NCHW, x_NCHW + noise, epsilon, norm), x_NCHW)
        for _ in range(steps):
            open_ = _right(net, now, y)
            if not bool(open_.any()):
                break
            some = now[open_]
            gradient = _gradient(net, some, y[open_])
            if norm == "linf":
                direction = torch.sign(gradient)
            else:
                direction = gradient / _length(gradient).clamp(min=1e-30)
            now[open_] = _inside(x_NCHW[open_], some + 2.5 * epsilon / steps * direction, epsilon, norm)
    return now


def accuracy_against_epsilon(
    net: Lowered,
    x_NHWC: np.ndarray,
    y: np.ndarray,
    *,
    attack: Literal["fgsm", "pgd"] = "pgd",
    norm: Norm = "linf",
    epsilons: Sequence[float] = LINF,
    steps: int = STEPS,
    batch_size: int = 256,
    seed: int = 0,
    on_share: Callable[[float], None] | None = None,
) -> list[dict[str, Any]]:
    """How many images are still recognised when each may be changed by epsilon.

    An image that falls at one epsilon counts as fallen at every larger one, whose ball holds the smaller one
    (for PGD; the single step of FGSM is counted as it is).

    Args:
        net: a network from `engine.lower`.
        x_NHWC: raw pixels.
        y: true class numbers, (N,).
        attack: fgsm (linf alone) or pgd.
        norm: linf or l2.
        epsilons: in pixel units 0..255, ascending.
        steps: of PGD.
        batch_size: images at a time.
        seed: of PGD's starts.
        on_share: told how far it is, 0 to 1.

    Returns:
        For each epsilon: epsilon, n, right, accuracy, interval (Wilson, 95%).
    """
    import numpy as np
    import torch

    from ..engine.predict import to_NCHW

    if not len(x_NHWC):
        raise BadInput("images", "none", "at least one")
    if list(epsilons) != sorted(set(epsilons)):
        raise BadInput("epsilons", f"got {list(epsilons)}", "ascending numbers")
    if attack == "fgsm" and norm != "linf":
        raise BadInput("attack", "fgsm with l2", "fgsm with linf, or pgd")
    standing = np.zeros((len(epsilons), len(y)), dtype=bool)
    for begin in range(0, len(y), batch_size):
        rows = slice(begin, begin + batch_size)
        x_NCHW, labels = to_NCHW(x_NHWC[rows]), torch.from_numpy(np.asarray(y[rows]).astype(np.int64))
        alive = torch.ones(len(labels), dtype=torch.bool)
        for place, epsilon in enumerate(epsilons):
            _check(net, epsilon)
            if attack == "fgsm":
                with untouched(net):
                    right = _right(net, fgsm(net, x_NCHW, labels, epsilon=epsilon), labels)
            else:
                right = alive.clone()
                if bool(alive.any()):
                    changed = pgd(
                        net, x_NCHW[alive], labels[alive], epsilon=epsilon, norm=norm, steps=steps, seed=seed
                    )
                    with untouched(net):
                        right[alive] = _right(net, changed, labels[alive])
                alive = right
            standing[place, rows] = right.numpy()
            if on_share is not None:
                on_share((begin + len(labels) * (place + 1) / len(epsilons)) / len(y))
    return [
        {
            "epsilon": float(epsilon),
            "n": len(y),
            "right": int(still.sum()),
            "accuracy": float(still.mean()),
            "interval": list(wilson(int(still.sum()), len(y))),
        }
        for epsilon, still in zip(epsilons, standing, strict=True)
    ]


def _check(net: Any, epsilon: float) -> None:
    only_lowered(net)
    if not 0 <= epsilon < float("inf"):
        raise BadInput("--epsilon", f"got {epsilon:g}", "0 or more, in pixel units 0..255", "--epsilon 8")


def _gradient(net: Lowered, x_NCHW: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Of each image's own cross-entropy by its pixels."""
    import torch

    x = x_NCHW.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        loss = torch.nn.functional.cross_entropy(outputs(net, x), y, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x)
    return gradient


def _right(net: Lowered, x_NCHW: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    import torch

    with torch.no_grad():
        return outputs(net, x_NCHW).argmax(1) == y


def _length(x_NCHW: torch.Tensor) -> torch.Tensor:
    return x_NCHW.flatten(1).norm(dim=1)[:, None, None, None]


def _inside(x: torch.Tensor, moved: torch.Tensor, epsilon: float, norm: Norm) -> torch.Tensor:
    """The nearest point of the ball around x, and of the pixels' range: the range first, then the ball.

    Both sets hold x and the range is a box, so shortening a change that stays in the range stays in it.
    """
    change = moved.clamp(0, 255) - x
    if norm == "linf":
        return x + change.clamp(-epsilon, epsilon)
    return x + change * (epsilon / _length(change).clamp(min=1e-30)).clamp(max=1.0)
