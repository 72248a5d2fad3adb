"""What the methods on pixels share: the score's gradient at the input, and the explanation of a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import BadName
from ..target import Aim, Target, aim, only_lowered, outputs, untouched

if TYPE_CHECKING:
    import torch

    from ...engine.lower import Lowered
    from ..explanation import Explanation


def aimed_at(net: Lowered, images_NCHW: torch.Tensor, target: Target) -> Aim:
    """The target worked out for the batch, the network's modes kept."""
    only_lowered(net)
    with untouched(net):
        return aim(net, images_NCHW, target)


def input_gradient(net: Lowered, x_NCHW: torch.Tensor, aimed: Aim) -> tuple[torch.Tensor, torch.Tensor]:
    """The score's gradient with respect to the raw pixels, and the scores, (N, C, H, W) and (N,)."""
    import torch

    with untouched(net), torch.enable_grad():
        x_NCHW = x_NCHW.detach().clone().requires_grad_(True)
        scores = aimed.scores(outputs(net, x_NCHW))
        (gradient,) = torch.autograd.grad(scores.sum(), x_NCHW)
    return gradient, scores.detach()


def scores_of(net: Lowered, x_NCHW: torch.Tensor, aimed: Aim) -> torch.Tensor:
    """The scores alone, (N,)."""
    import torch

    with untouched(net), torch.inference_mode():
        return aimed.scores(outputs(net, x_NCHW))


def of_pixels(
    method: str,
    images_NCHW: torch.Tensor,
    map_NHW: torch.Tensor,
    aimed: Aim,
    scores_N: torch.Tensor,
    *,
    signed: bool,
    arrays: dict[str, torch.Tensor] | None = None,
    notes: tuple[str, ...] = (),
) -> Explanation:
    """The explanation of a map that already has a number for each pixel."""
    from ..explanation import Explanation

    as_numpy: Any = lambda tensor: tensor.detach().float().contiguous().cpu().numpy()  # noqa: E731
    return Explanation(
        method=method,
        maps_NHW=as_numpy(map_NHW),
        images_NCHW=as_numpy(images_NCHW),
        target=aimed.plus,
        versus=aimed.minus,
        output=aimed.output,
        scores=tuple(scores_N.tolist()),
        signed=signed,
        arrays={name: as_numpy(tensor) for name, tensor in (arrays or {}).items()},
        notes=notes,
    )


def baseline_image(images_NCHW: torch.Tensor, name: str) -> torch.Tensor:
    """An image that says nothing, for each image: black, white, or its mean colour everywhere.

    Raises:
        BadName: for another name.
    """
    import torch

    if name == "mean":
        return images_NCHW.mean((2, 3), keepdim=True).expand_as(images_NCHW)
    if name not in ("black", "white"):
        raise BadName("baseline", name, ("black", "white", "mean"))
    return torch.full_like(images_NCHW, 0.0 if name == "black" else 255.0)
