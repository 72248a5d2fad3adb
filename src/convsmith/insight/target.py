"""What is explained: the output for a class, or the difference between two classes, on logits by default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..units import counted

if TYPE_CHECKING:
    import torch

    from ..engine.lower import Lowered


class Refused(BadInput):
    """An explanation is not valid here; the text says why."""


@dataclass(frozen=True)
class Versus:
    """The difference between two classes: why this one rather than that one.

    Args:
        plus: a class number, or one for each image; None for the one that the network says.
        minus: a class number, or one for each image.
    """

    plus: int | Sequence[int] | None
    minus: int | Sequence[int]


@dataclass(frozen=True)
class Aim:
    """A target worked out for a batch.

    Args:
        plus: a class number for each image.
        minus: the class whose output is subtracted, for each image; None for no difference. Of a network with
            one sigmoid unit the other side: what is explained is then the unit's logit, or minus it.
        output: "logit" where the network ends in softmax or in one sigmoid unit, and the numbers before it
            are taken, else "output".
    """

    plus: tuple[int, ...]
    minus: tuple[int, ...] | None
    output: str

    def scores(self, outputs_NK: torch.Tensor) -> torch.Tensor:
        """The number that is explained, for each image, (N,)."""
        import torch

        rows = torch.arange(len(self.plus))
        found = outputs_NK[rows, torch.tensor(self.plus)]
        return found if self.minus is None else found - outputs_NK[rows, torch.tensor(self.minus)]

    def repeated(self, times: int) -> Aim:
        """The aim for each image so many times after one another."""
        again = lambda classes: tuple(k for k in classes for _ in range(times))  # noqa: E731
        return Aim(again(self.plus), None if self.minus is None else again(self.minus), self.output)

    def tiled(self, times: int) -> Aim:
        """The aim for the whole batch so many times after another."""
        return Aim(self.plus * times, None if self.minus is None else self.minus * times, self.output)

    def take(self, rows: slice) -> Aim:
        """The aim of some of the images."""
        return Aim(self.plus[rows], None if self.minus is None else self.minus[rows], self.output)


Target = int | Sequence[int] | Versus | Aim | None
"""A class number for all images, one for each, the difference of two, or None for what the network says.

Of a network that ends in one sigmoid unit, 1 is the answer that the unit stands for, and 0 the answer "not".
"""


def outputs(net: Lowered, x_NCHW: torch.Tensor) -> torch.Tensor:
    """The network's numbers for each class, before the final softmax where there is one, (N, K).

    A single sigmoid unit with logit z stands for two answers: (-z/2, z/2), whose softmax is (1 - p, p).
    """
    if net.ends_in_one_sigmoid:
        return both_sides(net.logits(x_NCHW))
    return net.logits(x_NCHW) if net.ends_in_softmax else net(x_NCHW)


def both_sides(logits_N1: torch.Tensor) -> torch.Tensor:
    """The logits of "not" and of the answer that a sigmoid unit stands for, (N, 2); they differ by its own.

    Example:
        >>> import torch
        >>> both_sides(torch.tensor([[3.0]])).softmax(1)[0, 1] == torch.tensor(3.0).sigmoid()
        tensor(True)
    """
    import torch

    return torch.cat([-logits_N1 / 2, logits_N1 / 2], 1)


def classes_of(net: Lowered) -> int:
    """How many answers a network gives; two where it ends in one sigmoid unit."""
    return 2 if net.ends_in_one_sigmoid else int(net.graph.output_shape[0] or 0)


def aim(net: Lowered, x_NCHW: torch.Tensor, target: Target) -> Aim:
    """Work out a target for a batch.

    Args:
        net: the lowered network.
        x_NCHW: raw pixels.
        target: see `Target`.

    Raises:
        Refused: the network is not one that `engine.lower` made, or gives no row of class outputs.
        BadInput: for a class that the network does not have.
    """
    import torch

    if isinstance(target, Aim):
        return target
    only_lowered(net)
    if x_NCHW.dim() != 4 or not len(x_NCHW):
        raise BadInput("images", f"of shape {tuple(x_NCHW.shape)}", "at least one, as (N, C, H, W)")
    shape = net.graph.output_shape
    if len(net.graph.outputs) > 1 or len(shape) != 1:
        raise Refused(f"network '{net.graph.name}'", "does not give one row of numbers", "a classifier")
    count, classes = len(x_NCHW), classes_of(net)
    plus = target.plus if isinstance(target, Versus) else target
    if plus is None:
        with torch.no_grad():
            plus = outputs(net, x_NCHW).argmax(1).tolist()
    plus = _each(plus, count, classes)
    minus = _each(target.minus, count, classes) if isinstance(target, Versus) else None
    if net.ends_in_one_sigmoid and minus is None:
        minus = tuple(1 - side for side in plus)
    return Aim(plus, minus, "logit" if net.ends_in_softmax or net.ends_in_one_sigmoid else "output")


def only_lowered(net: Any) -> None:
    """Refuse anything but a lowered network: on Keras's own modules several methods are silently wrong."""
    if not hasattr(net, "steps_by_name"):
        raise Refused(
            "explanation",
            f"a {type(net).__module__}.{type(net).__name__}",
            "a network from engine.lower, whose images are NCHW and whose ReLUs are modules",
            "lower(graph, weights)",
        )


def _each(given: Any, count: int, classes: int) -> tuple[int, ...]:
    found = (int(given),) * count if not hasattr(given, "__len__") else tuple(int(item) for item in given)
    if len(found) != count:
        raise BadInput(
            "target",
            f"{counted(len(found), 'class', 'classes')} for {counted(count, 'image')}",
            "one, or one for each image",
        )
    for item in found:
        if not 0 <= item < classes:
            raise BadInput("target", f"class {item}", f"0 to {classes - 1}")
    return found


@contextmanager
def untouched(net: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients of weights inside the block, everything as it was after it."""
    modes = [part for part in net.modules() if part.training]
    learning = [weight for weight in net.parameters() if weight.requires_grad]
    for part in modes:
        part.training = False
    for weight in learning:  # nothing here asks for their gradients, and keeping what those need takes time
        weight.requires_grad = False
    try:
        yield
    finally:
        for part in modes:
            part.training = True
        for weight in learning:
            weight.requires_grad = True


@contextmanager
def watched(net: Lowered, names: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
    """Inside the block, the outputs of these layers are kept as the network runs; the hooks go at its end."""
    seen: dict[str, Any] = {}

    def keeper(name: str) -> Any:
        return lambda module, inputs, output: seen.__setitem__(name, output)

    handles = [net.steps_by_name[name].register_forward_hook(keeper(name)) for name in names]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
