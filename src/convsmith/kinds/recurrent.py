"""What recurrent layers share: steps that take the last one's output; counted, and not run here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..errors import BadInput
from .kind import Formula, Kind, Reach, Shape, ShapeError, Weight
from .limits import SHARE
from .spatial import volume

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Recurrent(Kind):
    """A layer over steps; the fields are Keras's."""

    units: int
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False
    activation: str | None = "tanh"
    recurrent_activation: str | None = "sigmoid"
    use_bias: bool = True
    kernel_initializer: str = "glorot_uniform"
    recurrent_initializer: str = "orthogonal"
    bias_initializer: str = "zeros"
    kernel_regularizer: str | None = None
    recurrent_regularizer: str | None = None
    bias_regularizer: str | None = None
    activity_regularizer: str | None = None
    kernel_constraint: str | None = None
    recurrent_constraint: str | None = None
    bias_constraint: str | None = None
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    seed: int | None = None

    gates: ClassVar[int]
    limits = dict.fromkeys(("dropout", "recurrent_dropout"), SHARE)

    def _steps(self, shape: Shape) -> tuple[int | None, int]:
        (steps,), channels = volume(shape, 1, type(self).__name__)
        return steps, channels

    def shape(self, *inputs: Shape) -> Shape:
        steps, _ = self._steps(inputs[0])
        if self.return_state or len(inputs) > 1:
            raise ShapeError(
                f"{type(self).__name__} that hands its state on", "one output", "return_state=False"
            )
        return (steps, self.units) if self.return_sequences else (self.units,)

    def _bias(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        width, (_, channels) = self.gates * self.units, self._steps(inputs[0])
        found = [
            Weight("kernel", (channels, width), self.kernel_initializer),
            Weight("recurrent_kernel", (self.units, width), self.recurrent_initializer),
        ]
        return (
            (*found, Weight("bias", self._bias(), self.bias_initializer)) if self.use_bias else tuple(found)
        )

    def macs(self, *inputs: Shape) -> int | None:
        steps, channels = self._steps(inputs[0])
        return None if steps is None else steps * (channels + self.units) * self.gates * self.units

    def formula(self, *inputs: Shape) -> Formula:
        steps, channels = self._steps(inputs[0])
        each = f"({channels} + {self.units})×{self.gates}×{self.units}"
        bias = f" + {'×'.join(map(str, self._bias()))}" if self.use_bias else ""
        return Formula(params=each + bias, macs=f"{steps} × {each}")

    def reach(self, *inputs: Shape) -> Reach:
        return Reach(whole=True)

    def module(self, *inputs: Shape) -> torch.nn.Module:
        name = type(self).__name__
        raise BadInput(name, "is counted, and not run here", "layers without steps", "Keras's own model.fit")
