"""Published networks, one in each file, written in Keras's notation."""

from .network import NETWORKS, Published, enter, network, published

__all__ = ["NETWORKS", "Published", "enter", "network", "published"]
