"""What each unit of a network answers to: the images, and the patches in them, that excite it most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..graph import Graph
from .target import Refused, only_lowered, untouched, watched

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ..engine.lower import Lowered

CONVOLUTIONS = {"Conv2D", "DepthwiseConv2D", "SeparableConv2D"}
FOLLOW = {"BatchNormalization", "ReLU", "Activation", "LeakyReLU", "Dropout", "SpatialDropout2D"}
ALIKE = 0.99


@dataclass(frozen=True)
class LayerUnits:
    """The units of one layer: one for each channel.

    Args:
        layer: the layer whose output is looked at.
        values_UK: each unit's highest answers, one an image, highest first.
        images_UK: the images that they are of (places in the given set).
        patches_UK4: top, left, bottom, right of what the unit saw there, in pixels, cut at the image's edges.
        dead: units that answer the same (mostly 0) to every image.
        twins: pairs of units whose answers go together (correlation of at least 0.99), with the correlation.
        images: how many images were looked at.
    """

    layer: str
    values_UK: np.ndarray
    images_UK: np.ndarray
    patches_UK4: np.ndarray
    dead: tuple[int, ...]
    twins: tuple[tuple[int, int, float], ...]
    images: int

    def to_json(self) -> dict[str, Any]:
        """The figures as a dictionary."""
        units = [
            {"unit": u, "values": v.tolist(), "images": i.tolist(), "patches": p.tolist()}
            for u, (v, i, p) in enumerate(zip(self.values_UK, self.images_UK, self.patches_UK4, strict=True))
        ]
        return {
            "layer": self.layer,
            "images": self.images,
            "dead": list(self.dead),
            "twins": [list(pair) for pair in self.twins],
            "units": units,
        }


def feature_layers(graph: Graph) -> list[str]:
    """Each convolution's output behind its batch norm and activation, in the network's order.

    Example:
        >>> from convsmith.zoo import network
        >>> feature_layers(network("resnet20"))[:3]
        ['activation', 'activation_1', 'batch_normalization_2']
    """
    found = []
    for node in graph.nodes:
        shape = graph.shapes[node.name]
        if node.kind_name not in CONVOLUTIONS or len(shape) != 3 or shape[0] == shape[1] == 1:
            continue
        name = node.name
        while len(takers := graph.consumers(name)) == 1 and takers[0].kind_name in FOLLOW:
            name = takers[0].name
        if name not in found:
            found.append(name)
    return found


def top_images(
    net: Lowered,
    images_NHWC: np.ndarray,
    *,
    layers: Sequence[str] | None = None,
    top: int = 9,
    batch_size: int = 128,
    on_share: Callable[[float], None] | None = None,
) -> list[LayerUnits]:
    """Look at every unit of the layers in one pass over the images.

    Of each image only the place counts where the unit answers most. Memory does not grow with the number of
    images; they may be memory-mapped.

    Args:
        net: a network from `engine.lower`; not changed.
        images_NHWC: raw pixels at the network's input size.
        layers: whose units; every convolution's, behind its activation, without it.
        top: how many images for each unit.
        batch_size: images at a time.
        on_share: told how far it is, 0 to 1.

    Raises:
        Refused: the network has no convolutions, or a layer gives no image.
        BadInput: for images of another size.
    """
    import numpy as np
    import torch

    only_lowered(net)
    wanted = list(layers) if layers is not None else feature_layers(net.graph)
    for name in wanted:
        if len(net.graph.shapes[net.graph[name].name]) != 3:
            raise Refused(f"units of layer {name}", "its output is no image of features", "a convolution")
    if not wanted:
        raise Refused(
            f"units of network '{net.graph.name}'", "it has no convolution", "a convolutional network"
        )
    if images_NHWC.ndim != 4 or not len(images_NHWC) or images_NHWC.shape[1:] != net.graph.input_shape:
        raise BadInput("images", f"of shape {images_NHWC.shape}", f"(N, {net.graph.input_shape}), N >= 1")
    best: dict[str, _Best] = {name: _Best(top) for name in wanted}
    with untouched(net), watched(net, wanted) as seen, torch.inference_mode():
        for start in range(0, len(images_NHWC), batch_size):
            batch = np.ascontiguousarray(images_NHWC[start : start + batch_size], dtype=np.float32)
            net(torch.from_numpy(batch).permute(0, 3, 1, 2))
            for name in wanted:
                best[name].add(seen[name], start)
            if on_share is not None:
                on_share(min(1.0, (start + batch_size) / len(images_NHWC)))
    size = (images_NHWC.shape[1], images_NHWC.shape[2])
    return [best[name].finished(net.graph, name, size) for name in wanted]


class _Best:
    """The highest answers so far of one layer's units, and what dead and twin units are found by."""

    def __init__(self, top: int) -> None:
        self.top, self.count = top, 0

    def add(self, out_NCHW: torch.Tensor, start: int) -> None:
        """Take in a batch's outputs, the first of which is image number `start`."""
        import torch

        self.columns = out_NCHW.shape[3]
        value_NC, place_NC = out_NCHW.flatten(2).max(2)
        low_NC = out_NCHW.amin((2, 3))
        exact = value_NC.double()
        image_NC = torch.arange(start, start + len(value_NC))[:, None].expand_as(value_NC)
        if self.count == 0:
            self.values, self.images, self.places = value_NC, image_NC, place_NC
            self.first = value_NC[0].clone()
            self.same = torch.ones_like(self.first, dtype=torch.bool)
            self.shift = exact[0]
            self.sum, self.products = (
                torch.zeros_like(self.shift),
                torch.zeros(len(self.shift), len(self.shift)).double(),
            )
        else:
            self.values = torch.cat([self.values, value_NC])
            self.images = torch.cat([self.images, image_NC])
            self.places = torch.cat([self.places, place_NC])
        order = self.values.argsort(dim=0, descending=True, stable=True)[: self.top]
        self.values, self.images = self.values.gather(0, order), self.images.gather(0, order)
        self.places = self.places.gather(0, order)
        self.same &= (value_NC == self.first).all(0) & (low_NC == self.first).all(0)
        moved = exact - self.shift
        self.sum += moved.sum(0)
        self.products += moved.T @ moved
        self.count += len(value_NC)

    def finished(self, graph: Graph, layer: str, size: tuple[int, int]) -> LayerUnits:
        """The figures as arrays."""
        import numpy as np

        places = self.places.T.numpy()
        patches = _patches(graph, layer, np.stack(np.divmod(places, self.columns), -1), size)
        dead = self.same.numpy()
        mean = (self.sum / self.count).numpy()
        covariance = self.products.numpy() / self.count - np.outer(mean, mean)
        spread = np.sqrt(np.clip(np.diag(covariance), 0, None))
        spread[dead | (spread < 1e-9)] = np.inf
        correlation = covariance / np.outer(spread, spread)
        twins = tuple(
            (int(a), int(b), float(correlation[a, b]))
            for a, b in np.argwhere(np.triu(correlation, 1) >= ALIKE)
        )
        return LayerUnits(
            layer,
            self.values.T.numpy().copy(),
            self.images.T.numpy().copy(),
            patches,
            tuple(np.flatnonzero(dead).tolist()),
            twins if self.count > 2 else (),
            self.count,
        )


def _patches(graph: Graph, layer: str, places_UK2: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The receptive field at each place, cut at the image's edges: top, left, bottom, right."""
    import numpy as np

    from .place import field_of

    limit = np.array(size)
    field = field_of(graph, layer)
    if field is None:
        return np.broadcast_to([0, 0, *size], (*places_UK2.shape[:2], 4)).copy()
    start = np.array(field.start) + places_UK2 * np.array(field.stride)
    end = np.clip(start + np.array(field.size), 1, limit)
    return np.concatenate([np.clip(start, 0, limit - 1), end], -1)
