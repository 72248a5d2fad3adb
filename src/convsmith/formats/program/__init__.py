"""A network as a short program in PyTorch or Keras, with its weights in a .safetensors file beside it."""

from .written import FRAMEWORKS, to_program

__all__ = ["FRAMEWORKS", "to_program"]
