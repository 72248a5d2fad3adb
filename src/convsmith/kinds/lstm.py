"""LSTM: steps with a memory that gates open and close."""

from __future__ import annotations

from .kind import kind
from .recurrent import Recurrent


@kind
class LSTM(Recurrent):
    """Keras's LSTM: S. Hochreiter and J. Schmidhuber, 1997; counted, and not run here."""

    unit_forget_bias: bool = True

    gates = 4
