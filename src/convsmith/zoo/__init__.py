"""Published networks, one in each file, written in Keras's notation."""

from .network import NETWORKS, network

__all__ = ["NETWORKS", "network"]
