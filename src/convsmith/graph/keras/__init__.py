"""Keras's format as a Graph and back, without Keras: configurations, files, weights, live models."""
