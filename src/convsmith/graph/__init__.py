"""Networks as data: the Graph, and its ways in and out."""

from .graph import Graph, Node

__all__ = ["Graph", "Node"]
