"""Matrix products of an ONNX file: by weights (Dense), and between what the network computes."""

from __future__ import annotations

from typing import Any

from ...kinds import size
from ...kinds.operation import Operation
from .constant import Constant
from .moved import in_keras_order, made, ordered, unmixed
from .op import Op, Reading
from .sizes import Many, Size, per_image
from .value import Value, broadcast
from .windows import names_of, weight


def gemm(reader: Reading, op: Op) -> Value | None:
    """Gemm: alpha × A × B + beta × C."""
    one, other = op.input(0), op.input(1)
    for item in (one, other):
        rank = len(item.dims if isinstance(item, Value) else item.sizes)  # type: ignore[union-attr]
        if rank != 2:
            raise op.refuse(f"multiplies a tensor of {rank} axes", "matrices")
    alpha, beta = op.a.get("alpha", 1.0), op.a.get("beta", 1.0)
    kernel, bias = weight(op, 1, "weights"), op.input(2)
    if kernel is None or not isinstance(one, Value) or op.a.get("transA") or isinstance(bias, Value):
        return _counted(reader, op, one, other, bool(op.a.get("transA")), bool(op.a.get("transB")))
    flipped = bool(op.a.get("transB"))
    rows, units = kernel.sizes[::-1] if flipped else kernel.sizes
    matrix = lambda: (kernel.array().T if flipped else kernel.array()) * _factor(alpha)  # noqa: E731
    if bias is not None and bias.count not in (1, units):
        return None
    offset = None if bias is None else lambda: _stretched(bias, units) * _factor(beta)
    return by_weights(reader, op, one, rows, units, matrix, offset, names_of(kernel, bias))


def _factor(value: float) -> Any:
    import numpy as np

    return np.float32(value)


def _stretched(bias: Any, units: int) -> Any:
    import numpy as np

    return np.broadcast_to(bias.array().reshape(-1), (units,))


def matmul(reader: Reading, op: Op) -> Value | None:
    """MatMul, with the Add of a bias where that alone follows; also those of whole numbers."""
    at = 3 if op.type == "QLinearMatMul" else 1
    one, kernel = op.input(0), weight(op, at, "weights")
    if kernel is None or len(kernel.sizes) != 2 or not isinstance(one, Value) or len(one.dims) < 2:
        return _between(reader, op, op.input(0), op.input(at))
    rows, units = kernel.sizes
    bias = _added(reader, op, units)
    offset = None if bias is None else lambda: bias.array().reshape(-1)
    found = by_weights(reader, op, one, rows, units, kernel.array, offset, names_of(kernel, bias))
    if bias is not None and found is not None:
        (add,) = [node for node in reader.users[op.node.output[0]] if node is not None]
        reader.joined.add(id(add))
        reader.made[add.output[0]] = found
    return found


def _added(reader: Reading, op: Op, units: int) -> Constant | None:
    """The bias that an Add behind a product adds, where nothing else takes the product."""
    after = reader.users.get(op.node.output[0], [])
    if len(after) != 1 or after[0] is None or after[0].op_type != "Add" or op.type != "MatMul":
        return None
    for name in after[0].input:
        found = reader.made.get(name)
        if isinstance(found, Constant) and found.count == units and found.sizes[-1:] == (units,):
            return found if all(size == 1 for size in found.sizes[:-1]) else None
    return None


def by_weights(
    reader: Reading, op: Op, value: Value, rows: int, units: int, matrix: Any, offset: Any,
    shared: tuple[Any, ...],
) -> Value | None:  # fmt: skip
    """A product of a tensor's last axis with weights of rows × units, as the Dense layer that it is."""
    last = len(value.dims) - 1
    if per_image(value.dims[last]) not in (rows, None) or isinstance(value.dims[last], Many):
        raise op.refuse(
            f"multiplies {value.dims[last]} numbers by weights of {rows} rows", "as many numbers as rows"
        )
    kind = made("Dense", units, use_bias=offset is not None)
    arrays = {"kernel": matrix} | ({} if offset is None else {"bias": offset})
    if value.mixed is not None and len(value.dims) == 2:
        sizes, order = value.mixed
        value = Value(value.node, value.dims, value.axes)
        arrays["kernel"] = lambda: in_keras_order(matrix(), sizes, order)
        shared = (*shared, sizes, order) if shared else ()
    value = unmixed(reader, value)
    if value.axes[-1:] != (last,):
        value = ordered(reader, value, [*(axis for axis in value.axes if axis != last), last])
    return reader.add(op, kind, value, (), arrays, shared)


def _between(reader: Reading, op: Op, one: Any, other: Any) -> Value | None:
    """A product of two tensors of which the network computes one or both."""
    if isinstance(one, Value) and isinstance(other, Value):
        first, second = unmixed(reader, one), unmixed(reader, other)
        ranks = len(first.dims), len(second.dims)
        alike = ranks[0] == ranks[1] > 2 and first.dims[:-2] == second.dims[:-2]
        matrices = not any(isinstance(size, Many) for size in (*first.dims[-2:], *second.dims[-2:]))
        if alike and matrices and first.batch == second.batch == 0:
            axes = tuple(sorted(first.axes))
            first, second = ordered(reader, first, axes), ordered(reader, second, axes)
            return reader.add(op, Operation("numpy.Matmul"), first, (second,))
    return _counted(reader, op, one, other, False, False)


def _counted(reader: Reading, op: Op, one: Any, other: Any, turned: bool, turned_other: bool) -> Value | None:
    """A product that is counted: each number of the output from as many multiply-adds as it has terms."""
    sizes: list[list[Size]] = [
        list(item.dims if isinstance(item, Value) else item.sizes) for item in (one, other)
    ]
    if min(map(len, sizes)) < 1:
        raise op.refuse("multiplies a single number", "matrices")
    alone = [len(item) == 1 for item in sizes]
    first = [1, *sizes[0]] if alone[0] else sizes[0]
    second = [*sizes[1], 1] if alone[1] else sizes[1]
    first = [*first[:-2], *reversed(first[-2:])] if turned else first
    second = [*second[:-2], *reversed(second[-2:])] if turned_other else second
    inner, rows = per_image(first[-1]), per_image(second[-2])
    if inner is not None and rows is not None and inner != rows:
        raise op.refuse(f"multiplies matrices of {first} and {second}", "as many columns as rows")
    try:
        dims = [*broadcast([first[:-2], second[:-2]]), first[-2], second[-1]]
    except ValueError:
        raise op.refuse(f"multiplies matrices of {first} and {second}", "equal sizes before") from None
    out = size(tuple(per_image(item) for item in dims))
    terms = inner if inner is not None else rows
    if alone[1]:
        dims.pop()
    if alone[0]:
        dims.pop(-1 if alone[1] else -2)
    return reader.counted(op, dims, None if out is None or terms is None else out * terms)


def einsum(reader: Reading, op: Op) -> Value | None:
    """Einsum: every letter's size multiplied, as where no product is done in parts."""
    terms, _, result = op.a["equation"].replace(" ", "").partition("->")
    letters: dict[str, Size] = {}
    if len(terms.split(",")) != len(op.inputs):
        raise op.refuse(
            f"its equation {op.a['equation']!r:.60} is for another number of tensors", "a term for each"
        )
    for term, item in zip(terms.split(","), op.inputs, strict=True):
        dims: Any = item.dims if isinstance(item, Value) else item.sizes  # type: ignore[union-attr]
        if "." in term:
            return None
        if len(term) != len(dims):
            raise op.refuse(f"its term {term!r:.40} is for a tensor of {len(dims)} axes", "a letter for each")
        for letter, n in zip(term, dims, strict=True):
            was = letters.setdefault(letter, n)
            if was != n and not isinstance(was, Many) and not isinstance(n, Many) and 1 not in (was, n):
                raise op.refuse(f"its letter {letter} is {was} and {n}", "one size for each letter")
            letters[letter] = was if isinstance(was, Many) or n == 1 else n
    if not result or any(letter not in letters for letter in result):
        return None
    total = size(tuple(per_image(n) for n in letters.values()))
    return reader.counted(op, [letters[letter] for letter in result], total if len(op.inputs) > 1 else 0)


OPERATORS = {
    "Gemm": gemm, "MatMul": matmul, "MatMulInteger": matmul, "QLinearMatMul": matmul, "Einsum": einsum,
}  # fmt: skip
