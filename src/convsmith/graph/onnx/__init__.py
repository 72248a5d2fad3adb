"""ONNX files as Graphs, through the ``onnx`` package: structure, sizes and weights; nothing is run."""

from .opened import from_onnx, with_weights

__all__ = ["from_onnx", "with_weights"]
