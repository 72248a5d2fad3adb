"""Every ONNX operator that is read, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import dense, moving, numbers, over, recurrent, windows

OPERATORS: dict[str, Callable[..., Any]] = {
    **numbers.OPERATORS, **windows.OPERATORS, **dense.OPERATORS, **moving.OPERATORS, **over.OPERATORS,
    **recurrent.OPERATORS,
}  # fmt: skip
"""Operator -> a function of the walk and the operator that gives its output, a list of them, or None."""
PRODUCTS = frozenset((
    "Conv", "ConvInteger", "QLinearConv", "ConvTranspose", "DeformConv", "CausalConvWithState", "Gemm",
    "MatMul", "MatMulInteger", "QLinearMatMul", "Einsum", "LSTM", "GRU", "RNN", "Attention", "FlexAttention",
    "LinearAttention", "Loop", "Scan", "If", "SequenceMap", "DFT", "STFT", "Det",
))  # fmt: skip
"""Operators that multiply and add: where their figures cannot be worked out, they are unknown."""
