"""ONNX files as Graphs."""
