"""PyTorch modules as Graphs, through torch's own exporter: ATen operators, sizes and weights."""

from .opened import from_torch, with_weights

__all__ = ["from_torch", "with_weights"]
