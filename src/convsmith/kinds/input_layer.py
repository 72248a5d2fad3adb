"""InputLayer: where images come in."""

from __future__ import annotations

from typing import Any

from .kind import Kind, Shape, kind


@kind
class InputLayer(Kind):
    """Keras's InputLayer; its shape has no batch."""

    shape_: tuple[int | None, ...] = ()
    dtype: str | None = "float32"

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
