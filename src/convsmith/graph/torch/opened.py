"""A module opened: its Graph, and its weights in Keras's layout when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import BadInput
from ..graph import Graph
from ..keras.reader import InputShape
from .exporting import exported, title_of
from .reader import Reader

if TYPE_CHECKING:
    import numpy as np


def from_torch(module: Any, *, input_shape: InputShape = None) -> Graph:
    """The Graph of a ``torch.nn.Module`` in evaluation mode, recorded by torch.export; nothing is computed.

    Args:
        module: the module.
        input_shape: rows, columns, channels, as elsewhere here (torch's own order is channels first); for
            several inputs a dictionary by the names of ``forward``'s arguments.

    Raises:
        BadInput: for a module that cannot be recorded, or calls what no layer is, with the line of its code.

    Example:
        >>> from torch import nn
        >>> from_torch(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), input_shape=(32, 32, 3)).params
        224
    """
    return Reader(module, exported(module, input_shape)).read()


def with_weights(module: Any, *, input_shape: InputShape = None) -> tuple[Graph, dict[str, np.ndarray]]:
    """The Graph of a ``torch.nn.Module`` and its weights, in Keras's layout and under the Graph's names.

    Args:
        module: the module.
        input_shape: as for `from_torch`.

    Returns:
        The Graph, and full name ("layer1.0.conv1/kernel") -> float32 array: copies of the module's numbers.

    Raises:
        BadInput: as `from_torch`.
    """
    import numpy as np

    reader = Reader(module, exported(module, input_shape))
    graph, found = reader.read(), {}
    for name, weight in graph.weights.items():
        make = reader.arrays.get(name)
        array = None if make is None else np.array(make(), np.float32, order="C")
        if array is None or array.size != weight.size:
            raise BadInput(
                f"{title_of(module)}, weights of {name}", "are not there", f"{weight.size:,} numbers"
            )
        found[name] = array.reshape(weight.shape)
    return graph, found
