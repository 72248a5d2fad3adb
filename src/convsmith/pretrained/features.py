"""What a pretrained network makes of images: the mean of each feature map at every cut, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..graph import Graph, Node
from ..kinds.global_average_pooling2d import GlobalAveragePooling2D

if TYPE_CHECKING:
    import torch

    from ..engine.lower import Lowered
    from .source import Source

BATCH = 32


class Features:
    """A source that gives the pooled feature maps of its cuts.

    Args:
        source: the pretrained network.
        shape: rows, columns and channels that it takes.
        cuts: names of the cuts; all of them without it.
    """

    def __init__(
        self, source: Source, shape: tuple[int, int, int], cuts: Sequence[str] | None = None
    ) -> None:
        self.cuts = tuple(cut.name for cut in source.cuts) if cuts is None else tuple(cuts)
        self.shape = shape
        trunk = source.trunk(shape, self.cuts[-1])
        ends = [
            Node(f"pooled_{name}", GlobalAveragePooling2D(), (source.cut(name).node,)) for name in self.cuts
        ]
        graph = Graph(trunk.name, [*trunk.nodes, *ends], [end.name for end in ends], trunk.inputs)
        self._module = _lowered(graph, source.weights_for(graph))

    def of(self, x_NCHW: torch.Tensor) -> list[np.ndarray]:
        """Of a batch of raw pixels, float32: an array (N, channels) for each cut."""
        import torch

        with torch.inference_mode():
            found = self._module(x_NCHW)
        return [one.numpy() for one in ([found] if len(self.cuts) == 1 else found)]

    def of_images(
        self,
        x_NHWC: np.ndarray,
        *,
        more: Callable[[int], bool] = lambda done: True,
    ) -> dict[str, np.ndarray]:
        """Of many images.

        Args:
            x_NHWC: (N, H, W, C) uint8, of the size that it takes; may be memory-mapped.
            more: asked before each batch with the number of images done; False ends it there.

        Returns:
            Name of each cut -> float32 (images done, channels).
        """
        from ..engine.predict import to_NCHW

        parts: list[list[np.ndarray]] = []
        for start in range(0, len(x_NHWC), BATCH):
            if start and not more(start):
                break
            parts.append(self.of(to_NCHW(x_NHWC[start : start + BATCH])))
        return {name: np.concatenate([part[at] for part in parts]) for at, name in enumerate(self.cuts)}


def _lowered(graph: Graph, weights: dict[str, np.ndarray]) -> Lowered:
    from ..engine.lower import lower
    from ..engine.lowered.passes import INFERENCE, keep_pages
    from ..graph.fold import fold

    keep_pages()
    return lower(*fold(graph, weights), passes=INFERENCE)
