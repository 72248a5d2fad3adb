"""A finished network in the form in which it is used: ONNX, with its latency and its model card."""
