"""A program whose weights are kept in 16 bits: half the bytes, and floating-point numbers all the same."""

from __future__ import annotations

import dataclasses

from .program import Op, Program, Tensor
from .quantize import WITH_WEIGHTS

LARGEST = 65504.0


def halved(program: Program) -> Program:
    """The program with the kernels of convolutions and dense layers as float16, made float32 when it runs.

    Args:
        program: of floating-point operators. Numbers beyond float16's 65,504 become it.
    """
    import numpy as np

    tensors, ops = list(program.tensors), []
    wide: dict[int, int] = {}
    for op in program.ops:
        if op.code in WITH_WEIGHTS:
            place = WITH_WEIGHTS[op.code][0]
            kernel = op.inputs[place]
            held = tensors[kernel]
            if kernel not in wide and held.data is not None:
                small = np.clip(held.data, -LARGEST, LARGEST).astype(np.float16)
                tensors.append(Tensor(f"{held.name}/float32", held.shape))
                wide[kernel] = len(tensors) - 1
                tensors[kernel] = dataclasses.replace(held, type="float16", data=small)
                ops.append(Op("DEQUANTIZE", (kernel,), wide[kernel], layer=op.layer))
            op = dataclasses.replace(
                op,
                inputs=tuple(
                    wide.get(item, item) if at == place else item for at, item in enumerate(op.inputs)
                ),
            )
        ops.append(op)
    return dataclasses.replace(program, tensors=tuple(tensors), ops=tuple(ops))
