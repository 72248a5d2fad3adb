"""InputLayer: where images come in."""

from __future__ import annotations

from typing import Any

from ..errors import BadInput
from .kind import Kind, Shape, kind


@kind
class InputLayer(Kind):
    """Keras's InputLayer; its shape has no batch."""

    shape_: tuple[int | None, ...] = ()
    dtype: str | None = "float32"

    def __post_init__(self) -> None:
        for size in self.shape_:
            if size is not None and (type(size) is not int or not 0 < size < 2**31):
                raise BadInput(
                    "input shape", f"got {self.shape_!r:.60}", "whole numbers above 0, or None", "32x32x3"
                )

    def shape(self, *inputs: Shape) -> Shape:
        return self.shape_

    @classmethod
    def from_config(cls, config: Any) -> InputLayer:
        batched = (
            config.get("batch_shape")
            or config.get("batch_input_shape")
            or [None, *(config.get("shape") or [])]
        )
        dtype = config.get("dtype")
        return cls(tuple(batched[1:]), dtype if isinstance(dtype, str) else "float32")

    def config(self) -> dict[str, Any]:
        return {"batch_shape": [None, *self.shape_], "dtype": self.dtype, "sparse": False, "ragged": False}
