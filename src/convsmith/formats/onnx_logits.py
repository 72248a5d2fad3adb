"""An ONNX classifier that also says the numbers before its final softmax, where it ends in one."""

from __future__ import annotations

from pathlib import Path

from ..errors import BadInput, meant, nearest_path

LARGEST = 2_000_000_000


def with_logits(path: Path) -> tuple[bytes | Path, str | None]:
    """The file's content with the softmax's input, or that of a single unit's sigmoid, as a second output.

    Args:
        path: the .onnx file; it is not changed.

    Returns:
        A model for ONNX Runtime, and the name of that output; the file itself and None where the network does
        not end so, or has its weights in other files.

    Raises:
        BadInput: no such file, or no ONNX file.
    """
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import TensorProto, helper

    try:
        if path.stat().st_size > LARGEST:
            raise BadInput(str(path), "is larger than 2 GB", "a smaller .onnx file")
        model = onnx.load(str(path), load_external_data=False)
    except OSError as error:
        near = None if path.exists() else nearest_path(path)
        came = f"cannot be read ({error.strerror or error})"
        raise BadInput(str(path), came, "an .onnx file", meant(near)) from None
    except (DecodeError, ValueError) as error:
        raise BadInput(str(path), f"is no ONNX file ({error})", "a network in ONNX") from None
    if len(model.graph.output) != 1:
        return path, None
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in model.graph.initializer):
        return path, None
    end = model.graph.output[0]
    sizes = [axis.dim_value for axis in end.type.tensor_type.shape.dim]
    maker = next((node for node in model.graph.node if end.name in node.output), None)
    wanted = "Sigmoid" if sizes[-1:] == [1] else "Softmax"
    if maker is None or maker.op_type != wanted or len(sizes) != 2:
        return path, None
    name = maker.input[0]
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", sizes[1] or None]))
    return model.SerializeToString(), name
