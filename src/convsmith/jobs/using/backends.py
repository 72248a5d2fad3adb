"""Who computes a network's answers: the engine, ONNX Runtime or LiteRT."""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from ...engine.lower import Lowered
    from ...graph import Graph

Weights = dict[str, Any]
LEAST = 1e-12
"""A probability of 0 is taken for this where its logarithm is wanted."""


class Backend(Protocol):
    """What computes answers."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of its images."""

    @property
    def answers(self) -> int:
        """How many answers there are; 2 of a network that ends in one sigmoid unit."""

    @property
    def has_logits(self) -> bool:
        """Whether `logits` are the network's own, or only the logarithms of its probabilities."""

    def logits(self, x_NHWC: np.ndarray) -> np.ndarray:
        """For raw pixels, numbers whose softmax are the probabilities, float32 (N, answers)."""


class Engine:
    """A Graph with its weights, in the engine.

    Args:
        graph: the network.
        weights: full name -> array.
        where: what it came from, for messages.

    Raises:
        BadInput: for a network that is no classifier of grey or colour images of a known size.
    """

    def __init__(self, graph: Graph, weights: Weights, where: str) -> None:
        self.graph, self.weights = graph, weights
        shape, out = graph.input_shape, graph.output_shape
        images = len(graph.inputs) == 1 and len(shape) == 3 and None not in shape and shape[-1] in (1, 3)
        if not images or len(graph.outputs) != 1 or len(out) != 1 or not out[0]:
            raise no_classifier(where, shape, out)

    @property
    def shape(self) -> tuple[int, int, int]:
        height, width, channels = (int(size or 0) for size in self.graph.input_shape)
        return height, width, channels

    @property
    def answers(self) -> int:
        return max(2, int(self.graph.output_shape[0] or 0))

    @property
    def has_logits(self) -> bool:
        return not self._sigmoids

    @property
    def _sigmoids(self) -> bool:
        """Whether it ends in several sigmoid units."""
        end = self.graph[self.graph.outputs[0]].kind
        return self.graph.output_shape != (1,) and getattr(end, "activation", None) == "sigmoid"

    @cached_property
    def module(self) -> Lowered:
        """The network lowered without any rewrite, in evaluation mode."""
        from ...engine.lower import lower

        return lower(self.graph, self.weights)

    @cached_property
    def fused(self) -> Lowered:
        """The network as it is fastest: folded, and rewritten where that changes no result."""
        from ...engine.lower import lower
        from ...engine.lowered.passes import INFERENCE, keep_pages
        from ...graph.fold import fold

        keep_pages()
        return lower(*fold(self.graph, dict(self.weights)), passes=INFERENCE)

    def logits(self, x_NHWC: np.ndarray) -> np.ndarray:
        from ..inputs.logits import logits

        found = logits(self.fused, x_NHWC)
        return logarithm(found) if self._sigmoids else found


class OnnxFile:
    """An exported .onnx file in ONNX Runtime.

    Args:
        path: the file.

    Raises:
        BadInput: for a file that ONNX Runtime does not take, or no classifier of images, channels last.
    """

    def __init__(self, path: Path) -> None:
        from ...formats.check import open_session
        from ...formats.onnx_logits import with_logits

        model, before = with_logits(path)
        self._session = open_session(model)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shape, out = tuple(inputs[0].shape), tuple(outputs[0].shape)
        sizes = shape[1:]
        fits = len(inputs) == 1 and len(shape) == 4 and len(out) == 2
        fits = fits and len(outputs) == 1 + (before is not None)
        if not fits or not all(isinstance(n, int) for n in (*sizes, out[1])) or sizes[2] not in (1, 3):
            raise no_classifier(str(path), sizes, out[1:])
        if inputs[0].type != "tensor(float)":
            raise BadInput(str(path), f"takes {inputs[0].type}", "raw pixels as float32")
        self.shape: tuple[int, int, int] = (sizes[0], sizes[1], sizes[2])
        self._units = int(out[1])
        self._input, self._one = inputs[0].name, shape[0] == 1
        self._wanted = before or outputs[0].name
        self.has_logits = before is not None or outputs[0].name != "probabilities"
        self.about: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def answers(self) -> int:
        return max(2, self._units)

    def logits(self, x_NHWC: np.ndarray) -> np.ndarray:
        import numpy as np

        x = np.ascontiguousarray(x_NHWC, dtype=np.float32)
        parts = [x[k : k + 1] for k in range(len(x))] if self._one else [x]
        found = np.concatenate([self._session.run([self._wanted], {self._input: part})[0] for part in parts])
        return both_sides(found) if self.has_logits else from_probabilities(found)


class LiteRTFile:
    """An exported .tflite file in LiteRT, one image at a time.

    Args:
        path: the file.

    Raises:
        BadInput: for a file that LiteRT does not take, or no classifier of images; where LiteRT is missing.
    """

    def __init__(self, path: Path) -> None:
        import numpy as np

        from ...device.tflite_about import about_tflite

        where = str(path)
        content = path.read_bytes()
        self.about: dict[str, Any] = about_tflite(content, where)
        self._interpreter = _interpreter(content, where)
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        shape, out = tuple(map(int, inputs[0]["shape"])), tuple(map(int, outputs[0]["shape"]))
        fits = len(inputs) == len(outputs) == 1 and len(shape) == 4 and shape[0] == 1 and len(out) == 2
        kinds = [np.dtype(ends[0]["dtype"]).name for ends in (inputs, outputs)]
        if not fits or shape[3] not in (1, 3) or any(kind not in ("float32", "int8") for kind in kinds):
            raise no_classifier(where, shape[1:], out[1:])
        self.shape: tuple[int, int, int] = (shape[1], shape[2], shape[3])
        self._units, self._input, self._int8 = out[1], int(inputs[0]["index"]), kinds[0] == "int8"
        before = self._before_the_end(int(outputs[0]["index"]))
        self.has_logits = before is not None
        end = outputs[0] if before is None else before
        self._output, (self._scale, self._zero) = int(end["index"]), end["quantization"]

    @property
    def answers(self) -> int:
        return max(2, self._units)

    def logits(self, x_NHWC: np.ndarray) -> np.ndarray:
        import numpy as np

        found = np.stack([self._ask(image[None]) for image in x_NHWC])
        return both_sides(found) if self.has_logits else from_probabilities(found)

    def _ask(self, image_NHWC: np.ndarray) -> np.ndarray:
        import numpy as np

        signed = (image_NHWC.astype(np.int16) - 128).astype(np.int8) if self._int8 else image_NHWC
        self._interpreter.set_tensor(self._input, signed if self._int8 else image_NHWC.astype(np.float32))
        self._interpreter.invoke()
        found = self._interpreter.get_tensor(self._output)[0]
        if found.dtype == np.int8:
            found = (found.astype(np.float32) - self._zero) * np.float32(self._scale)
        return np.asarray(found, np.float32)

    def _before_the_end(self, output: int) -> dict[str, Any] | None:
        """The tensor that the final softmax, or the sigmoid of one unit, is taken of, if it ends in one."""
        ends = ("SOFTMAX",) if self._units > 1 else ("LOGISTIC",)
        for op in self._interpreter._get_ops_details():
            if output in op["outputs"] and op["op_name"] in ends:
                tensors = {one["index"]: one for one in self._interpreter.get_tensor_details()}
                return tensors.get(int(op["inputs"][0]))
        return None


def _interpreter(content: bytes, where: str) -> Any:
    """LiteRT with a file in it; every tensor can be read after a call."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise BadInput(
            where, "needs LiteRT, which is not installed", "it", "pip install 'convsmith[device]'"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the memory that keeping every tensor takes: it is little
            interpreter = Interpreter(model_content=content, experimental_preserve_all_tensors=True)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise BadInput(where, f"LiteRT says {error}", "a .tflite file that it takes") from None
    return interpreter


def from_probabilities(found_NK: np.ndarray) -> np.ndarray:
    """Logits of probabilities; of one sigmoid unit those of both answers.

    Example:
        >>> import numpy as np
        >>> np.exp(from_probabilities(np.array([[0.25]]))).round(2).tolist()
        [[0.75, 0.25]]
    """
    import numpy as np

    if found_NK.shape[1] == 1:
        found_NK = np.concatenate([1 - found_NK, found_NK], 1)
    return logarithm(found_NK)


def both_sides(found_NK: np.ndarray) -> np.ndarray:
    """Logits as they are; of one unit those of both answers."""
    import numpy as np

    return found_NK if found_NK.shape[1] > 1 else np.concatenate([-found_NK / 2, found_NK / 2], 1)


def logarithm(shares: np.ndarray) -> np.ndarray:
    """The logarithm of probabilities, finite where they are 0."""
    import numpy as np

    return np.log(np.maximum(shares, np.float32(LEAST))).astype(np.float32)


def no_classifier(where: str, shape: Any, out: Any) -> BadInput:
    """The error for a network that tells no classes of images apart."""
    return BadInput(
        where, f"a network from {tuple(shape)} to {tuple(out)}",
        "a classifier of grey or colour images, one number for each class",
    )  # fmt: skip
