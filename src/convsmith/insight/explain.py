"""Explaining images in batches of bounded memory."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..units import counted
from .explanation import Explanation, joined
from .method import method as by_name
from .target import Aim, Target, Versus

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ..engine.lower import Lowered
    from ..graph import Graph
    from .method import Method

MEMORY, MOST = 1 << 30, 64
"""Bytes that the values of a batch may take, and images in a batch at most (more are no faster)."""
OFTEN = 8
"""Images in a batch at most where somebody waits to be told how far it is."""


def batch_for(graph: Graph, *, memory: int = MEMORY) -> int:
    """How many images at a time: as many as fit, with all values and their gradients kept.

    Args:
        graph: the network.
        memory: bytes for values and gradients.

    Example:
        >>> from convsmith.zoo import network
        >>> batch_for(network("lenet5")), batch_for(network("vgg16"), memory=1 << 29)
        (64, 2)
    """
    from ..ledger.memory import peak_memory

    each = peak_memory(graph, "every_layer")
    return MOST if not each else max(1, min(MOST, memory // (2 * each)))


def explain(
    net: Lowered,
    images_NHWC: np.ndarray,
    *,
    method: str = "grad_cam",
    target: Target = None,
    layer: str | None = None,
    batch_size: int | None = None,
    on_batch: Callable[[int, int], None] | None = None,
) -> Explanation:
    """Explain images with a method by its name.

    Args:
        net: a network from `engine.lower`.
        images_NHWC: raw pixels at the network's input size, any number type.
        method: its name; `convsmith list explanations` shows them.
        target: a class number for all, one for each image, `Versus` for a difference; None for what the
            network says.
        layer: the layer to look at; the method's own choice without it.
        batch_size: images in the network at a time, copies with noise or masks included; without it as many
            as fit into a gigabyte (`batch_for`).
        on_batch: told after each batch how many images are done, and of how many; the batches are small then,
            of one image where the method makes batches of its own.

    Raises:
        Refused: where the method is not valid for the network, with the reason.
        BadInput: for images of another size, or a class that is not there.

    Example:
        >>> import numpy as np
        >>> from convsmith.engine.lower import lower
        >>> from convsmith.zoo import network
        >>> explain(lower(network("lenet5")), np.zeros((3, 32, 32, 1), np.uint8), target=1).maps_NHW.shape
        (3, 32, 32)
    """
    import numpy as np
    import torch

    run = by_name(method)
    wanted = net.graph.input_shape
    if images_NHWC.ndim != 4 or not len(images_NHWC) or tuple(images_NHWC.shape[1:]) != wanted:
        raise BadInput(
            "images", f"of shape {images_NHWC.shape}", f"(N, {', '.join(map(str, wanted))}), N >= 1"
        )
    if layer is not None:
        _ = net.graph[layer]  # says a misspelt one before any work
    device = next(iter(net.parameters()), torch.empty(0)).device
    many = batch_for(net.graph) if batch_size is None else batch_size
    if many < 1:
        raise BadInput("batch size", f"got {many}", "1 or more, or auto", "auto")
    parts = []
    at_once = many if on_batch is None else min(many, 1 if _inner(run, many) else OFTEN)
    for start in range(0, len(images_NHWC), at_once):
        rows = slice(start, start + at_once)
        x_NHWC = np.ascontiguousarray(images_NHWC[rows], dtype=np.float32)
        x_NCHW = torch.from_numpy(x_NHWC).permute(0, 3, 1, 2).to(device)
        wanted_here = _part(target, rows, len(images_NHWC))
        parts.append(run(net, x_NCHW, wanted_here, layer=layer, **_inner(run, many)))
        if on_batch is not None:
            on_batch(min(start + at_once, len(images_NHWC)), len(images_NHWC))
        if layer is not None and parts[0].layer is None:
            came = f"got '{layer}', and {method} looks at no layer"
            raise BadInput("--layer", came, "a method that does, or no layer", "--method grad_cam")
    return joined(parts)


def explain_again(
    run: Method, net: Lowered, images_NCHW: torch.Tensor, target: Target, *, layer: str | None = None
) -> Explanation:
    """The same for images that are a tensor already, such as those of an explanation.

    Args:
        run: the method.
        net: a network from `engine.lower`.
        images_NCHW: raw pixels, float32.
        target, layer: as for `explain`.
    """
    many, parts = batch_for(net.graph), []
    for start in range(0, len(images_NCHW), many):
        rows = slice(start, start + many)
        some = _part(target, rows, len(images_NCHW))
        parts.append(run(net, images_NCHW[rows], some, layer=layer, **_inner(run, many)))
    return joined(parts)


def _inner(run: Method, batch_size: int) -> dict[str, Any]:
    """For a method that makes batches of its own, of copies of an image: how large."""
    return {"batch_size": batch_size} if "batch_size" in inspect.signature(run).parameters else {}


def _part(target: Target, rows: slice, count: int) -> Target:
    if isinstance(target, Versus):
        plus, minus = _part(target.plus, rows, count), _part(target.minus, rows, count)
        return Versus(plus, minus)  # type: ignore[arg-type]
    if isinstance(target, Aim):
        return target.take(rows)
    if target is None or isinstance(target, int):
        return target
    if len(target) != count:
        raise BadInput(
            "target",
            f"{counted(len(target), 'class', 'classes')} for {counted(count, 'image')}",
            "one, or one for each image",
        )
    return [int(item) for item in target[rows]]
