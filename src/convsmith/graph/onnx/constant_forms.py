"""The constants of an ONNX file in the forms that it may have them in: one tensor for each."""

from __future__ import annotations

import math
from typing import Any

from ...errors import BadInput

MOST_WRITTEN_OUT = 2**24
"""Numbers of a sparse constant that are written out."""


def constant(node: Any) -> Any:
    """The tensor that a Constant operator makes.

    Raises:
        BadInput: where it says none, or several.
    """
    from onnx import TensorProto, helper

    name = node.output[0]
    if len(node.attribute) != 1:
        raise BadInput(f"Constant '{name[:60]}'", f"says {len(node.attribute)} values", "one")
    (item,) = node.attribute
    if item.name == "value":
        return item.t
    if item.name == "sparse_value":
        return dense(item.sparse_tensor)
    kind, values, dims = {
        "value_float": (TensorProto.FLOAT, [item.f], []),
        "value_floats": (TensorProto.FLOAT, item.floats, [len(item.floats)]),
        "value_int": (TensorProto.INT64, [item.i], []),
        "value_ints": (TensorProto.INT64, item.ints, [len(item.ints)]),
        "value_string": (TensorProto.STRING, [item.s], []),
        "value_strings": (TensorProto.STRING, item.strings, [len(item.strings)]),
    }[item.name]
    return helper.make_tensor(name, kind, dims, list(values))


def dense(sparse: Any) -> Any:
    """A sparse constant written out.

    Raises:
        BadInput: where it is too large for that, or a place lies outside it.
    """
    import numpy as np
    from onnx import numpy_helper

    where, dims = f"sparse constant '{sparse.values.name[:60]}'", list(sparse.dims)
    total = math.prod(dims)
    if total > MOST_WRITTEN_OUT:
        raise BadInput(where, f"has {total:,} numbers", f"at most {MOST_WRITTEN_OUT:,}")
    values, places = numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices)
    if places.size and (
        places.min() < 0 or (places >= (total if places.ndim == 1 else np.array(dims))).any()
    ):
        raise BadInput(where, "has a place outside its sizes", f"places within {dims}")
    flat = places if places.ndim == 1 else np.ravel_multi_index(tuple(places.T), dims)
    whole = np.zeros(total, values.dtype)
    whole[flat] = values
    return numpy_helper.from_array(whole.reshape(dims), sparse.values.name)
