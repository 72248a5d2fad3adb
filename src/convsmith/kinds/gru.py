"""GRU: steps that keep a part of the last one's output, by gates."""

from __future__ import annotations

from .kind import kind
from .recurrent import Recurrent


@kind
class GRU(Recurrent):
    """Keras's GRU: K. Cho et al., 2014, https://arxiv.org/abs/1406.1078; counted, and not run here."""

    reset_after: bool = True

    gates = 3

    def _bias(self) -> tuple[int, ...]:
        return (2, self.gates * self.units) if self.reset_after else (self.gates * self.units,)
