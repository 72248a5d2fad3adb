"""Keras's calls done by this engine: a compiled model's data, loss, metrics, weights and loop."""
