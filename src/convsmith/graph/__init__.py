"""Networks as data: the Graph, and its ways in and out."""

from .graph import Graph, Node
from .read import read

__all__ = ["Graph", "Node", "read"]
