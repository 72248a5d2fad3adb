"""A network as a file for a device, at a precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import BadInput, BadName
from .arena import kept, planned
from .halves import halved
from .lower import to_program
from .program import Program
from .quantize import quantized
from .ranges import measured_ranges
from .tflite import to_tflite

if TYPE_CHECKING:
    import numpy as np

    from ..graph import Graph

    Weights = dict[str, np.ndarray]

PRECISIONS = ("float", "fp16", "int8")
RANGE_IMAGES = 300
"""Training images that ranges are measured on, at most."""


@dataclass(frozen=True)
class DeviceFile:
    """A network in a device's operators, and the bytes of its file.

    Args:
        content: the .tflite file.
        program: what it computes; for fp16 the program before its weights were halved.
        precision: one of `PRECISIONS`.
        classes: the classes' names in order.
    """

    content: bytes
    program: Program
    precision: str
    classes: tuple[str, ...] = ()

    @property
    def arena(self) -> dict[str, int]:
        """Bytes of memory in TensorFlow Lite Micro: of activations, and of what it keeps beside them."""
        return {"activations": planned(self.program).bytes, "interpreter": kept(self.program)}


def about_file(graph: Graph, precision: str, classes: Sequence[str] = ()) -> dict[str, Any]:
    """What a file says of itself in its metadata."""
    pixels = "minus 128 as int8" if precision == "int8" else "0 to 255 as float32"
    about: dict[str, Any] = {
        "convsmith": __version__,
        "network": graph.name,
        "fingerprint": graph.fingerprint,
        "precision": precision,
        "input": f"raw pixel values {pixels}, 1 x rows x columns x channels",
    }
    if classes:
        about["classes"] = list(classes)
    return about


def device_file(
    graph: Graph,
    weights: Weights,
    *,
    precision: str = "float",
    x_NHWC: np.ndarray | None = None,
    classes: Sequence[str] = (),
    about: Mapping[str, Any] | None = None,
    ranges: str = "minmax",
) -> DeviceFile:
    """Write a network as a LiteRT file, in memory.

    Float and fp16 files take raw pixels as float32, 0 to 255; int8 files take pixel - 128 as int8. One image
    at a time, rows x columns x channels.

    Args:
        graph: the network, with known sizes.
        weights: full name -> float32 array in Keras's layout.
        precision: "float", "fp16" (weights in 16 bits) or "int8".
        x_NHWC: raw pixels of training images, for the ranges of int8.
        classes: the classes' names in order, for the file's metadata.
        about: further entries of the metadata.
        ranges: how they are measured; see `measured_ranges`.

    Raises:
        BadInput: for a layer that has no such form, weights that are not finite, or int8 without images.
    """
    if precision not in PRECISIONS:
        raise BadName("--precision", precision, PRECISIONS)
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        came = f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs"
        raise BadInput(f"network '{graph.name}'", came, "one of each")
    program = to_program(graph, weights)
    written = program
    if precision == "fp16":
        written = halved(program)
    elif precision == "int8":
        if x_NHWC is None or not len(x_NHWC):
            raise BadInput("--precision int8", "no images to measure ranges on", "training images", "--data")
        program = written = quantized(program, measured_ranges(program, x_NHWC, method=ranges))
    entries = about_file(graph, precision, classes) | dict(about or {})
    return DeviceFile(to_tflite(written, entries), program, precision, tuple(classes))
