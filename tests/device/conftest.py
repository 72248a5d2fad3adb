"""The runtimes that programs are compared with, where they are installed; and networks for them."""

from __future__ import annotations

import os
import re
import tempfile

import numpy as np
import pytest

from convsmith.device.lower import to_program
from convsmith.device.quantize import quantized
from convsmith.device.ranges import measured_ranges
from convsmith.device.tflite import to_tflite


def some_weights(graph, rng):
    """Random weights of a size that keeps activations alive."""
    found = {}
    for name, weight in graph.weights.items():
        if "variance" in name or "gamma" in name:
            found[name] = np.abs(rng.normal(size=weight.shape)) * 0.3 + 0.7
        else:
            fan_in = max(1, int(np.prod(weight.shape[:-1])))
            found[name] = rng.normal(size=weight.shape) / np.sqrt(fan_in)
    return {name: array.astype(np.float32) for name, array in found.items()}


def int8_program(graph, weights, x_NHWC):
    """The int8 program with ranges of these images, and its file."""
    program = to_program(graph, weights)
    small = quantized(program, measured_ranges(program, x_NHWC))
    return small, to_tflite(small, {})


class LiteRT:
    """A .tflite file in LiteRT's reference kernels."""

    def __init__(self, content: bytes) -> None:
        module = pytest.importorskip("ai_edge_litert.interpreter")
        self.it = module.Interpreter(
            model_content=content, experimental_op_resolver_type=module.OpResolverType.BUILTIN_REF
        )
        self.it.allocate_tensors()

    def __call__(self, x):
        self.it.set_tensor(self.it.get_input_details()[0]["index"], x)
        self.it.invoke()
        return self.it.get_tensor(self.it.get_output_details()[0]["index"])


class Micro:
    """A .tflite file in TensorFlow Lite Micro's interpreter."""

    def __init__(self, content: bytes) -> None:
        runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
        self.it = runtime.Interpreter.from_bytes(content, custom_op_registerers=[], arena_size=16_000_000)

    def __call__(self, x):
        self.it.set_input(x, 0)
        self.it.invoke()
        return self.it.get_output(0)

    def arena(self) -> dict[str, int]:
        """Bytes in total, of activations (head) and of what it keeps (tail); it only prints them."""
        with tempfile.TemporaryFile() as file:
            kept = os.dup(1), os.dup(2)
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            try:
                self.it.print_allocations()
            finally:
                for number, was in zip((1, 2), kept, strict=True):
                    os.dup2(was, number)
                    os.close(was)
            file.seek(0)
            text = file.read().decode()
        return {name: int(size) for name, size in re.findall(r"allocation (total|head|tail) (\d+)", text)}
