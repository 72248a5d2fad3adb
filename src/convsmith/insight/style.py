"""Neural style transfer: a picture with the content of one photograph and the textures of another.

L. Gatys, A. Ecker, M. Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016. The
content is what a deep layer answers at each place; the style is the layers' Gram matrices: how strongly each
pair of channels answers together, wherever it is. As they did with VGG, each layer is scaled so that its mean
answer is 1; here that is done for any network by dividing by the mean answer to the style picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BadInput, BadName
from .style_layers import Layers
from .target import untouched, watched

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ..engine.lower import Lowered


@dataclass(frozen=True)
class StyledImage:
    """What came out.

    Args:
        image_HWC: uint8.
        curve: after each step: total, content, style, variation (weighted losses).
        layers: which were used.
    """

    image_HWC: np.ndarray
    curve: list[dict[str, float]]
    layers: Layers


def gram(features_NCHW: torch.Tensor) -> torch.Tensor:
    """The Gram matrices of a batch, each divided by the number of places, (N, C, C).

    The paper's G over its M; pictures of different sizes become comparable.
    """
    flat = features_NCHW.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def transfer(
    content_net: Lowered,
    style_net: Lowered,
    content_HWC: np.ndarray,
    style_HWC: np.ndarray,
    layers: Layers,
    *,
    steps: int = 200,
    optimizer: Literal["lbfgs", "adam"] = "lbfgs",
    content_weight: float = 1.0,
    style_weight: float = 1000.0,
    variation_weight: float = 1.0,
    start: Literal["content", "noise"] = "content",
    seed: int = 0,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
) -> StyledImage:
    """Change a picture until it has the content of one picture and the style of another.

    Args:
        content_net: the network's part for pictures of the content's size (see `style_layers.features_of`).
        style_net: the same for the style's size.
        content_HWC: uint8, at the size of the result.
        style_HWC: uint8.
        layers: which answers count.
        steps: evaluations of the losses.
        optimizer: lbfgs as in the paper, or adam, which takes less memory.
        content_weight: of the squared difference of answers, mean over all numbers.
        style_weight: of the squared difference of Gram matrices over 4 C², sum over each, mean over layers.
        variation_weight: of the squared difference of neighbouring pixels (0..1), mean.
        start: from the content picture or from noise.
        seed: of the noise.
        on_step: called with the step's number and its losses.

    Returns:
        The surest step's picture: that of the lowest total loss.

    Raises:
        BadInput: for numbers that mean nothing, or losses that are not finite.
    """
    import numpy as np
    import torch

    _check(steps, {"content": content_weight, "style": style_weight, "variation": variation_weight})
    names = tuple(dict.fromkeys([*layers.content, *layers.style]))
    content_x, style_x = (_batch(pixels) for pixels in (content_HWC, style_HWC))
    with torch.no_grad(), untouched(style_net):
        raw = _answers(style_net, style_x, names)
        scale = {name: raw[name].abs().mean().clamp(min=1e-12) for name in names}
        grams = {name: gram(raw[name] / scale[name]) for name in layers.style}
        del raw
    with torch.no_grad(), untouched(content_net):
        found = _answers(content_net, content_x, names)
        wanted = {name: found[name] / scale[name] for name in layers.content}
        del found
    noise = torch.rand(content_x.shape, generator=torch.Generator().manual_seed(seed))
    first = content_x / 255 if start == "content" else noise
    x = first.clone().requires_grad_(True)
    curve: list[dict[str, float]] = []
    best: tuple[float, torch.Tensor] = (float("inf"), first)

    def losses() -> torch.Tensor:
        nonlocal best
        answers = _answers(content_net, x * 255, names)
        parts = {
            "content": content_weight
            * _mean([(answers[name] / scale[name] - wanted[name]).pow(2).mean() for name in layers.content]),
            "style": style_weight
            * _mean([_style(answers[name] / scale[name], grams[name]) for name in layers.style]),
            "variation": variation_weight * variation(x),
        }
        total: torch.Tensor = sum(parts.values(), torch.zeros(()))
        value = float(total.detach())
        if not np.isfinite(value):
            raise BadInput(
                "style transfer", "losses that are not finite", "smaller weights", "--style-weight 1"
            )
        curve.append({"total": value, **{name: float(part.detach()) for name, part in parts.items()}})
        if value < best[0]:
            best = (value, x.detach().clone())
        if on_step:
            on_step(len(curve), curve[-1])
        return total

    with untouched(content_net):
        _descend(x, losses, curve, steps, optimizer)
    pixels = (best[1][0].permute(1, 2, 0).clamp(0, 1) * 255).round().numpy().astype(np.uint8)
    return StyledImage(np.ascontiguousarray(pixels), curve[:steps], layers)


def variation(x_NCHW: torch.Tensor) -> torch.Tensor:
    """The mean squared difference of neighbouring pixels, down and across."""
    down, across = x_NCHW.diff(dim=2), x_NCHW.diff(dim=3)
    return down.pow(2).mean() + across.pow(2).mean()


def _style(answers: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The paper's E of one layer: the squared difference of the Gram matrices over 4 C²."""
    channels = answers.shape[1]
    return (gram(answers) - wanted).pow(2).sum() / (4 * channels**2)


def _descend(
    x: torch.Tensor,
    losses: Callable[[], torch.Tensor],
    curve: list[Any],
    steps: int,
    optimizer: str,
) -> None:
    import torch

    if optimizer == "adam":
        adam = torch.optim.Adam([x], lr=0.02)
        for _ in range(steps):
            (x.grad,) = torch.autograd.grad(losses(), x)
            adam.step()
            with torch.no_grad():
                x.clamp_(0, 1)
        return
    if optimizer != "lbfgs":
        raise BadName("optimizer", optimizer, ("lbfgs", "adam"))

    def again() -> torch.Tensor:
        total = losses()
        (x.grad,) = torch.autograd.grad(total, x)
        return total.detach()

    while len(curve) < steps:
        before = len(curve)
        left = min(20, steps - before)
        torch.optim.LBFGS(
            [x], max_iter=left, max_eval=left, history_size=10, line_search_fn="strong_wolfe"
        ).step(again)
        with torch.no_grad():
            x.clamp_(0, 1)
        if len(curve) == before:
            break


def _answers(net: Lowered, x_NCHW: torch.Tensor, names: Sequence[str]) -> dict[str, torch.Tensor]:
    with watched(net, names) as seen:
        net(x_NCHW)
        return {name: seen[name] for name in names}


def _mean(parts: list[torch.Tensor]) -> torch.Tensor:
    import torch

    return torch.stack(parts).mean()


def _batch(pixels_HWC: np.ndarray) -> torch.Tensor:
    import numpy as np
    import torch

    return torch.from_numpy(np.ascontiguousarray(pixels_HWC, np.float32)).permute(2, 0, 1)[None]


def _check(steps: int, weights: dict[str, float]) -> None:
    if steps < 1:
        raise BadInput("--steps", f"got {steps}", "at least 1", "--steps 200")
    for name, weight in weights.items():
        if not 0 <= weight < float("inf"):
            raise BadInput(f"--{name}-weight", f"got {weight:g}", "0 or more", f"--{name}-weight 1")
    if not weights["content"] and not weights["style"]:
        raise BadInput("--content-weight and --style-weight", "both are 0", "one of them above 0")
