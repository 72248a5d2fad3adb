"""Searches that train one network with shared weights: DARTS, ENAS, and a supernet for any space."""
