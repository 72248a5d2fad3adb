"""An ONNX file opened: with what it cannot be refused, and its weights only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadInput, ConvsmithError
from ..graph import Graph
from ..keras.reader import InputShape
from .check import title
from .constant import NotHere
from .reader import Reader

if TYPE_CHECKING:
    import numpy as np

MAX_BYTES = 2**31


def from_onnx(path: str | Path, *, input_shape: InputShape = None) -> Graph:
    """The Graph of an ONNX file. Weights in other files are not opened; nothing is run.

    Args:
        path: the ``.onnx`` file.
        input_shape: rows, columns and channels of its input instead of the file's; by name for several.

    Raises:
        BadInput: where it is no ONNX file, or says what cannot be, with the place.
    """
    return _read(Path(path), input_shape, None)[0]


def with_weights(
    path: str | Path, *, input_shape: InputShape = None, beside: bool = False
) -> tuple[Graph, dict[str, np.ndarray]]:
    """The Graph of an ONNX file and its weights, in Keras's layout and under the Graph's names.

    Args:
        path: the ``.onnx`` file.
        input_shape: as for `from_onnx`.
        beside: whether weights in other files are read: those that lie in the file's own folder, no others.

    Returns:
        The Graph, and full name ("conv1/kernel") -> float32 array; layers that are only sized have none
        that can be used.

    Raises:
        BadInput: as `from_onnx`; and for weights in other files, where they are not asked for or not there.
    """
    import numpy as np

    path = Path(path)
    load = (lambda tensor: _external(path, tensor)) if beside else None
    graph, reader = _read(path, input_shape, load)
    found = {}
    for name, weight in graph.weights.items():
        make = reader.arrays.get(name)
        try:
            array = None if make is None else np.ascontiguousarray(make(), np.float32)
        except NotHere as error:
            raise BadInput(
                f"{path}, weights of {title(name)}",
                f"lie in another file ('{title(str(error))}')",
                "to be asked for them",
                "with_weights(path, beside=True)",
            ) from None
        if array is None or array.size != weight.size:
            raise BadInput(f"{path}, weights of {title(name)}", "are not there", f"{weight.size:,} numbers")
        found[name] = array.reshape(weight.shape)
    return graph, found


def _read(path: Path, input_shape: InputShape, load: Callable[[Any], Any] | None) -> tuple[Graph, Reader]:
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise BadInput(str(path), "needs the onnx package", "it installed", "pip install onnx") from None
    if path.stat().st_size > MAX_BYTES:
        raise BadInput(str(path), "is larger than 2 GB", "a file with its weights beside it")
    try:
        reader = Reader(onnx.load(str(path), load_external_data=False), input_shape, load)
        return reader.read(path.stem), reader
    except ConvsmithError as error:
        raise BadInput(str(path), str(error)) from None
    except (
        DecodeError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, NotHere,
    ) as error:  # fmt: skip
        raise BadInput(str(path), f"is not a usable ONNX file ({error})"[:300], "a network in ONNX") from None


def _external(path: Path, tensor: Any) -> np.ndarray:
    """A tensor's numbers, also out of a file that lies beside the network's.

    Raises:
        BadInput: where it would lie anywhere else, is not there, or is too short.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    if tensor.data_location != tensor.EXTERNAL:
        return numpy_helper.to_array(tensor)
    where = f"{path}, tensor '{title(tensor.name)}'"
    given = {item.key: item.value for item in tensor.external_data}
    name = given.get("location", "")
    other = path.parent / name
    if not name or Path(name).name != name or other.is_symlink() or not other.is_file():
        raise BadInput(where, f"lies in '{title(name)}'", "a file beside the network's, and no link")
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
    count = int(np.prod(tensor.dims, dtype=object)) if tensor.dims else 1
    try:
        offset = int(given.get("offset", 0))
    except ValueError:
        raise BadInput(where, f"begins at '{title(given['offset'])}'", "a whole number") from None
    if offset < 0 or offset + count * dtype.itemsize > other.stat().st_size:
        raise BadInput(
            where, f"needs {count * dtype.itemsize:,} bytes at {offset:,}", f"{name} as long as that"
        )
    return np.fromfile(other, dtype, count, offset=offset).reshape(tuple(tensor.dims))
