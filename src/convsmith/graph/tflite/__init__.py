"""LiteRT files (.tflite) as Graphs: structure and sizes, read as untrusted data; nothing is run."""

from .reader import from_tflite

__all__ = ["from_tflite"]
