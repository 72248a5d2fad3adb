"""Unknown: a layer that no kind describes (Lambda, a layer of one's own); listed, never run, never 0."""

from __future__ import annotations

from typing import Any

from ..errors import BadInput
from ..printable import shortened
from .kind import Kind, OnnxWriter, Reach, Shape, kind

OPERATION_HOMES = ("keras.src.ops.", "keras.ops", "keras.src.activations.", "onnx.functions")
"""Modules under which Keras serialises functions of tensors; ONNX operators without weights go with them."""
OWN_CALL = '{"own_call":true}'
"""The configuration of what a model of one's own class makes of its layers' outputs."""


@kind
class Unknown(Kind):
    """A layer of a class that no kind describes.

    Args:
        keras_class: its class's name, e.g. ``"Lambda"``.
        keras_module: the module that Keras would look for it in.
        configuration: its Keras configuration as canonical JSON; kept as text, nothing in it is run.
        output_shape: the output's shape that the file recorded, without the batch; None where it did not.
        input_shapes: the inputs' shapes for which that was recorded; None where it does not say.
    """

    keras_class: str
    keras_module: str | None = None
    configuration: str = "{}"
    output_shape: Shape | None = None
    input_shapes: tuple[Shape, ...] | None = None

    @property
    def counted(self) -> bool:  # type: ignore[override]
        """True for functions of tensors (``keras.ops``): whatever they do, they own no weights."""
        return bool(self.keras_module) and str(self.keras_module).startswith(OPERATION_HOMES)

    @property
    def label(self) -> str:
        return f"{shortened(self.keras_class)} (unknown)"

    def shape(self, *inputs: Shape) -> Shape:
        if self.output_shape is None:
            return (None,)
        if self.input_shapes is not None and not _fits(self.input_shapes, inputs):
            return (None,) * len(self.output_shape)
        return self.output_shape

    def macs(self, *inputs: Shape) -> int | None:
        return None

    def reach(self, *inputs: Shape) -> Reach:
        return Reach(whole=True)

    def module(self, *inputs: Shape) -> Any:
        raise self._refusal("torch")

    def onnx(self, write: OnnxWriter, names: list[str], inputs: list[Shape], weights: dict[str, Any]) -> str:
        raise self._refusal("ONNX")

    def _refusal(self, form: str) -> BadInput:
        if self.configuration == OWN_CALL:
            return BadInput(
                f"model of class {shortened(self.keras_class)}",
                f"may do more than call its layers, and that has no {form} form",
                "Keras's own Sequential or Functional model",
                "keras.Model(model.inputs, model.outputs), which is its layers alone",
            )
        return BadInput(
            f"layer of class {shortened(self.keras_class)}",
            f"is unknown here, so it has no {form} form",
            "a layer kind of that name",
            f"a class {self.keras_class} with @kind in your program (docs/how-to/add-a-layer-kind.md), or "
            "Keras's own model.fit and model.predict",
        )


def _fits(recorded: tuple[Shape, ...], came: tuple[Shape, ...]) -> bool:
    """Whether the recorded shapes are those that came, a size of None standing for any."""
    return len(recorded) == len(came) and all(
        len(one) == len(other) and all(a is None or a == b for a, b in zip(one, other, strict=True))
        for one, other in zip(recorded, came, strict=True)
    )
